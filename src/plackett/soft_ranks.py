"""Soft ranks: ranks by how probably each other document is ahead, with a gradient."""

from functools import partial

from keras import ops

from plackett import backend, cells, tiles
from plackett.shapes import as_rows

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
    mask, wanted = as_rows(mask), as_rows(wanted & mask)

    def ranks_and_gradient(scores):
        ahead, crowd = _choose(cells.logistic_sums, _directly, scores, mask, wanted)

        def gradient(upstream):
            lists = ops.shape(scores)[0]
            upstream = ops.where(tiles.for_each_sample(wanted, lists), upstream, 0.0)
            pulled = _choose(cells.slope_sum, _pulled_directly, scores, mask, wanted, upstream)
            return ops.where(tiles.for_each_sample(mask, lists), pulled - upstream * crowd, 0.0)

        return 0.5 + ahead, gradient

    flat = backend.with_gradient(ranks_and_gradient, as_rows(scores))
    return ops.reshape(flat, ops.shape(scores))


def _choose(in_cells, directly, scores, mask, wanted, *rest):
    """Through the cells where that is faster and possible, or directly."""
    few = scores.shape[-1] is not None and scores.shape[-1] <= FEW
    choose = directly if few and not tiles.needs_loop(scores.shape) else partial(_in_a_loop, in_cells, directly, few)
    return choose(scores, mask, wanted, *rest)


@backend.compiled_once("in_cells", "directly", "few")
def _in_a_loop(in_cells, directly, few, scores, mask, wanted, *rest):
    if few or ops.dtype(scores) != "float32":
        return directly(scores, mask, wanted, *rest)
    real = tiles.for_each_sample(mask, ops.shape(scores)[0])
    many = ops.any(ops.sum(ops.cast(wanted, "int32"), axis=-1) > FEW)
    return ops.cond(
        many & cells.fits(scores, real),
        lambda: in_cells(scores, real, *(rest or [ops.cast(real, scores.dtype)])),
        lambda: directly(scores, mask, wanted, *rest),
    )


def _directly(scores, mask, wanted):
    def terms(row, column):
        ahead = ops.sigmoid(column[1] - row[0])
        return ahead, ahead * (1.0 - ahead)

    return tiles.pair_sums(terms, wanted, scores, _never_ahead(scores, mask), by_row=2)


def _pulled_directly(scores, mask, wanted, upstream):
    def terms(row, column):
        ahead = ops.sigmoid(column[1] - row[0])
        return (row[2] * ahead * (1.0 - ahead),)

    documents = (scores, _never_ahead(scores, mask), upstream)
    return tiles.pair_sums(terms, wanted, *documents, by_row=0, by_column=1)[0]


def _never_ahead(scores, mask):
    """The scores, with padding below all others."""
    return ops.where(tiles.for_each_sample(mask, ops.shape(scores)[0]), scores, -float("inf"))
