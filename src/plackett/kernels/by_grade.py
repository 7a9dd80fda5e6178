"""Pairwise losses over a higher and a lower grade in linear time per grade, with their gradient and curvature.

The documents of one grade are paired with all lower-graded documents at once. For each document this is a sum of one
function of the difference of two scores. For log(1 + e^-d) and 1 / (1 + e^d) the sum goes through cells
(`smooth_sums`). For max(0, 1 - d) documents are sorted by score, and those that count are a suffix.
"""

from keras import ops

from plackett import backend
from plackett.kernels import smooth_sums
from plackett.lists import places, take
from plackett.lists._order import padding_behind, sum_before, sum_from

MOST = 16  # the most grades of a list; with more, pairs are visited one by one
FEW = 64  # up to this number of documents per list and grade, visiting pairs is faster


def pays(labels, scores, mask):
    """[] bool: are the grades few enough, do they hold enough documents, and do the scores fit on the cells?"""
    higher = mask & (labels > _lowest(labels, mask))
    documents = ops.max(ops.sum(ops.cast(higher, "int32"), axis=-1))
    number, _ = ops.while_loop(
        lambda number, grade: (number <= MOST) & ops.any(grade > -float("inf")),
        lambda number, grade: (number + 1, _next(grade, labels, mask)),
        (ops.zeros((), "int32"), _next(float("inf"), labels, mask)),
    )
    return (number <= MOST) & (documents > FEW * number) & smooth_sums.fits(scores, mask)


def logistic(labels, scores, mask, weights):
    """sum_j log(1 + e^-(s_i - s_j)) over the j with y_i > y_j, for each i, and the gradient of their sum by weight."""

    def one_grade(above, below):
        value, wrong = smooth_sums.softplus_sums(scores, mask, below)
        return value, -wrong, -smooth_sums.logistic_sum(-scores, mask, above)

    return _sums_and_gradient(one_grade, labels, mask, weights)


def logistic_derivatives(labels, scores, mask, weights):
    """The gradient and the curvature of the weighted sum of `logistic`."""

    def one_grade(above, below):
        wrong, bend = smooth_sums.logistic_sums(scores, mask, below)
        pushed, bent = smooth_sums.logistic_sums(-scores, mask, above)
        return -wrong, bend, -pushed, bent

    return _derivatives(one_grade, labels, mask, weights)


def soft_zero_one(labels, scores, mask, weights):
    """sum_j 1 / (1 + e^(s_i - s_j)) over the j with y_i > y_j, for each i, and the gradient of their sum by weight."""

    def one_grade(above, below):
        value, slope = smooth_sums.logistic_sums(scores, mask, below)
        return value, -slope, -smooth_sums.slope_sum(scores, mask, above)

    return _sums_and_gradient(one_grade, labels, mask, weights)


def soft_zero_one_derivatives(labels, scores, mask, weights):
    """The gradient of the weighted sum of `soft_zero_one`, and the curvature of `logistic`, which is never smaller."""

    def one_grade(above, below):
        slope, pushed = smooth_sums.slope_sum(scores, mask, below), smooth_sums.slope_sum(-scores, mask, above)
        return -slope, slope, -pushed, pushed

    return _derivatives(one_grade, labels, mask, weights)


def hinge(labels, scores, mask, weights):
    """sum_j max(0, 1 - (s_i - s_j)) over the j with y_i > y_j, for each i, and the gradient of their sum by weight.

    Scores are summed in float64, since the sums nearly cancel where a pair is about 1 apart.
    """
    order, begin, end = _within_1(scores, mask)
    back, rising = places(order), take(scores, order)

    def sums(rising, above, below):
        number, total = sum_from(below, begin), sum_from(below * rising, begin)
        return (1.0 - rising) * number + total, -number, -sum_before(above, end)

    def one_grade(above, below):
        new = backend.in_double(sums, rising, take(above, order), take(below, order))
        return [take(x, back) for x in new]

    return _sums_and_gradient(one_grade, labels, mask, weights)


def hinge_derivatives(labels, scores, mask, weights):
    """The gradient of the weighted sum of `hinge`, and as curvature the square of the slope, which is 1."""
    order, begin, end = _within_1(scores, mask)
    back = places(order)

    def one_grade(above, below):
        bend = take(sum_from(take(below, order), begin), back)
        bent = take(sum_before(take(above, order), end), back)
        return -bend, bend, -bent, bent

    return _derivatives(one_grade, labels, mask, weights)


def _within_1(scores, mask):
    """(order, begin, end): by ascending score, where the documents that count for one begin, and where those end for
    which it counts.
    """
    keys = padding_behind(scores, mask)
    order = backend.argsort(keys)
    keys = take(keys, order)
    begin = _number_up_to(keys - 1.0, keys)
    end = ops.cumsum(backend.scatter_add(ops.ones_like(begin), begin, ops.shape(begin)[1] + 1), axis=-1)[:, :-1]
    return order, begin, end


def _sums_and_gradient(one_grade, labels, mask, weights):
    """The sum of each document, without its own weight, and the gradient, grade by grade.

    Args:
        one_grade: function of the weights of the documents of a grade, 0 elsewhere, and of ones for those graded
            lower, [lists, n]: for each document i the sum over the lower documents of phi(s_i - s_j), that of phi',
            and for each document j the sum over the documents of the grade, by weight, of phi'(s_i - s_j).
    """

    def add(of_grade, above, below, sums, gradient):
        value, pull, push = one_grade(above, below)
        return ops.where(of_grade, value, sums), gradient + above * pull - below * push

    return _over_grades(add, labels, mask, weights)


def _derivatives(one_grade, labels, mask, weights):
    """The gradient and the curvature, grade by grade.

    Args:
        one_grade: as in `_sums_and_gradient`, with phi' and phi'' for each document i and then for each j.
    """

    def add(of_grade, above, below, gradient, curvature):
        pull, bend, push, bent = one_grade(above, below)
        return gradient + above * pull - below * push, curvature + above * bend + below * bent

    return _over_grades(add, labels, mask, weights)


def _over_grades(add, labels, mask, weights):
    """Two sums over the grades, from the highest to the second lowest; `add` adds one grade to them."""

    def one(of_grade, lower, *sums):
        above, below = ops.where(of_grade, weights, 0.0), ops.cast(lower, labels.dtype)
        return add(of_grade, above, below, *sums)

    return over_grades(one, labels, mask, ops.zeros_like(labels), ops.zeros_like(labels))


def over_grades(add, labels, mask, *sums, most=2**30):
    """The sums after `add(of_grade, lower, *sums)` for each grade, from the highest to the second lowest.

    Args:
        add: function of the documents of a grade and of those graded lower, [lists, n] bool, and of the sums so far.
        most: the largest number of grades.
    """

    def step(number, grade, *sums):
        return number + 1, _next(grade, labels, mask), *add(mask & (labels == grade), mask & (labels < grade), *sums)

    lowest = _lowest(labels, mask)
    start = ops.zeros((), "int32"), _next(float("inf"), labels, mask), *sums
    return ops.while_loop(lambda number, grade, *_: (number < most) & ops.any(grade > lowest), step, start)[2:]


def _next(grade, labels, mask):
    """[lists, 1], the highest grade below this one; -inf where there is none."""
    return ops.max(ops.where(mask & (labels < grade), labels, -float("inf")), axis=-1, keepdims=True)


def _lowest(labels, mask):
    return ops.min(ops.where(mask, labels, float("inf")), axis=-1, keepdims=True)


def _number_up_to(limits, keys):
    """[lists, n] int32, how many keys are at most each limit."""
    n = ops.shape(keys)[1]
    order = backend.argsort(ops.concatenate([keys, limits], axis=-1))
    return take(ops.cumsum(ops.cast(order < n, "int32"), axis=-1), places(order)[:, n:])
