"""Tables of the form of `plackett.data._schema`, checked and made into lists."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._arrays import positions
from plackett.data._columns import find_wrong, hash_strings
from plackett.data._parts import concatenate
from plackett.data._ranking_lists import Missed, RankingLists
from plackett.data._schema import array_of, is_string, kinds_of_columns, type_of_column


def from_tables(tables: pa.Table | Iterable[pa.Table], where: str = "the table", first_row: int = 0) -> RankingLists:
    """The lists of tables of this form, one behind the other; a missing feature is NaN.

    Args:
        tables: one table, or several of the same columns.
        where: what errors call the tables.
        first_row: how many rows came before, for errors.

    Raises:
        ValueError: the columns or what is in them do not have this form; says where, the row and the query.
    """
    return concatenate(list(parts([tables] if isinstance(tables, pa.Table) else tables, where, first_row)))


def parts(
    tables: Iterable[pa.Table], where: str, first_row: int = 0, known: set[str] | None = None
) -> Iterator[RankingLists]:
    """The lists of each table; see `from_tables`. `known` are the ids of queries that came before, and get more."""
    row, known = first_row, set() if known is None else known
    for table in tables:
        lists = _Rows(table, where, row).lists()
        check_new(lists.queries, known, where)
        row += len(lists)
        yield lists
    if row == first_row:
        raise ValueError(f"{where}: there are no queries")


def check_new(queries: np.ndarray, known: set[str], where: str) -> None:
    """Adds the ids of queries to those that are known.

    Raises:
        ValueError: one of them is there already.
    """
    for query in queries.tolist():
        if query in known:
            raise ValueError(f"{where}: query {query!r} is there twice; the id of a query must be its own")
        known.add(query)


class _Rows:
    """The rows of a table, and how errors name them."""

    def __init__(self, table, where, first_row):
        self.where, self.first_row = where, first_row
        self.kinds = kinds_of_columns(table.schema, where)
        self.table = table.combine_chunks()
        self.queries = self._queries()
        _, self.row_splits = self._values("label")
        self.query_of = np.repeat(np.arange(len(self.queries)), np.diff(self.row_splits))

    def lists(self):
        """All that the table holds."""
        known = {}
        for name in ("label", *self.kinds["columns"]):
            known[name] = self._numbers(name, self._of_documents(name), type_of_column(name))
            if wrong := find_wrong(name, known[name]):
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
            query_columns={name: _of_queries(self._column(name)) for name in self.kinds["query_columns"]},
            missed=self._missed() if "missed" in self.table.column_names else None,
        )

    def _wrong(self, query, what):
        name = str(self.queries[query])
        return ValueError(f"{self.where}, row {self.first_row + int(query) + 1}, query {name!r}: {what}")

    def _column(self, name):
        return array_of(self.table[name])

    def _queries(self):
        """[queries] the ids of the queries."""
        queries = pc.cast(self._column("query"), pa.string()).fill_null("")
        for wrong, what in (
            (pc.equal(queries, ""), "the query has no id"),
            (pc.match_substring(queries, "\x00"), "the id of the query holds a NUL character"),
        ):
            if pc.any(wrong).as_py():
                raise ValueError(f"{self.where}, row {self.first_row + _first(wrong) + 1}: {what}")
        return np.array(queries.to_pylist(), dtype=str)

    def _values(self, name):
        """(the values of a column of lists behind each other, where each list begins and ends)."""
        column = self._column(name)
        if column.null_count:
            raise self._wrong(_first(column.is_null()), f"{name} is missing")
        if kinds.is_fixed_size_list(column.type):
            splits = np.arange(len(column) + 1) * column.type.list_size
        else:
            offsets = column.offsets.to_numpy().astype("int64")
            splits = offsets - offsets[0]
        values = column.flatten()
        return (pc.cast(values, values.type.value_type) if kinds.is_dictionary(values.type) else values), splits

    def _of_documents(self, name):
        """The values of a column of lists that must have one entry a document."""
        column, splits = self._values(name)
        if not np.array_equal(splits, self.row_splits):
            query = np.flatnonzero(np.diff(splits) != np.diff(self.row_splits))[0]
            counts = int(np.diff(splits)[query]), int(np.diff(self.row_splits)[query])
            raise self._wrong(query, f"{name} has {counts[0]} entries, but label has {counts[1]}")
        return column

    def _numbers(self, name, column, kind, query_of=None):
        """Numbers of which none may be missing."""
        query_of = self.query_of if query_of is None else query_of
        if column.null_count:
            raise self._wrong(query_of[_first(column.is_null())], f"{name} is missing")
        return pc.cast(column, kind, safe=False).to_numpy(zero_copy_only=False)

    def _feature_values(self, name, column, width=1):
        """Numbers, `width` a document, of which some may be missing."""
        column = pc.cast(column, pa.float32(), safe=False)
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
        """The ids of the documents, their positions from 1 where there are none."""
        if "document" not in self.table.column_names:
            return positions(self.row_splits)
        column = self._of_documents("document")
        if column.null_count:
            raise self._wrong(self.query_of[_first(column.is_null())], "a document has no id")
        names = pc.cast(column, pa.string())
        nul = pc.match_substring(names, "\x00")
        if pc.any(nul).as_py():
            raise self._wrong(self.query_of[_first(nul)], "the id of a document holds a NUL character")
        codes = names.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype("int64")
        pairs = np.sort(self.query_of * (len(codes) + 1) + codes)
        if (pairs[1:] == pairs[:-1]).any():
            query, code = divmod(int(pairs[1:][pairs[1:] == pairs[:-1]][0]), len(codes) + 1)
            name = names[int(np.flatnonzero((self.query_of == query) & (codes == code))[0])].as_py()
            raise self._wrong(query, f"document {name!r} is there twice")
        return np.array(names.to_pylist(), dtype=str)

    def _ids(self, name):
        """[documents] int32: numbers as they are, strings by their CRC-32."""
        column = self._of_documents(name)
        if column.null_count:
            raise self._wrong(self.query_of[_first(column.is_null())], f"{name} is missing")
        if is_string(column.type):
            known = column.dictionary_encode()
            return hash_strings(known.dictionary.to_pylist())[known.indices.to_numpy(zero_copy_only=False)]
        try:
            return pc.cast(column, pa.int32()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise self._wrong(self.query_of[0], f"{name}: {error}") from None

    def _missed(self):
        """The grades of documents that the rows lack."""
        grades, splits = self._values("missed")
        query_of = np.repeat(np.arange(len(self.queries)), np.diff(splits))
        grades = self._numbers("missed", grades, pa.float32(), query_of)
        if not np.isfinite(grades).all():
            place = int((~np.isfinite(grades)).argmax())
            raise self._wrong(query_of[place], f"missed must be finite, but got {grades[place]}")
        return Missed(grades, splits)


def _first(truths):
    return int(np.flatnonzero(truths.to_numpy(zero_copy_only=False))[0])


def _of_queries(column):
    """[queries], a column of queries; a missing number is NaN, a missing string is empty."""
    if is_string(column.type):
        return np.array(pc.cast(column, pa.string()).fill_null("").to_pylist(), dtype=str)
    return column.to_numpy(zero_copy_only=False)
