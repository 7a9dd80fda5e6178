"""Data frames and datasets: pandas, polars, Arrow, Hugging Face datasets."""

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._documents import NUMBERS, TEXTS, of_documents
from plackett.data._grouping import group_by_query
from plackett.data._ranking_lists import RankingLists
from plackett.data._roles import Roles, check_new_names, check_table_names, hint_of_meaning, text_columns
from plackett.data._schema import arrow_dictionary, is_list, is_number, is_string, mark, rename, without_labels
from plackett.data._strings import Strings
from plackett.data._tables import from_tables

WHERE = "the frame"


def read_frame(frame: Any, roles: Roles, *, together: bool) -> RankingLists:
    """The lists of a data frame or dataset; see `RankingLists.from_frame`."""
    frame = _frame(frame)
    names = _names(frame)
    if _has_a_row_a_query(frame, names, roles):
        return from_tables(_of_queries(_arrow(frame, names), roles), WHERE)
    found = roles.of_columns(names, WHERE, index=_index_names(frame))
    table = _arrow(frame, dict.fromkeys(role.column for role in found))
    _check_types(table, found)
    check_new_names(found, WHERE)
    columns = [table[role.column] for role in found]
    rows = [of_documents(columns, found, 1, _place)] if len(table) else []
    return from_tables(group_by_query(rows, WHERE, together=together, place=_place), WHERE)


def columns_of_frame(frame: Any, choose: Callable[[Sequence[str]], Collection[str]]) -> pa.Table:
    """The columns of a data frame or dataset that a function chooses by name."""
    frame = _frame(frame)
    names = list(_names(frame))
    check_table_names(names, WHERE)
    return _arrow(frame, choose(names))


def to_frame(lists: RankingLists) -> pl.DataFrame:
    """A frame with one row per document; see `RankingLists.to_frame`."""
    of_document = np.repeat(np.arange(len(lists)), lists.lengths)
    columns: dict[str, Any] = {"query": lists.queries[of_document], "document": lists.documents, "label": lists.labels}
    columns |= {name: lists.features[:, i] for i, name in enumerate(lists.feature_names)}
    columns |= lists.ids | lists.columns
    columns |= {name: column[of_document] for name, column in lists.query_columns.items()}
    return pl.DataFrame([_series(name, column) for name, column in columns.items()])


def _series(name, column):
    if not isinstance(column, Strings):
        return pl.Series(name, column)
    words = pl.Series(name, arrow_dictionary(column), pl.String)
    return words.gather(column.codes)


def _place(row):
    return f"{WHERE}, row {row}"


def _frame(frame):
    """A polars frame, an Arrow table, or the columns of a pandas frame by name."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect(engine="streaming")
    if isinstance(frame, pl.DataFrame):
        return frame
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        return _columns_of_pandas(frame)
    if hasattr(frame, "with_format") and not hasattr(frame, "__arrow_c_stream__"):  # Hugging Face datasets
        if isinstance(frame, dict):
            raise TypeError(f"{WHERE} holds several datasets: give one of them, as by frame[{next(iter(frame), '')!r}]")
        if hasattr(frame, "num_rows"):  # which a stream of one does not say
            frame = frame.with_format("arrow")[:]
    if not (isinstance(frame, pa.Table) or hasattr(frame, "__arrow_c_stream__")):
        raise TypeError(f"frame must give an Arrow stream, as pandas and polars do, but got {type(frame).__name__}")
    try:
        return pa.table(frame)
    except pa.ArrowInvalid as error:
        raise TypeError(f"frame must give columns with names, but got {type(frame).__name__}: {error}") from None


class _Columns(dict):
    """The columns of a pandas frame, by names as strings, and the names of those that are its index."""

    index: Collection[str] = ()


def _columns_of_pandas(frame):
    """Its columns, without the names None and NaN. A named index level is a column too, unless it is a range."""
    index = frame.index
    levels = () if isinstance(index, sys.modules["pandas"].RangeIndex) else range(index.nlevels)
    columns = [
        ("" if _is_missing(name) else str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)
    ]
    of_index = [
        (str(index.names[level]), index.get_level_values(level).to_series())
        for level in levels
        if index.names[level] is not None
    ]
    check_table_names([name for name, _ in columns + of_index], WHERE)
    found = _Columns(columns + of_index)
    found.index = [name for name, _ in of_index]
    return found


def _index_names(frame):
    """The names of the columns that are, or were, the index of a pandas frame."""
    if isinstance(frame, pa.Table):
        known = (frame.schema.pandas_metadata or {}).get("index_columns", [])
        return [name for name in known if isinstance(name, str)]
    return getattr(frame, "index", ()) if isinstance(frame, _Columns) else ()


def _is_missing(name):
    pandas = sys.modules["pandas"]
    return pandas.api.types.is_scalar(name) and pandas.isna(name)


def _names(frame):
    if isinstance(frame, pa.Table):
        return frame.column_names
    return list(frame) if isinstance(frame, dict) else frame.columns


def _has_a_row_a_query(frame, names, roles):
    """Whether the label is a column of lists; without labels, whether the document, or any column, is."""
    if roles.has_label:
        return roles.label in names and _is_of_lists(frame, roles.label)
    document = "document" if roles.document is None else roles.document
    return any(_is_of_lists(frame, name) for name in ([document] if document in names else names))


def _is_of_lists(frame, name):
    if isinstance(frame, pl.DataFrame):
        return isinstance(frame.schema[name], pl.List | pl.Array)
    if isinstance(frame, pa.Table):
        return is_list(frame[name].type)
    known = frame[name].dropna()
    return len(known) > 0 and isinstance(known.iloc[0], list | tuple | np.ndarray)


def _arrow(frame, names: Collection[str]) -> pa.Table:
    """These columns, decoded."""
    columns = [_column(frame, name) for name in names]
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    if isinstance(frame, pa.Table):  # which may have marks
        fields = [frame.schema.field(name).with_type(field.type) for name, field in zip(names, fields, strict=True)]
    return pa.table(columns, schema=pa.schema(fields))


def _column(frame, name):
    if isinstance(frame, pa.Table):
        return decode(frame[name])
    try:
        if isinstance(frame, pl.DataFrame):
            return decode(pa.table(frame.select(name))[0])
        column = pa.array(frame[name], from_pandas=True)
        return decode(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError, pl.exceptions.PolarsError) as error:
        values = frame[name]
        found = sorted({type(value).__name__ for value in values})
        raise ValueError(
            f"{WHERE}: column {name!r} holds {values.dtype}, values of {', '.join(found[:5])}, which have no one type: "
            f"make them all numbers or all text, or leave the column out by features=[...] ({error})"
        ) from None


def decode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The plain values of categories and runs."""
    chunks = [_decode_chunk(chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks) if chunks else pa.chunked_array([], _decode_chunk(pa.nulls(0, column.type)).type)


def _decode_chunk(chunk):
    if kinds.is_run_end_encoded(chunk.type):
        return _decode_chunk(pc.run_end_decode(chunk))
    if kinds.is_dictionary(chunk.type):
        values = chunk.dictionary
        values = pc.cast(values, pa.large_string()) if is_string(values.type) else values
        return values.take(chunk.indices)
    return pc.cast(chunk, pa.large_string()) if kinds.is_string_view(chunk.type) else chunk


def _check_types(table, found):
    """Checks that the columns fit their roles."""
    texts = []
    for role in found:
        column = table[role.column]
        kind = column.type
        if role.kind in NUMBERS and not (is_number(kind) or kinds.is_null(kind)):
            if role.kind == "features" and is_string(kind):
                texts.append((role, *_example(column)))
                continue
            raise _wrong_type(role, column, "numbers")
        if role.kind in TEXTS and not (is_number(kind) or is_string(kind)):
            raise _wrong_type(role, column, "strings or numbers")
        times = kinds.is_date(kind) or kinds.is_timestamp(kind)
        if role.kind == "query_columns" and not (is_number(kind) or is_string(kind) or times):
            raise _wrong_type(role, column, "strings, numbers, dates or timestamps")
    if texts:
        raise text_columns(WHERE, texts, found)


def _wrong_type(role, column, allowed):
    value, place = _example(column)
    ways = ["give it by categorical, which takes text"] if role.kind == "ids" and is_string(column.type) else []
    ways += [f"make it {allowed.replace(', ', ' or ')} in the frame"]
    if role.kind == "features":
        ways.append("say what else it is")
        ways.append("leave it out by features=[...]")
    holds = f"{'text' if is_string(column.type) else column.type} ({value!r:.60}, {place})"
    return ValueError(
        f"{WHERE}: column {role.column!r} must hold {allowed} to be {role}, but holds {holds}: {', or '.join(ways)}"
        f"{hint_of_meaning(role)}"
    )


def _example(column):
    """(a value of a column, its place), the first that is not missing."""
    known = np.flatnonzero(column.is_valid().to_numpy())
    row = int(known[0]) if len(known) else 0
    return column[row].as_py() if len(column) else None, f"row {row + 1}"


def _of_queries(table, roles):
    """A table with one row per query, with the names that the schema knows."""
    for argument in ("features", "categorical", "query_columns"):
        if getattr(roles, argument):
            raise ValueError(
                f"{WHERE} has one row per query, where lists of numbers are features, lists of strings id features "
                f"and single values columns of queries: leave out {argument}"
            )
    has_label = roles.has_label
    fixed = {roles.query: "query"} | ({roles.label: "label"} if has_label else {})
    fixed |= {roles.document: "document"} if roles.document is not None else {}
    ids = {column: name for name, column in roles.named("ids")}
    for name in fixed.values():
        if name in table.column_names and fixed.get(name) is None:
            raise ValueError(f"{WHERE}: two columns would be called {name!r}: give column {name!r} another name")
    table = table.rename_columns([(fixed | ids).get(name, name) for name in table.column_names])
    of_label = [name for name, column in roles.columns.items() if column == roles.label]
    of_label += ["click"] if roles.label == "click" and has_label else []
    for name in of_label:  # one column may be both
        table = table.append_column(pa.field(name, table["label"].type, metadata=mark("columns")), table["label"])
    columns = {name: column for name, column in roles.columns.items() if name not in of_label}
    table = rename(table, columns, list(ids.values()), WHERE)
    return table if has_label else without_labels(table, WHERE)
