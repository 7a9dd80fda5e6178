"""Tables with one row per document in the form of `group_by_query`: types and allowed values of each column."""

import functools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._columns import find_contradiction, find_wrong
from plackett.data._grouping import LINE, OF_QUERY, Place
from plackett.data._roles import Role
from plackett.data._schema import array_of, cast_numbers, is_string, mark, type_of_column

TEXTS = ("query", "document", "categorical")  # the roles of columns that are read as text
NUMBERS = ("label", "features", "ids", "columns")
MARKS = {"features": "features", "ids": "ids", "categorical": "ids", "columns": "columns", "query_columns": OF_QUERY}
INT64 = np.iinfo("int64")
EXACT = {16: 11, 32: 24, 64: 53}  # bits of a float -> the power of 2 below which it holds all whole numbers
WHOLE = f"whole numbers from {INT64.min} to {INT64.max}"


def type_of(role: Role) -> pa.DataType | None:
    """The type that a column of this role is read as; None = any."""
    if role.kind in TEXTS:
        return pa.string()
    if role.kind == "ids":
        return pa.int64()
    if role.kind == "query_columns":
        return None
    return type_of_column(role.name) if role.kind == "columns" else pa.float32()


def of_documents(columns: Sequence[pa.ChunkedArray], roles: Sequence[Role], first_row: int, place: Place) -> pa.Table:
    """A table with one row per document in the form that `group_by_query` takes.

    Args:
        columns: the values of a column of each role.
        roles: the roles of the columns. Without a label, the labels are 0 and nobody judged the documents.
        first_row: the number of the first row.
        place: function that names the place of a row in errors, by its number.

    Raises:
        ValueError: a value is not allowed; the error gives the row, the query and the column.
    """
    rows = _Rows(columns, roles, first_row, place)
    arrays = [rows.column(column, role) for column, role in zip(columns, roles, strict=True)]
    rows.check_judged({role.name: array for array, role in zip(arrays, roles, strict=True)})
    fields = [
        pa.field(role.name, array.type, metadata=mark(MARKS[role.kind]) if role.kind in MARKS else None)
        for role, array in zip(roles, arrays, strict=True)
    ]
    if not any(role.kind == "label" for role in roles):
        zeros = pa.array(np.zeros(len(rows.queries), "float32"))
        arrays += [zeros, zeros]
        fields += [pa.field("label", zeros.type), pa.field("judged", zeros.type, metadata=mark("columns"))]
    arrays.append(pa.array(np.arange(first_row, first_row + len(rows.queries))))
    fields.append(pa.field(LINE, pa.int64()))
    return pa.table(arrays, schema=pa.schema(fields))


def first_misfit(column: pa.ChunkedArray | pa.Array, kind: pa.DataType) -> int | None:
    """The row of the first value that this type cannot hold; None = it holds all values.

    Cost: one cast if it holds all values.
    """
    if _fits(column, kind):
        return None
    fit, misfit = 0, len(column)  # this many values can be held, and this many cannot
    while misfit - fit > 1:
        middle = (fit + misfit) // 2
        fit, misfit = (middle, misfit) if _fits(column.slice(fit, middle - fit), kind) else (fit, middle)
    return fit


def _fits(column, kind):
    try:
        pc.cast(column, kind)
    except pa.ArrowInvalid:
        return False
    return True


class _Rows:
    """Rows, and their names in errors."""

    def __init__(self, columns, roles, first_row, place):
        self.first_row, self.place = first_row, place
        query = [role.kind for role in roles].index("query")
        self.queries = None  # until they are known
        self.queries = self._texts(columns[query], roles[query])
        empty = pc.equal(self.queries, "").fill_null(True)
        if pc.any(empty).as_py():
            raise ValueError(f"{self._place(_first(empty))}: the query has no id")

    def column(self, column, role):
        """The values of a column in the type of its role, all of them allowed."""
        if role.kind == "ids":
            self._check_whole(column, role)
        elif role.kind == "query_columns" and kinds.is_timestamp(column.type):
            self._check_microseconds(column, role)
        values = self._values(column, role)
        if role.kind in ("label", "columns", "ids", "categorical") and values.null_count:
            fill = "; fill it with a value of its own" if role.kind in ("ids", "categorical") else ""
            raise self._wrong(_first(values.is_null()), role, f"{role.name} is missing{fill}")
        known = values.to_numpy(zero_copy_only=False) if role.kind in ("label", "columns") else None
        if known is not None and (wrong := find_wrong(role.name, known)):
            raise self._wrong(wrong[0], role, wrong[1])
        if role.kind == "features" and pc.any(infinite := pc.is_inf(values)).as_py():
            row = _first(infinite.fill_null(False))
            raise self._wrong(row, role, f"{role.name} must be finite, but got {column[row].as_py()}")
        return values

    def _values(self, column, role):
        """The values of a column in the type of its role."""
        if role.kind in TEXTS:
            return self._texts(column, role)
        kind = type_of(role) or _plain(column.type)
        cast = cast_numbers if kinds.is_floating(kind) else functools.partial(pc.cast, safe=False)
        return array_of(cast(column, kind))

    def _texts(self, column, role):
        """The values of a column as text. Whole numbers may be floats, as pandas holds them next to missing values."""
        if not kinds.is_floating(column.type):
            return array_of(pc.cast(column, pa.string()))
        numbers, power = array_of(pc.cast(column, pa.float64())), EXACT[column.type.bit_width]
        whole = pc.and_(pc.less(pc.abs(numbers), 2.0**power), pc.equal(numbers, pc.trunc(numbers)))
        if not pc.all(whole).as_py():
            row = _first(pc.invert(whole).fill_null(False))
            raise self._wrong(
                row,
                role,
                f"{role.name} must be text or a whole number, below 2^{power} where it is of {column.type}, but got "
                f"{numbers[row].as_py()!r}; read the column as text, as by dtype={{{role.column!r}: str}} of pandas",
            )
        return pc.cast(pc.cast(numbers, pa.int64()), pa.string())

    def check_judged(self, arrays):
        """Checks that no document has a grade without a judgement."""
        if "judged" in arrays and "label" in arrays:
            labels, judged = (arrays[name].to_numpy(zero_copy_only=False) for name in ("label", "judged"))
            if wrong := find_contradiction(labels, judged):
                raise ValueError(f"{self._place(wrong[0])}, query {self.queries[wrong[0]].as_py()!r}: {wrong[1]}")

    def _check_whole(self, column, role):
        kind = type_of(role)
        numbers = cast_numbers(column, pa.float64()) if kinds.is_decimal(column.type) else column
        if (row := first_misfit(numbers, kind)) is not None:
            must = f"{role.name} must be {WHOLE}, but got {column[row].as_py()}; categorical takes any text or number"
            raise self._wrong(row, role, must)

    def _check_microseconds(self, column, role):
        if (row := first_misfit(column, pa.timestamp("us", column.type.tz))) is not None:
            finer = f"{role.name} holds a time finer than a microsecond, which no column of queries keeps: round it"
            raise self._wrong(row, role, finer)

    def _wrong(self, row, role, what):
        column = f"column {role.column!r}: " if role.column != role.name else ""
        query = "" if self.queries is None else f", query {self.queries[row].as_py()!r}"
        return ValueError(f"{self._place(row)}{query}: {column}{what}")

    def _place(self, row):
        return self.place(self.first_row + row)


def _plain(kind):
    """The type of a column of queries: text, a number, or a time that NumPy supports."""
    if is_string(kind):
        return pa.string()
    if kinds.is_boolean(kind):
        return pa.int64()
    if kinds.is_decimal(kind) or kinds.is_float16(kind):
        return pa.float64()
    return pa.timestamp("us") if kinds.is_timestamp(kind) else kind


def _first(truths):
    return int(np.flatnonzero(truths.to_numpy(zero_copy_only=False))[0])
