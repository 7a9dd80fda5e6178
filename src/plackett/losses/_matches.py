"""Cross-entropy of the softmax of each row of similarities against the columns that it must recognise."""

import math
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from keras import ops

from plackett import backend
from plackett.backend.derivatives import Rule, differentiable
from plackett.lists import log_softmax, places, take
from plackett.lists._order import first_of_equals
from plackett.lists._shapes import as_rows, check_shape

SMALL = 2**16  # up to this number of similarities all pairs of rows are compared: sorting takes longer for few rows


class Matches(NamedTuple):
    """What the rows of similarities must recognise: row i must recognise column j, n_ij times, among the columns K_i.

    Each member is a function of `option` and `constants` (tensors), and of more arguments where stated.

    Args:
        offsets: [..., columns], subtracted from the similarities, or None.
        narrow: bool, whether some K_i may lack a column.
        inside: [..., rows, columns] bool, whether column k is in K_i. No K_i is empty.
        loses: [..., rows] bool, the rows that have a loss; the others lose 0.
        totals: also takes logits z and a number a for each row. Returns (sum_j n_ij, sum_j n_ij (a_i - z_ij)) for each
            row i. Its values for rows without a loss are not used.
        less: also takes a matrix G, which it may overwrite, and a number a for each row. Returns G_ij - a_i n_ij.
        matrix: n_ij, 0 in rows without a loss.
    """

    offsets: Callable
    narrow: Callable
    inside: Callable
    loses: Callable
    totals: Callable
    less: Callable
    matrix: Callable


def surprisals(matches: Matches, option: Hashable, similarities: Any, constants: tuple) -> Any:
    """The loss of each row of similarities, 0 where a row has none.

    With z the similarities minus the offsets,

        loss_i = sum_j n_ij (log sum_{k in K_i} e^z_ik - z_ij) / sum_j n_ij

    Similarities are read once for the loss and once for the gradient,

        dL/dS_ij = softmax(z_i)_j - n_ij / sum_k n_ik

    Args:
        matches: what the rows must recognise.
        option: hashable. The functions of `matches` get it together with `constants`.
        similarities: [..., rows, columns].
        constants: tensors, each with the same leading axes.
    """
    return differentiable(Rule(_value, _pull, _plain, (matches, option)), (similarities,), constants)


def _value(matches, option, variables, constants):
    logits = _logits(matches, option, variables[0], constants)
    tops, rest = backend.logsumexp_of_rows(logits)
    number, short = matches.totals(option, constants, logits, tops)
    counts = matches.loses(option, constants) & (number > 0)
    return ops.where(counts, rest + backend.divide_no_nan(short, number), 0.0), (tops, rest, number)


def _pull(matches, option, variables, constants, held, upstream):
    tops, rest, number = held
    logits = _logits(matches, option, variables[0], constants)
    weight = ops.where(matches.loses(option, constants) & (number > 0), upstream, 0.0)
    softmax = backend.softmax_of_rows(logits, tops, rest, weight)
    return (matches.less(option, constants, softmax, backend.divide_no_nan(weight, number)),)


def _plain(matches, option, variables, constants):
    (similarities,) = variables
    logits, inside = _less_offsets(matches, option, similarities, constants), matches.inside(option, constants)
    matrix = ops.cast(matches.matrix(option, constants), similarities.dtype)
    terms = ops.where(matrix != 0, -matrix * log_softmax(logits, inside), 0.0)
    return backend.divide_no_nan(ops.sum(terms, axis=-1), ops.sum(matrix, axis=-1))


def _less_offsets(matches, option, similarities, constants):
    offsets = matches.offsets(option, constants)
    return similarities if offsets is None else similarities - offsets[..., None, :]


def _logits(matches, option, similarities, constants):
    """The similarities minus the offsets, with -inf in the columns outside K_i."""
    logits, narrow = _less_offsets(matches, option, similarities, constants), matches.narrow(option, constants)

    def of_columns():
        return ops.where(matches.inside(option, constants), logits, -float("inf"))

    if isinstance(narrow, bool):
        return of_columns() if narrow else logits
    return ops.cond(narrow, of_columns, lambda: logits)


class Groups(NamedTuple):
    """The groups of the rows of batches, numbered across all batches.

    Args:
        order: the rows of each batch, numbered within it, sorted by group.
        values: one number per row, in this order.
        first: for each requested row, where its group begins in this order.
        size: the number of members of that group; members come first in it.
    """

    order: Any
    values: Any
    first: Any
    size: Any

    def member(self, k):
        """(the k-th member of the group of each row, its number); any row where the group has fewer members."""
        place = backend.minimum(self.first + k, ops.shape(self.order)[0] - 1)
        return backend.lookup(self.order, place), backend.lookup(self.values, place)

    def loop(self, step, start):
        """The state after `step(k, state)` for k = 0, 1, ... up to the size of the largest group, from `start`."""
        if not backend.has_values(self.size):  # Keras asks for shapes only
            return step(ops.zeros((), "int32"), start)
        going = lambda k, *_: ops.any(k < self.size)  # noqa: E731
        return ops.while_loop(going, lambda k, state: (k + 1, step(k, state)), (ops.zeros((), "int32"), start))[1]


def groups(labels, belongs, values, rows):
    """The rows with equal labels.

    Args:
        labels: [..., all rows].
        belongs: [..., all rows] bool, False = the row is not a member of its group.
        values: [..., all rows], one number per row.
        rows: [..., rows] int32, the requested rows.
    """
    shape = ops.shape(rows)[-1]
    labels, belongs = as_rows(ops.where(belongs, labels, ops.zeros_like(labels))), as_rows(belongs)
    values, rows = as_rows(values), as_rows(rows)
    batches, all_rows = ops.shape(labels)
    order = ops.argsort(~belongs, axis=-1)
    order = take(order, ops.argsort(take(labels, order), axis=-1))
    first = first_of_equals(take(labels, order))
    sizes = backend.scatter_add(ops.cast(take(belongs, order), "int32"), first, all_rows)
    first = take(take(first, places(order)), rows)
    size = take(sizes, first)
    first = first + all_rows * ops.arange(batches, dtype="int32")[:, None]
    of_all, of_rows = (batches * all_rows,), (batches * shape,)
    return Groups(
        ops.reshape(ops.cast(order, "int32"), of_all),
        ops.reshape(take(values, order), of_all),
        ops.reshape(first, of_rows),
        ops.reshape(size, of_rows),
    )


def groups_of_one(belongs, values, rows) -> Groups:
    """The same where each row is a group of its own."""
    belongs, values, numbers = as_rows(belongs), as_rows(values), as_rows(rows)
    batches, all_rows = ops.shape(belongs)
    size = ops.cast(take(belongs, numbers), "int32")
    first = numbers + all_rows * ops.arange(batches, dtype="int32")[:, None]
    order = ops.tile(ops.arange(all_rows, dtype="int32"), (batches,))
    return Groups(order, *(ops.reshape(x, (-1,)) for x in (values, first, size)))


def _totals_of_groups(of_rows: Groups, logits, numbers):
    """`totals` of `Matches` where row i must recognise the members of its group, each as often as its value says."""
    matrix = as_rows(logits)
    flat = ops.reshape(numbers, ops.shape(of_rows.size))

    def step(k, totals):
        column, value = of_rows.member(k)
        value = ops.where(k < of_rows.size, ops.cast(value, flat.dtype), 0.0)
        short = flat - backend.at(matrix, column[:, None])[:, 0]
        return totals[0] + value, totals[1] + ops.where(value != 0, value * short, 0.0)

    start = (ops.zeros_like(flat), ops.zeros_like(flat))
    return tuple(ops.reshape(x, ops.shape(numbers)) for x in of_rows.loop(step, start))


def _less_of_groups(of_rows: Groups, matrix, share):
    """`less` of `Matches` for the same case."""
    share = ops.reshape(share, ops.shape(of_rows.size))

    def step(k, rows):
        column, value = of_rows.member(k)
        less = -ops.where(k < of_rows.size, share * ops.cast(value, share.dtype), 0.0)
        return backend.add_at(rows, column[:, None], less[:, None])

    return ops.reshape(of_rows.loop(step, as_rows(matrix)), ops.shape(matrix))


def is_small(shape) -> bool:
    """Whether a matrix, [..., rows, columns], is so small that all n_ij are fastest; False for unknown shapes."""
    return None not in shape and math.prod(shape) <= SMALL


def totals_and_less(groups_of: Callable, matrix_of: Callable) -> tuple[Callable, Callable]:
    """`totals` and `less` of `Matches` where row i must recognise the members of its group.

    Args:
        groups_of: function of `option` and `constants`, the groups.
        matrix_of: `matrix` of `Matches`, which is faster where pairs are few.
    """

    def totals(option, constants, logits, numbers):
        if is_small(logits.shape):
            return _totals_of_matrix(matrix_of(option, constants), logits, numbers)
        return _totals_of_groups(groups_of(option, constants), logits, numbers)

    def less(option, constants, matrix, share):
        if is_small(matrix.shape):
            return matrix - share[..., None] * ops.cast(matrix_of(option, constants), matrix.dtype)
        return _less_of_groups(groups_of(option, constants), matrix, share)

    return totals, less


def _totals_of_matrix(counts, logits, numbers):
    """`totals` of `Matches` from the matrix of all n_ij, bool or numbers."""
    short = numbers[..., None] - logits
    if ops.dtype(counts) == "bool":
        terms = ops.where(counts, short, 0.0)
    else:
        terms = ops.where(counts != 0, ops.cast(counts, short.dtype) * short, 0.0)
    return ops.sum(ops.cast(counts, short.dtype), axis=-1), ops.sum(terms, axis=-1)


def all_rows(labels, axes: int = 1):
    """[..., rows] int32, the row numbers of labels; the last `axes` axes of the labels belong to one row."""
    shape = ops.shape(labels)[: len(labels.shape) - axes + 1]
    return ops.broadcast_to(ops.arange(shape[-1], dtype="int32"), shape)


def rows_given(rows, similarities):
    """[..., rows] int32, the numbers of the rows of similarities, [..., rows, columns], as the caller gives them.

    Raises:
        ValueError: their number is not that of the similarities.
    """
    rows = ops.cast(ops.convert_to_tensor(rows), "int32")
    shape = similarities.shape[:-1]
    if len(rows.shape) < len(shape):
        check_shape("rows", rows, "one number per row", shape[-1:])
        return ops.broadcast_to(rows, ops.shape(similarities)[:-1])
    check_shape("rows", rows, "one number per row", shape)
    return rows
