"""The functions of the difference of two documents that pairwise losses sum, with their derivatives."""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from plackett import backend
from plackett.kernels import by_grade, rank_blocks


class Phi(NamedTuple):
    """An elementwise function of the differences of the scores and of the labels of two documents.

    Args:
        plain: the function in operations that the backend differentiates.
        with_slope: the function and its derivative with respect to the difference of scores.
        by_grades: its sums over the pairs of a list, grade by grade, see `plackett.kernels.by_grade`. None = not
            available.
        derivatives: its first and second derivative with respect to the difference of scores. A piecewise linear
            function has the square of the first derivative as its second; `soft_zero_one` has the second derivative of
            `logistic`. None = not known.
        derivatives_by_grades: the sums of these, grade by grade. None = not available.
        over_ranks: the terms of pairs of a higher and a lower rank, see `plackett.backend.logistic_pairs`. None =
            computed from `with_slope`.
        far, derivatives_far: the sums of the function and of its derivatives over the pairs that are far apart in rank,
            see `plackett.kernels.rank_blocks`. None = not available.
    """

    plain: Callable
    with_slope: Callable
    by_grades: Callable | None = None
    derivatives: Callable | None = None
    derivatives_by_grades: Callable | None = None
    over_ranks: Callable | None = None
    far: Callable | None = None
    derivatives_far: Callable | None = None


def _hinge(scores, labels):
    return ops.relu(1.0 - scores), -ops.relu(ops.sign(1.0 - scores))


def _hinge_derivatives(scores, labels):
    counts = ops.relu(ops.sign(1.0 - scores))
    return -counts, counts


def _squared_hinge(scores, labels):
    lacks = ops.relu(1.0 - scores)
    return lacks * lacks, -2.0 * lacks


def _squared_hinge_derivatives(scores, labels):
    lacks = ops.relu(1.0 - scores)
    return -2.0 * lacks, 2.0 * ops.sign(lacks)


def _logistic(scores, labels):
    value, slope = backend.softplus_and_sigmoid(-scores)
    return value, -slope


def _logistic_derivatives(scores, labels):
    wrong = ops.sigmoid(-scores)
    return -wrong, wrong * (1.0 - wrong)


def _soft_zero_one(scores, labels):
    wrong = ops.sigmoid(-scores)
    return wrong, -wrong * (1.0 - wrong)


def _soft_zero_one_derivatives(scores, labels):
    # Its own second derivative is 0 at equal scores, where it is steepest and where all trees begin: a Newton step
    # would be infinite. The second derivative of the logistic loss is never smaller.
    wrong = ops.sigmoid(-scores)
    slope = wrong * (1.0 - wrong)
    return -slope, slope


def _squared_error(scores, labels):
    error = scores - labels
    return error * error, 2.0 * error


def _squared_error_derivatives(scores, labels):
    return 2.0 * (scores - labels), 2.0


HINGE = Phi(
    lambda scores, labels: ops.relu(1.0 - scores),
    _hinge,
    by_grade.hinge,
    _hinge_derivatives,
    by_grade.hinge_derivatives,
)
SQUARED_HINGE = Phi(
    lambda scores, labels: ops.relu(1.0 - scores) ** 2, _squared_hinge, derivatives=_squared_hinge_derivatives
)
LOGISTIC = Phi(
    lambda scores, labels: backend.softplus(-scores),
    _logistic,
    by_grade.logistic,
    _logistic_derivatives,
    by_grade.logistic_derivatives,
    backend.logistic_pairs,
    far=rank_blocks.logistic,
    derivatives_far=rank_blocks.logistic_derivatives,
)
SOFT_ZERO_ONE = Phi(
    lambda scores, labels: ops.sigmoid(-scores),
    _soft_zero_one,
    by_grade.soft_zero_one,
    _soft_zero_one_derivatives,
    by_grade.soft_zero_one_derivatives,
    far=rank_blocks.soft_zero_one,
    derivatives_far=rank_blocks.soft_zero_one_derivatives,
)
SQUARED_ERROR = Phi(
    lambda scores, labels: (scores - labels) ** 2, _squared_error, derivatives=_squared_error_derivatives
)
