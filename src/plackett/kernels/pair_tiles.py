"""Sums over all pairs of documents of a list, in tiles. No array of size list_size x list_size is ever held.

Only pairs that matter are visited. Rows that matter come first, and the loop ends after the last of them. Where only
pairs of a higher and a lower document matter, documents are sorted, and a row of tiles begins at the lower ones.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from plackett import backend
from plackett.lists import places, take
from plackett.lists._order import end_of_equals, padding_behind
from plackett.lists._shapes import as_rows

WHOLE = 2**20  # up to this number of pairs there is one tile and no loop
TILE = 2**17  # pairs of documents in one tile of a loop: half a MiB in float32, which stays in the cache
NARROW = 64  # the fewest columns of a tile, and LOW the most rows, where not all columns matter
LOW = 32
HEIGHT = 8  # rows of a tile where the shape is not known in advance


def pair_sums(terms, wanted, *documents, by_row: int, by_column: int = 0, higher=None):
    """Sums of functions of two documents over all pairs of a wanted document i and any document j of its list.

    Args:
        terms: function of two lists, the values of `documents` at the rows i of a tile, [lists, rows, 1], and at its
            columns j, [lists, 1, columns]; all columns, in their order, unless `higher` is given. It returns `by_row`
            terms to be summed over j, for each i, and then `by_column` terms to be summed over i, for each j; [lists,
            rows, columns] each.
        wanted: [..., list_size] bool, True = a wanted document i. It may have fewer lists, each of which serves several
            lists in a row.
        documents: values of documents, [..., list_size] each, the first in the dtype of the sums; or values of pairs,
            [..., list_size, list_size], of which a tile gets its rows, [lists, rows, list_size].
        higher: [..., list_size], with as many lists as `wanted`. All terms are 0 except where both i and j are wanted
            and `higher` is larger for i than for j. None = no such rule.

    Returns:
        `by_row` and then `by_column` sums, [..., list_size] each; a sum by row is 0 at a document that is not wanted.

    Cost: time proportional to the number of pairs that matter, plus a sort with `higher`; O(list_size) memory.
    """
    shape = ops.shape(documents[0])
    rows = [as_rows(x, len(x.shape) - len(shape) + 1) for x in documents]
    wanted = as_rows(wanted)
    if needs_loop(rows[0].shape):
        sort = higher is not None and None not in rows[0].shape and all(len(x.shape) == 2 for x in rows)
        plan = _lower_columns(wanted, as_rows(higher), rows) if sort else _all_columns(wanted, rows)
        sums = _in_tiles(terms, rows, plan, by_row, by_column)
    else:
        sums = _in_one_tile(terms, wanted, rows, by_row)
    return tuple(ops.reshape(x, shape) for x in sums)


def ranked_pair_sums(terms, of_ranks, ranks, number, *documents, by_row: int, by_column: int, depth=None):
    """`pair_sums` over the pairs (i, j) of a document i that ranks above j.

    Args:
        terms: as in `pair_sums`; they must be 0 where j is padding. It also gets the output of `of_ranks` for a tile,
            [rows, columns], with 0 where i does not rank above j. All terms must have it as a factor.
        of_ranks: function of the ranks of two documents, [rows, 1] and [1, columns], computed once for all lists.
        ranks: [lists, list_size], a permutation of 1 ... list_size with padding last.
        number: [lists, 1] int32, the number of real documents.
        documents: values of documents, [lists, list_size] each.
        depth: the last rank of a document i. None = any.

    Cost: O(list_size min(depth, list_size / 2)) time and O(list_size) memory.
    """
    if needs_loop(documents[0].shape, depth):
        number = number if depth is None else ops.minimum(number, depth)
        plan = _lower_ranks(of_ranks, ranks, number, documents, depth)
        return tuple(_in_tiles(terms, documents, plan, by_row, by_column))
    return _top_in_one_tile(terms, of_ranks, ranks, documents, by_row, depth)


def near_pair_sums(terms, of_ranks, ranks, reach, *documents, by_row: int, by_column: int):
    """`ranked_pair_sums` over pairs whose ranks are at most `reach` apart, for lists of any size.

    The terms must be 0 where j is padding.

    Cost: O(list_size reach) time and O(list_size) memory.
    """
    from_0, list_size = ops.cast(ranks, "int32") - 1, ops.shape(ranks)[1]
    order = places(from_0)
    upper = [take(x, order) for x in documents]
    place = ops.arange(list_size, dtype="int32")[None, :]
    rank = ops.cast(place + 1, documents[0].dtype)
    sums = [ops.zeros_like(documents[0])] * (by_row + by_column)
    for distance in range(1, reach + 1):
        there = place + distance < list_size  # in the others the lower document wraps around to the top
        lower = [ops.roll(x, -distance, axis=-1) for x in upper]
        strip = ops.where(there, of_ranks(rank, ops.where(there, rank + distance, rank)), 0.0)
        new = terms(upper, lower, strip)
        new = [*new[:by_row], *[ops.roll(x, distance, axis=-1) for x in new[by_row:]]]
        sums = [x + y for x, y in zip(sums, new, strict=True)]
    return tuple(take(x, from_0) for x in sums)


def _in_one_tile(terms, wanted, documents, by_row):
    wanted = for_each_sample(wanted, ops.shape(documents[0])[0])
    columns = [None if len(x.shape) == 3 else x[:, None, :] for x in documents]
    new = terms([x if len(x.shape) == 3 else x[:, :, None] for x in documents], columns)
    rows = [ops.where(wanted, ops.sum(x, axis=-1), 0.0) for x in new[:by_row]]
    return *rows, *[ops.sum(ops.where(wanted[:, :, None], x, 0.0), axis=-2) for x in new[by_row:]]


def _top_in_one_tile(terms, of_ranks, ranks, documents, by_row, depth):
    from_0, (_, list_size) = ops.cast(ranks, "int32") - 1, documents[0].shape
    order, top = places(from_0), list_size if depth is None else min(depth, list_size)
    ordered = [take(x, order) for x in documents]
    rank = ops.arange(1, list_size + 1, dtype=documents[0].dtype)
    i, j = rank[:top, None], rank[None, :]
    strip = ops.where(i < j, of_ranks(i, j), 0.0)
    new = terms([x[:, :top, None] for x in ordered], [x[:, None, :] for x in ordered], strip)
    rows = [ops.pad(ops.sum(x, axis=-1), ((0, 0), (0, list_size - top))) for x in new[:by_row]]
    return tuple(take(x, from_0) for x in (*rows, *[ops.sum(x, axis=-2) for x in new[by_row:]]))


class _Plan(NamedTuple):
    """Which tiles to visit.

    Args:
        height, width: the size of a tile.
        number: [lists, 1], how many rows to visit.
        chosen: [lists, list_size], which rows.
        order: [lists, list_size], the order of the columns. None = unchanged.
        first_column: function of the first row of a tile: the first column that matters to its rows.
        strip: function of the first row of a tile: a third argument of the terms, [height, list_size].
    """

    height: int
    width: int
    number: Any
    chosen: Any
    order: Any = None
    first_column: Callable = lambda start: ops.zeros((), "int32")
    strip: Callable | None = None


def _all_columns(wanted, documents):
    """The plan for wanted rows and all columns."""
    shape = ops.shape(wanted)
    place = ops.cumsum(ops.cast(wanted, "int32"), axis=-1) - 1
    document = ops.broadcast_to(ops.arange(shape[-1], dtype="int32"), shape)
    chosen = backend.scatter_add(document, ops.where(wanted, place, shape[-1]), shape[-1] + 1)[:, : shape[-1]]
    lists, list_size = ops.shape(documents[0])
    known = None not in documents[0].shape
    height = min(list_size, max(TILE // (lists * list_size), 1)) if known else HEIGHT
    return _Plan(height, list_size, place[:, -1:] + 1, chosen)


def _lower_columns(wanted, higher, documents):
    """The plan for wanted rows and lower wanted columns."""
    height, width = _size(documents, LOW)
    keys = padding_behind(-higher, wanted)
    order = backend.argsort(keys)
    end = end_of_equals(take(keys, order))
    above = end < ops.sum(ops.cast(wanted, "int32"), axis=-1, keepdims=True)
    number = ops.sum(ops.cast(above, "int32"), axis=-1, keepdims=True)
    lower = ops.min(ops.where(above, end, ops.shape(order)[1]), axis=0)
    return _Plan(height, width, number, order, order, lambda start: lower[start])


def _lower_ranks(of_ranks, ranks, number, documents, depth):
    """The plan for real rows, at most the first `depth`, and the columns that rank below them."""
    order, list_size = places(ops.cast(ranks, "int32") - 1), ops.shape(ranks)[1]
    if None in documents[0].shape:
        height, width = HEIGHT, list_size
    else:
        height, width = _size(documents, min(2 * LOW, depth or list_size))
    height = min(height, depth or height)
    rank = ops.minimum(ops.arange(1, list_size + height + 1, dtype="int32"), list_size)
    rank = ops.cast(rank, documents[0].dtype)

    def strip(start):
        i, j = ops.slice(rank, (start,), (height,))[:, None], rank[None, :list_size]
        return ops.where(i < j, of_ranks(i, j), 0.0)

    return _Plan(height, width, number, order, order, lambda start: start, strip)


def _size(documents, low):
    """(height, width) of the tiles where not all columns matter; at most `low` rows, unless there are many lists."""
    lists, list_size = documents[0].shape
    width = min(max(TILE // (lists * low), NARROW), list_size)
    return min(list_size, max(TILE // (lists * width), 1)), width


def _in_tiles(terms, documents, plan, by_row, by_column):
    lists, list_size = ops.shape(documents[0])
    height, width = plan.height, plan.width
    columns = documents
    if plan.order is not None:
        columns = [take(x, for_each_sample(plan.order, lists)) for x in documents]
    chosen = ops.pad(plan.chosen, ((0, 0), (0, height)))  # room for a last tile

    of_height, of_width = ops.arange(height, dtype="int32"), ops.arange(width, dtype="int32")

    def next_rows(start, *sums):
        index = for_each_sample(backend.part(chosen, start, height), lists)
        rows = [_at_rows(x, index) for x in documents]
        live = ops.cast(for_each_sample(start + of_height < plan.number, lists), sums[0].dtype)
        shared = [] if plan.strip is None else [plan.strip(start)]

        def next_columns(column, *sums):
            at = backend.minimum(column, list_size - width)  # the last tile begins where it still is whole
            of_columns = [None if len(x.shape) == 3 else backend.part(x, at, width)[:, None, :] for x in columns]
            new = terms(rows, of_columns, *[backend.part(x, at, width) for x in shared])
            fresh = ops.cast(at + of_width >= column, live.dtype)
            # With a matrix product as the sum each term is computed once; XLA would recompute it for each sum.
            of_rows = [backend.sum_of_columns(x, fresh) for x in new[:by_row]]
            of_columns = [fresh * backend.matmul(live[:, None, :], x)[:, 0, :] for x in new[by_row:]]
            of_rows = [x + y for x, y in zip(sums[:by_row], of_rows, strict=True)]
            return *of_rows, *map(_with_added, sums[by_row:], [at] * by_column, of_columns)

        tile = (*[ops.zeros_like(live)] * by_row, *sums[by_row:])
        new = backend.loop(plan.first_column(start) // width * width, list_size, width, next_columns, tile)
        of_rows = [backend.add_at(x, index, live * y) for x, y in zip(sums[:by_row], new[:by_row], strict=True)]
        return *of_rows, *new[by_row:]

    sums = tuple(ops.zeros_like(documents[0]) for _ in range(by_row + by_column))
    sums = backend.loop(0, ops.max(plan.number), height, next_rows, sums)
    if plan.order is None:
        return sums
    back = for_each_sample(places(plan.order), lists)
    return *sums[:by_row], *[take(x, back) for x in sums[by_row:]]


def _at_rows(x, index):
    if len(x.shape) == 3:
        return ops.take_along_axis(x, index[:, :, None], axis=1)
    return ops.take_along_axis(x, index, axis=-1)[:, :, None]


def _with_added(x, start, part):
    """`x` with `part` added to its columns from `start` on. `x` may be overwritten."""
    return backend.with_part(x, start, backend.part(x, start, ops.shape(part)[1]) + part, axis=1)


def for_each_sample(x, lists):
    """[fewer lists, n] -> [lists, n]: each list is repeated once per sample, in a row."""
    fewer, n = ops.shape(x)
    samples = lists // (max(fewer, 1) if isinstance(fewer, int) else ops.maximum(fewer, 1))
    return ops.reshape(ops.broadcast_to(x[:, None, :], (fewer, samples, n)), (lists, n))


def needs_loop(shape, depth: int | None = None) -> bool:
    """Do the pairs of lists of this shape, [..., list_size], in the first `depth` rows, exceed one tile?"""
    return None in shape or math.prod(shape) * min(depth or shape[-1], shape[-1]) > WHOLE
