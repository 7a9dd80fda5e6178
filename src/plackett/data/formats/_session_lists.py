"""Sessions on disk: Parquet with one row per session, which is read like one row per impression."""

import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._click_log_checks import Place
from plackett.data._schema import array_of, is_list, to_arrow
from plackett.data._sessions import Sessions
from plackett.data._strings import Strings
from plackett.data.formats._click_tables import Part

LISTS = ("document", "position", "click", "propensity")  # columns of lists; all others have one value per session


def to_table(log: Sessions) -> pa.Table:
    """The sessions in the form on disk."""
    kind = pa.int32() if log.row_splits[-1] < 2**31 else pa.int64()
    of_list = pa.ListArray if kind == pa.int32() else pa.LargeListArray
    offsets = pa.array(log.row_splits - log.row_splits[0], kind)
    columns = {
        "query": to_arrow(log.queries),
        "session": to_arrow(log.sessions),
        "document": of_list.from_arrays(offsets, to_arrow(log.documents)),
        "position": of_list.from_arrays(offsets, pa.array(log.positions, pa.int32())),
        "click": of_list.from_arrays(offsets, pa.array(log.clicks.astype("float32"))),
    }
    if log.propensities is not None:
        columns["propensity"] = of_list.from_arrays(offsets, pa.array(log.propensities, pa.float32()))
    for name, column in log.context.items():
        if name in (*columns, *LISTS):
            raise ValueError(f"a column of the context cannot be called {name!r}, a name with a meaning of its own")
        columns[name] = pa.array(column) if isinstance(column, np.ndarray) else to_arrow(column)
    return pa.table(columns)


class Flat(NamedTuple):
    """A table with one row per impression, made from one with one row per session.

    Args:
        part: the table.
        roles: what it is -> the column.
        row_of: [impressions], the row of each impression in its original table, from 0.
    """

    part: Part
    roles: dict[str, str]
    row_of: np.ndarray


def flat(part: Part, roles: Mapping[str, str], first_row: int = 0) -> Flat:
    """Turns a table with one row per session into one with one row per impression.

    Args:
        part: the table.
        roles: what it is -> the column.
        first_row: the number of rows before, in all tables; it numbers sessions without ids.

    Raises:
        ValueError: the lists of a session are missing, empty, or of different lengths; the error gives the row.
    """
    document = _list(part, roles["document"], "document")
    splits = _splits(document)
    if (empty := np.diff(splits) == 0).any():
        raise _wrong(part, roles, int(empty.argmax()), "it shows no document")
    row_of = np.repeat(np.arange(len(document)), np.diff(splits))
    columns = {}
    for role, name in roles.items():
        if role in LISTS:
            columns[role] = _values(part, roles, role, splits)
        else:
            columns[role] = _encoded(array_of(part.table[name])).take(pa.array(row_of))
    if "session" not in roles:
        columns["session"] = pa.array(row_of + first_row + 1)
    place = part.place
    of_impressions = part._replace(table=pa.table(columns), place=lambda row: place(int(row_of[row - 1]) + 1))
    return Flat(of_impressions, {role: role for role in columns}, row_of)


def batches_of(part: Part) -> Iterator[Part]:
    """The table in pieces, each column in one chunk; the texts of the whole table may not fit into one Arrow array."""
    first, place = 0, part.place
    for batch in part.table.to_batches():
        yield part._replace(table=pa.table(batch), place=functools.partial(_place, place, first))
        first += len(batch)


def _place(place, first, row):
    return place(first + row)


def check_own_sessions(sessions: Strings, row_of: np.ndarray, place: Place) -> None:
    """Checks that no two consecutive rows have the same session, which would be read as one.

    Args:
        sessions: [impressions], the session of each impression; equal ids have equal codes.
        row_of: [impressions], the row of each impression in its original table.
        place: the name of the row of an impression in errors, by its number from 1.
    """
    again = (row_of[1:] != row_of[:-1]) & (sessions.codes[1:] == sessions.codes[:-1])
    if again.any():
        row = int(again.argmax()) + 1
        raise ValueError(f"{place(row + 1)}, session {sessions[row]!r}: the session occurs twice")


def _encoded(column):
    if kinds.is_dictionary(column.type) or not (kinds.is_string(column.type) or kinds.is_large_string(column.type)):
        return column
    return column.dictionary_encode()


def _list(part, name, role):
    column = array_of(part.table[name])
    if not is_list(column.type):
        raise ValueError(f"{part.where}: column {name} must be of lists, as that of documents is, but is {column.type}")
    if column.null_count:
        row = int(np.flatnonzero(pc.is_null(column).to_numpy(zero_copy_only=False))[0])
        raise ValueError(f"{part.place(row + 1)}: {role} is missing")
    return column


def _splits(column):
    """[sessions + 1], where the lists of each session begin and end."""
    if kinds.is_fixed_size_list(column.type):
        return np.arange(len(column) + 1) * column.type.list_size
    offsets = column.offsets.to_numpy().astype("int64")
    return offsets - offsets[0]


def _values(part, roles, role, splits):
    """The values of the lists of a column, one per document of each session."""
    column = _list(part, roles[role], role)
    if (differs := np.diff(_splits(column)) != np.diff(splits)).any():
        row = int(differs.argmax())
        counts = int(np.diff(_splits(column))[row]), int(np.diff(splits)[row])
        raise _wrong(part, roles, row, f"{role} has {counts[0]} entries, but document has {counts[1]}")
    return column.flatten()


def _wrong(part, roles, row, what):
    of = next(role for role in ("session", "query") if role in roles)
    return ValueError(f"{part.place(row + 1)}, {of} {str(part.table[roles[of]][row])!r}: {what}")
