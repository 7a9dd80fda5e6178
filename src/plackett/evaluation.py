"""Scoring lists with a model, and measuring scores."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from plackett.data import Batches, RankingLists, bucket_size
from plackett.data.batches import padded
from plackett.losses.base import RankingLoss
from plackett.metrics.base import RankingMetric
from plackett.metrics.lookup import get

METRICS = ("ndcg@5", "ndcg@10", "mrr")


def score(model: keras.Model, lists: RankingLists, *, batch_size: int = 64) -> np.ndarray:
    """The scores of all documents.

    Args:
        model: a scorer, see `plackett.scorers`.
        lists: what to score.
        batch_size: how many lists are scored at a time.

    Returns:
        [documents], in the order of `lists`. Of a model of several tasks, the scores of the first. Where a document has
        several, they are made into one as the loss says that the model was compiled with
        (`RankingLoss.ranking_scores`); without one, by their mean.
    """
    scores, loss = np.zeros(len(lists.labels), "float32"), getattr(model, "loss", None)
    task = next(iter(model.output)) if isinstance(model.output, dict) else None
    loss = loss if task is None or loss is None else loss[task]
    batches = Batches(lists.with_ids(model.input), batch_size)
    for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
        batch = model.predict_on_batch(inputs)
        batch = np.asarray(batch if task is None else batch[task])
        if batch.ndim == 3:
            single = loss.ranking_scores(batch) if isinstance(loss, RankingLoss) else batch.mean(axis=-1)
            batch = ops.convert_to_numpy(single)
        scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = batch[inputs["mask"]]
    return scores


def evaluate_scores(
    scores: np.ndarray, lists: RankingLists, metrics: Sequence[str | RankingMetric] = METRICS, *, batch_size: int = 64
) -> dict[str, float]:
    """The metrics of given scores, each the mean over queries.

    Args:
        scores: [documents], in the order of `lists`.
        lists: the documents with their labels; their ids order equal scores where ties="trec".
        metrics: names, such as "ndcg@10", or metrics with conventions of their own, see `plackett.metrics`; their own
            state is neither used nor changed.
        batch_size: how many lists are measured at a time.

    Returns:
        By name, "ndcg@10", or the name of the given metric.

    Raises:
        ValueError: an unknown metric, two metrics of one name, not one score a document, or a score of NaN.
    """
    scores = np.asarray(scores, "float32")
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry a document, {lists.labels.shape}, but got {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN, which has no rank")
    measures = dict(_measure(metric) for metric in metrics)
    if len(measures) < len(metrics):
        raise ValueError(f"each metric must have a name of its own, but got {[_measure(m)[0] for m in metrics]}")
    ids = np.unique(lists.documents, return_inverse=True)[1]
    place = np.arange(bucket_size(int(lists.lengths.max(initial=0))))
    for start in range(0, len(lists), batch_size):
        splits = lists.row_splits[start : start + batch_size + 1]
        lengths = np.zeros(batch_size, "int64")
        lengths[: len(splits) - 1] = np.diff(splits)
        mask = place < lengths[:, None]
        labels, batch, documents = (
            padded(x[splits[0] : splits[-1]], mask, padding)
            for x, padding in ((lists.labels, -1), (scores, 0), (ids, 0))
        )
        for measure in measures.values():
            measure.update_state(labels, batch, documents=documents)
    return {name: float(measure.result()) for name, measure in measures.items()}


def _measure(metric):
    """(name, a fresh metric) of a name or a metric."""
    if isinstance(metric, str):
        return metric, get(metric)
    return metric.name, type(metric).from_config(metric.get_config())


def evaluate(
    model: keras.Model, lists: RankingLists, metrics: Sequence[str | RankingMetric] = METRICS, *, batch_size: int = 64
) -> dict[str, float]:
    """The metrics of a model's scores, as from `evaluate_scores`."""
    return evaluate_scores(score(model, lists, batch_size=batch_size), lists, metrics, batch_size=batch_size)
