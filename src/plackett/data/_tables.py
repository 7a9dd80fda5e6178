"""From tables in the form of `plackett.data._schema` to lists, with checks."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._arrays import find_twice, positions
from plackett.data._columns import find_contradiction, find_wrong, narrow
from plackett.data._missed import Missed
from plackett.data._numbers import ROUNDED, first_inexact
from plackett.data._parts import check_same, concatenate, kind_of
from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import array_of, cast_numbers, from_arrow, is_string, kinds_of_columns, type_of_column
from plackett.data._strings import Strings


def from_tables(tables: pa.Table | Iterable[pa.Table], where: str = "the table", first_row: int = 0) -> RankingLists:
    """The lists of tables in this form; a missing feature is NaN.

    Args:
        tables: one table, or several with the same columns.
        where: the name of the tables in errors.
        first_row: the number of rows before these, for errors.

    Raises:
        ValueError: the columns or their values do not have this form; the error gives the place, the row and the query.
    """
    return join(parts([tables] if isinstance(tables, pa.Table) else tables, where, first_row))


def join(found: Iterable[RankingLists]) -> RankingLists:
    """The output of `parts`, concatenated; whole numbers of id features are int32 if they fit."""
    lists = concatenate(list(found))
    return dataclasses.replace(lists, ids={name: narrow(column) for name, column in lists.ids.items()})


def parts(
    tables: Iterable[pa.Table], where: str, first_row: int = 0, known: set[str] | None = None
) -> Iterator[RankingLists]:
    """The lists of each table; see `from_tables`. Whole numbers of id features are int64.

    `known` holds the ids of earlier queries; those of the tables are added.
    """
    row, known, kind = first_row, set() if known is None else known, ""
    for table in tables:
        lists = _Rows(table, where, row).lists()
        check_new(lists.queries, known, where)
        kind = kind or kind_of(lists)
        try:
            check_same(kind, lists)
        except ValueError as error:
            raise ValueError(f"{where}, from row {row + 1} on: {error}") from None
        row += len(lists)
        yield lists
    if row == first_row:
        raise ValueError(f"{where}: there are no queries")


def check_new(queries: Strings, known: set[str], where: str) -> None:
    """Adds the ids of queries to the known ones.

    Raises:
        ValueError: one of them is known already.
    """
    for query in queries.tolist():
        if query in known:
            raise ValueError(f"{where}: query {query!r} occurs twice; the ids of queries must be unique")
        known.add(query)


class _Rows:
    """The rows of a table, and their names in errors."""

    def __init__(self, table, where, first_row):
        self.where, self.first_row = where, first_row
        self.kinds = kinds_of_columns(table.schema, where)
        self.table = table.combine_chunks()
        self.queries = self._queries()
        _, self.row_splits = self._values("label")
        self.query_of = np.repeat(np.arange(len(self.queries)), np.diff(self.row_splits))

    def lists(self):
        """The lists of the table."""
        known = {}
        for name in ("label", *self.kinds["columns"]):
            known[name] = self._numbers(name, self._of_documents(name), type_of_column(name))
            if wrong := find_wrong(name, known[name]):
                raise self._wrong(self.query_of[wrong[0]], wrong[1])
        if "judged" in known and (wrong := find_contradiction(known["label"], known["judged"])):
            raise self._wrong(self.query_of[wrong[0]], wrong[1])
        return RankingLists(
            labels=known.pop("label"),
            row_splits=self.row_splits,
            queries=self.queries,
            documents=self._documents(),
            features=self._features(),
            feature_names=tuple(self.kinds["features"]),
            ids={name: self._ids(name) for name in self.kinds["ids"]},
            columns=known,
            query_columns={name: self._of_queries(name) for name in self.kinds["query_columns"]},
            missed=self._missed() if "missed" in self.table.column_names else None,
        )

    def _wrong(self, query, what):
        name = str(self.queries[query])
        return ValueError(f"{self.where}, row {self.first_row + int(query) + 1}, query {name!r}: {what}")

    def _column(self, name):
        return array_of(self.table[name])

    def _queries(self):
        """The ids of the queries."""
        queries = self._strings("query", pc.cast(self._column("query"), pa.string()).fill_null(""))
        for wrong, what in (
            (queries.dictionary.lengths == 0, "the query has no id"),
            (queries.dictionary.has_nul, "the id of the query holds a NUL character"),
        ):
            if wrong.any():
                row = self.first_row + int(wrong[queries.codes].argmax()) + 1
                raise ValueError(f"{self.where}, row {row}: {what}")
        return queries

    def _strings(self, name, column):
        """The strings of a column without nulls."""
        try:
            return from_arrow(column if is_string(column.type) else pc.cast(column, pa.string()))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.where}: column {name} is not UTF-8 text: {error}") from None

    def _values(self, name):
        """(the concatenated values of a column of lists, where each list begins and ends)."""
        column = self._column(name)
        if column.null_count:
            raise self._wrong(_first(column.is_null()), f"{name} is missing")
        if kinds.is_fixed_size_list(column.type):
            splits = np.arange(len(column) + 1) * column.type.list_size
        else:
            offsets = column.offsets.to_numpy().astype("int64")
            splits = offsets - offsets[0]
        values = column.flatten()
        if kinds.is_dictionary(values.type) and values.dictionary.null_count:
            values = pc.cast(values, values.type.value_type)  # with nulls only where Arrow counts them
        return values, splits

    def _of_documents(self, name):
        """The values of a column of lists that must have one entry per document."""
        column, splits = self._values(name)
        if not np.array_equal(splits, self.row_splits):
            query = np.flatnonzero(np.diff(splits) != np.diff(self.row_splits))[0]
            counts = int(np.diff(splits)[query]), int(np.diff(self.row_splits)[query])
            raise self._wrong(query, f"{name} has {counts[0]} entries, but label has {counts[1]}")
        return column

    def _numbers(self, name, column, kind, query_of=None):
        """Numbers, none of which may be missing."""
        query_of = self.query_of if query_of is None else query_of
        if column.null_count:
            raise self._wrong(query_of[_first(column.is_null())], f"{name} is missing")
        return cast_numbers(column, kind).to_numpy(zero_copy_only=False)

    def _feature_values(self, name, column, width=1):
        """Numbers, `width` per document, some of which may be missing."""
        column = cast_numbers(column, pa.float32())
        values = (column.fill_null(float("nan")) if column.null_count else column).to_numpy(zero_copy_only=False)
        if (bad := np.isinf(values)).any():
            place = int(bad.argmax())
            raise self._wrong(self.query_of[place // width], f"{name} must be finite, but got {values[place]}")
        return values

    def _features(self):
        """[documents, features] float32."""
        if names := self.kinds["features"]:
            return np.stack([self._feature_values(name, self._of_documents(name)) for name in names], axis=1)
        if "features" not in self.table.column_names:
            return np.zeros((len(self.query_of), 0), "float32")
        rows = self._of_documents("features")
        if rows.null_count:
            raise self._wrong(self.query_of[_first(rows.is_null())], "features is missing")
        if kinds.is_fixed_size_list(rows.type):
            width = rows.type.list_size
        else:
            widths = np.diff(rows.offsets.to_numpy())
            width = int(widths[0]) if len(widths) else 0
            if (widths != width).any():
                place = int((widths != width).argmax())
                counts = f"{widths[place]} features, but the first one has {width}"
                raise self._wrong(self.query_of[place], f"a document has {counts}")
        return self._feature_values("features", rows.flatten(), max(width, 1)).reshape(len(self.query_of), width)

    def _documents(self):
        """The ids of the documents, or their positions from 1 if there are none."""
        if "document" not in self.table.column_names:
            return positions(self.row_splits)
        column = self._of_documents("document")
        if column.null_count:
            raise self._wrong(self.query_of[_first(column.is_null())], "a document has no id")
        documents = self._strings("document", column)
        if (nul := documents.dictionary.has_nul).any():
            place = int(nul[documents.codes].argmax())
            raise self._wrong(self.query_of[place], "the id of a document holds a NUL character")
        if twice := find_twice(documents, self.row_splits):
            raise self._wrong(twice[0], f"document {twice[1]!r} occurs twice")
        return documents

    def _ids(self, name):
        """[documents], strings or int64."""
        column = self._of_documents(name)
        if column.null_count:
            raise self._wrong(self.query_of[_first(column.is_null())], f"{name} is missing")
        if is_string(column.type):
            return self._strings(name, column)
        try:
            return pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise self._wrong(self.query_of[0], f"{name}: {error}") from None

    def _of_queries(self, name):
        """[queries], a column of queries; a missing number is NaN, a missing string is empty, and true is 1."""
        column = self._column(name)
        if is_string(column.type) or kinds.is_time(column.type):
            return self._strings(name, pc.cast(column, pa.string()).fill_null(""))
        if kinds.is_decimal(column.type) or (kinds.is_boolean(column.type) and column.null_count):
            column = cast_numbers(column, pa.float64())
        elif kinds.is_integer(column.type) and column.null_count:
            whole = column.fill_null(0).to_numpy()
            if (query := first_inexact(whole)) is not None:
                raise self._wrong(query, f"{name} is {whole[query]}, {ROUNDED}")
        return column.to_numpy(zero_copy_only=False)

    def _missed(self):
        """The grades of judged documents that the rows lack."""
        grades, splits = self._values("missed")
        query_of = np.repeat(np.arange(len(self.queries)), np.diff(splits))
        grades = self._numbers("missed", grades, pa.float32(), query_of)
        if not np.isfinite(grades).all():
            place = int((~np.isfinite(grades)).argmax())
            raise self._wrong(query_of[place], f"missed must be finite, but got {grades[place]}")
        return Missed(grades, splits)


def _first(truths):
    return int(np.flatnonzero(truths.to_numpy(zero_copy_only=False))[0])
