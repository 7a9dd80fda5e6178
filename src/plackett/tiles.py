"""Sums over all pairs of documents of a list, in tiles: nothing of the size list_size x list_size is ever held.

Only pairs that matter are visited: rows are chosen first, and the loop ends with the last of them; where only pairs of
a higher and a lower document matter, documents are sorted, and a row of tiles begins at the lower ones.
"""

import math

from keras import ops

from plackett import backend
from plackett.lists import end_of_equals, places, take
from plackett.shapes import as_rows

WHOLE = 2**20  # pairs of documents that are one tile, without a loop
TILE = 2**17  # pairs of documents in a tile of a loop: half a MiB in float32, which stays in the cache
NARROW = 64  # columns of a tile at least, and LOW rows at most, where not all columns matter
LOW = 32
HEIGHT = 8  # rows of a tile where the shape is not known beforehand


def pair_sums(terms, wanted, *documents, by_row: int, by_column: int = 0, higher=None):
    """Sums of functions of two documents over all pairs (i, j) of a wanted document i and any document j of its list.

    Args:
        terms: function of two lists, the values of `documents` at the rows i of a tile, [lists, rows, 1], and at its
            columns j, [lists, 1, columns]; all columns, in their order, unless `higher` is given. It returns `by_row`
            terms to be added up over j, for each i, and then `by_column` terms to be added up over i, for each j;
            [lists, rows, columns] each.
        wanted: [..., list_size] bool, True = a document i; or fewer lists, each for as many in turn.
        documents: values of documents, [..., list_size] each, the first in the dtype of the sums; or values of pairs,
            [..., list_size, list_size], of which the rows of a tile get theirs, [lists, rows, list_size].
        higher: [..., list_size], of as many lists as `wanted`. All terms are 0 but where both i and j are wanted and
            this is higher for i than for j. None = no such rule.

    Returns:
        `by_row` and then `by_column` sums, [..., list_size] each; a sum by row is 0 at a document that is not wanted.

    Cost: time in proportion to the pairs that matter, and to a sort with `higher`; O(list_size) memory.
    """
    shape = ops.shape(documents[0])
    documents = [as_rows(x, len(x.shape) - len(shape) + 1) for x in documents]
    wanted = as_rows(wanted)
    if needs_loop(documents[0].shape):
        sums = _in_tiles(terms, wanted, documents, by_row, by_column, higher)
    else:
        sums = _in_one_tile(terms, wanted, documents, by_row)
    return tuple(ops.reshape(x, shape) for x in sums)


def _in_one_tile(terms, wanted, documents, by_row):
    wanted = for_each_sample(wanted, ops.shape(documents[0])[0])
    columns = [None if len(x.shape) == 3 else x[:, None, :] for x in documents]
    new = terms([x if len(x.shape) == 3 else x[:, :, None] for x in documents], columns)
    rows = [ops.where(wanted, ops.sum(x, axis=-1), 0.0) for x in new[:by_row]]
    return *rows, *[ops.sum(ops.where(wanted[:, :, None], x, 0.0), axis=-2) for x in new[by_row:]]


def _in_tiles(terms, wanted, documents, by_row, by_column, higher):
    height, width = _size(documents, higher)
    if width is None:
        plan = _chosen(wanted)
        return _over_tiles(terms, documents, documents, *plan, height, ops.shape(documents[0])[1], by_row, by_column)
    order = backend.argsort(ops.where(wanted, -as_rows(higher), float("inf")))
    return _in_order(terms, documents, order, *_falling(wanted, higher, order), height, width, by_row, by_column)


def ranked_pair_sums(terms, of_ranks, ranks, number, *documents, by_row: int, by_column: int, reach: int | None = None):
    """As `pair_sums` over the pairs (i, j) of a document i that ranks above j, for lists of several tiles.

    Args:
        terms: as that of `pair_sums`. It is also given what `of_ranks` returns, for a tile, [rows, columns], or 0 where
            i does not rank above j: all terms must have it as a factor.
        of_ranks: function of the ranks of two documents, [rows, 1] and [1, columns], computed once for all lists.
        ranks: [..., list_size], a permutation of 1 ... list_size with padding last.
        number: [..., 1] int32, how many documents are real.
        documents: values of documents, [..., list_size] each, of known shape.
        reach: all terms are 0 for ranks further apart. None = no such rule.

    Cost: O(list_size^2 / 2) time, or O(list_size reach), and O(list_size) memory.
    """
    shape = ops.shape(documents[0])
    documents, number = [as_rows(x) for x in documents], as_rows(number)
    order = places(ops.cast(as_rows(ranks), "int32") - 1)
    height, width = _size(documents, higher=ranks, low=2 * LOW)  # no row of a tile is in vain
    rank = ops.arange(1, shape[-1] + height + 1, dtype=documents[0].dtype)
    rank = ops.minimum(rank, float(shape[-1]))

    def strip(start):
        i, j = ops.slice(rank, (start,), (height,))[:, None], rank[None, : shape[-1]]
        return ops.where(i < j, of_ranks(i, j), 0.0)

    end = None if reach is None else lambda start: start + height + reach
    sums = _in_order(
        terms, documents, order, number, order, lambda start: start, height, width, by_row, by_column, end, strip
    )
    return tuple(ops.reshape(x, shape) for x in sums)


def _in_order(terms, documents, order, number, chosen, first_column, height, width, by_row, by_column, *rest):
    """`_over_tiles` with the columns in this order."""
    lists = ops.shape(documents[0])[0]
    columns = [take(x, for_each_sample(order, lists)) for x in documents]
    sums = _over_tiles(terms, documents, columns, number, chosen, first_column, height, width, by_row, by_column, *rest)
    back = for_each_sample(places(order), lists)
    return *sums[:by_row], *[take(x, back) for x in sums[by_row:]]


def _over_tiles(
    terms,
    documents,
    columns,
    number,
    chosen,
    first_column,
    height,
    width,
    by_row,
    by_column,
    end_column=None,
    strip=None,
):
    """The sums, tile by tile.

    Args:
        documents: the values of rows, of which `chosen` says which to visit.
        columns: the values of columns.
        number: [lists, 1], how many rows to visit.
        chosen: [lists, list_size], which.
        first_column, end_column: functions of the first row of a tile: the columns that matter to its rows.
        height, width: of a tile.
        strip: function of the first row of a tile: a third argument of `terms`, [height, list_size], without a list.
    """
    lists, list_size = ops.shape(documents[0])
    chosen = ops.pad(chosen, ((0, 0), (0, height)))  # room for a last tile

    def next_rows(start, *sums):
        index = for_each_sample(backend.part(chosen, start, height), lists)
        counts = for_each_sample(start + ops.arange(height, dtype="int32") < number, lists)
        rows, live = [_at_rows(x, index) for x in documents], ops.cast(counts, sums[0].dtype)
        shared = [] if strip is None else [strip(start)]
        end = list_size if end_column is None else ops.minimum(end_column(start), list_size)

        def next_columns(column, *sums):
            at = ops.minimum(column, list_size - width)  # the last tile begins where it still is whole
            of_columns = [None if len(x.shape) == 3 else backend.part(x, at, width)[:, None, :] for x in columns]
            new = terms(rows, of_columns, *[backend.part(x, at, width) for x in shared])
            fresh = ops.cast(at + ops.arange(width, dtype="int32") >= column, live.dtype)
            # A sum that is a matrix product has each term computed once; XLA would recompute it for each sum.
            of_rows = [backend.matmul(x, fresh[:, None])[:, :, 0] for x in new[:by_row]]
            of_columns = [fresh * backend.matmul(live[:, None, :], x)[:, 0, :] for x in new[by_row:]]
            of_rows = [x + y for x, y in zip(sums[:by_row], of_rows, strict=True)]
            return column + width, *of_rows, *map(_with_added, sums[by_row:], [at] * by_column, of_columns)

        tile = (first_column(start) // width * width, *[ops.zeros_like(live)] * by_row, *sums[by_row:])
        _, *new = ops.while_loop(lambda column, *_: column < end, next_columns, tile)
        of_rows = [backend.add_at(x, index, live * y) for x, y in zip(sums[:by_row], new[:by_row], strict=True)]
        return start + height, *of_rows, *new[by_row:]

    start = (ops.zeros((), "int32"), *[ops.zeros_like(documents[0]) for _ in range(by_row + by_column)])
    return ops.while_loop(lambda start, *_: start < ops.max(number), next_rows, start)[1:]


def _chosen(wanted):
    """Which rows to visit: how many of each list, [lists, 1], which, and the first column for the rows from one on."""
    shape = ops.shape(wanted)
    place = ops.cumsum(ops.cast(wanted, "int32"), axis=-1) - 1
    document = ops.broadcast_to(ops.arange(shape[-1], dtype="int32"), shape)
    chosen = backend.scatter_add(document, ops.where(wanted, place, shape[-1]), shape[-1] + 1)
    return place[:, -1:] + 1, chosen[:, : shape[-1]], lambda start: ops.zeros((), "int32")


def _falling(wanted, higher, order):
    """`_chosen` where documents are sorted by `order`: the rows that are higher than some other."""
    falling = take(ops.where(wanted, as_rows(higher), -float("inf")), order)
    end = end_of_equals(falling)
    higher = end < ops.sum(ops.cast(wanted, "int32"), axis=-1, keepdims=True)
    number = ops.sum(ops.cast(higher, "int32"), axis=-1, keepdims=True)
    lower = ops.min(ops.where(higher, end, ops.shape(order)[1]), axis=0)
    return number, order, lambda start: lower[start]


def _at_rows(x, index):
    if len(x.shape) == 3:
        return ops.take_along_axis(x, index[:, :, None], axis=1)
    return ops.take_along_axis(x, index, axis=-1)[:, :, None]


def _with_added(x, start, part):
    """`x` with `part` added to its columns from `start` on. `x` itself is used up."""
    return backend.with_part(x, start, backend.part(x, start, ops.shape(part)[1]) + part, axis=1)


def for_each_sample(x, lists):
    """[fewer lists, n] -> [lists, n]: each list as many times in a row as it has samples."""
    fewer, n = ops.shape(x)
    return ops.reshape(ops.broadcast_to(x[:, None, :], (fewer, lists // fewer, n)), (lists, n))


def needs_loop(shape) -> bool:
    """Are the pairs of lists of this shape, [..., list_size], more than one tile?"""
    return None in shape or math.prod(shape) * shape[-1] > WHOLE


def _size(documents, higher, low=LOW):
    """(height, width) of the tiles of a loop; a width of None = all columns, in their order."""
    shape = documents[0].shape
    if None in shape:
        return HEIGHT, None
    lists, list_size = shape
    sort = higher is not None and all(len(x.shape) == 2 for x in documents)
    width = min(max(TILE // (lists * low), NARROW), list_size) if sort else list_size
    return min(list_size, max(TILE // (lists * width), 1)), width if sort else None
