"""Soft ranks: ranks from the probability that each other document is ahead, with a gradient and a curvature."""

from keras import ops

from plackett import backend
from plackett.backend.curvature import hessian_diagonal
from plackett.backend.derivatives import Rule, differentiable
from plackett.kernels import pair_tiles, smooth_sums
from plackett.lists._shapes import as_rows

FEW = 64  # up to this number of wanted documents, the direct sum over all documents is faster than the cells
SHORT = 128  # up to this list size, the direct sum is faster for any number of wanted documents


def soft_ranks(scores, mask, wanted):
    """r_i = 1/2 + sum_j sigma(s_j - s_i) over the real documents j: 1 plus the expected number of others ahead.

    With c the gradient with respect to r, the gradient with respect to the scores is, over the wanted documents i,

        dL/ds_k = sum_i c_i sigma'(s_i - s_k) - c_k sum_j sigma'(s_j - s_k)

    Both are summed directly, one row per wanted document. If a list is longer than `SHORT`, more than `FEW` documents
    are wanted and the scores fit, they are summed through cells (`smooth_sums`), whose cost does not depend on the
    number of wanted documents.

    Args:
        scores: [..., list_size], divided by a temperature.
        mask: [..., list_size] bool, True = real document.
        wanted: [..., list_size] bool, the documents whose rank is needed. `mask` and `wanted` may have fewer lists;
            each then serves several lists of scores in a row.

    Returns:
        [..., list_size]; a finite number without meaning for a document that is not wanted.

    Cost: O(list_size min(wanted, constant)) time and O(list_size) memory; O(list_size wanted) time for scores more
    than 500 apart.
    """
    return differentiable(_SOFT_RANKS, (scores,), (mask, wanted & mask))


def derivatives_at_soft_ranks(fn, scores, mask, wanted):
    """The derivatives, with respect to the scores, of a sum of a function of soft ranks.

    With L = sum_i f_i(r_i) over the wanted documents, c_i = f_i'(r_i), b_i = f_i''(r_i), and all sums leaving out j =
    i,

        gradient_k = sum_i c_i sigma'(s_i - s_k) - c_k sum_j sigma'(s_j - s_k)
        curvature_k = sum_i (c_i sigma''(s_k - s_i) + b_i sigma'(s_k - s_i)^2)
            + c_k sum_j sigma''(s_j - s_k) + b_k (sum_j sigma'(s_j - s_k))^2

    Args:
        fn: elementwise function of ranks: [..., list_size] -> [..., list_size].
        scores, mask, wanted: as in `soft_ranks`.

    Returns:
        (gradient, curvature), [..., list_size] each; 0 at padding.

    Cost: twice the cost of `soft_ranks`.
    """
    wanted, shape = wanted & mask, ops.shape(scores)
    rows = [as_rows(x) for x in (scores, mask, wanted)]
    sums = _choose(smooth_sums.logistic_slope_and_bend_sums, _sums_directly, *rows)
    ahead, crowd, bend = (ops.reshape(x, shape) for x in sums)
    rank = 0.5 + ahead
    first = ops.where(wanted, backend.value_and_slope(fn, rank)[1], 0.0)
    second = ops.where(wanted, hessian_diagonal(lambda x: fn(x[..., 0]), rank[..., None])[..., 0], 0.0)
    pulled, bent = _choose(_derivatives_in_cells, _derivatives_directly, *rows, as_rows(first), as_rows(second))
    # The sums include the document itself, at distance 0.
    gradient = ops.reshape(pulled, shape) - first * crowd
    curvature = ops.reshape(bent, shape) + first * bend + second * ((crowd - 0.25) ** 2 - 0.0625)
    return ops.where(mask, gradient, 0.0), ops.where(mask, curvature, 0.0)


def _value(variables, constants):
    (scores,), (mask, wanted) = variables, constants
    ahead, crowd = _choose(smooth_sums.logistic_sums, _directly, *map(as_rows, (scores, mask, wanted)))
    return 0.5 + ops.reshape(ahead, ops.shape(scores)), (ops.reshape(crowd, ops.shape(scores)),)


def _pull(variables, constants, held, upstream):
    (scores,), (mask, wanted), (crowd,) = variables, constants, held
    upstream = ops.where(wanted, upstream, 0.0)
    pulled = _choose(smooth_sums.slope_sum, _pulled_directly, *map(as_rows, (scores, mask, wanted, upstream)))
    return (ops.where(mask, ops.reshape(pulled, ops.shape(scores)) - upstream * crowd, 0.0),)


def _plain(variables, constants):
    (scores,), (mask, wanted) = variables, constants
    ahead = ops.sigmoid(scores[..., None, :] - scores[..., :, None])
    return 0.5 + ops.where(wanted, ops.sum(ops.where(mask[..., None, :], ahead, 0.0), axis=-1), 0.0)


_SOFT_RANKS = Rule(_value, _pull, _plain)


def _choose(in_cells, directly, scores, mask, wanted, *rest):
    """Through the cells where that is possible and faster, otherwise directly."""
    short = scores.shape[-1] is not None and scores.shape[-1] <= SHORT
    if short or ops.dtype(scores) != "float32":
        return directly(scores, mask, wanted, *rest)
    real = pair_tiles.for_each_sample(mask, ops.shape(scores)[0])
    many = ops.any(ops.sum(ops.cast(wanted, "int32"), axis=-1) > FEW)
    return ops.cond(
        many & smooth_sums.fits(scores, real),
        lambda: in_cells(scores, real, *(rest or [ops.cast(real, scores.dtype)])),
        lambda: directly(scores, mask, wanted, *rest),
    )


def _directly(scores, mask, wanted):
    return _sums_by_row(lambda ahead: (ahead, _slope(ahead)), 2, scores, mask, wanted)


def _sums_directly(scores, mask, wanted):
    return _sums_by_row(lambda ahead: (ahead, _slope(ahead), _bend(ahead)), 3, scores, mask, wanted)


def _sums_by_row(of_ahead, number, scores, mask, wanted):
    """The sums over all j, for each wanted i, of functions of sigma(s_j - s_i)."""

    def terms(row, column):
        return of_ahead(ops.sigmoid(column[1] - row[0]))

    return pair_tiles.pair_sums(terms, wanted, scores, _never_ahead(scores, mask), by_row=number)


def _pulled_directly(scores, mask, wanted, upstream):
    def terms(row, column):
        return (row[2] * _slope(ops.sigmoid(column[1] - row[0])),)

    documents = (scores, _never_ahead(scores, mask), upstream)
    return pair_tiles.pair_sums(terms, wanted, *documents, by_row=0, by_column=1)[0]


def _derivatives_directly(scores, mask, wanted, first, second):
    def terms(row, column):
        ahead = ops.sigmoid(column[1] - row[0])
        slope, bend = _slope(ahead), _bend(ahead)
        return row[2] * slope, row[2] * bend + row[3] * slope * slope

    documents = (scores, _never_ahead(scores, mask), first, second)
    return pair_tiles.pair_sums(terms, wanted, *documents, by_row=0, by_column=2)


def _derivatives_in_cells(scores, mask, first, second):
    pulled, bent = smooth_sums.slope_and_bend_sums(-scores, mask, first)
    return pulled, bent + smooth_sums.squared_slope_sum(scores, mask, second)


def _slope(ahead):
    """sigma' where sigma is `ahead`."""
    return ahead * (1.0 - ahead)


def _bend(ahead):
    """sigma'' where sigma is `ahead`."""
    return ahead * (1.0 - ahead) * (1.0 - 2.0 * ahead)


def _never_ahead(scores, mask):
    """The scores, with padding below all others."""
    return ops.where(pair_tiles.for_each_sample(mask, ops.shape(scores)[0]), scores, -float("inf"))
