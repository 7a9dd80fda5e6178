"""Click logs: what was shown, in which order, and what was clicked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett.data._ids import ids_as_text, read_ids
from plackett.data._ranking_lists import splits
from plackett.data._strings import Strings


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sessions:
    """Sessions: each is one list of documents that was shown for a query, in the order shown, and its clicks.

    >>> log = Sessions.from_arrays(
    ...     query=["shoes"] * 3 + ["hats"] * 2, session=[1, 1, 1, 2, 2], document=["a", "b", "c", "d", "e"],
    ...     position=[1, 2, 3, 1, 2], click=[0, 1, 0, 0, 0])
    >>> log
    Sessions: 2 sessions of 2 queries, 5 impressions, 1 clicks

    Args:
        sessions: [sessions], the id of each, there once.
        queries: [sessions], the id of its query, of which there may be many sessions.
        row_splits: [sessions + 1] int64; the impressions of session s are row_splits[s]:row_splits[s + 1].
        documents: [impressions], the id of the document, once in a session.
        positions: [impressions] int32, where it was shown, from 1, rising in a session.
        clicks: [impressions] bool.
        propensities: [impressions] float32, P(seen), the divisor of a click's weight, in (0, 1]. None = not known.
        context: name -> [sessions], what else is known of a session, numbers or strings, such as its device.
    """

    sessions: Strings
    queries: Strings
    row_splits: np.ndarray
    documents: Strings
    positions: np.ndarray
    clicks: np.ndarray
    propensities: np.ndarray | None = None
    context: dict[str, np.ndarray | Strings] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_arrays(
        cls,
        *,
        query: npt.ArrayLike,
        document: npt.ArrayLike,
        position: npt.ArrayLike,
        click: npt.ArrayLike,
        session: npt.ArrayLike,
        propensity: npt.ArrayLike | None = None,
        context: Mapping[str, npt.ArrayLike] | None = None,
    ) -> "Sessions":
        """The sessions of a table with one row an impression."""
        number = len(np.asarray(position))
        of_row = read_ids("session", session, number)
        keys = np.asarray(of_row.codes if isinstance(of_row, Strings) else of_row)
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[:number])
        return cls(
            sessions=ids_as_text("session", of_row[starts], starts),
            queries=ids_as_text("query", read_ids("query", query, number)[starts], starts),
            row_splits=splits(np.diff(np.append(starts, number))),
            documents=ids_as_text("document", read_ids("document", document, number), np.arange(number)),
            positions=np.asarray(position, "int32"),
            clicks=np.asarray(click, bool),
            propensities=None if propensity is None else np.asarray(propensity, "float32"),
            context={name: np.asarray(column)[starts] for name, column in (context or {}).items()},
        )

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self.sessions)

    @property
    def lengths(self) -> np.ndarray:
        """[sessions], how many documents each showed."""
        return np.diff(self.row_splits)

    @property
    def session_of_row(self) -> np.ndarray:
        """[impressions], the place of the session of each."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __getitem__(self, which: Any) -> "Sessions":
        """Some sessions: a slice, a mask or places."""
        places = np.arange(len(self))[which]
        lengths = self.lengths[places]
        rows = np.repeat(self.row_splits[:-1][places] - (np.cumsum(lengths) - lengths), lengths) + np.arange(
            lengths.sum()
        )
        return Sessions(
            self.sessions[places],
            self.queries[places],
            splits(lengths),
            self.documents[rows],
            self.positions[rows],
            self.clicks[rows],
            None if self.propensities is None else self.propensities[rows],
            {name: column[places] for name, column in self.context.items()},
        )

    def counts(self) -> "ClickCounts":
        """How often each document of a query was shown and clicked at each position; by document within a query."""
        queries, documents = self.queries.compact().ranks(), self.documents.ranks()
        rows = np.lexsort((self.positions, documents, queries[self.session_of_row]))
        of_row = self.session_of_row[rows]
        keys = np.stack([queries[of_row], documents[rows], self.positions[rows]])
        new = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))[: len(rows)]
        starts = np.flatnonzero(new)
        return ClickCounts(
            queries=self.queries[of_row[starts]],
            documents=self.documents[rows[starts]],
            positions=self.positions[rows[starts]],
            shown=np.diff(np.append(starts, len(rows))),
            clicked=np.add.reduceat(self.clicks[rows].astype("int64"), starts) if len(rows) else np.zeros(0, "int64"),
        )

    def __repr__(self):
        return (
            f"Sessions: {len(self)} sessions of {len(set(self.queries.codes.tolist()))} queries, "
            f"{len(self.positions)} impressions, {int(self.clicks.sum())} clicks"
        )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClickCounts:
    """Clicks counted: one row a query, document and position; rows of a query stand together.

    Args:
        queries: [rows], the id of the query.
        documents: [rows], the id of the document.
        positions: [rows] int32, from 1.
        shown: [rows] int64, how often the document was shown there.
        clicked: [rows] int64, how often it was clicked there.
        propensities: [rows] float32, P(seen); the mean where it differed. None = not known.
    """

    queries: Strings
    documents: Strings
    positions: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    propensities: np.ndarray | None = None

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.positions)
