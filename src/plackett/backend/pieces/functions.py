"""`by_pieces`, for functions of tensors."""

import importlib
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from plackett._types import Tensor

_HALVES = ("float16", "bfloat16")


def by_pieces(function: Callable, shared: tuple, rows: Any, size: int) -> Tensor | tuple:
    """`function(shared, rows)`, with at most `size` rows in memory at once.

    The value, and the gradient with respect to `shared` and `rows`, are those of one call with all rows. Intermediate
    results are not held for the gradient but computed again, one piece at a time.

    Args:
        function: a function of only these two that returns a tensor, or a tuple of tensors, with as many rows as its
            input, and computes each row by itself. It is called more than once, with other numbers of rows.
        shared: tensors that each piece gets whole.
        rows: a structure of tensors with the same number of rows. None entries stay None.
        size: the number of rows per piece. Where the backend must know the size, all pieces have one size that is not
            larger, and copies of the last row may fill the last piece without effect.

    Raises:
        ValueError: `size` is not a whole number of at least 1, or the tensors of `rows` differ in their number of rows.

    Cost: the time of the function twice and of its gradient once; the memory of one piece, of the results, and of the
    gradients with respect to `shared` and `rows`.

    Derivatives: of any order; derivatives of the gradient hold the values of all pieces.
    """
    structure = {}

    def of_tuples(shared, carry, rows):
        values = function(shared, rows)
        structure["single"] = not isinstance(values, tuple | list)
        return ((values,) if structure["single"] else tuple(values)), carry

    values, _ = with_carry(of_tuples, shared, (), rows, size)
    return values[0] if structure["single"] else values


def with_carry(function: Callable, shared: tuple, carry: tuple, rows: Any, size: int) -> tuple[tuple, tuple]:
    """`by_pieces` for a function that passes something from one piece to the next.

    Args:
        function: a function of (shared, carry, rows) that returns (a tuple of tensors of rows, the carry for the next
            piece).
        shared, rows, size: as for `by_pieces`.
        carry: tensors of whole numbers, the carry for the first piece.

    Returns:
        (the values, the carry after the last piece). Each piece is computed again with the carry that it had.
    """
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"size must be a whole number of at least 1, but got size={size!r}")
    shared = tuple(ops.convert_to_tensor(x) for x in shared)
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in shared]
    leaves = [None if x is None else ops.convert_to_tensor(x) for x in tree.flatten(rows)]
    given = tuple(x for x in leaves if x is not None)
    number = _number_of_rows(given)

    def of_flat(shared, carry, given):
        rest = iter(given)
        pieces = tree.pack_sequence_as(rows, [None if x is None else next(rest) for x in leaves])
        shared = tuple(ops.cast(x, y) if y in _HALVES else x for x, y in zip(shared, dtypes, strict=True))
        values, carry = function(shared, carry, pieces)
        return tuple(values), tuple(carry)

    # The gradients of all pieces are added up in float32.
    shared = tuple(ops.cast(x, "float32") if y in _HALVES else x for x, y in zip(shared, dtypes, strict=True))
    if isinstance(number, int) and number <= size:
        return of_flat(shared, tuple(carry), given)
    of_backend = importlib.import_module(f"plackett.backend.pieces.on_{keras.backend.backend()}")
    return of_backend.run(of_flat, shared, tuple(carry), given, number, size)


def even_size(number, size):
    """(number of pieces, rows per piece) for pieces of one size, at most `size`, with the fewest extra rows."""
    pieces = (number + size - 1) // size
    if isinstance(number, int):
        return max(pieces, 1), -(-number // max(pieces, 1))
    pieces = ops.maximum(pieces, 1)
    return pieces, (number + pieces - 1) // pieces


def _number_of_rows(given):
    if not given:
        raise ValueError("rows must hold at least one tensor, but got none")
    shapes = [tuple(x.shape) for x in given]
    if any(not shape for shape in shapes):
        raise ValueError(f"the tensors of rows must have a first axis, but got shapes {shapes}")
    if len({shape[0] for shape in shapes if shape[0] is not None}) > 1:
        raise ValueError(f"the tensors of rows must have the same number of rows, but got shapes {shapes}")
    return ops.shape(given[0])[0]
