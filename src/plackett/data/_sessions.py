"""Click logs: what was shown, in which order, and what was clicked."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett import _lazy
from plackett.data._arrays import check_indexes
from plackett.data._click_counts import ClickCounts, count, fingerprint_of
from plackett.data._click_log_checks import numbers_or_none
from plackett.data._click_rows import Rows, as_index, sessions_of
from plackett.data._ids import read_ids, strings_or_numbers
from plackett.data._row_splits import rows_of, splits
from plackett.data._strings import Strings


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sessions:
    """A log of sessions. Each session is one list of documents shown for a query, in the order shown, with its clicks.

    >>> log = Sessions.from_arrays(
    ...     query=["shoes"] * 3 + ["hats"] * 2, session=[1, 1, 1, 2, 2], document=["a", "b", "c", "d", "e"],
    ...     position=[1, 2, 3, 1, 2], click=[0, 1, 0, 0, 0])
    >>> log
    Sessions: 2 sessions of 2 queries, 5 impressions, 1 clicks
    >>> log[:1].documents.tolist()
    ['a', 'b', 'c']

    Index sessions with a slice, a mask, or places.

    Args:
        sessions: [sessions], the id of each session, unique.
        queries: [sessions], the id of the query of each session. A query may have many sessions.
        row_splits: [sessions + 1] int64; the impressions of session s are row_splits[s]:row_splits[s + 1].
        documents: [impressions], the id of the document, unique in a session.
        positions: [impressions] int32, where the document was shown, from 1, ascending in a session.
        clicks: [impressions] bool.
        propensities: [impressions] float32, P(seen), the divisor of the weight of a click, in (0, 1]. None = not known.
        context: name -> [sessions], other data about sessions, numbers or strings, such as the device.

    Raises:
        ValueError: the arrays have other lengths. The values are checked by the readers, and by `from_arrays` and
            `from_frame`.
    """

    sessions: Strings
    queries: Strings
    row_splits: np.ndarray
    documents: Strings
    positions: np.ndarray
    clicks: np.ndarray
    propensities: np.ndarray | None = None
    context: dict[str, np.ndarray | Strings] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name in ("sessions", "queries", "documents"):
            object.__setattr__(self, name, Strings.of(getattr(self, name), name))
        context = {name: strings_or_numbers(name, column) for name, column in self.context.items()}
        object.__setattr__(self, "context", context)
        number, total = len(self.row_splits) - 1, int(self.row_splits[-1])
        for name, column in {"sessions": self.sessions, "queries": self.queries, **self.context}.items():
            if len(column) != number:
                raise ValueError(f"{name} must have {number} entries, one per session, but got {len(column)}")
        for name, column in self._of_impressions().items():
            if len(column) != total:
                raise ValueError(f"{name} must have {total} entries, one per impression, but got {len(column)}")

    @classmethod
    def from_arrays(
        cls,
        *,
        query: npt.ArrayLike,
        document: npt.ArrayLike,
        position: npt.ArrayLike,
        click: npt.ArrayLike,
        session: npt.ArrayLike | None = None,
        propensity: npt.ArrayLike | None = None,
        context: Mapping[str, npt.ArrayLike] | None = None,
        together: bool = True,
    ) -> "Sessions":
        """The sessions of arrays with one entry per impression: lists, NumPy's, or series of pandas and polars.

        Sessions stay in their order; the impressions of each are sorted by position.

        >>> log = Sessions.from_arrays(
        ...     query=["q"] * 4, document=list("abba"), position=[1, 2, 1, 2], click=[1, 0, 1, 0])
        >>> log.sessions.tolist(), log.lengths.tolist()
        (['1', '2'], [2, 2])

        Args:
            query: the id of the query, a string or a whole number.
            document: the id of the document, likewise; once in a session.
            position: where it was shown, a whole number from 1; once in a session. Positions may be left out.
            click: whether it was clicked, 0 or 1, or bool.
            session: the id of the session, one list shown for one query. None = a session begins where the query
                changes or the position does not increase; the ids are then the numbers of the sessions, from 1.
            propensity: P(seen), above 0 and at most 1. None = not known.
            context: name -> other data about the session, with the same value in all of its rows, numbers or strings.
            together: whether the rows of a session must stand together. False = they are grouped by `session`.

        Raises:
            ValueError: a value is not allowed, or nothing was clicked; the error gives the row, from 1, and the
                session.
        """
        of_rows = {"query": query, "document": document, "position": position, "click": click, "session": session}
        check_indexes(of_rows | {"propensity": propensity}, context=context)
        number = len(np.atleast_1d(np.asarray(position)))
        rows = Rows(
            query=read_ids("query", query, number),
            document=read_ids("document", document, number),
            position=numbers_or_none("position", position, number),
            click=numbers_or_none("click", click, number),
            session=None if session is None else read_ids("session", session, number),
            propensity=None if propensity is None else numbers_or_none("propensity", propensity, number),
            context=_context(context or {}, number),
        )
        return cls(**sessions_of(rows, lambda row: f"row {row}", "the log", together=together))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        query: str = "query",
        session: str | None = "session",
        document: str = "document",
        position: str = "position",
        click: str = "click",
        propensity: str | None = "propensity",
        context: Sequence[str] = (),
        together: bool = True,
    ) -> "Sessions":
        """The sessions of a data frame with one row per impression, or in the form on disk, one row per session.

        Args:
            frame: a frame of pandas, polars, Arrow, Hugging Face datasets, or any other object that gives an Arrow
                stream.
            query, session, document, position, click, propensity, context, together: as in `read_sessions`.

        Raises:
            ImportError: pyarrow is not installed.
            TypeError: the frame gives no Arrow stream.
            ValueError: a column is missing, or a value is not allowed; the error gives the row and the session.
        """
        logs = _lazy.load("plackett.data.formats.click_logs", "data", needed_by="Sessions.from_frame")
        columns = logs.LogColumns(query, session, document, position, click, propensity, context)
        return logs.sessions_of_frame(frame, columns, together=together)

    def __len__(self) -> int:
        """The number of sessions."""
        return len(self.sessions)

    @property
    def lengths(self) -> np.ndarray:
        """[sessions], the number of documents of each session."""
        return np.diff(self.row_splits)

    @property
    def session_of_row(self) -> np.ndarray:
        """[impressions], the place of the session of each impression, from 0."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __getitem__(self, which: slice | np.ndarray | Sequence[int] | Sequence[bool]) -> "Sessions":
        """Some sessions: a slice, a mask or places.

        Raises:
            IndexError: a session does not exist, or the index is of another kind.
        """
        places = np.arange(len(self))[as_index(which, "sessions")]
        lengths = self.lengths[places]
        rows: Any = rows_of(self.row_splits, places)
        if isinstance(which, slice) and which.step in (None, 1):
            rows = slice(*(self.row_splits[[places[0], places[-1] + 1]] if len(places) else (0, 0)))
        return dataclasses.replace(
            self,
            sessions=self.sessions[places],
            queries=self.queries[places],
            row_splits=splits(lengths),
            documents=self.documents[rows],
            positions=self.positions[rows],
            clicks=self.clicks[rows],
            propensities=None if self.propensities is None else self.propensities[rows],
            context={name: column[places] for name, column in self.context.items()},
        )

    def counts(self) -> ClickCounts:
        """How often each document of a query was shown and clicked at each position.

        >>> log = Sessions.from_arrays(
        ...     query=["q"] * 4, document=list("abba"), position=[1, 2, 1, 2], click=[1, 0, 1, 0])
        >>> log.counts()
        ClickCounts: 4 rows of 1 queries, 4 impressions, 2 clicks

        Returns:
            Rows in the order of `ClickCounts`.

        Cost: a sort of the impressions, about a second for 10 million.
        """
        return count(self)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that depend on every number and id of this log, but not on how it is stored."""
        of_sessions = {"sessions": self.sessions, "queries": self.queries, "row_splits": self.row_splits}
        context = {f"context {name}": column for name, column in self.context.items()}
        return fingerprint_of(of_sessions | self._of_impressions() | context)

    def __repr__(self) -> str:
        """A summary on one line."""
        return (
            f"Sessions: {len(self):,} sessions of {len(np.unique(self.queries.ranks())):,} queries, "
            f"{len(self.positions):,} impressions, {int(self.clicks.sum()):,} clicks"
        )

    def _of_impressions(self):
        known = {"documents": self.documents, "positions": self.positions, "clicks": self.clicks}
        return known if self.propensities is None else known | {"propensities": self.propensities}


def _context(given, number):
    """name -> [impressions]."""
    found = {name: strings_or_numbers(f"context[{name!r}]", column) for name, column in given.items()}
    for name, column in found.items():
        if column.shape != (number,):
            raise ValueError(f"context[{name!r}] must have {number} entries, but has the shape {column.shape}")
    return found
