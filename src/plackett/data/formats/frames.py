"""Data frames and datasets: pandas, polars, Arrow, Hugging Face datasets."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from plackett.data._grouping import NUMBERS, TEXTS, group_by_query, of_documents
from plackett.data._ranking_lists import RankingLists
from plackett.data._roles import Roles
from plackett.data._schema import arrow_dictionary, is_list, is_number, is_string, rename
from plackett.data._strings import Strings
from plackett.data._tables import from_tables

WHERE = "the frame"


def read_frame(frame: Any, roles: Roles, *, together: bool) -> RankingLists:
    """The lists of a data frame or dataset; see `RankingLists.from_frame`."""
    table = _arrow(frame)
    if roles.label in table.column_names and is_list(table[roles.label].type):
        return from_tables(_of_queries(table, roles), WHERE)
    of_columns = roles.of_columns(table.column_names, WHERE)
    for name, role in of_columns.items():
        kind = table[name].type
        if role.kind in NUMBERS and not is_number(kind):
            raise ValueError(f"{WHERE}: column {name!r} must hold numbers to be {role}, but holds {kind}")
        if role.kind in TEXTS and not (is_number(kind) or is_string(kind)):
            raise ValueError(f"{WHERE}: column {name!r} must hold strings or numbers to be {role}, but holds {kind}")
    rows = [of_documents(table, of_columns, 1, WHERE)] if len(table) else []
    return from_tables(group_by_query(rows, WHERE, together=together), WHERE)


def to_frame(lists: RankingLists) -> pl.DataFrame:
    """A frame with one row a document; see `RankingLists.to_frame`."""
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


def _arrow(frame):
    if hasattr(frame, "with_format") and not hasattr(frame, "__arrow_c_stream__"):  # a Hugging Face dataset
        frame = frame.with_format("arrow")[:]
    if not (isinstance(frame, pa.Table) or hasattr(frame, "__arrow_c_stream__")):
        raise TypeError(f"the frame must give an Arrow stream, as pandas and polars do, but got {type(frame).__name__}")
    return pa.table(frame)


def _of_queries(table, roles):
    """A table with one row a query, with the names that the schema knows."""
    for argument in ("features", "categorical", "query_columns"):
        if getattr(roles, argument):
            raise ValueError(
                f"{WHERE} has one row a query, where lists of numbers are features, lists of strings id features and "
                f"single values columns of queries: leave out {argument}"
            )
    fixed = {roles.query: "query", roles.label: "label"} | ({roles.document: "document"} if roles.document else {})
    table = table.rename_columns([fixed.get(name, name) for name in table.column_names])
    return rename(table, roles.columns, roles.ids, WHERE)
