"""Embeds any number of rows by a tower, a batch at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from plackett.lists._shapes import shape_text
from plackett.registry import check_options
from plackett.registry.options import Count
from plackett.retrieval._similarity import unit_length


def embed(
    tower: keras.Model,
    x: Any,
    *,
    batch_size: Count = 1024,
    unit: bool = False,
    name_row: Callable[[int], str] | None = None,
) -> np.ndarray:
    """Returns the output of a tower for each row, in order.

    All batches have the same number of rows, so that the tower is compiled once; the last batch is padded. If there are
    fewer rows, this number is the next power of two.

    Args:
        tower: a model of rows whose output is [rows, dimension].
        x: an array, or a dict of arrays by the names of the inputs. The first axis is the rows.
        batch_size: the number of rows that are embedded at a time.
        unit: whether each vector is divided by its length. Zero stays zero.
        name_row: a function of the number of a row that returns its name for errors. None = the number.

    Returns:
        [rows, dimension] float32.

    Raises:
        ValueError: an array has no axis of rows, arrays have different numbers of rows, the output has another shape,
            or the embedding of a row, which the message names, is not finite.
    """
    check_options(embed, batch_size=batch_size)
    x = {name: np.asarray(column) for name, column in x.items()} if isinstance(x, Mapping) else np.asarray(x)
    rows = count_rows(x)
    x = _in_structure(tower, x)
    size = min(batch_size, 1 << max(rows - 1, 0).bit_length())
    found: Any = None
    for start in range(0, max(rows, 1), size):
        batch = np.asarray(tower.predict_on_batch(_part(x, start, size)))
        if batch.ndim != 2 or len(batch) != size:
            raise ValueError(
                f"the tower {tower.name} must give a vector a row, [{size}, dimension] for {size} rows, but gives "
                f"shape {shape_text(batch.shape)}"
            )
        if found is None:
            found = np.empty((rows, batch.shape[1]), "float32")
        batch = batch[: rows - start].astype("float32")
        _check_finite(tower, batch, start, name_row)
        if unit and len(batch):
            batch = keras.ops.convert_to_numpy(unit_length(keras.ops.convert_to_tensor(batch)))
        found[start : start + size] = batch
    return found


def count_rows(x: Any) -> int:
    """Returns the number of rows of an array, or of each array in a dict.

    Raises:
        ValueError: there is no array, one has no axis of rows, or they have different numbers of rows.
    """
    columns = x if isinstance(x, Mapping) else {"x": x}
    if not columns:
        raise ValueError(
            "x must have an input, but has none: give an array, or a dict of arrays by the tower's input names"
        )
    for name, column in columns.items():
        if np.ndim(column) == 0:
            raise ValueError(f"{name} must be an array whose first axis is the rows, but got {column!r}")
    first, *_ = columns
    for name, column in columns.items():
        if len(column) != len(columns[first]):
            raise ValueError(
                f"all inputs must have the same number of rows, but {first} has {len(columns[first])} and {name} "
                f"{len(column)}"
            )
    return len(columns[first])


def _in_structure(tower, x):
    """Puts inputs by name into the structure of the tower, even for one array or a list: Keras warns of any other."""
    if isinstance(tower, keras.Sequential):  # it has no `input`
        structure = tower.inputs[0] if tower.inputs else None
    else:
        structure = getattr(tower, "input", None)
    if structure is None or not isinstance(x, dict) or {tensor.name for tensor in tower.inputs} != set(x):
        return x
    return keras.tree.map_structure(lambda tensor: x[tensor.name], structure)


def _part(x, start, size):
    """Returns `size` rows from `start` on, padded by copies of the last row, or by zeros if there are no rows."""

    def fill_up(column):
        rows = column[start : start + size]
        if not len(rows):
            return np.zeros((size, *column.shape[1:]), column.dtype)
        return rows if len(rows) == size else np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), 0)])

    return keras.tree.map_structure(fill_up, x)


def _check_finite(tower, batch, start, name_row):
    bad = np.flatnonzero(~np.isfinite(batch).all(axis=1))
    if len(bad):
        values, row = batch[bad[0]], start + int(bad[0])
        name = f"row {row}, counted from 0" if name_row is None else name_row(row)
        raise ValueError(
            f"embeddings must be finite, but the tower {tower.name} gives {values[~np.isfinite(values)][0]} for "
            f"{name}: look for missing values in its inputs, and for NaN in its weights after training"
        )
