"""Losses that can learn from a teacher's scores: numbers of any sign and size, which are not grades."""

import math
from typing import Any

import numpy as np
from keras import ops

from plackett import backend
from plackett.data import RankingLists
from plackett.distillation._teachers import COLUMN
from plackett.lambdas._uses import reads_grades
from plackett.losses._base import RankingLoss
from plackett.registry import classes_by_name
from plackett.training._objective import loss_name


def losses_of_teachers() -> list[str]:
    """The names of losses that read labels as real numbers, or only their order.

    All others read grades: gains 2^y, shares y / sum of y, classes, or labels above 0.
    """
    known: dict[str, Any] = classes_by_name(RankingLoss, suffix="Loss")
    return sorted(name for name, kind in known.items() if kind.any_labels or kind.by_order)


def check_teacher_loss(loss: RankingLoss) -> None:
    """Checks that a loss reads real numbers, not grades. A loss of your own is accepted unchecked.

    Raises:
        ValueError: the loss or its lambda weight reads grades; the message says which losses are allowed.
    """
    name, kind = loss_name(loss), type(loss)
    own = not kind.__module__.startswith("plackett.") or kind.__name__.startswith("_")
    if not own and not (loss.any_labels or loss.by_order):
        raise ValueError(
            f"{name} reads grades, but a teacher's scores are not grades: they may be below 0, and 2^score is not a "
            f"gain. The loss must be one of {', '.join(losses_of_teachers())}, or one of your own. To learn from the "
            "labels too, give a loss of grades as label_loss, with label_weight"
        )
    weight = loss.options.get("lambda_weight")
    if reads_grades(weight, loss.lambda_weights):
        raise ValueError(
            f"{type(weight).__name__} reads grades, but a teacher's scores are not grades: leave lambda_weight of "
            f"{name} out, or take LabelDiffLambdaWeight"
        )


def check_finite(loss: RankingLoss, lists: RankingLists) -> None:
    """Computes the loss once on the list with the score furthest from 0, with equal scores of the student.

    Raises:
        ValueError: it is not finite there; the message names the score and the query, and says what to do.
    """
    teacher = lists.columns[COLUMN]
    if not len(teacher):
        return
    place = int(np.abs(teacher).argmax())
    query = int(np.searchsorted(lists.row_splits, place, side="right")) - 1
    labels = teacher[lists.row_splits[query] : lists.row_splits[query + 1]][None]
    scores = ops.convert_to_tensor(np.zeros_like(labels))
    backend.set_keras_mask(scores, ops.convert_to_tensor(np.ones(labels.shape, bool)))  # scores below 0 are real
    # A copy, since a loss that draws noise counts its draws.
    value = float(np.sum(ops.convert_to_numpy(loss.copy()(labels, scores))))
    if not math.isfinite(value):
        raise ValueError(
            f"the teacher's score {teacher[place]:g} of document {lists.documents[place]!r} of query "
            f"{lists.queries[query]!r} is too far from 0: {loss_name(loss)} is {value} there. Standardise the scores, "
            "or raise their temperature (teacher_temperature, --teacher-temperature)"
        )
