"""Sessions on disk: Parquet with one row a session, which is read as one row an impression is."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett.data._schema import array_of, is_list, to_arrow
from plackett.data._sessions import Sessions
from plackett.data.formats._click_tables import Part

LISTS = ("document", "position", "click", "propensity")  # columns of lists; each other has one value a session


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
            raise ValueError(f"a column of the context cannot be called {name!r}, which has a meaning of its own")
        columns[name] = pa.array(column) if isinstance(column, np.ndarray) else to_arrow(column)
    return pa.table(columns)


def flat(part: Part, roles: Mapping[str, str], first_row: int) -> tuple[Part, dict[str, str]]:
    """(a table with one row an impression, of one with one row a session; the columns of its roles).

    Args:
        part: the table.
        roles: what it is -> the column.
        first_row: how many rows came before.

    Raises:
        ValueError: the lists of a session are missing, empty, or not of one length; says the row.
    """
    document = _list(part, roles["document"], "document")
    splits = _splits(document)
    if (empty := np.diff(splits) == 0).any():
        raise _wrong(part, roles, int(empty.argmax()), "it shows no document")
    session_of = np.repeat(np.arange(len(document)), np.diff(splits))
    columns = {}
    for role, name in roles.items():
        if role in LISTS:
            columns[role] = _values(part, roles, role, splits)
        else:
            encoded = _encoded(array_of(part.table[name]))
            columns[role] = encoded.take(pa.array(session_of))
    if "session" in roles:
        _check_sessions(part, roles)
    else:
        columns["session"] = pa.array(session_of + first_row + 1)
    place = part.place
    return (
        part._replace(table=pa.table(columns), place=lambda row: place(int(session_of[row - 1]) + 1)),
        {role: role for role in columns},
    )


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
    """The values of the lists of a column, as many a session as there are documents."""
    column = _list(part, roles[role], role)
    if (differs := np.diff(_splits(column)) != np.diff(splits)).any():
        row = int(differs.argmax())
        counts = int(np.diff(_splits(column))[row]), int(np.diff(splits)[row])
        raise _wrong(part, roles, row, f"{role} has {counts[0]} entries, but document has {counts[1]}")
    return column.flatten()


def _check_sessions(part, roles):
    """Checks that no two rows behind each other have the same session, which would be taken for one."""
    column = part.table[roles["session"]]
    if len(column) < 2:
        return
    again = pc.equal(array_of(column.slice(1)), array_of(column.slice(0, len(column) - 1)))
    again = again.fill_null(False).to_numpy(zero_copy_only=False)
    if again.any():
        raise _wrong(part, roles, int(again.argmax()) + 1, "the session is there twice")


def _wrong(part, roles, row, what):
    of = next(role for role in ("session", "query") if role in roles)
    return ValueError(f"{part.place(row + 1)}, {of} {str(part.table[roles[of]][row])!r}: {what}")
