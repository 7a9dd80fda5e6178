"""Finds labels that are too high for a loss or metric before training starts, not by a NaN afterwards."""

import math
from collections.abc import Mapping

import numpy as np
from keras import ops

from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores
from plackett.evaluation._high_labels import query_of_the_highest, too_high
from plackett.losses._base import RankingLoss
from plackett.metrics._base import RankingMetric
from plackett.training._objective import loss_name
from plackett.training._validation_loss import ValidationLoss


def check_labels(
    lists: RankingLists,
    validation: RankingLists,
    losses: Mapping[str | None, RankingLoss],
    targets: Mapping[str | None, str],
    metric: RankingMetric | ValidationLoss,
) -> None:
    """Computes each loss and the metric once on the list with the highest label, with equal scores.

    Args:
        lists: the training lists.
        validation: the validation lists.
        losses: the loss of each task.
        targets: the target that each loss learns from.
        metric: the metric that measures the epochs.

    Raises:
        ValueError: one of them is not finite there; the message names the label and the query, and says what to do.
    """
    for task, loss in losses.items():
        target = lists.labels if targets[task] == "label" else lists.columns[targets[task]]
        if (query := query_of_the_highest(target, lists)) is not None:
            labels = target[lists.row_splits[query] : lists.row_splits[query + 1]][None].astype("float32")
            scores = np.zeros(labels.shape if loss.models is None else (*labels.shape, loss.models), "float32")
            # A copy, since a loss that draws noise counts its draws.
            value = float(ops.convert_to_numpy(loss.copy()(labels, scores)))
            if not math.isfinite(value):
                raise too_high(targets[task], labels.max(), "training", lists.queries[query], loss_name(loss), value)
    if isinstance(metric, ValidationLoss):
        return
    if (query := query_of_the_highest(validation.labels, validation)) is not None:
        measured = validation.select(np.array([query]))
        evaluate_scores(np.zeros(len(measured.labels)), measured, [metric])  # raises the error itself
