"""The form of ranking data that readers, files and training share: Arrow tables with one row per query.

| column | Arrow type | |
| --- | --- | --- |
| `query` | string | the id of the query |
| `document` | list of string | the ids of its documents, each once |
| `label` | list of float32 | their grades, finite and >= 0 |
| `features` | list of fixed-size lists of float32 | the dense features of each document, or none, or else |
| any other name | list of numbers | one dense feature by its name |
| any other name | list of string, or of whole numbers marked as ids | an id feature, by its name |
| `click`, `propensity`, `position`, `teacher`, `weight` | list of float32 | what else is known of documents |
| `judged` | list of float32 | 0 for a document that nobody judged, whose label is 0, else 1 |
| `run_score` | list of float64 | the scores of a run |
| any other name | list of float64 marked as columns | what else is known of documents; older files have float32 |
| `missed` | list of float32 | the grades of judged documents that the row lacks, of any number |
| any other name | a number or a string | a query column |

All lists of a row except `missed` have one entry per document, and may be empty. A missing feature is NaN or null. A
missing value of a query column becomes NaN or an empty string. Nothing else may be missing. The ids of queries are
unique, and so are the ids of the documents of a query; no id contains a NUL character.

A mark is the metadata `plackett` of a field: `ids`, `columns`, or `features` for a dense feature with the name of a
column, such as `weight`.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._columns import KNOWN, check_column, dtype_of_column
from plackett.data._ranking_lists import RankingLists
from plackett.data._strings import Dictionary, Strings, smaller
from plackett.data._words import some

MARK = b"plackett"
ROW_A_DOCUMENT = (
    "a table with one row per document is read by RankingLists.from_frame, as of polars.read_parquet(path), or as CSV"
)


def mark(kind: str) -> dict[bytes, bytes]:
    """The metadata of a field of this kind."""
    return {MARK: kind.encode()}


def mark_of(field: pa.Field) -> str:
    """The mark of a field, or "" if it has none."""
    return (field.metadata or {}).get(MARK, b"").decode()


def array_of(column: pa.ChunkedArray) -> pa.Array:
    """The values of a column in one piece; copied only if they are in several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def is_list(kind: pa.DataType) -> bool:
    """Is this the type of a column of lists?"""
    return kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind)


def is_string(kind: pa.DataType) -> bool:
    """Is this the type of a column of strings?"""
    if kinds.is_dictionary(kind):
        return is_string(kind.value_type)
    return kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind)


def is_number(kind: pa.DataType) -> bool:
    """Is this the type of a column of numbers?"""
    return kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_boolean(kind) or kinds.is_decimal(kind)


def cast_numbers(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The numbers of a column in this float type, each rounded once; Arrow's own cast of decimals rounds more often."""
    return pc.cast(pc.cast(column, pa.string()) if kinds.is_decimal(column.type) else column, kind, safe=False)


def type_of_column(name: str) -> pa.DataType:
    """The type of numbers of documents, by the name of their column."""
    return pa.from_numpy_dtype(dtype_of_column(name))


def arrow_dictionary(strings: Strings) -> pa.Array:
    """The texts of strings as an Arrow array, without a copy."""
    dictionary = strings.dictionary
    kind = pa.StringArray if dictionary.offsets.dtype == "int32" else pa.LargeStringArray
    buffers = (pa.py_buffer(np.ascontiguousarray(x)) for x in (dictionary.offsets, dictionary.text))
    return kind.from_buffers(len(dictionary), *buffers)


def to_arrow(strings: Strings) -> pa.Array:
    """The strings as an Arrow array, one text per row."""
    strings = strings.compact()
    words = arrow_dictionary(strings)
    if strings.dictionary.lengths[strings.codes].sum(dtype="int64") >= 2**31:
        words = pc.cast(words, pa.large_string())
    return pa.DictionaryArray.from_arrays(pa.array(strings.codes), words).dictionary_decode()


def from_arrow(column: pa.Array) -> Strings:
    """The strings of a column without nulls; equal strings have equal codes.

    Raises:
        pa.ArrowInvalid: it is not UTF-8.
    """
    if kinds.is_dictionary(column.type):
        words = from_arrow(column.dictionary)
        return Strings(words.codes[column.indices.to_numpy()], words.dictionary).compact()
    if kinds.is_string_view(column.type):  # which Arrow cannot encode
        column = pc.cast(column, pa.large_string())
    known = column.dictionary_encode()
    words = known.dictionary
    words.validate(full=True)
    _, offsets, text = words.buffers()
    of_offsets = "int64" if kinds.is_large_string(words.type) else "int32"
    ends = np.frombuffer(offsets, of_offsets)[words.offset :][: len(words) + 1] if len(words) else np.zeros(1, "int32")
    dictionary = Dictionary(np.frombuffer(text or b"", "uint8"), smaller(ends))
    return Strings(known.indices.to_numpy(), dictionary)


def to_table(lists: RankingLists) -> pa.Table:
    """The lists as a table in this form."""

    def nested(values, row_splits=lists.row_splits):
        offsets = pa.array(row_splits.astype("int32" if row_splits[-1] < 2**31 else "int64"))
        of_list = pa.ListArray if offsets.type == pa.int32() else pa.LargeListArray
        return of_list.from_arrays(offsets, values)

    columns = {
        "query": to_arrow(lists.queries),
        "document": nested(to_arrow(lists.documents)),
        "label": nested(pa.array(lists.labels, pa.float32())),
    }
    if lists.has_feature_names:
        columns |= {name: nested(pa.array(lists.features[:, i])) for i, name in enumerate(lists.feature_names)}
    elif width := lists.features.shape[1]:
        flat = pa.array(np.ascontiguousarray(lists.features).reshape(-1))
        columns["features"] = nested(pa.FixedSizeListArray.from_arrays(flat, width))
    columns |= {name: nested(_array(column)) for name, column in lists.ids.items()}
    columns |= {name: nested(pa.array(column, type_of_column(name))) for name, column in lists.columns.items()}
    if lists.missed is not None:
        columns["missed"] = nested(pa.array(lists.missed.grades, pa.float32()), lists.missed.row_splits)
    columns |= {name: _array(column) for name, column in lists.query_columns.items()}
    marks = dict.fromkeys(lists.feature_names, "features") | dict.fromkeys(lists.ids, "ids")
    marks |= dict.fromkeys(lists.columns, "columns")
    fields = [
        pa.field(name, x.type, metadata=mark(marks[name]) if name in marks else None) for name, x in columns.items()
    ]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def _array(column):
    return to_arrow(column) if isinstance(column, Strings) else pa.array(column)


def kinds_of_columns(schema: pa.Schema, where: str) -> dict[str, list[str]]:
    """The kinds "features", "ids", "columns" and "query_columns" -> the names of their columns, in their order.

    Raises:
        ValueError: the columns do not have this form; the error says which.
    """
    _check_names(schema, where)
    found: dict[str, list[str]] = {"features": [], "ids": [], "columns": [], "query_columns": []}
    for field in schema:
        kind, fits, must = _kind_of(field)
        if not fits:
            raise ValueError(f"{where}: column {field.name} must be {must}, but is {field.type}{_hint(schema)}")
        if kind is not None:
            found[kind].append(field.name)
    if "mask" in found["ids"]:
        raise ValueError(
            f"{where}: an id feature cannot be called mask, as the input of scorers that says who is real is"
        )
    if "features" in schema.names and found["features"]:
        raise ValueError(
            f"{where}: dense features are either in one column, features, or in columns of their own, but there are "
            f"both: features and {', '.join(found['features'])}"
        )
    return found


def _hint(schema):
    """Advice for a table without a column of lists."""
    return "" if any(is_list(field.type) for field in schema) else f"; {ROW_A_DOCUMENT}"


def _check_names(schema, where):
    names = schema.names
    if nameless := [place for place, name in enumerate(names) if not name.strip()]:
        raise ValueError(f"{where}: column {nameless[0] + 1} has no name: give it one, or leave it out")
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{where}: there are two columns called {', '.join(twice)}")
    if missing := [name for name in ("query", "label") if name not in names]:
        raise ValueError(
            f"{where}: there must be a column {' and a column '.join(missing)}, but there are {', '.join(names)}"
            f"{_hint(schema)}"
        )


def _kind_of(field):
    """(the kind of the column, None for a fixed name; whether its type fits; what its type must be)."""
    kind, marked = field.type, mark_of(field)
    inner = kind.value_type if is_list(kind) else None
    of_numbers = inner is not None and is_number(inner)
    match field.name:
        case "query":
            return None, is_string(kind) or kinds.is_integer(kind), "a string"
        case "document":
            return None, inner is not None and (is_string(inner) or kinds.is_integer(inner)), "a list of strings"
        case "features":
            return (
                None,
                inner is not None and is_list(inner) and is_number(inner.value_type),
                "a list of lists of numbers",
            )
        case "label" | "missed":
            return None, of_numbers, "a list of numbers"
    if marked == "columns" or (field.name in KNOWN and marked == ""):
        return "columns", of_numbers, "a list of numbers"
    if inner is None:
        return (
            "query_columns",
            is_number(kind) or is_string(kind) or (kinds.is_temporal(kind) and not kinds.is_interval(kind)),
            "a number, a string or a list",
        )
    of_ids = is_string(inner) or marked == "ids"
    return "ids" if of_ids else "features", of_numbers or is_string(inner), "a list of numbers or of strings"


def rename(table: pa.Table, columns: Mapping[str, str], ids: Sequence[str], where: str) -> pa.Table:
    """The table with some of its columns as columns of documents and as ids.

    Args:
        columns: new name -> name of the column.
        ids: the names of id features that are whole numbers.

    Raises:
        ValueError: a column does not exist; the error lists the columns.
    """
    new: dict[str, tuple[str, str]] = {}
    for kind, role, name in [("columns", *item) for item in columns.items()] + [("ids", name, name) for name in ids]:
        check_column(name, table.column_names, where)
        if name in new:
            raise ValueError(f"{where}: column {name!r} cannot be both {new[name][0]} and {role}")
        new[name] = role, kind
    fields = []
    for field in table.schema:
        role, kind = new.get(field.name, (field.name, ""))
        fields.append(pa.field(role, field.type, metadata=mark(kind) if kind else field.metadata))
    return pa.table(table.columns, schema=pa.schema(fields))


def to_be_ranked(table: pa.Table, columns: Collection[str], where: str) -> pa.Table:
    """The table `without_labels`, without these columns and without document columns that have a meaning."""
    said = {"label", "missed", *KNOWN, *columns} | {field.name for field in table.schema if mark_of(field) == "columns"}
    return without_labels(table.select([name for name in table.column_names if name not in said]), where)


def without_labels(table: pa.Table, where: str) -> pa.Table:
    """The table with labels of 0 that nobody judged, one for each entry of its first column of lists.

    Raises:
        ValueError: there is a column with such a name, or no column of lists.
    """
    for name in ("label", "judged"):
        if name in table.column_names:
            raise ValueError(f"{where}: there is a column {name!r}, but no labels are read: leave the column out")
    of = next((array_of(column) for column in table.columns if is_list(column.type)), None)
    if of is None:
        raise ValueError(
            f"{where}: there must be a column of lists, but there are {', '.join(table.column_names)}; {ROW_A_DOCUMENT}"
        )
    zeros = _repeat(0, of)
    return table.append_column("label", zeros).append_column("judged", zeros)


def with_judged(table: pa.Table) -> pa.Table:
    """The table with a column `judged`; without one, all documents count as judged."""
    if "judged" in table.column_names:
        return table
    ones = _repeat(1, array_of(table["label"]))
    return table.append_column(pa.field("judged", ones.type, metadata=mark("columns")), ones)


def _repeat(number, of):
    """The number once for each entry of a column of lists."""
    lengths = pc.fill_null(pc.list_value_length(of), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    numbers = np.full(offsets[-1], number, "float32")
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), numbers)


def in_order_of(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """The table with its columns in the order of another that it is read with.

    Raises:
        ValueError: it has different columns; the error says which.
    """
    lacking = [name for name in schema.names if name not in table.column_names]
    new = [name for name in table.column_names if name not in schema.names]
    if lacking or new:
        words = [f"lacks {some(lacking)}"] * bool(lacking) + [f"has {some(new)} besides"] * bool(new)
        raise ValueError(f"{where}: files that are read together have the same columns, but this {' and '.join(words)}")
    return table.select(schema.names)
