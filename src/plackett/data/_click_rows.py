"""From rows, one per impression, to sessions."""

import functools
from typing import Any, NamedTuple

import numpy as np

from plackett.data._click_log_checks import (
    Place,
    Wrong,
    check_a_click,
    check_new_documents,
    clicks_of,
    positions_of,
    propensities_of,
)
from plackett.data._ids import ids_as_text
from plackett.data._row_splits import splits
from plackett.data._strings import Strings, numbers_from_1

Ids = np.ndarray | Strings  # the output of `read_ids`


class Rows(NamedTuple):
    """A table with one row per impression, as it was given. Equal strings of a column have equal codes.

    Args:
        query: [rows].
        document: [rows].
        position: [rows] numbers, NaN where one is missing; so `click` and `propensity`.
        click: [rows].
        session: [rows]. None = a session begins where the query changes or the position does not increase.
        propensity: [rows]. None = not known.
        context: name -> [rows], the same in all rows of a session.
    """

    query: Ids
    document: Ids
    position: np.ndarray
    click: np.ndarray
    session: Ids | None
    propensity: np.ndarray | None
    context: dict[str, Ids]


def sessions_of(rows: Rows, place: Place, where: str, *, together: bool) -> dict[str, Any]:
    """The arguments of `Sessions`, with the impressions of a session sorted by position.

    Args:
        rows: the impressions.
        place: the name of a row in errors.
        where: the name of the log in errors.
        together: whether the rows of a session must stand together. False = they are grouped.

    Raises:
        ValueError: a value is not allowed; the error gives the row and the session.
    """
    if not len(rows.position):
        raise ValueError(f"{where}: there are no impressions")
    wrong = functools.partial(_wrong, rows, place)
    for name in ("query", "session", "document"):
        check_ids(name, getattr(rows, name), wrong)
    positions = positions_of(rows.position, wrong)
    clicks = clicks_of(rows.click, wrong)
    propensities = propensities_of(rows.propensity, wrong)
    check_a_click(clicks, where)
    order = _order(rows, positions, together)

    def taken(column):
        return column if order is None or column is None else column[order]

    def wrong_in_order(row, what):
        return wrong(row if order is None else int(order[row]), what)

    positions, session, query = taken(positions), taken(rows.session), taken(rows.query)
    starts = np.flatnonzero(_begins(session, query, positions))
    row_splits = np.append(starts, len(positions))
    if session is not None:
        _check_sessions(session, query, starts, wrong_in_order)
        _check_positions(positions, taken(rows.document), row_splits, wrong_in_order)
    documents = as_text(taken(rows.document))
    check_new_documents(documents, row_splits, wrong_in_order)
    return {
        "sessions": _numbered(len(starts)) if session is None else as_text(session[starts]),
        "queries": as_text(query[starts]),
        "row_splits": splits(np.diff(row_splits)),
        "documents": documents,
        "positions": positions,
        "clicks": taken(clicks),
        "propensities": taken(propensities),
        "context": {
            name: _one_a_session(name, taken(column), row_splits, wrong_in_order)
            for name, column in rows.context.items()
        },
    }


def check_ids(name: str, ids: Ids | None, wrong: Wrong) -> None:
    """Checks that no id is empty or contains a NUL character."""
    if not isinstance(ids, Strings):
        return
    bad = ((ids.dictionary.lengths == 0) | ids.dictionary.has_nul)[ids.codes]
    if bad.any():
        row = int(bad.argmax())
        raise wrong(row, f"an id must not be empty or contain a NUL character, but {name} is {ids[row]!r}")


def as_text(ids: Ids) -> Strings:
    """[rows], checked ids as strings; equal ids have equal codes."""
    return ids_as_text("id", ids, range(len(ids)))


def as_index(which: Any, what: str) -> Any:
    """The index as a slice or an array.

    Raises:
        IndexError: it is none of these.
    """
    if isinstance(which, slice):
        return which
    if isinstance(which, str | tuple) or np.ndim(which) != 1:
        raise IndexError(f"{what} must be indexed by a slice, a mask or a list of places, but got {which!r:.100}")
    return np.asarray(which) if len(which) else np.zeros(0, "int64")


def codes_of(ids: Ids) -> np.ndarray:
    """[rows] numbers; equal ids have equal numbers."""
    return ids.codes if isinstance(ids, Strings) else ids


def _wrong(rows, place, row, what):
    """The error for a row."""
    of = "query" if rows.session is None else "session"
    one = (rows.query if rows.session is None else rows.session)[row]
    return ValueError(f"{place(row + 1)}, {of} {str(one)!r}: {what}")


def _begins(session, query, positions):
    """[rows] bool, whether a session begins there."""
    if session is not None:
        return changes(codes_of(session))
    return changes(codes_of(query)) | np.append(True, positions[1:] <= positions[:-1])


def changes(keys: np.ndarray) -> np.ndarray:
    """[rows] bool, whether a row differs from the row before; True for the first row."""
    new = np.ones(len(keys), bool)
    new[1:] = keys[1:] != keys[:-1]
    return new


def _order(rows, positions, together):
    """[rows], the rows by session and position; None = already sorted. Sessions keep the order of their first rows."""
    if rows.session is None:
        if not together:
            raise ValueError(
                "together=False groups rows by the id of their session, but there is no column of sessions"
            )
        return None
    keys = codes_of(rows.session)
    run = np.cumsum(changes(keys)) if together else _first_rows(rows.session)
    joint = run * (int(positions.max()) + 1) + positions
    return None if (joint[1:] >= joint[:-1]).all() else np.argsort(joint, kind="stable")


def _first_rows(ids):
    """[rows], the first row with the same id."""
    if isinstance(ids, Strings):
        first = np.zeros(len(ids.dictionary), "int64")
        first[ids.codes[::-1]] = np.arange(len(ids))[::-1]  # the last assignment wins, which is the first row
        return first[ids.codes]
    _, first, places = np.unique(ids, return_index=True, return_inverse=True)
    return first[places]


def _check_sessions(session, query, starts, wrong):
    """Checks that each session occurs once and has one query."""
    keys, of = codes_of(query), codes_of(session)
    first = np.repeat(starts, np.diff(np.append(starts, len(keys))))
    if (differs := keys != keys[first]).any():
        row = int(differs.argmax())
        raise wrong(
            row,
            f"query must be the same in all rows of a session, but is {str(query[int(first[row])])!r} and "
            f"{str(query[row])!r}; a session is one list that was shown for one query",
        )
    ordered = np.argsort(of[starts], kind="stable")
    ids = of[starts][ordered]
    if (again := ids[1:] == ids[:-1]).any():
        before, row = (int(starts[ordered[again.argmax() + i]]) for i in (0, 1))
        if keys[before] != keys[row]:
            what = f"begins again, for another query ({str(query[before])!r} before, {str(query[row])!r} here); a "
            raise wrong(row, f"the session {what}session is one list that was shown for one query")
        raise wrong(
            row,
            "the session begins again, after others; sort by session, or group in memory by together=False "
            "(--click-reading together=false on the command line)",
        )


def _check_positions(positions, documents, row_splits, wrong):
    """Checks that no position occurs twice in a session."""
    again = np.append(False, positions[1:] == positions[:-1])
    again[row_splits[:-1]] = False
    if again.any():
        row = int(again.argmax())
        both = f"documents {str(documents[row - 1])!r} and {str(documents[row])!r}"
        raise wrong(row, f"position {positions[row]} occurs twice ({both})")


def _one_a_session(name, column, row_splits, wrong):
    """The value of each session in a column that repeats it in all rows."""
    starts = row_splits[:-1]
    values = column.ranks() if isinstance(column, Strings) else column
    first = np.repeat(values[starts], np.diff(row_splits))
    differs = (values != first) & ~((values != values) & (first != first))
    if differs.any():
        row = int(differs.argmax())
        before = column[int(starts[np.searchsorted(starts, row, side="right") - 1])]
        raise wrong(row, f"{name} must be the same in all rows of a session, but is {before!s} and {column[row]!s}")
    return column[starts]


def _numbered(number):
    """The ids "1", "2", and so on."""
    return Strings(np.arange(number, dtype="int32"), numbers_from_1(number))
