"""The engine of pairwise losses: sums over the pairs of a list with their gradient, or gradient with curvature."""

from functools import partial

from keras import ops

from plackett import backend
from plackett.backend.derivatives import Rule, differentiable
from plackett.kernels import by_grade, pair_tiles, rank_blocks
from plackett.lambdas._uses import of_gains_and_ranks, rank_term_of, weights_of_pairs
from plackett.lists import count, count_below, ranks, weights_of_documents
from plackett.lists._pairs import both
from plackett.lists._shapes import as_rows

LIST, DOCUMENTS, DERIVATIVES = "list", "documents", "derivatives"  # what is summed, see `_sums`
DEAR = 1.5  # the time for a pair of two grades with a weight of its ranks, in units of the time for a pair of two ranks


def sum_over_pairs(phi, labels, scores, *, mask, weights=None, lambda_weight=None, preferred=True, per="list"):
    """`plackett.losses.pairwise` for a `Phi` and clean lists."""
    of_documents = weights_of_documents(weights, labels, mask)
    if per == "pair":
        return of_documents[..., None] * _matrix(phi, lambda_weight, preferred, labels, scores, mask, of_documents)
    rule = Rule(_value, _pull, _plain, (phi, lambda_weight, preferred, per))
    return differentiable(rule, (scores,) if weights is None else (scores, of_documents), (labels, mask, of_documents))


def derivatives_over_pairs(phi, labels, scores, *, mask, weights=None, lambda_weight=None, preferred=True):
    """The gradient of `sum_over_pairs` and, in the same pass, the diagonal of its second derivative.

    For one list, with the ranks in lambda held fixed,

        curvature_k = sum_j (w_k lambda_kj phi''(s_k - s_j) + w_j lambda_jk phi''(s_j - s_k))

    over the pairs that contain k, on either side.
    """
    weights = weights_of_documents(weights, labels, mask)
    return _sums(phi, lambda_weight, preferred, DERIVATIVES, labels, scores, mask, weights, weights)


def _unpacked(variables, constants):
    """(labels, scores, mask, weights, the weights as a constant for lambda weights to read)."""
    labels, mask, fixed_weights = constants
    return labels, variables[0], mask, variables[1] if len(variables) == 2 else fixed_weights, fixed_weights


def _value(phi, lambda_weight, preferred, per, variables, constants):
    *documents, weights, fixed_weights = _unpacked(variables, constants)
    kind = DOCUMENTS if per == "document" or len(variables) == 2 else LIST
    by_document, gradient = _sums(phi, lambda_weight, preferred, kind, *documents, weights, fixed_weights)
    value = weights * by_document if kind == DOCUMENTS else by_document
    return (value if per == "document" else ops.sum(value, axis=-1)), (by_document, gradient)


def _pull(phi, lambda_weight, preferred, per, variables, constants, held, upstream):
    by_document, gradient = held
    if per == "list":
        upstream = upstream[..., None]
        of_scores = upstream * gradient
    else:
        *documents, weights, fixed_weights = _unpacked(variables, constants)
        of_scores = _sums(phi, lambda_weight, preferred, LIST, *documents, weights * upstream, fixed_weights)[1]
    return (of_scores, upstream * by_document)[: len(variables)]


def _plain(phi, lambda_weight, preferred, per, variables, constants):
    *documents, weights, fixed_weights = _unpacked(variables, constants)
    value = weights * ops.sum(_matrix(phi, lambda_weight, preferred, *documents, fixed_weights), axis=-1)
    return value if per == "document" else ops.sum(value, axis=-1)


def _matrix(phi, lambda_weight, preferred, labels, scores, mask, fixed_weights):
    """[..., list_size, list_size], lambda_ij phi(s_i - s_j, y_i - y_j) for each pair that counts; 0 elsewhere."""
    at = ranks(ops.stop_gradient(scores), mask)
    values, lambda_of_pair = weights_of_pairs(lambda_weight, labels, at, mask, fixed_weights)
    rows = [x if len(x.shape) > len(labels.shape) else x[..., :, None] for x in values]
    columns = [None if len(x.shape) > len(labels.shape) else x[..., None, :] for x in values]
    preference = labels[..., :, None] - labels[..., None, :]
    place = ops.arange(ops.shape(labels)[-1])
    counts = both(mask) & ((preference > 0) if preferred else (place[:, None] != place))
    difference = ops.where(counts, scores[..., :, None] - scores[..., None, :], 0.0)
    return ops.where(counts, lambda_of_pair(rows, columns) * phi.plain(difference, preference), 0.0)


def _sums(phi, lambda_weight, preferred, kind, *documents):
    """Two sums per document, with any leading axes: (by_document, gradient), or (gradient, curvature).

    Args:
        kind: `DOCUMENTS`: `by_document` is, for each document i, the sum over its pairs without its weight. `LIST`: the
            weighted sums of all documents add up to the loss of the list, in no particular split. `DERIVATIVES`: the
            gradient and the curvature.
    """
    shape = ops.shape(documents[0])
    sums = _sums_of_lists(phi, lambda_weight, preferred, kind, *map(as_rows, documents))
    return tuple(ops.reshape(x, shape) for x in sums)


def _sums_of_lists(phi, lambda_weight, preferred, kind, labels, scores, mask, weights, fixed_weights):
    """`_sums` of [lists, list_size], in the fastest way for long lists."""
    documents = labels, scores, mask, weights
    by_pairs = partial(_by_pairs, phi, lambda_weight, preferred, kind, *documents, fixed_weights)
    by_ranks = partial(_by_ranks, phi, lambda_weight, kind, *documents, fixed_weights)
    ranked = preferred and of_gains_and_ranks(lambda_weight)
    depth = lambda_weight.depth if ranked else None
    if ranked and (lambda_weight.reach or _few_ranks(scores.shape, depth)):
        return by_ranks()
    if not (preferred and pair_tiles.needs_loop(scores.shape)):
        return by_pairs()
    in_float32 = ops.dtype(scores) == "float32"  # the precision to which cells and blocks are exact
    if in_float32 and lambda_weight is None and phi.by_grades is not None:
        return ops.cond(by_grade.pays(*documents[:3]), partial(_by_grades, phi, kind, *documents), by_pairs)
    if None in scores.shape or not ranked:
        return by_pairs()

    def in_tiles():
        return ops.cond(_ranks_pay(labels, mask, depth), by_ranks, by_pairs)

    far, term = phi.derivatives_far if kind == DERIVATIVES else phi.far, rank_term_of(lambda_weight)
    if not in_float32 or far is None or term is None or scores.shape[1] < rank_blocks.LEAST:
        return in_tiles()
    gain = lambda_weight.gain_of_pairs(labels, mask, fixed_weights)
    in_blocks = partial(_in_blocks, phi, lambda_weight, kind, partial(far, term), *documents, fixed_weights, gain)
    work = backend.minimum(*_work(labels, mask, depth))
    return ops.cond(rank_blocks.pays(labels, scores, mask, gain, work), in_blocks, in_tiles)


def _few_ranks(shape, depth):
    """Are the pairs that reach above rank `depth` fewer than half of all pairs, in one tile or in lists of any size?"""
    if depth is None or None in shape:
        return depth is not None
    return 2 * depth <= shape[-1] and not pair_tiles.needs_loop(shape, depth)


def _ranks_pay(labels, mask, depth=None):
    """[] bool: is visiting the pairs of two ranks, one up to `depth`, no more work than the pairs of two grades?"""
    of_grades, of_ranks = _work(labels, mask, depth)
    return of_grades > of_ranks


def _work(labels, mask, depth):
    """([], []), the time for the pairs of two grades and of two ranks, in units of one pair of two ranks."""
    pairs = ops.sum(ops.cast(count_below(labels, mask), "float32"))
    real = ops.cast(count(mask), "float32")
    upper = real if depth is None else backend.minimum(real, float(depth))
    return DEAR * pairs, ops.sum(upper * (real - upper / 2.0))


def _by_grades(phi, kind, labels, scores, mask, weights):
    if kind == DERIVATIVES:
        return phi.derivatives_by_grades(labels, scores, mask, weights)
    by_document, gradient = phi.by_grades(labels, scores, mask, weights)
    return (by_document if kind == DOCUMENTS else weights * by_document), gradient


def _by_pairs(phi, lambda_weight, preferred, kind, labels, scores, mask, weights, fixed_weights):
    values, lambda_of_pair = weights_of_pairs(lambda_weight, labels, ranks(scores, mask), mask, fixed_weights)
    place = ops.broadcast_to(ops.arange(ops.shape(labels)[-1], dtype=labels.dtype), ops.shape(labels))

    def terms(i, j):
        label_i, weight_i, _, place_i, score_i, *values_i = i
        label_j, _, real_j, place_j, score_j, *values_j = j
        preference = label_i - label_j
        # Numbers instead of booleans: 1 for a pair that counts, 0 for any other.
        counts = real_j * (ops.relu(ops.sign(preference)) if preferred else ops.abs(ops.sign(place_i - place_j)))
        difference = counts * (score_i - score_j)
        weight = counts * lambda_of_pair(values_i, values_j)
        if kind == DERIVATIVES:
            weight = weight * weight_i
            pull, bend = (weight * x for x in phi.derivatives(difference, preference))
            return pull, bend, pull, bend
        value, slope = phi.with_slope(difference, preference)
        pull = weight * weight_i * slope
        return weight * value, pull, pull

    documents = (labels, weights, ops.cast(mask, labels.dtype), place, scores, *values)
    options = {"higher": labels if preferred else None}
    if kind == DERIVATIVES:
        return _added_up(*pair_tiles.pair_sums(terms, mask, *documents, by_row=2, by_column=2, **options))
    by_document, pull, push = pair_tiles.pair_sums(terms, mask, *documents, by_row=2, by_column=1, **options)
    return (by_document if kind == DOCUMENTS else weights * by_document), pull - push


def _added_up(pull, bend, push, bent):
    """(gradient, curvature) from the sums by row and by column: a difference has slopes of opposite signs."""
    return pull - push, bend + bent


def _in_blocks(phi, lambda_weight, kind, far, labels, scores, mask, weights, fixed_weights, gain):
    """`_by_ranks`, with documents far apart in rank handled through the sums of their blocks."""
    documents = labels, scores, mask, weights
    near = _by_ranks(phi, lambda_weight, kind, *documents, fixed_weights, near=True)
    of_higher, of_lower = far(*documents, gain, ranks(scores, mask))
    if kind == DERIVATIVES:
        sums = weights * of_higher[0] - of_lower[0], weights * of_higher[1] + of_lower[1]
    else:
        value = of_higher[0] if kind == DOCUMENTS else weights * of_higher[0]
        sums = value, weights * of_higher[1] - of_lower[1]
    return near[0] + sums[0], near[1] + sums[1]


def _by_ranks(phi, lambda_weight, kind, labels, scores, mask, weights, fixed_weights, near=False):
    """`_by_pairs` over the pairs of a higher and a lower rank; either document may be the preferred one.

    The weight of two ranks is computed once for all lists. `near` = only pairs within one block or between neighbouring
    blocks.
    """
    gain = lambda_weight.gain_of_pairs(labels, mask, fixed_weights)
    documents = (labels, weights, ops.cast(mask, labels.dtype), scores, gain)

    def terms(i, j, of_ranks):
        label_i, weight_i, _, score_i, gain_i = i
        label_j, weight_j, real_j, score_j, gain_j = j
        preference = label_i - label_j
        sign = ops.sign(preference) * real_j
        if kind == LIST and phi.over_ranks is not None:
            weight = abs(gain_i - gain_j) * of_ranks
            value, pull = phi.over_ranks(sign, score_i - score_j, weight, weight_i, weight_j)
            return value, pull, pull
        upper = ops.relu(sign)
        lower = upper - sign  # which of the two is preferred
        pair = sign * (score_i - score_j), abs(preference)
        lambda_of_pair = abs(gain_i - gain_j) * of_ranks
        weight = (upper * weight_i + lower * weight_j) * lambda_of_pair
        if kind == DERIVATIVES:
            slope, bend = phi.derivatives(*pair)
            pull, bend = sign * weight * slope, weight * bend
            return pull, bend, pull, bend
        value, slope = phi.with_slope(*pair)
        pull = sign * weight * slope
        if kind == DOCUMENTS:
            value = lambda_of_pair * value
            return upper * value, pull, lower * value, pull
        return weight * value, pull, pull

    of_ranks, at = lambda_weight.of_ranks(ops.shape(labels)[-1], labels.dtype), ranks(scores, mask)
    if lambda_weight.reach:
        sums = partial(pair_tiles.near_pair_sums, terms, of_ranks, at, lambda_weight.reach, *documents)
    elif near:
        sums = partial(rank_blocks.near_sums, terms, of_ranks, at, *documents)
    else:
        number, depth = count(mask)[:, None], lambda_weight.depth
        sums = partial(pair_tiles.ranked_pair_sums, terms, of_ranks, at, number, *documents, depth=depth)
    if kind == DERIVATIVES:
        return _added_up(*sums(by_row=2, by_column=2))
    by_upper, pull, *by_lower, push = sums(by_row=2, by_column=1 + (kind == DOCUMENTS))
    return sum(by_lower, by_upper), pull - push
