"""The scores that a model gives to the documents of lists."""

import keras
import numpy as np
from keras import ops

from plackett.data import Batches, RankingLists
from plackett.losses._base import RankingLoss
from plackett.scorers.preprocessing.missing import check_missing


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

    Raises:
        ValueError: features are missing, which the model does not allow for.
    """
    task, loss = next(iter(model.output)) if isinstance(model.output, dict) else None, getattr(model, "loss", None)
    output = model.output if task is None else model.output[task]
    exact = keras.backend.standardize_dtype(output.dtype) == "float64"
    scores = np.zeros(len(lists.labels), "float64" if exact else "float32")
    loss = loss if task is None or loss is None else loss[task]
    batches = Batches(lists.with_ids(model.input), batch_size)
    for (inputs, _, _), queries in zip(batches, batches.plan, strict=True):
        batch = model.predict_on_batch(inputs)
        batch = np.asarray(batch if task is None else batch[task])
        if batch.ndim == 3:
            single = loss.ranking_scores(batch) if isinstance(loss, RankingLoss) else batch.mean(axis=-1)
            batch = ops.convert_to_numpy(single)
        scores[lists.row_splits[queries[0]] : lists.row_splits[queries[-1] + 1]] = batch[inputs["mask"]]
    if np.isnan(scores).any():
        check_missing(model, lists)
    return scores
