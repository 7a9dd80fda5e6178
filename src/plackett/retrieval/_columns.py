"""The columns of a table: numbers, vectors, strings, times, and lists of strings or of whole numbers."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data import Strings
from plackett.data._ids import check_given
from plackett.data._schema import array_of, cast_numbers, from_arrow, is_list, is_number, is_string
from plackett.data.formats.frames import decode

INT64 = np.iinfo("int64")


class ListColumn(Sequence):
    """A list of strings or of whole numbers for each row, of any length.

    >>> column = ListColumn(Strings.of(["comedy", "crime", "drama"]), np.array([0, 2, 2, 3]))
    >>> len(column), column[0], column[1:].tolist()
    (3, ['comedy', 'crime'], [[], ['drama']])

    Args:
        values: the values of all lists, one list after another, as `Strings` or whole numbers.
        row_splits: [rows + 1] int64, where each list begins and ends.
    """

    def __init__(self, values: np.ndarray | Strings, row_splits: np.ndarray):
        self.values = values
        self.row_splits = row_splits

    @property
    def lengths(self) -> np.ndarray:
        """[rows] int64."""
        return np.diff(self.row_splits)

    @property
    def row_of(self) -> np.ndarray:
        """The row of each value, [values] int64."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.row_splits) - 1

    def __getitem__(self, which: Any) -> Any:
        """Returns one list, or the column of the rows of a slice, a mask or several indices."""
        if not isinstance(which, slice | np.ndarray | list):
            row = range(len(self))[which]
            return self.values[int(self.row_splits[row]) : int(self.row_splits[row + 1])].tolist()
        rows = np.arange(len(self))[which]
        lengths = self.lengths[rows]
        splits = np.append(0, np.cumsum(lengths))
        places = np.repeat(self.row_splits[rows] - splits[:-1], lengths) + np.arange(splits[-1])
        return ListColumn(self.values[places], splits)

    def __repr__(self) -> str:
        """Shows the first lists."""
        more = f" and {len(self) - 8:,} more" if len(self) > 8 else ""
        return f"ListColumn({self[:8].tolist()}{more})"

    def tolist(self) -> list[list]:
        """The lists."""
        values = self.values.tolist()
        return [values[start:stop] for start, stop in itertools.pairwise(self.row_splits.tolist())]


class Column(NamedTuple):
    """The values of a column, and the rows in which they are missing.

    Args:
        values: numbers, [rows]; vectors or other arrays, [rows, ...]; times, [rows] datetime64; `Strings`; or
            `ListColumn`. A missing value is NaN, 0, empty or an empty list.
        missing: [rows] bool.
    """

    values: Any
    missing: np.ndarray

    @property
    def kind(self) -> str:
        """The kind of its values, in words."""
        if isinstance(self.values, ListColumn):
            return f"lists of {'strings' if isinstance(self.values.values, Strings) else 'whole numbers'}"
        if isinstance(self.values, Strings):
            return "strings"
        if self.values.dtype.kind in "mM":
            return "times"
        return "numbers" if self.values.ndim == 1 else "vectors"

    @property
    def is_whole(self) -> bool:
        """Whether it holds one whole number a row. A bool counts as one."""
        return self.kind == "numbers" and self.values.dtype.kind in "biu"

    def take(self, rows: slice | np.ndarray) -> "Column":
        """Returns the column of these rows."""
        return Column(self.values[rows], self.missing[rows])


def column_of(name: str, given: Any, where: str) -> Column | pa.ChunkedArray:
    """Returns a column that a user gives: an array of numbers unchanged, anything else as Arrow data.

    Raises:
        ValueError: it is masked, has no axis, or holds values of several types.
    """
    what = f"{where}: column {name!r}"
    check_given(name, given)
    is_series = hasattr(given, "dtype") and hasattr(given, "to_list")
    if hasattr(given, "__array__") and not (is_series or isinstance(given, Strings | pa.Array | pa.ChunkedArray)):
        given = np.asarray(given)
    if isinstance(given, np.ndarray) and given.dtype.kind in "biuf":
        if given.ndim == 0:
            raise ValueError(f"{what} must have an entry a row, but is the number {given}")
        return of_numbers(given)
    if isinstance(given, np.ndarray) and given.dtype.kind == "M":
        return Column(given.astype("datetime64[us]"), np.isnat(given))
    if isinstance(given, Strings):
        return Column(given, np.zeros(len(given), bool))
    if isinstance(given, str | bytes):
        raise ValueError(f"{what} must have an entry a row, but is {given!r:.60}")
    try:
        if isinstance(given, pa.Array | pa.ChunkedArray):
            return decode(pa.chunked_array([given]) if isinstance(given, pa.Array) else given)
        if is_series and hasattr(given, "to_arrow"):  # of polars
            return decode(pa.chunked_array([given.to_arrow()]))
        entries = given if is_series or isinstance(given, np.ndarray) else list(given)
        found = pa.array(entries, from_pandas=True)
        return decode(found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found]))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{what} must hold values of one type, numbers, strings, or lists of them, but does not: {error}"
        ) from None


def of_numbers(values: np.ndarray) -> Column:
    """Returns numbers as a column. NaN is missing."""
    if values.dtype == "float16":
        values = values.astype("float32")
    if values.dtype.kind != "f":
        return Column(values, np.zeros(len(values), bool))
    return Column(values, any_of_row(np.isnan(values)))


def any_of_row(x: np.ndarray) -> np.ndarray:
    """Whether anything is true in each row of [rows, ...] bool, [rows] bool."""
    return np.any(x, axis=tuple(range(1, x.ndim)), keepdims=True).reshape(len(x))


def read_column(column: pa.ChunkedArray, what: str) -> Column:
    """Reads Arrow data as a column.

    Args:
        column: the data, without encodings.
        what: the name of the column in errors.

    Raises:
        ValueError: the data cannot be a column, or a value is wrong; the message names the row, from 1.
    """
    array = array_of(column)
    missing = array.is_null().to_numpy(zero_copy_only=False)
    kind = array.type
    if kinds.is_null(kind):
        return Column(np.full(len(array), np.nan, "float32"), missing)
    if is_string(kind):
        return Column(_strings(array.fill_null("") if missing.any() else array, what), missing)
    if is_number(kind):
        return _numbers(array, missing)
    if kinds.is_date(kind) or kinds.is_timestamp(kind):
        return Column(pc.cast(array, pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False), missing)
    if is_list(kind):
        return _lists(array, missing, what)
    raise ValueError(f"{what} holds {kind}, which is neither numbers, strings, times nor lists: leave the column out")


def _numbers(array, missing):
    """Keeps whole numbers, with 0 for a missing one; makes others floats, with NaN for a missing one."""
    if kinds.is_integer(array.type) or kinds.is_boolean(array.type):
        zero = pa.scalar(False if kinds.is_boolean(array.type) else 0, array.type)
        values = array.fill_null(zero) if missing.any() else array
        return Column(values.to_numpy(zero_copy_only=False), missing)
    floats = cast_numbers(array, pa.float64()) if kinds.is_decimal(array.type) else array
    return of_numbers(floats.to_numpy(zero_copy_only=False))


def _strings(array, what):
    try:
        return from_arrow(array)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{what} is not UTF-8 text: {error}") from None


def _lists(array, missing, what):
    """Makes vectors if all lists have one length by their type, or hold fractions; else one list per row."""
    inner = array.type.value_type
    if kinds.is_fixed_size_list(array.type) or is_list(inner) or kinds.is_floating(inner) or kinds.is_decimal(inner):
        return _vectors(array, missing, what)
    splits = _splits(array)
    if is_string(inner) or kinds.is_integer(inner) or kinds.is_null(inner):
        values = array.flatten()  # leaves out the contents of null lists
        splits = np.append(0, np.cumsum(np.where(missing, 0, np.diff(splits))))
        if values.null_count:
            place = int(values.is_null().to_numpy(zero_copy_only=False).argmax())
            row = int(np.searchsorted(splits, place, side="right"))
            raise ValueError(
                f"{what}, row {row}: a value in the list is missing; take it out, or make the list missing"
            )
        if is_string(inner):
            return Column(ListColumn(_strings(values, what), splits), missing)
        return Column(ListColumn(_int64(values, what), splits), missing)
    raise ValueError(f"{what} holds lists of {inner}, which are neither numbers nor strings: leave the column out")


def _int64(values, what):
    try:
        return pc.cast(values, pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{what}: whole numbers in lists must be from {INT64.min} to {INT64.max}: {error}") from None


def _splits(array):
    if kinds.is_fixed_size_list(array.type):
        return np.arange(len(array) + 1, dtype="int64") * array.type.list_size
    offsets = array.offsets.to_numpy().astype("int64")
    return offsets - offsets[0]


def _vectors(array, missing, what):
    """Makes an array, [rows, ...], of lists that all have one length; NaN for a missing one."""
    lengths = np.diff(_splits(array))
    known = np.flatnonzero(~missing)
    width = int(lengths[known[0]]) if len(known) else 0
    if len(wrong := known[lengths[known] != width]):
        raise ValueError(
            f"{what} must hold vectors of one length, but that of row {wrong[0] + 1} has {lengths[wrong[0]]} numbers, "
            f"and that of row {known[0] + 1} has {width}"
        )
    values = array.flatten()
    of_value = np.repeat(known, width)
    inner = values.is_null().to_numpy(zero_copy_only=False)
    if is_list(values.type):
        entries, inner = _vectors(values, inner, what)
    elif is_number(values.type):
        entries = _numbers(values, inner).values
        inner = inner | np.isnan(entries) if entries.dtype.kind == "f" else inner
    else:
        raise ValueError(f"{what} holds vectors of {values.type}, which are not numbers: leave the column out")
    entries = entries.reshape(len(known), width, *entries.shape[1:])
    missing = missing.copy()
    missing[of_value[inner]] = True
    if len(known) == len(missing):
        return Column(entries, missing)
    full = np.full((len(missing), *entries.shape[1:]), np.nan if entries.dtype.kind == "f" else 0, entries.dtype)
    full[known] = entries
    return Column(full, missing)


def split(strings: Column, separator: str, what: str) -> Column:
    """Splits each string at the separators into a list. Empty parts are left out.

    Raises:
        ValueError: the column does not hold strings.
    """
    if not isinstance(strings.values, Strings):
        raise ValueError(f"{what} must hold strings to be split at {separator!r}, but holds {strings.kind}")
    words = strings.values.dictionary
    texts = Strings(np.arange(len(words), dtype="int32"), words).tolist()
    parts = [[part for part in text.split(separator) if part] for text in texts]
    lengths = np.fromiter(map(len, parts), "int64", len(parts))
    flat = ListColumn(Strings.of([part for found in parts for part in found]), np.append(0, np.cumsum(lengths)))
    return Column(flat[np.asarray(strings.values.codes)], strings.missing)
