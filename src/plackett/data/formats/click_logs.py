"""Click logs in files and frames: Parquet with one row per session, and tables with one row per impression."""

import contextlib
import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from plackett._files import errors_of_writing, replace
from plackett.data._click_counts import ClickCounts, counts_of_rows
from plackett.data._click_rows import Rows, sessions_of
from plackett.data._schema import is_list
from plackett.data._sessions import Sessions
from plackett.data.formats._click_tables import Parts, column_of, parts_of_files, parts_of_frame
from plackett.data.formats._session_lists import batches_of, check_own_sessions, flat, to_table
from plackett.data.formats.parquet import ROW_GROUP, Paths

IDS = ("query", "document")
OPTIONAL = ("session", "propensity")  # columns that are optional under these names


class LogColumns(NamedTuple):
    """The roles of the columns of a table; see `read_sessions`."""

    query: str = "query"
    session: str | None = "session"
    document: str = "document"
    position: str = "position"
    click: str = "click"
    propensity: str | None = "propensity"
    context: Sequence[str] = ()

    def of(self, names: Sequence[str], where: str) -> dict[str, str]:
        """What it is -> the column, of those that are there."""
        if isinstance(self.context, str):
            raise ValueError(f"context must be a sequence of names, but got {self.context!r}")
        if self.click not in names and {"shown", "clicked"} <= {*names}:
            raise ValueError(
                f"{where}: there is no column {self.click!r}; read a table with columns shown and clicked with "
                "read_clicks, or with ClickCounts.from_frame"
            )
        found = _of(self._asdict(), ("query", "session", "document", "position", "click", "propensity"), names, where)
        for name in self.context:
            found[f"context {name}"] = column_of("context", name, names, where)
        return found

    def chosen(self, names: Sequence[str], where: str) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys(self.of(names, where).values()))


class CountColumns(NamedTuple):
    """The roles of the columns of a table of counts; see `read_clicks`."""

    query: str = "query"
    document: str = "document"
    position: str = "position"
    shown: str = "shown"
    clicked: str = "clicked"
    propensity: str | None = "propensity"

    def of(self, names: Sequence[str], where: str) -> dict[str, str]:
        """What it is -> the column, of those that are there."""
        return _of(self._asdict(), self._fields, names, where)

    def chosen(self, names: Sequence[str], where: str) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys(self.of(names, where).values()))


def _of(given, roles, names, where):
    return {
        role: column_of(role, given[role], names, where)
        for role in roles
        if given[role] is not None and (role not in OPTIONAL or given[role] != role or role in names)
    }


def read_sessions(
    paths: Paths,
    *,
    query: str = "query",
    session: str | None = "session",
    document: str = "document",
    position: str = "position",
    click: str = "click",
    propensity: str | None = "propensity",
    context: Sequence[str] = (),
    separator: str | None = None,
    encoding: str = "utf-8",
    together: bool = True,
) -> Sessions:
    """Reads sessions from files of `write_sessions`, or from CSV, TSV or Parquet with one row per impression.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = path.write_text("query,product,position,clicked\\nshoes,a,1,0\\nshoes,b,2,1\\nhats,c,1,0\\n")
    >>> read_sessions(path, document="product", click="clicked", session=None)
    Sessions: 2 sessions of 2 queries, 3 impressions, 1 clicks

    Sessions stay in their order; the impressions of each are sorted by position.

    Args:
        paths: one or several files of one form; for Parquet also folders and URLs that fsspec opens. The files of a
            folder are read in the order of their names. CSV needs a header, and may be compressed (gzip, zstd, bzip2).
        query: the column of the id of the query, text or whole numbers.
        session: the column of the id of the session, which is one list shown for one query. None = a session begins
            where the query changes or the position does not increase, and the ids are the numbers of the sessions, from
            1. Without a column "session" the same happens, with a warning.
        document: the column of the id of the document, unique in a session.
        position: the column of the position where the document was shown, a whole number from 1, unique in a session.
        click: the column of the click, 0 or 1, or true and false.
        propensity: the column of P(seen), above 0 and at most 1. It is optional if it is called "propensity". None =
            not read.
        context: other columns of sessions, with the same value in all rows of a session.
        separator: the character between CSV fields. None = a tab if the header has one, else a comma.
        encoding: the encoding of CSV text.
        together: whether the rows of a session must stand together. False = they are grouped.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a column is missing, a value is not allowed, or nothing was clicked; the error gives the
            file, the line or row, and the session.

    Cost: a few seconds for 10 million impressions of Parquet, and their memory.
    """
    columns = LogColumns(query, session, document, position, click, propensity, context)
    return _sessions(parts_of_files(paths, columns.chosen, separator=separator, encoding=encoding), columns, together)


def read_clicks(
    paths: Paths,
    *,
    query: str = "query",
    session: str | None = "session",
    document: str = "document",
    position: str = "position",
    click: str = "click",
    propensity: str | None = "propensity",
    context: Sequence[str] = (),
    shown: str = "shown",
    clicked: str = "clicked",
    separator: str | None = None,
    encoding: str = "utf-8",
    together: bool = True,
) -> Sessions | ClickCounts:
    """Reads clicks from files: counts if there are columns `shown` and `clicked`, else sessions.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = path.write_text("query,document,position,shown,clicked\\nshoes,a,1,10,3\\nshoes,b,2,10,1\\n")
    >>> read_clicks(path)
    ClickCounts: 2 rows of 1 queries, 20 impressions, 4 clicks

    Args:
        paths, query, session, document, position, click, propensity, context, separator, encoding, together: as in
            `read_sessions`.
        shown: the column of how often a document of a query was shown at a position, a whole number from 1.
        clicked: the column of how many of these impressions had a click. Without both columns the files hold sessions.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a column is missing, a value is not allowed, or nothing was clicked; the error says where.
    """
    of_log = LogColumns(query, session, document, position, click, propensity, context)
    of_counts = CountColumns(query, document, position, shown, clicked, propensity)

    def chosen(names, where):
        return (of_counts if _are_counts(names, of_counts) else of_log).chosen(names, where)

    parts = parts_of_files(paths, chosen, separator=separator, encoding=encoding)
    kinds = [_are_counts(part.table.column_names, of_counts) for part in parts]
    if not any(kinds):
        return _sessions(parts, of_log, together)
    if not all(kinds):
        raise ValueError(
            f"{parts[kinds.index(True)].where} holds counts, but {parts[kinds.index(False)].where} sessions: read each "
            "by itself"
        )
    return _counts(parts, of_counts)


def sessions_of_frame(frame: Any, columns: LogColumns, *, together: bool) -> Sessions:
    """The sessions of a data frame; see `Sessions.from_frame`."""
    return _sessions(parts_of_frame(frame, columns.chosen), columns, together)


def counts_of_frame(frame: Any, columns: CountColumns) -> ClickCounts:
    """The counts of a data frame; see `ClickCounts.from_frame`."""
    return _counts(parts_of_frame(frame, columns.chosen), columns)


def write_sessions(log: Sessions, path: str | os.PathLike) -> None:
    """Writes sessions to one Parquet file, one row per session. The file is written completely or not at all.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "sessions.parquet"
    >>> log = Sessions.from_arrays(query=[7, 7], document=["a", "b"], position=[1, 2], click=[0, 1])
    >>> write_sessions(log, path)
    >>> read_sessions(path).fingerprint() == log.fingerprint()
    True

    Raises:
        OSError: it could not be written.
        ValueError: a column of the context has a name with another meaning.
    """
    with SessionWriter(path) as writer:
        writer.write(log)


class SessionWriter:
    """Writes sessions to one Parquet file in parts. The file appears, complete, when the `with` ends without error.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "sessions.parquet"
    >>> with SessionWriter(path) as writer:
    ...     for name in "ab":
    ...         writer.write(Sessions.from_arrays(
    ...             query=["q"] * 2, session=[name] * 2, document=["x", "y"], position=[1, 2], click=[0, 1]))
    >>> len(read_sessions(path))
    2

    The reader of the file checks that the ids of sessions are unique.

    Args:
        path: the path of the file. Its folder must exist.
        overwrite: whether to replace a file of that name.
    """

    def __init__(self, path: str | os.PathLike, *, overwrite: bool = True):
        self.path, self.overwrite = pathlib.Path(path), overwrite
        self._open = contextlib.ExitStack()
        self._partial: pathlib.Path | None = None
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> "SessionWriter":
        """Opens a file under a temporary name."""
        self._partial = self._open.enter_context(replace(self.path, overwrite=self.overwrite))
        self._open.push(self._finish)
        return self

    def write(self, log: Sessions) -> None:
        """Adds sessions.

        Raises:
            OSError: the sessions cannot be written.
            ValueError: they have other columns than the sessions before.
        """
        if self._partial is None:
            raise ValueError(
                "a SessionWriter writes only inside its with block: with SessionWriter(path) as writer: ..."
            )
        if not len(log):
            return
        table = to_table(log)
        if self._writer is None:
            with errors_of_writing(self.path):
                self._writer = pq.ParquetWriter(
                    self._partial, table.schema, compression="zstd", compression_level=1, write_page_checksum=True
                )
        elif table.schema != self._writer.schema:
            raise ValueError(
                f"{self.path}: sessions must have the columns of those before, {self._writer.schema.names}"
                f", of the same types, but have {table.schema.names}"
            )
        self._waiting.append(table)
        if sum(table.nbytes for table in self._waiting) > ROW_GROUP:
            self._flush()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Gives the file its name, or removes it after an error."""
        self._partial = None
        self._open.__exit__(kind, error, trace)

    def _flush(self):
        with errors_of_writing(self.path):
            table = pa.concat_tables(self._waiting)
            self._writer.write_table(table, row_group_size=len(table))
        self._waiting = []

    def _finish(self, kind, error, trace):
        """Writes what is left, unless there was an error, and closes the file."""
        if kind is None and self._writer is None:
            raise ValueError(f"{self.path}: there are no sessions to write")
        try:
            if kind is None and self._waiting:
                self._flush()
        finally:
            if self._writer is not None:
                with errors_of_writing(self.path):
                    self._writer.close()


def _sessions(parts, columns, together):
    """The sessions of parts that all have the same form."""
    found = [columns.of(part.table.column_names, part.where) for part in parts]
    row_of = None
    if _has_a_row_a_session(parts, found):
        parts, found, row_of = _flat(parts, found)
    rows = Parts(parts)

    def names(role):
        return [of[role] for of in found]

    read = Rows(
        query=rows.strings("query", names("query")),
        document=rows.strings("document", names("document")),
        position=rows.numbers("position", names("position")),
        click=rows.numbers("click", names("click")),
        session=rows.strings("session", names("session")) if "session" in found[0] else None,
        propensity=rows.numbers("propensity", names("propensity")) if "propensity" in found[0] else None,
        context={name: rows.context(name, names(f"context {name}")) for name in columns.context},
    )
    if row_of is not None:
        check_own_sessions(read.session, row_of, rows.place)
    log = Sessions(**sessions_of(read, rows.place, rows.where, together=together))
    if read.session is None and columns.session is not None:
        warnings.warn(
            f"{rows.where}: there is no column 'session', so a session begins where the query changes or the position "
            f"does not rise, which makes {len(log):,} sessions; session=None says that this is meant",
            stacklevel=3,
        )
    return log


def _has_a_row_a_session(parts, found):
    """Whether all parts have one row per session; otherwise all have one row per impression."""
    if not sum(len(part.table) for part in parts):
        raise ValueError(f"{Parts(parts).where}: there are no impressions")
    nested = [is_list(part.table.schema.field(of["document"]).type) for part, of in zip(parts, found, strict=True)]
    words = [
        f"one row {'a session' if one else 'an impression'} and {', '.join(of)}"
        for one, of in zip(nested, found, strict=True)
    ]
    for part, one in zip(parts, words, strict=True):
        if one != words[0]:
            raise ValueError(
                f"{part.where}: files that are read together have the same columns, but this one has {one}, and "
                f"{parts[0].where} {words[0]}"
            )
    return nested[0]


def _flat(parts, found):
    """(the same with one row per impression, their roles, [impressions] the row of each in all parts)."""
    first, flats, rows = 0, [], []
    for part, roles in zip(parts, found, strict=True):
        for batch in batches_of(part):
            flats.append(flat(batch, roles, first))
            rows.append(flats[-1].row_of + first)
            first += len(batch.table)
    return [one.part for one in flats], [one.roles for one in flats], np.concatenate([np.zeros(0, "int64"), *rows])


def _are_counts(names, columns):
    return columns.shown in names and columns.clicked in names


def _counts(parts, columns):
    found = [columns.of(part.table.column_names, part.where) for part in parts]
    if any(of.keys() != found[0].keys() for of in found):
        raise ValueError(f"{parts[0].where} and others: all have a column of propensities, or none has")
    rows = Parts(parts)
    numbers = {role: rows.numbers(role, [of[role] for of in found]) for role in found[0] if role not in IDS}
    query, document = (rows.strings(role, [of[role] for of in found]) for role in IDS)
    return counts_of_rows(query, document, numbers, rows.place, rows.where)
