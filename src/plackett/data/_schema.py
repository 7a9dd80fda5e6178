"""The one form of ranking data between readers, files and training: Arrow tables with one row a query.

| column | Arrow type | |
| --- | --- | --- |
| `query` | string | the id of the query |
| `document` | list of string | the ids of its documents, each once |
| `label` | list of float32 | their grades, finite and >= 0 |
| `features` | list of fixed-size lists of float32 | the dense features of each document, or none, or else |
| any other name | list of numbers | one dense feature by its name |
| any other name | list of string, or of int32 marked as ids | an id feature, by its name |
| `click`, `propensity`, `position`, `teacher`, `weight` | list of float32 | what else is known of documents |
| `judged` | list of float32 | 0 for a document that nobody judged, whose label is 0, else 1 |
| `run_score` | list of float64 | the scores of a run |
| `missed` | list of float32 | the grades of judged documents that the row lacks, of any number |
| any other name | a number or a string | a query column |

All lists of a row but `missed` have one entry a document, and may have none. A missing feature is NaN or null, and an
error unless missing features are allowed; what is missing of a query column becomes NaN or an empty string; nothing
else may be missing. The ids of queries, and those of the documents of a query, are there once; no id holds a NUL
character. An id feature of strings is read as int32, the CRC-32 of its UTF-8 text, so that the same string is the same
number in every file and in every program that asks a trained ranker.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._ranking_lists import COLUMNS, Missed, RankingLists, concatenate

RESERVED = ("query", "document", "label", "features", "missed", *COLUMNS)
IDS = {b"plackett": b"ids"}
LIMITS = {  # of what may stand in a column, besides being finite: (lowest, whether itself allowed, highest, in words)
    "label": (0, True, 2**24 - 1, "between 0 and 2^24 - 1, beyond which float32 rounds"),
    "click": (0, True, np.inf, "at least 0"),
    "propensity": (0, False, 1, "above 0 and at most 1"),
    "position": (1, True, np.inf, "at least 1"),
    "teacher": (-np.inf, True, np.inf, "finite"),
    "weight": (0, True, np.inf, "at least 0"),
    "judged": (0, True, 1, "between 0 and 1"),
    "run_score": (-np.inf, True, np.inf, "finite"),
}


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


def kind_of_numbers(name: str) -> pa.DataType:
    """The type of numbers of documents, by the name of their column or role."""
    return pa.float64() if name == "run_score" else pa.float32()


def hashed(strings: Iterable[str]) -> np.ndarray:
    """[n] int32, the CRC-32 of each string: how id features of strings become numbers.

    >>> hashed(["comedy", "drama"]).tolist()
    [-1948746267, -933909580]
    """
    return np.array([zlib.crc32(text.encode()) for text in strings], "uint32").view("int32")


def table_of(lists: RankingLists) -> pa.Table:
    """The lists as a table of this form."""

    def nested(values, row_splits=lists.row_splits):
        offsets = pa.array(row_splits.astype("int32" if row_splits[-1] < 2**31 else "int64"))
        of_list = pa.ListArray if offsets.type == pa.int32() else pa.LargeListArray
        return of_list.from_arrays(offsets, values)

    columns = {
        "query": pa.array(lists.queries.tolist(), pa.string()),
        "document": nested(pa.array(lists.documents.tolist(), pa.string())),
        "label": nested(pa.array(lists.labels, pa.float32())),
    }
    if lists.feature_names:
        columns |= {name: nested(pa.array(lists.features[:, i])) for i, name in enumerate(lists.feature_names)}
    elif width := lists.features.shape[1]:
        flat = pa.array(np.ascontiguousarray(lists.features).reshape(-1))
        columns["features"] = nested(pa.FixedSizeListArray.from_arrays(flat, width))
    columns |= {name: nested(pa.array(column, pa.int32())) for name, column in lists.ids.items()}
    columns |= {name: nested(pa.array(column, kind_of_numbers(name))) for name, column in lists.columns.items()}
    if lists.missed is not None:
        columns["missed"] = nested(pa.array(lists.missed.grades, pa.float32()), lists.missed.row_splits)
    columns |= {name: pa.array(column.tolist()) for name, column in lists.query_columns.items()}
    fields = [pa.field(name, x.type, metadata=IDS if name in lists.ids else None) for name, x in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


def lists_of(
    tables: pa.Table | Iterable[pa.Table], *, missing: bool = False, where: str = "the table", first_row: int = 0
) -> RankingLists:
    """The lists of tables of this form, one behind the other.

    Args:
        tables: one table, or several of the same columns.
        missing: whether features may be missing.
        where: what errors call the tables.
        first_row: how many rows came before, for errors.

    Raises:
        ValueError: the columns or what is in them do not have this form; says where, the row and the query.
    """
    tables = [tables] if isinstance(tables, pa.Table) else tables
    parts = []
    for table in tables:
        parts.append(_lists_of(table, missing, where, first_row + sum(map(len, parts))))
    if not any(map(len, parts)):
        raise ValueError(f"{where}: there are no queries")
    lists = concatenate(parts) if len(parts) > 1 else parts[0]
    check_new(lists.queries, set(), where)
    return lists


def check_new(queries: np.ndarray, known: set[str], where: str) -> None:
    """Adds the ids of queries to those that are known.

    Raises:
        ValueError: one of them is there already.
    """
    for query in queries.tolist():
        if query in known:
            raise ValueError(f"{where}: query {query!r} is there twice; the id of a query must be its own")
        known.add(query)


def kinds_of_columns(schema: pa.Schema, where: str = "the table") -> dict[str, list[str]]:
    """The names of the columns by what they are: "dense", "ids", "columns" of documents, "query" columns.

    Raises:
        ValueError: a column is missing, of another type than it must be, or of a type that has no meaning here.
    """
    known = set(schema.names)
    if len(known) < len(schema.names):
        twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
        raise ValueError(f"{where}: there are two columns called {', '.join(twice)}")
    if missing := [name for name in ("query", "label") if name not in known]:
        raise ValueError(
            f"{where}: there must be a column {' and a column '.join(missing)}, but there are {', '.join(schema.names)}"
        )
    found = {"dense": [], "ids": [], "columns": [], "query": []}
    for field in schema:
        kind, name = field.type, field.name
        inner = kind.value_type if is_list(kind) else None
        if name == "query":
            fits, must = is_string(kind) or kinds.is_integer(kind), "a string"
        elif name == "document":
            fits, must = inner is not None and (is_string(inner) or kinds.is_integer(inner)), "a list of strings"
        elif name == "features":
            fits = inner is not None and is_list(inner) and is_number(inner.value_type)
            must = "a list of lists of numbers"
        elif name in RESERVED:
            fits, must = inner is not None and is_number(inner), "a list of numbers"
            found["columns"] += [name] * (name in COLUMNS)
        elif inner is None:
            fits, must = is_number(kind) or is_string(kind) or kinds.is_temporal(kind), "a number, a string or a list"
            found["query"].append(name)
        else:
            fits, must = is_number(inner) or is_string(inner), "a list of numbers or of strings"
            marked = (field.metadata or {}).get(b"plackett") == b"ids"
            found["ids" if is_string(inner) or marked else "dense"].append(name)
        if not fits:
            raise ValueError(f"{where}: column {name} must be {must}, but is {kind}")
    if "mask" in found["ids"]:
        raise ValueError(
            f"{where}: an id feature cannot be called mask, as the input of scorers that says who is real is"
        )
    if "features" in known and found["dense"]:
        raise ValueError(
            f"{where}: dense features are either in one column, features, or in columns of their own, but there are "
            f"both: features and {', '.join(found['dense'])}"
        )
    return found


def _lists_of(table, missing, where, first_row):
    found = kinds_of_columns(table.schema, where)
    table = table.combine_chunks()
    queries = _queries(table, where, first_row)

    def wrong(query, what):
        return ValueError(f"{where}, row {first_row + int(query) + 1}, query {str(queries[query])!r}: {what}")

    _, row_splits = _values(table, "label", wrong)
    query_of = np.repeat(np.arange(len(queries)), np.diff(row_splits))

    def values(name):
        column, splits = _values(table, name, wrong)
        if not np.array_equal(splits, row_splits):
            query = np.flatnonzero(np.diff(splits) != np.diff(row_splits))[0]
            counts = int(np.diff(splits)[query]), int(np.diff(row_splits)[query])
            raise wrong(query, f"{name} has {counts[0]} entries, but label has {counts[1]}")
        return column

    def numbers(name, column, allow_missing=False, query_of=query_of):
        width = max(len(column) // max(len(query_of), 1), 1)  # numbers a document
        if column.null_count and not allow_missing:
            raise wrong(query_of[_first(column.is_null()) // width], f"{name} is missing")
        column = pc.cast(column, kind_of_numbers(name), safe=False)
        filled = column.fill_null(float("nan")) if column.null_count else column
        column = filled.to_numpy(zero_copy_only=False)
        bad = np.isinf(column) if allow_missing else ~np.isfinite(column)
        if bad.any():
            place = np.flatnonzero(bad)[0]
            raise wrong(query_of[place // width], f"{name} must be finite, but got {column[place]}")
        return column

    missed = None
    if "missed" in table.column_names:
        grades, splits = _values(table, "missed", wrong)
        of_grades = np.repeat(np.arange(len(queries)), np.diff(splits))
        missed = Missed(numbers("missed", grades, query_of=of_grades), splits)
    known = {name: numbers(name, values(name)) for name in ("label", *found["columns"])}
    for name, column in known.items():
        lowest, itself, highest, words = LIMITS[name]
        bad = (column < lowest) | (column > highest) | (False if itself else column == lowest)
        if bad.any():
            place = np.flatnonzero(bad)[0]
            raise wrong(query_of[place], f"{name} must be {words}, but got {column[place]:g}")
    return RankingLists(
        labels=known.pop("label"),
        row_splits=row_splits,
        queries=queries,
        documents=_documents(values("document") if "document" in table.column_names else None, row_splits, wrong),
        features=_features(table, found, values, numbers, missing, wrong, query_of),
        feature_names=tuple(found["dense"]),
        ids={name: _ids(values(name), name, wrong, query_of) for name in found["ids"]},
        columns=known,
        query_columns={name: _of_queries(_column(table, name)) for name in found["query"]},
        missed=missed,
    )


def _queries(table, where, first_row):
    """[queries] the ids of the queries."""
    queries = pc.cast(_column(table, "query"), pa.string()).fill_null("")
    for wrong, what in (
        (pc.equal(queries, ""), "the query has no id"),
        (pc.match_substring(queries, "\x00"), "the id of the query holds a NUL character"),
    ):
        if pc.any(wrong).as_py():
            raise ValueError(f"{where}, row {first_row + _first(wrong) + 1}: {what}")
    return np.array(queries.to_pylist(), dtype=str)


def _first(truths):
    return int(np.flatnonzero(truths.to_numpy(zero_copy_only=False))[0])


def _column(table, name):
    column = table[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _values(table, name, wrong):
    """(the values of a column of lists behind each other, where each list begins and ends)."""
    column = _column(table, name)
    if column.null_count:
        raise wrong(_first(column.is_null()), f"{name} is missing")
    if kinds.is_fixed_size_list(column.type):
        splits = np.arange(len(column) + 1) * column.type.list_size
    else:
        offsets = column.offsets.to_numpy().astype("int64")
        splits = offsets - offsets[0]
    values = column.flatten()
    return (pc.cast(values, values.type.value_type) if kinds.is_dictionary(values.type) else values), splits


def _of_queries(column):
    """[queries], a column of queries; a missing number is NaN, a missing string is empty."""
    if is_string(column.type):
        return np.array(pc.cast(column, pa.string()).fill_null("").to_pylist(), dtype=str)
    return column.to_numpy(zero_copy_only=False)


def _documents(column, row_splits, wrong):
    """The ids of the documents, their positions from 1 where there are none."""
    if column is None:
        places = np.arange(row_splits[-1]) - np.repeat(row_splits[:-1], np.diff(row_splits)) + 1
        return places.astype(f"<U{len(str(places.max(initial=0)))}")
    query_of = np.repeat(np.arange(len(row_splits) - 1), np.diff(row_splits))
    if column.null_count:
        raise wrong(query_of[_first(column.is_null())], "a document has no id")
    names = pc.cast(column, pa.string())
    nul = pc.match_substring(names, "\x00")
    if pc.any(nul).as_py():
        raise wrong(query_of[_first(nul)], "the id of a document holds a NUL character")
    codes = names.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype("int64")
    pairs = np.sort(query_of * (len(codes) + 1) + codes)
    if (pairs[1:] == pairs[:-1]).any():
        query, code = divmod(int(pairs[1:][pairs[1:] == pairs[:-1]][0]), len(codes) + 1)
        name = names[int(np.flatnonzero((query_of == query) & (codes == code))[0])].as_py()
        raise wrong(query, f"document {name!r} is there twice")
    return np.array(names.to_pylist(), dtype=str)


def _features(table, found, values, numbers, missing, wrong, query_of):
    """[documents, features] float32."""
    if found["dense"]:
        columns = [numbers(name, values(name), missing) for name in found["dense"]]
        return np.stack(columns, axis=1)
    if "features" not in table.column_names:
        return np.zeros((len(query_of), 0), "float32")
    rows = values("features")
    if rows.null_count:
        raise wrong(query_of[_first(rows.is_null())], "features is missing")
    if kinds.is_fixed_size_list(rows.type):
        width = rows.type.list_size
    else:
        widths = np.diff(rows.offsets.to_numpy())
        width = int(widths[0]) if len(widths) else 0
        if (widths != width).any():
            place = int(np.flatnonzero(widths != width)[0])
            raise wrong(query_of[place], f"a document has {widths[place]} features, but the first one has {width}")
    return numbers("features", rows.flatten(), missing).reshape(len(query_of), width)


def _ids(column, name, wrong, query_of):
    """[documents] int32: numbers as they are, strings by their CRC-32."""
    if column.null_count:
        raise wrong(query_of[_first(column.is_null())], f"{name} is missing")
    if is_string(column.type):
        known = column.dictionary_encode()
        return hashed(known.dictionary.to_pylist())[known.indices.to_numpy(zero_copy_only=False)]
    try:
        return pc.cast(column, pa.int32()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise wrong(query_of[0], f"{name}: {error}") from None
