"""How far each document lies inside a soft cut-off, and how that bends."""

from keras import ops

from plackett import backend
from plackett.lists import ascending_order, count, places, take
from plackett.lists._order import end_of_equals, first_of_equals, padding_behind, sum_before
from plackett.lists._pairs import both
from plackett.losses._approx import ranks_of
from plackett.losses._curvature import derivatives_of


def relevant_and_inside(labels, scores, mask, topn, bound, rank_temperature):
    """(which documents are relevant, how far each is inside the cut-off)."""
    inside = inside_cut_off(ranks_of(scores, mask, mask, bound), scores, mask, topn, bound, rank_temperature)
    return is_relevant(labels, mask), inside


def is_relevant(labels, mask):
    """[..., list_size] bool: is the label at least 1? NaN counts, so that the loss of its list is NaN, not 0."""
    return mask & ~(labels < 1.0)


def inside_cut_off(rank, scores, mask, topn, bound, rank_temperature):
    """[..., list_size], how far inside the cut-off each document is: 1 well inside, 0 at padding."""
    inside = (_cut(rank, scores, mask, int(topn)) - rank) / rank_temperature
    step = 1.0 - ops.relu(1.0 - inside) if bound else ops.sigmoid(inside)
    all_inside = (count(mask)[..., None] <= int(topn)) & ~ops.isnan(step)
    return ops.where(mask, ops.where(all_inside, 1.0, step), 0.0)


def _cut(rank, scores, mask, topn):
    """[..., 1], midway between the `topn`-th rank and the next; documents of equal score have equal shares in it."""
    return ops.sum(_parts_in_cut(scores, mask, topn) * rank, axis=-1, keepdims=True)


def _parts_in_cut(scores, mask, topn):
    """[..., list_size], the share of each document's rank in the cut; the shares sum to 1."""
    order, first, end = _falling(scores, mask)
    part = ops.relu(backend.minimum(end, topn + 1) - backend.maximum(first, topn - 1))
    return take(ops.cast(part, scores.dtype) / ops.cast(2 * (end - first), scores.dtype), places(order))


def derivatives_inside(loss, divisor, labels, scores, mask, *, bound, **cut):
    """(gradient, curvature) of a share of documents inside the cut-off; the curvature is at least the gradient's size.

    At equal scores, where all trees begin, a soft cut-off is steep and hardly bent. With the second derivative alone, a
    Newton step would be hundreds of temperatures long. This bound limits it to one.

    Cost: list_size times that of the gradient; with `bound`, that of `_curvature_of_bound`.
    """

    def fn(scores):
        return loss(labels, scores, mask=mask, bound=bound, **cut)

    if bound:
        curvature = _curvature_of_bound(is_relevant(labels, mask), divisor, scores, mask, **cut)
        return backend.value_and_slope(fn, scores)[1], curvature
    gradient, curvature = derivatives_of(fn, scores)
    return gradient, backend.maximum(ops.abs(curvature), ops.abs(gradient))


def _curvature_of_bound(relevant, divisor, scores, mask, topn, rank_temperature):
    """(1 / divisor) sum_i (d in_i / d s_k)^2 over the relevant documents i that are not fully inside the cut-off.

    The second derivative of a bound is 0 almost everywhere; this is its Gauss-Newton form.

    Cost: O(list_size^2) time and memory.
    """
    above = ops.cast(both(mask) & (1.0 + scores[..., None, :] - scores[..., :, None] > 0.0), scores.dtype)
    # The derivative of rank i with respect to score k: 1 where k counts in rank i; with respect to its own score, minus
    # the number of these.
    of_rank = above - ops.sum(above, axis=-1, keepdims=True) * ops.eye(ops.shape(scores)[-1], dtype=scores.dtype)
    of_cut = ops.sum(_parts_in_cut(scores, mask, int(topn))[..., :, None] * of_rank, axis=-2, keepdims=True)
    inside = inside_cut_off(ranks_of(scores, mask, mask, True), scores, mask, topn, True, rank_temperature)
    bent = relevant & (inside < 1.0)
    squares = ops.square((of_cut - of_rank) / rank_temperature)
    total = ops.sum(ops.where(bent[..., :, None], squares, 0.0), axis=-2)
    return ops.where(mask, backend.divide_no_nan(total, divisor[..., None]), 0.0)


def relevant_up_to(scores, mask, relevant):
    """[..., list_size], how many relevant documents score at least as high as each document."""
    order, _, end = _falling(scores, mask)
    return take(sum_before(ops.cast(take(relevant, order), scores.dtype), end), places(order))


def _falling(scores, mask):
    """(order, first, end): the order by descending score, and where documents of equal score begin and end in it."""
    keys = padding_behind(-ops.stop_gradient(scores), mask)
    order = ascending_order(keys, mask)
    keys = take(keys, order)
    return order, first_of_equals(keys), end_of_equals(keys)


def number_of(relevant, like):
    """[...], how many documents are relevant, in the dtype of `like`."""
    return ops.cast(count(relevant), like.dtype)
