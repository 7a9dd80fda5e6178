"""Tables of queries or of documents: a row each, with columns by name."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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


class Table:
    """Queries or documents, a row each, with columns by name.

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
    numbers, of any length; or times. A column of Arrow or of a data frame that has lists of numbers with a fraction
    holds vectors. What is missing stays so, till something needs it: see `missing`.

    It is made by `Table.of`, or by `Table.read` from a file. A column is read when it is first used.

    Args:
        names: of the columns.
        rows: how many there are.
        read: function of a name, its column.
        id: the name of the column of ids. None = the rows have none.
        where: what errors call the table.
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: int,
        read: Callable[[str], Column],
        id: str | None,
        where: str = WHERE,  # noqa: A002
    ) -> None:
        self.names = tuple(names)
        self.id = id
        self.where = where
        self._rows = rows
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
        """A table of what is in memory.

        Args:
            data: a mapping from names to columns, or a frame of pandas, polars or Arrow.
            id: the column of ids, strings or whole numbers, each there once. None = the rows have no ids, as where each
                stands for one event of many.
            columns: those that are read, and the ids. None = all.
            lists: name of a column of strings -> what stands between the parts of each, as {"genres": "|"}, of which it
                then holds lists.

        Raises:
            TypeError: `data` is neither.
            ValueError: there is no such column, columns are of different lengths, or an id is missing or there twice.
        """
        if isinstance(data, Mapping) and not hasattr(data, "with_format"):
            return _of_mapping(data, id, columns, lists)
        table = columns_of_frame(data, lambda names: _chosen(names, id, columns, WHERE))
        return of_arrow(table, WHERE, id, lists)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._rows

    def __contains__(self, name: object) -> bool:
        """Whether there is a column of this name."""
        return name in self.names

    def __getitem__(self, name: str) -> Any:
        """The values of a column: an array, `Strings` or a `ListColumn`.

        Raises:
            ValueError: there is no such column, or it holds what no column can.
        """
        return self.column(name).values

    def column(self, name: str) -> Column:
        """A column, with what is missing of it; see `__getitem__`."""
        if name not in self._known:
            check_column(name, self.names, self.where)
            self._known[name] = self._read(name)
        return self._known[name]

    def missing(self, name: str) -> np.ndarray:
        """[rows] bool, where a column has no value: NaN, null, or a vector that lacks a number."""
        return self.column(name).missing

    @functools.cached_property
    def ids(self) -> Strings:
        """The id of each row, as text, each there once.

        Raises:
            ValueError: the rows have no ids.
        """
        if self.id is None:
            raise ValueError(
                f"{self.where} has no ids: say which column they are by id=NAME (--id on the command line); rows that "
                "were taken more than once have none"
            )
        missing = self.missing(self.id)
        if missing.any():
            raise ValueError(
                f"{self.where}, row {int(missing.argmax()) + 1}: the id, in column {self.id!r}, is missing"
            )
        try:
            ids = read_ids(self.id, self[self.id], len(self))
            ids = ids_as_text(self.id, ids, range(len(self)))
        except (ValueError, AttributeError) as error:
            raise ValueError(
                f"{self.where}: column {self.id!r} must hold strings or whole numbers to be the ids, but holds "
                f"{self.column(self.id).kind}: {error}"
            ) from None
        _check_once(ids, self.id, self.where)
        return ids

    def take(self, rows: Any) -> "Table":
        """The table of some rows, in their order.

        Args:
            rows: their numbers from 0, a mask or a slice. Where one is there twice the new table has no ids.

        Raises:
            IndexError: there is no such row.
        """
        if not isinstance(rows, slice):
            rows = np.asarray(rows) if len(rows) else np.zeros(0, "int64")
        taken = np.arange(len(self))[rows]
        once = isinstance(rows, slice) or rows.dtype == bool or len(np.unique(taken)) == len(taken)
        read = functools.partial(_take_from, self, rows if isinstance(rows, slice) else taken)
        return Table(self.names, len(taken), read, self.id if once else None, self.where)

    def rows_of(self, ids: Any) -> np.ndarray:
        """[ids] int64, the row of each id; strings, or whole numbers, which are compared as text.

        Raises:
            ValueError: an id is not there; says which.
        """
        given = list(ids) if not isinstance(ids, np.ndarray | Strings) else ids
        wanted = ids_as_text("ids", read_ids("ids", given, len(given)), range(len(given)))
        ranks = concatenate_strings([self.ids, wanted]).ranks()
        known, wanted_ranks = ranks[: len(self)], ranks[len(self) :]
        order = np.argsort(known)
        places = np.searchsorted(known[order], wanted_ranks)
        places = order[np.minimum(places, len(order) - 1)] if len(order) else np.zeros(len(wanted), "int64")
        unknown = np.flatnonzero(known[places] != wanted_ranks) if len(order) else np.arange(len(wanted))
        if len(unknown):
            what = some(map(repr, dict.fromkeys(wanted[unknown].tolist())), 3)
            raise ValueError(
                f"{self.where} has no row of the ids {what}: {len(unknown):,} of {len(wanted):,} are not there"
            )
        return places

    def batches(self, rows: int) -> Iterator["Table"]:
        """The table in pieces of so many rows, the last one shorter."""
        for start in range(0, len(self), rows):
            yield self.take(slice(start, start + rows))

    def inputs(self, tower: Any) -> dict[str, np.ndarray]:
        """What a tower is fed of these rows: an array for each of its inputs, by its name.

        Args:
            tower: what `make_tower` made, or a functional model of your own, of which each `keras.Input` has the name
                of a column.
        """
        from plackett.retrieval._tower_inputs import inputs_of  # which knows this class

        return inputs_of(tower, self)

    def __repr__(self) -> str:
        """What the columns hold."""
        known = f", known by {self.id}" if self.id is not None else ""
        return "\n".join(
            [f"Table: {len(self):,} rows{known}", *(f"  {name}: {self._in_words(name)}" for name in self.names)]
        )

    def _in_words(self, name):
        try:
            column = self.column(name)
        except ValueError as error:
            return str(error)
        shape = f" of {' x '.join(map(str, column.values.shape[1:]))}" if column.kind == "vectors" else ""
        missing = f", {column.missing.sum():,} missing" if column.missing.any() else ""
        return f"{column.kind}{shape}{missing}"


def of_arrow(table: pa.Table, where: str, id: str | None, lists: Mapping[str, str] | None) -> Table:  # noqa: A002
    """The table of one of Arrow, in which nothing is encoded."""
    read = functools.partial(_read_from, dict(zip(table.column_names, table.columns, strict=True)), lists or {}, where)
    return _checked(Table(table.column_names, len(table), read, id, where), lists)


def _of_mapping(data, id, columns, lists):  # noqa: A002
    names = list(data)
    check_table_names([str(name) for name in names], WHERE)
    chosen = _chosen(names, id, columns, WHERE)
    found = {name: column_of(name, data[name], WHERE) for name in chosen}
    lengths = {name: len(column.missing if isinstance(column, Column) else column) for name, column in found.items()}
    if not lengths:
        raise ValueError(f"{WHERE} has no columns")
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(
                f"{WHERE}: columns must have an entry a row each, but {name!r} has {length:,} and {first!r} has "
                f"{lengths[first]:,}"
            )
    read = functools.partial(_read_from, found, lists or {}, WHERE)
    return _checked(Table(chosen, lengths[first], read, id), lists)


def _chosen(names, id, columns, where):  # noqa: A002
    """The names of the columns that are read, in their order."""
    if isinstance(columns, str):
        raise ValueError(f"columns must be a sequence of names, but got {columns!r}")
    for name in [*(columns or ()), *([] if id is None else [id])]:
        try:
            check_column(name, names, where)
        except ValueError as error:
            hint = "; id=NAME says which column is the id (--id on the command line), and id=None that there is none"
            raise ValueError(f"{error}{hint if name == id else ''}") from None
    return [name for name in names if columns is None or name in columns or name == id]


def _checked(table, lists):
    for name in lists or {}:
        check_column(name, table.names, table.where)
    if table.id is not None:
        _ = table.ids
    return table


def _check_once(ids, name, where):
    values, first, counts = np.unique(ids.ranks(), return_index=True, return_counts=True)
    if len(values) < len(ids):
        twice = int(first[counts > 1].min())
        rows = np.flatnonzero(ids == ids[twice])[:2] + 1
        raise ValueError(
            f"{where}: each id must be there once, but {ids[twice]!r}, in column {name!r}, is in rows {rows[0]} and "
            f"{rows[1]}; id=None where rows are events, which have none"
        )


def _read_from(columns, lists, where, name):
    what = f"{where}: column {name!r}"
    column = columns[name]
    column = column if isinstance(column, Column) else read_column(column, what)
    return split(column, lists[name], what) if name in lists else column


def _take_from(table, rows, name):
    return table.column(name).take(rows)
