"""Tables of queries or of documents: one row each, with named columns."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from plackett.data import Strings
from plackett.data._columns import check_column
from plackett.data._ids import ids_as_text, read_ids
from plackett.data._roles import check_table_names
from plackett.data._strings import concatenate_strings
from plackett.data._words import some
from plackett.data.formats.frames import columns_of_frame
from plackett.retrieval._columns import Column, column_of, read_column, split

WHERE = "the table"
OF_ID = "id=NAME says which column holds the ids (--id on the command line), and id=None that there are none"


class Table:
    """Queries or documents, one row each, with named columns.

    >>> films = Table.of({
    ...     "id": ["f1", "f2", "f3"],
    ...     "year": [1994, 1972, 1999],
    ...     "genres": [["drama"], ["crime", "drama"], []],
    ...     "poster": np.zeros((3, 8)),
    ... })
    >>> films
    Table: 3 rows, known by id
      id: strings
      year: numbers
      genres: lists of strings
      poster: vectors of 8
    >>> films["genres"][1], films.take([2, 0]).ids.tolist(), films.rows_of(["f3", "f3"]).tolist()
    (['crime', 'drama'], ['f3', 'f1'], [2, 2])

    A column holds numbers; vectors or other arrays, of one shape in all rows; strings; lists of strings or of whole
    numbers, of any length; or times. An Arrow or data frame column with lists of fractions holds vectors. Missing
    values are kept until something needs them: see `missing`.

    It is made by `Table.of`, or by `Table.read` from a file. A column is read when it is first used.

    Args:
        names: the names of the columns.
        rows: the numbers of the rows for errors, from 0.
        read: a function of a name that returns the column.
        id: the name of the column of ids. None = the rows have none.
        where: the name of the table in errors.
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: range | np.ndarray,
        read: Callable[[str], Column],
        id: str | None,  # noqa: A002
        where: str = WHERE,
    ) -> None:
        self.names = tuple(names)
        self.id_column = id
        self.where = where
        self._rows = rows
        self._repeats = False  # whether some row occurs more than once
        self._read = read
        self._known: dict[str, Column] = {}

    @classmethod
    def of(
        cls,
        data: Any,
        *,
        id: str | None = "id",  # noqa: A002
        columns: Sequence[str] | None = None,
        lists: Mapping[str, str] | None = None,
    ) -> "Table":
        """Makes a table from data in memory.

        >>> Table.of({"film": [7, 9], "genres": ["drama|crime", ""]}, id="film", lists={"genres": "|"})["genres"]
        ListColumn([['drama', 'crime'], []])

        Args:
            data: a mapping from names to columns, or a frame of pandas, polars or Arrow.
            id: the column of ids, strings or whole numbers, each once. None = the rows have no ids, for example if they
                are events.
            columns: the columns to read, beside the ids. None = all.
            lists: name of a column of strings -> the separator at which its strings are split into lists.

        Raises:
            TypeError: `data` is neither.
            ValueError: there is no such column, columns have different lengths, or an id is missing or occurs twice.
        """
        if isinstance(data, Mapping) and not hasattr(data, "with_format"):
            return _of_mapping(data, id, columns, lists)
        if isinstance(data, str | os.PathLike):
            raise TypeError(f"data must be in memory, but got the path {data}: read a file with Table.read")
        table = columns_of_frame(data, lambda names: choose_columns(names, WHERE, id, columns))
        return of_arrow(table, WHERE, id, lists)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike,
        *,
        id: str | None = "id",  # noqa: A002
        columns: Sequence[str] | None = None,
        lists: Mapping[str, str] | None = None,
        form: Literal["parquet", "csv", "json"] | None = None,
        texts: Sequence[str] | None = None,
        separator: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        missing_values: Sequence[str] | None = None,
    ) -> "Table":
        """Reads the table in a file: Parquet, CSV or JSON lines.

        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "films.csv"
        >>> _ = path.write_text("film,year,genres\\n007,1962,action|crime\\n12,,drama\\n")
        >>> Table.read(path, id="film", lists={"genres": "|"})
        Table: 2 rows, known by film
          film: strings
          year: numbers, 1 missing
          genres: lists of strings

        Args:
            path: the file, or a folder of Parquet files. CSV and JSON lines may be compressed (gzip, zstd, bzip2).
            id, columns, lists: see `Table.of`.
            form: the format. None = by the suffix: .parquet, .csv, .tsv, .jsonl, .ndjson or .json.
            texts: columns of CSV that are text, even if each field of this file looks like a number.
            separator, decimal, encoding, missing_values: options of CSV, see `plackett.data.read_delimited`. None = as
                there. A column holds numbers if all fields that are not missing do. Digits after a zero, as in 02139,
                are text, and so are ids and the columns of `lists`. An empty field of text is an empty string.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is malformed, or as in `Table.of`; the message says where.
        """
        from plackett.retrieval._table_files import read_files

        if isinstance(texts, str):
            raise ValueError(f"texts must be a sequence of names, but got {texts!r}")
        options = {
            "texts": texts,
            "separator": separator,
            "decimal": decimal,
            "encoding": encoding,
            "missing_values": missing_values,
        }
        choose = functools.partial(choose_columns, id=id, columns=columns)
        table = read_files(path, choose, [*([] if id is None else [id]), *(lists or ())], form=form, **options)
        return of_arrow(columns_of_frame(table, lambda names: names), str(path), id, lists)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name."""
        return name in self.names

    def __getitem__(self, name: str) -> Any:
        """Returns the values of a column: an array, `Strings` or a `ListColumn`.

        Raises:
            ValueError: there is no such column, or its values cannot be a column.
        """
        return self.column(name).values

    def column(self, name: str) -> Column:
        """Returns a column, with its missing rows; see `__getitem__`."""
        if name not in self._known:
            check_column(name, self.names, self.where)
            self._known[name] = self._read(name)
        return self._known[name]

    @property
    def id(self) -> str | None:
        """The name of the column of ids. None = the rows have no unique ids."""
        return None if self._repeats else self.id_column

    def missing(self, name: str) -> np.ndarray:
        """Whether a column lacks a value in each row, [rows] bool: NaN, null, or a vector that lacks a number."""
        return self.column(name).missing

    @functools.cached_property
    def ids(self) -> Strings:
        """The id of each row, as text, each once. Whole numbers become text too.

        Raises:
            ValueError: the rows have no ids, or one is missing or occurs twice.
        """
        if self._repeats:
            raise ValueError(f"{self.where} has no unique ids, since a row of it was taken more than once")
        if self.id is None:
            raise ValueError(f"{self.where} has no ids; {OF_ID}")
        missing = self.missing(self.id)
        if missing.any():
            row = int(missing.argmax()) + 1
            raise ValueError(f"{self.where}, row {row}: the id, in column {self.id!r}, is missing")
        if (kind := self.column(self.id).kind) not in ("strings", "numbers"):
            raise ValueError(f"{self.where}: column {self.id!r} holds {kind}, which cannot be ids; {OF_ID}")
        try:
            ids = ids_as_text(self.id, read_ids(self.id, self[self.id], len(self)), range(len(self)))
        except ValueError as error:
            raise ValueError(f"{self.where}: column {self.id!r} cannot be the ids: {error}; {OF_ID}") from None
        check_once(ids, self.id, self.where)
        return ids

    def take(self, rows: Any) -> "Table":
        """Returns the table of some rows, in their order.

        Args:
            rows: their numbers from 0, a mask or a slice. If a row is taken twice, the new table has no ids.

        Raises:
            IndexError: there is no such row.
        """
        if not isinstance(rows, slice):
            rows = np.arange(len(self))[np.asarray(rows) if len(rows) else []]
        origin = self._rows[rows] if isinstance(rows, slice) else np.asarray(self._rows)[rows]
        table = Table(self.names, origin, lambda name: self.column(name).take(rows), self.id_column, self.where)
        table._repeats = self._repeats or not (isinstance(rows, slice) or len(np.unique(rows)) == len(rows))
        if table.id is not None:
            table.ids = self.ids[rows]
        return table

    def rows_of(self, ids: Any) -> np.ndarray:
        """Returns the row of each id, [ids] int64. Ids are strings or whole numbers, and compared as text.

        Raises:
            ValueError: an id does not exist; the message names it.
        """
        if isinstance(ids, str):
            raise ValueError(f"ids must be a sequence of ids, but got {ids!r}")
        given = ids if isinstance(ids, np.ndarray | Strings) else list(ids)
        wanted = ids_as_text("ids", read_ids("ids", given, len(given)), range(len(given)))
        ranks = concatenate_strings([self.ids, wanted]).ranks()
        known, ranks = ranks[: len(self)], ranks[len(self) :]
        order = np.argsort(known)
        places = np.append(order, -1)[np.searchsorted(known, ranks, sorter=order)]
        unknown = np.flatnonzero(np.append(known, -1)[places] != ranks)
        if len(unknown):
            what = some(map(repr, dict.fromkeys(wanted[unknown].tolist())), 3)
            raise ValueError(f"{self.where}: {len(unknown):,} of {len(wanted):,} ids do not exist, such as {what}")
        return places

    def batches(self, rows: int) -> Iterator["Table"]:
        """Yields the table in pieces of this many rows; the last one may be shorter."""
        if rows < 1:
            raise ValueError(f"rows must be a whole number of at least 1, but got {rows}")
        for start in range(0, len(self), rows):
            yield self.take(slice(start, start + rows))

    def inputs(self, tower: Any) -> dict[str, np.ndarray]:
        """Returns the inputs of a tower for these rows: an array for each of its inputs, by its name.

        Args:
            tower: a tower of `make_tower`, or a functional model of your own in which each `keras.Input` has the name
                of a column.
        """
        from plackett.retrieval._tower_inputs import inputs_of  # it imports this class

        return inputs_of(tower, self)

    def place(self, row: int) -> str:
        """The name of a row in errors: its number in the table that was read, from 1, and its id."""
        known = f" (id {str(self[self.id_column][row])!r})" if self.id_column is not None else ""
        return f"{self.where}, row {self._rows[row] + 1}{known}"

    def __repr__(self) -> str:
        """Describes the columns."""
        known = f", known by {self.id}" if self.id is not None else ""
        columns = [f"  {name}: {self._in_words(name)}" for name in self.names]
        return "\n".join([f"Table: {len(self):,} rows{known}", *columns])

    def _in_words(self, name):
        try:
            column = self.column(name)
        except ValueError as error:
            return str(error)
        shape = f" of {' x '.join(map(str, column.values.shape[1:]))}" if column.kind == "vectors" else ""
        missing = f", {column.missing.sum():,} missing" if column.missing.any() else ""
        return f"{column.kind}{shape}{missing}"


def of_arrow(table: pa.Table, where: str, id: str | None, lists: Mapping[str, str] | None) -> Table:  # noqa: A002
    """Makes a table from Arrow data without encodings."""
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return _of_columns(columns, len(table), where, id, lists)


def choose_columns(
    names: Sequence[str],
    where: str,
    id: str | None,  # noqa: A002
    columns: Sequence[str] | None,
) -> list[str]:
    """Returns the names of the columns to read, in order.

    Raises:
        ValueError: there is no such column.
    """
    if isinstance(columns, str):
        raise ValueError(f"columns must be a sequence of names, but got {columns!r}")
    for name in columns or ():
        check_column(name, names, where)
    if id is not None:
        try:
            check_column(id, names, where)
        except ValueError as error:
            raise ValueError(f"{error}; {OF_ID}") from None
    return [name for name in names if columns is None or name in columns or name == id]


def _of_mapping(data, id, columns, lists):  # noqa: A002
    names = list(data)
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"{WHERE}: the name of a column must be a string, but got {wrong[0]!r}")
    check_table_names(names, WHERE)
    chosen = choose_columns(names, WHERE, id, columns)
    found = {name: column_of(name, data[name], WHERE) for name in chosen}
    if not found:
        raise ValueError(f"{WHERE} has no columns")
    lengths = {name: len(column.missing if isinstance(column, Column) else column) for name, column in found.items()}
    first = chosen[0]
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(
                f"{WHERE}: columns must have an entry a row, but {name!r} has {length:,} and {first!r} has "
                f"{lengths[first]:,}"
            )
    return _of_columns(found, lengths[first], WHERE, id, lists)


def _of_columns(columns, rows, where, id, lists):  # noqa: A002
    for name, separator in (lists or {}).items():
        check_column(name, columns, where)
        if not isinstance(separator, str) or not separator:
            raise ValueError(f"lists must give the separator of the parts of {name}, but got {separator!r}")
    table = Table(list(columns), range(rows), functools.partial(_read_from, columns, lists or {}, where), id, where)
    if id is not None:
        _ = table.ids  # checks them
    return table


def check_once(ids: Strings, name: str, where: str) -> None:
    """Raises a ValueError if an id occurs twice."""
    values, first, counts = np.unique(ids.ranks(), return_index=True, return_counts=True)
    if len(values) < len(ids):
        twice = ids[int(first[counts > 1].min())]
        rows = np.flatnonzero(ids == twice)[:2] + 1
        raise ValueError(
            f"{where}: an id must occur once, but {twice!r} of column {name!r} is in rows {rows[0]} and {rows[1]}; "
            "if rows are events, and many have the same id, give id=None"
        )


def _read_from(columns, lists, where, name):
    what = f"{where}: column {name!r}"
    column = columns[name]
    column = column if isinstance(column, Column) else read_column(column, what)
    return split(column, lists[name], what) if name in lists else column
