"""Sums over the pairs of a list of a weight of two ranks and a smooth function of two scores, in O(n log n).

Documents are laid out by rank, in blocks of `WIDTH`. Pairs within a block, or between a block and the next, are visited
one by one. For a pair further apart, with document p above q, the scores differ by x = s_p - s_q >= 0 and the ranks by
d. The pair contributes a sum of products of a number of p and a number of q, since

    log(1 + e^-x), 1 / (1 + e^x), ... = sum_k c_k e^(-k x), k <= POWERS      the weight of ranks = sum_t a_t e^(-t d)

(see `rank_decays`), and log(1 + e^x) is x more. So all blocks above need only the sums of w_q e^(-k x) e^(-t d) of a
block, with x and d counted from its first document. These sums are moved to the first document of the block above,
where they shrink by the same kind of factors, and are added up by doubling: 1, 2, 4, ... blocks. Documents that rank
above are handled in the same way on the reversed list. No exponent is above 0, and apart from c and a all terms of a
sum have the same sign, so that gaps of any size in the scores do no harm.

Error: e^-x = u lies in [0, 1]. There log(1 + u) / u, 1 / (1 + u) and 1 / (1 + u)^2 are polynomials of degree 9 to a
relative error of 6e-9, 5e-8 and 7e-7: their pole is at -1, so that the error falls by a factor of 3 + sqrt(8) for each
degree. The relative error of the weight of ranks is 2e-7. These errors are relative for each pair, and so is the error
of a sum. In addition, float32 loses digits to the signs of c and a: the terms are up to 4, 16 and 130 times their sum
for c and 5 times for a, and each is rounded on its own.

Reference: Greengard & Strain, "The fast Gauss transform", SIAM Journal on Scientific and Statistical Computing 1991;
this is its form for exponentials.
"""

from functools import partial

import numpy as np
from keras import ops
from numpy.polynomial import Chebyshev, Polynomial

from plackett import backend
from plackett.kernels import by_grade
from plackett.kernels.pair_tiles import TILE
from plackett.kernels.rank_decays import WIDTH, decays_of
from plackett.lists import places, take

POWERS = 10  # the degree in e^-x
TINY = 80.0  # e^-80 counts as 0 here; numbers below 1e-38 make processors slow
LEAST = 1000  # below this list size, visiting pairs is faster
NEAR, FAR = 160.0, 80.0  # the time per document, and per document and grade, in units of a pair of two ranks
WIDEST = 1e30  # scores
TOGETHER = 2**15  # the number of documents that are summed at once


def pays(labels, scores, mask, gain, pairs):
    """[] bool: is this faster than visiting this number of pairs, and are the grades few, with one gain each?"""
    highest = ops.max(ops.where(mask, scores, -float("inf")), axis=-1)
    lowest = ops.min(ops.where(mask, scores, float("inf")), axis=-1)
    fits = ops.all((highest - lowest <= WIDEST) | ~ops.any(mask, axis=-1))

    def count(of_grade, lower, number, same):
        return number + 1.0, same & ops.all(~of_grade | (gain == _gain_of(of_grade, gain)))

    number, same = by_grade.over_grades(count, labels, mask, ops.zeros(()), fits, most=by_grade.MOST)
    lists, list_size = labels.shape
    return same & (number < by_grade.MOST) & (pairs > lists * list_size * (NEAR + FAR * number))


def near_sums(terms, of_ranks, ranks, *documents, by_row: int, by_column: int):
    """`pair_tiles.ranked_pair_sums` over the pairs within one block, and between a block and the next.

    The terms must be 0 where j is padding.

    Cost: O(list_size WIDTH) time and O(list_size) memory.
    """
    lists, list_size = ranks.shape
    height = max(TILE // (max(lists, 1) * 2 * WIDTH**2), 1)  # the number of blocks of a tile
    tiles = -(-list_size // (height * WIDTH))
    rows, size = height * WIDTH, (tiles * height + 1) * WIDTH
    from_0 = ops.cast(ranks, "int32") - 1
    order = places(from_0)
    by_rank = [ops.pad(take(x, order), ((0, 0), (0, size - list_size))) for x in documents]
    rank = backend.minimum(ops.arange(1, size + 1, dtype=by_rank[0].dtype), float(list_size))[None]
    of_row = ops.ones((2 * WIDTH, 1), by_rank[0].dtype)

    def as_rows(x):
        return ops.reshape(x, (lists, rows))

    def above(x, start):
        return ops.reshape(backend.part(x, start, rows), (-1, height, WIDTH, 1))

    def below(x, start):
        shape = (-1, height, 1, WIDTH)
        both = [ops.reshape(backend.part(x, at, rows), shape) for at in (start, start + WIDTH)]
        return ops.concatenate(both, axis=-1)

    def with_both(x, start, halves):
        for at, half in zip((start, start + WIDTH), halves, strict=True):
            x = backend.with_part(x, at, backend.part(x, at, rows) + as_rows(half), axis=1)
        return x

    def tile(start, *sums):
        i, j = above(rank, start)[0], below(rank, start)[0]
        strip = ops.where(i < j, of_ranks(i, j), 0.0)
        new = terms([above(x, start) for x in by_rank], [below(x, start) for x in by_rank], strip)
        # With a matrix product each term is computed once; XLA would recompute it for each sum.
        by_document = [_product(x, of_row) for x in new[:by_row]]
        of_rows = [backend.with_part(x, start, as_rows(y), axis=1) for x, y in zip(sums, by_document, strict=False)]
        by_half = [ops.split(ops.sum(x, axis=-2), 2, axis=-1) for x in new[by_row:]]
        of_columns = [with_both(x, start, y) for x, y in zip(sums[by_row:], by_half, strict=True)]
        return start + rows, *of_rows, *of_columns

    start = (ops.zeros((), "int32"), *[ops.zeros_like(by_rank[0]) for _ in range(by_row + by_column)])
    sums = ops.while_loop(lambda start, *_: start < tiles * rows, tile, start)[1:]
    return tuple(take(x, from_0) for x in sums)


def _far_sums(series, term, labels, scores, mask, weights, gain, ranks):
    """The sums of functions over the pairs that `near_sums` leaves out.

    Args:
        series: [2, functions, POWERS + 2], the coefficients of the functions, see `logistic`.
        term: the `RankTerm`.
        labels, scores, weights, gain: [lists, list_size].
        mask: [lists, list_size] bool, True = real document.
        ranks: [lists, list_size], a permutation of 1 ... list_size with padding last.

    Returns:
        (of_higher, of_lower), [lists, list_size] each, for each function f: for each i, the sum of |gain_i - gain_j|
        rank_term f(s_i - s_j) over the documents j graded lower than i; and for each j, the sum of w_i |gain_i -
        gain_j| rank_term f(s_i - s_j) over the documents i graded higher than j.

    Cost: O(list_size log list_size) time per grade, since the number of rates of the weight of ranks and of doubling
    steps grows with log list_size. O(list_size) memory: about 200 numbers for each document of a list, or of
    `TOGETHER`.
    """
    lists, list_size = labels.shape
    blocks, from_0 = max(-(-list_size // WIDTH), 3), ops.cast(ranks, "int32") - 1
    order, room = places(from_0), blocks * WIDTH - list_size
    lowest = ops.min(ops.where(mask, scores, float("inf")), axis=-1, keepdims=True)
    lowest = ops.where(ops.any(mask, axis=-1, keepdims=True), lowest, 0.0)
    falling = take(ops.where(mask, scores, lowest), order)
    falling = ops.concatenate([falling, ops.broadcast_to(lowest, (lists, room))], axis=-1)
    by_rank = [ops.pad(take(x, order), ((0, 0), (0, room))) for x in (labels, mask, weights, gain)]
    sums = _by_lists(partial(_by_grades, series, term), 2 * series.shape[1], falling, *by_rank)
    sums = [take(x, from_0) for x in sums]
    return sums[: series.shape[1]], sums[series.shape[1] :]


def _by_lists(fn, number, *documents):
    """Applies a function of [lists, size] that returns several sums, to as many lists at a time as the cache holds."""
    lists, size = documents[0].shape
    together = max(k for k in range(1, lists + 1) if lists % k == 0 and (k == 1 or k * size <= TOGETHER))
    if together == lists:
        return fn(*documents)
    documents = [ops.reshape(x, (1, lists * size)) for x in documents]

    def step(start, *sums):
        new = fn(*[ops.reshape(backend.part(x, start, together * size), (together, size)) for x in documents])
        new = [ops.reshape(x, (1, together * size)) for x in new]
        return start + together * size, *[
            backend.with_part(x, start, y, axis=1) for x, y in zip(sums, new, strict=True)
        ]

    start = ops.zeros((), "int32"), *[ops.zeros_like(documents[0]) for _ in range(number)]
    sums = ops.while_loop(lambda start, *_: start < lists * size, step, start)[1:]
    return [ops.reshape(x, (lists, size)) for x in sums]


def _by_grades(series, term, falling, labels, mask, weights, gain):
    """The sums of `_far_sums` for documents in order of rank."""
    lists, functions = labels.shape[0], series.shape[1]
    act = _Act(series, term, ops.reshape(falling, (lists, -1, WIDTH)))

    def add(of_grade, lower, *sums):
        by_gain = ops.where(lower, ops.abs(_gain_of(of_grade, gain) - gain), 0.0)
        new = act(ops.stack([by_gain, ops.where(of_grade, weights, 0.0)]))
        of_higher = [ops.where(of_grade, new[0, f], sums[f]) for f in range(functions)]
        return *of_higher, *[sums[functions + f] + by_gain * new[1, f] for f in range(functions)]

    return by_grade.over_grades(add, labels, mask, *[ops.zeros_like(labels) for _ in range(2 * functions)])


def _gain_of(of_grade, gain):
    """[lists, 1], the gain of a grade; 0 where a list does not have the grade."""
    highest = ops.max(ops.where(of_grade, gain, -float("inf")), axis=-1, keepdims=True)
    return ops.where(highest > -float("inf"), highest, 0.0)


class _Act:
    """The sums, by two weights, at each document over the documents further away than the next block.

    Called with [2, lists, size] it returns [2, functions, lists, size]. The first weight belongs to documents of the
    lower grade, the second to documents of the higher grade.

    Inside, the axes are: the direction (by rank, or from the last rank up); the weight; the column, which is a power or
    x; lists; blocks; and the documents of a block, or the rates.

    Args:
        series, term: as in `_far_sums`.
        falling: [lists, blocks, WIDTH], the scores by rank.
    """

    def __init__(self, series, term, falling):
        self.linear = bool(series[..., -1].any())
        source, moves, target, self.lower, falls = decays_of(term, falling.shape[1])
        x = ops.stack([falling, -ops.flip(falling, axis=(1, 2))])
        first = x[..., 0]
        above = ops.relu(x - _ahead(first, 2, first[:, :, -1:])[..., None])
        self.source, self.target = _columns(first[..., None] - x, self.linear), _columns(above, self.linear)
        table = np.stack([series, series[::-1]])[..., : self.source.shape[1]]
        if self.linear:  # x is the sum of the distance to the first document of a block and the distance from there on
            table = np.concatenate([table, table[..., -1:]], axis=-1)
            self.target = ops.concatenate([self.target[:, :-1], ops.ones_like(above[:, None]), above[:, None]], axis=1)
        self.table, self.at_source, self.at_target = map(_float32, (table, source, target))
        self.falls = falls and tuple(map(_float32, falls))
        self.moves = [self._move(first, 2**step, rates) for step, rates in enumerate(moves)]

    def _move(self, first, step, rates):
        """The factors for moving sums up by some blocks, and the change of x on the way."""
        gap = first - _ahead(first, step, first[:, :, -1:])
        return _columns(gap, False)[:, None, ..., None], _float32(rates), gap[:, None, None, ..., None]

    def __call__(self, weights):
        lists, blocks = self.source.shape[2:4]
        shape = (2, 2, self.source.shape[1], lists, blocks, WIDTH)
        weights = ops.reshape(weights, (2, lists, blocks, WIDTH))
        weights = ops.stack([weights, ops.flip(weights, axis=(2, 3))])
        if self.lower is not None:  # in the direction by rank the source is the lower document, otherwise the target is
            weights = weights * _float32(_of_direction(0, self.lower))
        moments = weights[:, :, None] * self.source[:, None]
        state = ops.reshape(_product(moments, self.at_source), (*shape[:-1], -1))
        if self.falls:
            count, fall = ops.sum(moments, axis=-1), ops.sum(moments * self.falls[0], axis=-1)
            state = ops.concatenate([state, count[..., None], fall[..., None]], axis=-1)
        state = self._from_above(state)
        sums = ops.reshape(_product(state[..., : self.at_target.shape[0]], self.at_target), shape)
        if self.falls:
            sums = sums + (state[..., -1:] + state[..., -2:-1] * self.falls[1])
        if self.linear:
            sums = ops.concatenate([sums, sums[:, :, :1]], axis=2)
        sums = ops.reshape(self.target[:, None] * sums, (2, 2, self.target.shape[1], -1))
        sums = ops.reshape(backend.matmul(self.table, sums), (2, 2, -1, lists, blocks, WIDTH))
        if self.lower is not None:
            sums = sums * _float32(_of_direction(1, self.lower)[:, :, None])
        return ops.reshape(sums[0] + ops.flip(sums[1], axis=(3, 4)), (2, -1, lists, blocks * WIDTH))

    def _from_above(self, state):
        """The sums that each block receives from the blocks beyond the next."""
        powers, x = ops.split(state, [POWERS + 1], axis=2)
        for step, (shrink, rates, gap) in enumerate(self.moves):
            beyond = _ahead(powers, 2**step, axis=4)
            if self.linear:
                x = x + self._fall(step, _ahead(x, 2**step, axis=4) + gap * beyond[:, :, :1]) * rates
            powers = powers + shrink * self._fall(step, beyond) * rates
        return _ahead(ops.concatenate([powers, x], axis=2), 2, axis=4)

    def _fall(self, step, beyond):
        """Adds the change of the discount in these blocks."""
        if not self.falls:
            return beyond
        last = _float32(np.eye(beyond.shape[-1])[-1])
        return beyond + (self.falls[2][step] * last) * beyond[..., -2:-1]


def _product(x, matrix):
    """[rows, ...] of the product along the last axis."""
    return backend.matmul(ops.reshape(x, (-1, x.shape[-1])), matrix)


def _float32(x):
    return ops.convert_to_tensor(x, dtype="float32")


def _of_direction(direction, factor):
    """[2, ...], the factor of one direction; 1 in the other."""
    return np.where(np.arange(2).reshape(2, 1, 1, 1, 1) == direction, factor, 1.0)


def _ahead(x, shift, beyond=None, axis=2):
    """For each block, the values of the block `shift` further on; past the last block, `beyond` or 0."""
    shift = min(shift, x.shape[axis])
    start, rest = ops.split(x, [shift], axis=axis)
    beyond = ops.zeros_like(start) if beyond is None else ops.repeat(beyond, shift, axis=axis)
    return ops.concatenate([rest, beyond], axis=axis)


def _columns(distance, linear):
    """e^(-k distance) for k = 0 ... POWERS and the distance itself: [2, columns, lists, ...]."""
    exponents = [k * distance for k in range(1, POWERS + 1)]
    powers = [ops.where(x < TINY, ops.exp(-x), 0.0) for x in exponents]
    return ops.stack([ops.ones_like(distance), *powers, *[distance] * linear], axis=1)


def _series(divided):
    """The coefficients of 1, u, ..., u^POWERS and x of u divided(u), on [0, 1]."""
    polynomial = Chebyshev.interpolate(divided, POWERS - 1, domain=[0, 1]).convert(kind=Polynomial)
    return np.array([0.0, *polynomial.coef, 0.0])


_ONE, _X = np.eye(POWERS + 2)[[0, -1]]
_NEAR = _series(lambda u: np.log1p(u) / u)
_WRONG = _series(lambda u: 1 / (1 + u))
_BEND = _series(lambda u: 1 / (1 + u) ** 2)
# For a preferred document above and below, by the distance x of the scores: two functions of the difference.
logistic = partial(_far_sums, np.stack([[_NEAR, -_WRONG], [_NEAR + _X, _WRONG - _ONE]]))
logistic_derivatives = partial(_far_sums, np.stack([[-_WRONG, _BEND], [_WRONG - _ONE, _BEND]]))
soft_zero_one = partial(_far_sums, np.stack([[_WRONG, -_BEND], [_ONE - _WRONG, -_BEND]]))
soft_zero_one_derivatives = partial(_far_sums, np.stack([[-_BEND, _BEND]] * 2))
