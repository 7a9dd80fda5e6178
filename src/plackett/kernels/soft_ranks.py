"""Soft ranks: ranks by how probably each other document is ahead, with a gradient."""

from keras import ops

from plackett.backend.derivatives import Rule, differentiable
from plackett.kernels import pair_tiles, smooth_sums
from plackett.lists._shapes import as_rows

FEW = 64  # wanted documents up to which the sum over all documents, one by one, is faster than the cells


def soft_ranks(scores, mask, wanted):
    """r_i = 1/2 + sum_j sigma(s_j - s_i) over the real documents j: 1 plus how many others are ahead of document i.

    With c the gradient of r, that of the scores is, over the wanted documents i,

        dL/ds_k = sum_i c_i sigma'(s_i - s_k) - c_k sum_j sigma'(s_j - s_k)

    Either is summed directly, a row for each wanted document, or, where there are more than `FEW` in a list and the
    scores fit, through `cells`, whose cost does not depend on their number.

    Args:
        scores: [..., list_size], divided by a temperature.
        mask: [..., list_size] bool, True = real document.
        wanted: [..., list_size] bool, the documents whose rank is asked for. The lists of `mask` and `wanted` may be
            fewer: each serves as many lists of scores in turn.

    Returns:
        [..., list_size]; at a document that is not wanted a finite number without meaning.

    Cost: O(list_size min(wanted, constant)) time and O(list_size) memory; O(list_size wanted) time for scores more
    than 500 apart.
    """
    return differentiable(_SOFT_RANKS, (scores,), (mask, wanted & mask))


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
    """Through the cells where that is faster and possible, or directly."""
    few = scores.shape[-1] is not None and scores.shape[-1] <= FEW
    if few or ops.dtype(scores) != "float32":
        return directly(scores, mask, wanted, *rest)
    real = pair_tiles.for_each_sample(mask, ops.shape(scores)[0])
    many = ops.any(ops.sum(ops.cast(wanted, "int32"), axis=-1) > FEW)
    return ops.cond(
        many & smooth_sums.fits(scores, real),
        lambda: in_cells(scores, real, *(rest or [ops.cast(real, scores.dtype)])),
        lambda: directly(scores, mask, wanted, *rest),
    )


def _directly(scores, mask, wanted):
    def terms(row, column):
        ahead = ops.sigmoid(column[1] - row[0])
        return ahead, ahead * (1.0 - ahead)

    return pair_tiles.pair_sums(terms, wanted, scores, _never_ahead(scores, mask), by_row=2)


def _pulled_directly(scores, mask, wanted, upstream):
    def terms(row, column):
        ahead = ops.sigmoid(column[1] - row[0])
        return (row[2] * ahead * (1.0 - ahead),)

    documents = (scores, _never_ahead(scores, mask), upstream)
    return pair_tiles.pair_sums(terms, wanted, *documents, by_row=0, by_column=1)[0]


def _never_ahead(scores, mask):
    """The scores, with padding below all others."""
    return ops.where(pair_tiles.for_each_sample(mask, ops.shape(scores)[0]), scores, -float("inf"))
