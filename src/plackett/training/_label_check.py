"""Labels that are too high for a loss or metric: said before training starts, not by a NaN after it."""

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
    """Computes each loss, and a metric, once on the list with the highest label, at equal scores.

    Args:
        lists: the training lists.
        validation: the validation lists.
        losses: the loss of each task.
        targets: what each loss learns from.
        metric: what the epochs are measured by.

    Raises:
        ValueError: one of them is not finite there; says of which label and query, and what to do.
    """
    for task, loss in losses.items():
        target = lists.labels if targets[task] == "label" else lists.columns[targets[task]]
        if (query := query_of_the_highest(target, lists)) is not None:
            labels = target[lists.row_splits[query] : lists.row_splits[query + 1]][None].astype("float32")
            scores = np.zeros(labels.shape if loss.models is None else (*labels.shape, loss.models), "float32")
            # A copy, since a loss that draws noise remembers how often.
            value = float(ops.convert_to_numpy(loss.copy()(labels, scores)))
            if not math.isfinite(value):
                raise too_high(targets[task], labels.max(), "training", lists.queries[query], loss_name(loss), value)
    if isinstance(metric, ValidationLoss):
        return
    if (query := query_of_the_highest(validation.labels, validation)) is not None:
        measured = validation.select(np.array([query]))
        evaluate_scores(np.zeros(len(measured.labels)), measured, [metric])  # which says so itself
