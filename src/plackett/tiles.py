"""Sums over all pairs of documents of a list, in tiles of rows: nothing of the size list_size x list_size is ever held.

Only rows that matter are visited: they are gathered first, and the loop ends with the last of them.
"""

import math

from keras import ops

from plackett import backend
from plackett.shapes import as_rows

WHOLE = 2**20  # pairs of documents that are one tile, without a loop
TILE = 2**18  # pairs of documents in a tile of a loop: 1 MiB in float32, which stays in the cache
HEIGHT = 8  # rows of a tile where the shape is not known beforehand


def pair_sums(terms, wanted, *documents, by_row: int, by_column: int = 0):
    """Sums of functions of two documents over all pairs (i, j) of a wanted document i and any document j of its list.

    Args:
        terms: function of two lists, the values of `documents` at the rows i of a tile, [lists, rows, 1], and at all
            documents j, [lists, 1, list_size]. It returns `by_row` terms to be added up over j, for each i, and then
            `by_column` terms to be added up over i, for each j; [lists, rows, list_size] each.
        wanted: [..., list_size] bool, True = a document i; or fewer lists, each for as many in turn.
        documents: values of documents, [..., list_size] each, the first in the dtype of the sums; or values of pairs,
            [..., list_size, list_size], of which the rows of a tile get theirs, [lists, rows, list_size].

    Returns:
        `by_row` and then `by_column` sums, [..., list_size] each; a sum by row is 0 at a document that is not wanted.

    Cost: O(wanted list_size) time, O(list_size) memory.
    """
    shape = ops.shape(documents[0])
    pairs = [len(x.shape) > len(shape) for x in documents]
    documents = [as_rows(x, 1 + p) for x, p in zip(documents, pairs, strict=True)]
    wanted = as_rows(wanted)
    columns = [None if p else x[:, None, :] for x, p in zip(documents, pairs, strict=True)]
    if needs_loop(documents[0].shape):
        sums = _in_tiles(terms, wanted, documents, columns, by_row, by_column)
    else:
        sums = _in_one_tile(terms, wanted, documents, columns, by_row)
    return tuple(ops.reshape(x, shape) for x in sums)


def _in_one_tile(terms, wanted, documents, columns, by_row):
    wanted = for_each_sample(wanted, ops.shape(documents[0])[0])
    new = terms([x if len(x.shape) == 3 else x[:, :, None] for x in documents], columns)
    rows = [ops.where(wanted, ops.sum(x, axis=-1), 0.0) for x in new[:by_row]]
    return *rows, *[ops.sum(ops.where(wanted[:, :, None], x, 0.0), axis=-2) for x in new[by_row:]]


def _in_tiles(terms, wanted, documents, columns, by_row, by_column):
    lists = ops.shape(documents[0])[0]
    height = _height(documents[0].shape)
    number, chosen = _side_by_side(wanted, height)

    def at_rows(x, index):
        if len(x.shape) == 3:
            return ops.take_along_axis(x, index[:, :, None], axis=1)
        return ops.take_along_axis(x, index, axis=-1)[:, :, None]

    # A sum that is a matrix product has each term computed once; XLA would recompute it for each sum.
    ones = ops.ones_like(documents[0][:1, :, None])

    def step(start, *sums):
        index = ops.slice(chosen, (0, start), (ops.shape(chosen)[0], height))
        live = start + ops.arange(height, dtype="int32") < number
        index, live = for_each_sample(index, lists), ops.cast(for_each_sample(live, lists), ones.dtype)[:, None, :]
        new = terms([at_rows(x, index) for x in documents], columns)
        rows = [live[:, 0, :] * backend.matmul(x, ones)[:, :, 0] for x in new[:by_row]]
        rows = [backend.add_at(x, index, y) for x, y in zip(sums[:by_row], rows, strict=True)]
        new = [backend.matmul(live, x)[:, 0, :] for x in new[by_row:]]
        return start + height, *rows, *[x + y for x, y in zip(sums[by_row:], new, strict=True)]

    start = (ops.zeros((), "int32"), *[ops.zeros_like(documents[0]) for _ in range(by_row + by_column)])
    return ops.while_loop(lambda start, *_: start < ops.max(number), step, start)[1:]


def for_each_sample(x, lists):
    """[fewer lists, n] -> [lists, n]: each list as many times in a row as it has samples."""
    fewer, n = ops.shape(x)
    return ops.reshape(ops.broadcast_to(x[:, None, :], (fewer, lists // fewer, n)), (lists, n))


def needs_loop(shape) -> bool:
    """Are the pairs of lists of this shape, [..., list_size], more than one tile?"""
    return None in shape or math.prod(shape) * shape[-1] > WHOLE


def _height(shape):
    """How many rows a tile of a loop has."""
    if None in shape:
        return HEIGHT
    lists, list_size = shape
    return min(list_size, max(TILE // (lists * list_size), 1))


def _side_by_side(wanted, height):
    """(number, chosen): how many documents each list wants, [lists, 1], and which, with room for a last tile."""
    shape = ops.shape(wanted)
    place = ops.cumsum(ops.cast(wanted, "int32"), axis=-1) - 1
    room = shape[-1] + height
    document = ops.broadcast_to(ops.arange(shape[-1], dtype="int32"), shape)
    return place[:, -1:] + 1, backend.scatter_add(document, ops.where(wanted, place, room), room + 1)
