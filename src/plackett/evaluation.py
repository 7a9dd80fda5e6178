"""Scoring lists with a model, and measuring scores."""

from collections.abc import Sequence

import keras
import numpy as np

from plackett import catalogue
from plackett.data import Batches, RankingLists, bucket_size
from plackett.data.batches import padded

METRICS = ("ndcg@5", "ndcg@10", "mrr")


def score(model: keras.Model, lists: RankingLists, *, batch_size: int = 64) -> np.ndarray:
    """The scores of all documents.

    Args:
        model: a scorer, see `plackett.scorers`.
        lists: what to score.
        batch_size: how many lists are scored at a time.

    Returns:
        [documents], in the order of `lists`; the mean over models where a scorer has several.
    """
    scores = np.zeros(len(lists.labels), "float32")
    batches = Batches(lists.with_ids(model.input), batch_size)
    for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
        batch = np.asarray(model.predict_on_batch(inputs))
        batch = batch if batch.ndim == 2 else batch.mean(axis=-1)
        scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = batch[inputs["mask"]]
    return scores


def evaluate_scores(
    scores: np.ndarray, lists: RankingLists, metrics: Sequence[str] = METRICS, *, batch_size: int = 64
) -> dict[str, float]:
    """The metrics of given scores: each the mean over queries, a query without relevant documents counting 0.

    Args:
        scores: [documents], in the order of `lists`.
        lists: the documents with their labels.
        metrics: names, such as "ndcg@10".
        batch_size: how many lists are measured at a time.

    Raises:
        ValueError: an unknown metric, or not one score a document.
    """
    scores = np.asarray(scores, "float32")
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry a document, {lists.labels.shape}, but got {scores.shape}")
    measures = {name: catalogue.metric(name) for name in metrics}
    place = np.arange(bucket_size(int(lists.lengths.max(initial=0))))
    for start in range(0, len(lists), batch_size):
        splits = lists.row_splits[start : start + batch_size + 1]
        lengths = np.zeros(batch_size, "int64")
        lengths[: len(splits) - 1] = np.diff(splits)
        mask = place < lengths[:, None]
        labels = padded(lists.labels[splits[0] : splits[-1]], mask, -1)
        for measure in measures.values():
            measure.update_state(labels, padded(scores[splits[0] : splits[-1]], mask, 0))
    return {name: float(measure.result()) for name, measure in measures.items()}


def evaluate(
    model: keras.Model, lists: RankingLists, metrics: Sequence[str] = METRICS, *, batch_size: int = 64
) -> dict[str, float]:
    """The metrics of a model's scores, as from `evaluate_scores`."""
    return evaluate_scores(score(model, lists, batch_size=batch_size), lists, metrics, batch_size=batch_size)
