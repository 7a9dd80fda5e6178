"""Turns the rows of a table into the inputs of a tower."""

import re
from collections.abc import Iterator

import keras
import numpy as np

from plackett.data import Strings
from plackett.data._columns import numbers_of_ids
from plackett.data._words import some
from plackett.registry import check_known
from plackett.retrieval._columns import Column, ListColumn, any_of_row
from plackett.retrieval._tables import Table
from plackett.retrieval._tower_layers import KnownIds, StandardNumbers, nothing

NAMELESS = re.compile(r"(keras_tensor|input_layer|input)(_\d+)?")
OF_MISSING = "fill it, or make the tower with make_tower(..., missing=True)"


def inputs_of(tower: keras.Model, table: Table) -> dict[str, np.ndarray]:
    """Returns the inputs of a tower for the rows of a table; see `Table.inputs`.

    The type and the shape of an input decide what it takes from its column:

    - floats: numbers as [rows] or [rows, 1]; vectors by their shape;
    - whole numbers: whole numbers in the same shapes; with shape (2,), 64-bit numbers and strings, as the low and
      the high half of each, where strings are hashed by `plackett.data.hash_strings`; lists of these have one more
      axis, and shorter lists are padded with 0;
    - strings, on TensorFlow: strings as [rows].

    A tower of `make_tower` knows by itself which ids it takes.

    Returns:
        name of the input -> [rows, ...]. If lists may have any length, all are padded to the next power of 2.

    Raises:
        ValueError: the table has no such column, or its values are not what the tower takes; the message names the row.
    """
    knows = _layers_by_column(tower)
    return {
        name: _Feed(table, column, tensor, knows.get(column)).array()
        for name, (column, tensor) in _columns_of(tower, table).items()
    }


def _columns_of(tower, table):
    """name of an input -> (its column, its tensor)."""
    inputs = _named_inputs(tower)
    others = [name for name in table.names if name != table.id_column]
    if len(inputs) == len(others) == 1 and NAMELESS.fullmatch(next(iter(inputs))):
        return {name: (others[0], tensor) for name, tensor in inputs.items()}
    for name in inputs:
        try:
            check_known("column", name, table.names)
        except ValueError as error:
            nameless = "; name each input by its column: keras.Input(..., name=COLUMN)" * bool(NAMELESS.fullmatch(name))
            raise ValueError(
                f"the tower {tower.name} takes {some(inputs)}, but {table.where} has {some(table.names)}: "
                f"{error}{nameless}"
            ) from None
    return {name: (name, tensor) for name, tensor in inputs.items()}


def _named_inputs(tower):
    """Returns the inputs of a functional model by their names."""
    if not getattr(tower, "inputs", None):
        raise ValueError(
            f"a tower must be a functional model with named inputs, as from make_tower, but {tower!r} has no known "
            "inputs: give its inputs yourself, as a dict of arrays"
        )
    struct = getattr(tower, "input", None)
    if isinstance(struct, dict) and all(isinstance(tensor, keras.KerasTensor) for tensor in struct.values()):
        return struct
    return {tensor.name: tensor for tensor in tower.inputs}


def _layers_by_column(tower):
    """column -> the layer of `make_tower` that knows its values."""
    found = {}
    for layer in _all_layers(tower):
        if isinstance(layer, KnownIds):
            found[layer.column] = layer
        elif isinstance(layer, StandardNumbers):
            found |= dict.fromkeys(layer.names, layer)
    return found


def _all_layers(model) -> Iterator[keras.layers.Layer]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _all_layers(layer)


class _Feed:
    """A column, and the input that it is for."""

    def __init__(self, table: Table, name: str, tensor: keras.KerasTensor, layer: KnownIds | StandardNumbers | None):
        self.table, self.name, self.layer = table, name, layer
        self.dtype, self.shape = keras.backend.standardize_dtype(tensor.dtype), tuple(tensor.shape[1:])
        self.column: Column = table.column(name)

    def array(self) -> np.ndarray:
        """Returns the column as an array, [rows, ...], with the type and the shape of the input."""
        missing = self.column.missing
        if missing.any() and not getattr(self.layer, "missing", False):
            where = self.table.place(int(missing.argmax()))
            raise ValueError(
                f"{where}: {self.name} is missing, as in {missing.sum():,} of {len(missing):,} rows; {OF_MISSING}"
            )
        if isinstance(self.layer, KnownIds):
            return self._known_ids()
        if "float" in self.dtype:
            return self._floats()
        if self.dtype == "string":
            return self._texts()
        return self._whole()

    def _wrong(self, takes, is_text=False):
        shape = "" if isinstance(self.column.values, Strings | ListColumn) else f" {self.column.values.shape[1:]}"
        holds = f"{self.column.kind}{shape if self.column.kind == 'vectors' else ''}"
        return ValueError(
            f"the tower takes {takes} as {self.name} (an input of {self.dtype} with the shape {self.shape}), but "
            f"{self.table.where} holds {holds}"
            + "; to read a column of CSV as text, name it in texts=[...] (--text on the command line)"
            * is_text
        )

    def _known_ids(self):
        """Returns the ids in the form of a tower of `make_tower`."""
        kind, lowest = self.layer.kind, nothing(self.layer.kind)
        takes_lists = len(self.shape) > (kind != "int32")
        if self.column.missing.all():  # so its type is not known
            shape = (len(self.table), 1) if takes_lists else (len(self.table),)
            numbers = np.full(shape, lowest, "int64")
        else:
            flat = self._flat_ids(takes_lists, is_text=kind == "text")
            numbers = flat.hashes() if isinstance(flat, Strings) else flat.astype("int64")
            allowed = np.iinfo("int32" if kind == "int32" else "int64")
            unknown = (numbers <= allowed.min) | (numbers > allowed.max)
            numbers = np.where(unknown, self.layer.unknown, numbers) if unknown.any() else numbers
            numbers = self._pad(numbers, lowest) if takes_lists else np.where(self.column.missing, lowest, numbers)
        return numbers.astype("int32") if kind == "int32" else _halves(numbers)

    def _flat_ids(self, takes_lists, is_text):
        """Returns the ids, those of all lists joined, after checking that they are of this kind."""
        values = self.column.values
        if takes_lists == isinstance(values, ListColumn):
            flat = values.values if takes_lists else values
            if is_text == isinstance(flat, Strings) and (takes_lists or is_text or self.column.is_whole):
                return flat
            if takes_lists and not len(flat):  # so their type is not known
                return np.zeros(0, "int64")
        what = f"{'lists of ' * takes_lists}{'strings' if is_text else 'whole numbers'}"
        raise self._wrong(what, is_text=is_text and self.column.kind == "numbers" and not takes_lists)

    def _floats(self):
        column = self.column
        if column.kind not in ("numbers", "vectors"):
            raise self._wrong("numbers")
        with np.errstate(over="ignore"):
            values = column.values.astype("float32")
        if column.is_whole:
            values[column.missing] = np.nan
        infinite = any_of_row(np.isinf(values))
        if infinite.any():
            row = int(infinite.argmax())
            raise ValueError(
                f"{self.table.place(row)}: {self.name} must be finite in float32, but is {column.values[row]}"
            )
        return self._in_shape(values, "numbers")

    def _whole(self):
        column = self.column
        if isinstance(column.values, ListColumn):
            return self._lists()
        if isinstance(column.values, Strings) or (column.is_whole and self.shape == (2,)):
            if self.shape != (2,) or self.dtype != "int32":
                raise self._wrong("whole numbers")
            return numbers_of_ids(
                column.values if isinstance(column.values, Strings) else column.values.astype("int64")
            )
        if column.kind not in ("numbers", "vectors") or column.values.dtype.kind not in "iub":
            raise self._wrong("whole numbers")
        return self._in_shape(self._in_range(column.values), "whole numbers")

    def _lists(self):
        """Returns lists for an input of one axis, or of two with halves."""
        values = self.column.values
        if isinstance(values.values, Strings) or len(self.shape) == 2:
            if len(self.shape) != 2 or self.shape[1] != 2 or self.dtype != "int32":
                raise self._wrong("whole numbers")
            return _halves(
                self._pad(values.values.hashes() if isinstance(values.values, Strings) else values.values, 0)
            )
        if len(self.shape) != 1:
            raise self._wrong("whole numbers")
        return self._pad(self._in_range(values.values), 0)

    def _texts(self):
        if self.shape != () or not isinstance(self.column.values, Strings):
            raise self._wrong("strings in the shape (), the one that Keras takes of strings,")
        return np.asarray(self.column.values)

    def _in_range(self, values):
        """Returns whole numbers in the type of the input, after checking that they fit."""
        if self.dtype == "bool" or not len(values):
            return values.astype(self.dtype)
        allowed = np.iinfo(self.dtype)
        if not allowed.min <= int(values.min()) <= int(values.max()) <= allowed.max:
            raise ValueError(
                f"the tower takes {self.name} as {self.dtype}, but {self.table.where} holds {values.min()} to "
                f"{values.max()}: an input of int32 with the shape (2,) takes 64-bit numbers as two halves"
            )
        return values.astype(self.dtype)

    def _in_shape(self, values, takes):
        given = values.shape[1:]
        if given == () and self.shape in ((), (1,)):
            return values.reshape(-1, *self.shape)
        if len(given) != len(self.shape) or any(n not in (None, m) for n, m in zip(self.shape, given, strict=True)):
            raise self._wrong(takes)
        return values

    def _pad(self, flat, filler):
        """Pads lists to [rows, length] with the filler."""
        lengths = self.column.values.lengths
        longest = int(lengths.max(initial=1))
        length = self.shape[0] or 1 << max(longest - 1, 0).bit_length()
        if longest > length:
            row = self.table.place(int(lengths.argmax()))
            raise ValueError(f"{row}: the tower takes lists of at most {length} as {self.name}, but this has {longest}")
        there = np.arange(length) < lengths[:, None]
        if not isinstance(self.layer, KnownIds) and not there.all() and len(same := np.flatnonzero(flat == filler)):
            row = self.table.place(int(self.column.values.row_of[same[0]]))
            raise ValueError(
                f"{row}: {self.name} holds {filler!r}, which pads shorter lists: ids in lists must count from 1"
            )
        padded = np.full(there.shape, filler, flat.dtype)
        padded[there] = flat
        return padded


def _halves(numbers):
    """Returns the low and the high half of int64, [..., 2] int32."""
    return np.ascontiguousarray(numbers, "<i8").view("<i4").reshape(*numbers.shape, 2)
