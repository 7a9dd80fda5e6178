"""Counted click logs: how often a document of a query was shown at a position, and clicked there."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from plackett import _lazy
from plackett.data._arrays import check_indexes
from plackett.data._click_log_checks import (
    Place,
    check_a_click,
    counts_of,
    numbers_or_none,
    positions_of,
    propensities_of,
)
from plackett.data._click_rows import Ids, as_index, as_text, changes, check_ids, codes_of
from plackett.data._ids import read_ids
from plackett.data._strings import Strings

if TYPE_CHECKING:
    from plackett.data._sessions import Sessions


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClickCounts:
    """Counted clicks: one row per query, document and position.

    The rows of a query stand together. Queries are in the order of their first row or session. Within a query,
    documents are in byte order of their ids, and the positions of a document ascend.

    >>> counts = ClickCounts.from_arrays(
    ...     query=["shoes", "shoes", "hats"], document=["b", "a", "c"], position=[1, 2, 1], shown=[10, 10, 4],
    ...     clicked=[3, 1, 0])
    >>> counts
    ClickCounts: 3 rows of 2 queries, 24 impressions, 4 clicks
    >>> counts.documents.tolist(), counts[counts.positions == 1].clicked.tolist()
    (['a', 'b', 'c'], [3, 0])

    Index rows with a slice, a mask, or places; the rows of a query must stay together.

    Args:
        queries: [rows], the id of the query.
        documents: [rows], the id of the document.
        positions: [rows] int32, from 1.
        shown: [rows] int64, how often the document was shown there, >= 1.
        clicked: [rows] int64, how many of these impressions had a click.
        propensities: [rows] float32, P(seen), in (0, 1]; the mean if it differed. None = not known.

    Raises:
        ValueError: the arrays have different lengths.
    """

    queries: Strings
    documents: Strings
    positions: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    propensities: np.ndarray | None = None

    def __post_init__(self):
        for name in ("queries", "documents"):
            object.__setattr__(self, name, Strings.of(getattr(self, name), name))
        for name, column in self._columns().items():
            if len(column) != len(self.positions):
                raise ValueError(f"{name} must have {len(self.positions)} entries, one per row, but got {len(column)}")

    @classmethod
    def from_arrays(
        cls,
        *,
        query: npt.ArrayLike,
        document: npt.ArrayLike,
        position: npt.ArrayLike,
        shown: npt.ArrayLike,
        clicked: npt.ArrayLike,
        propensity: npt.ArrayLike | None = None,
    ) -> "ClickCounts":
        """The counts of arrays with one entry per query, document and position, in any order.

        Args:
            query: the id of the query, a string or a whole number.
            document: the id of the document, likewise.
            position: where it was shown, a whole number from 1.
            shown: how often it was shown there, a whole number from 1.
            clicked: in how many of those it was clicked.
            propensity: P(seen), above 0 and at most 1. None = not known.

        Raises:
            ValueError: a value is not allowed, a row occurs twice, or nothing was clicked; the error gives the
                row, from 1.
        """
        numbers = {"position": position, "shown": shown, "clicked": clicked}
        numbers |= {} if propensity is None else {"propensity": propensity}
        check_indexes({"query": query, "document": document, **numbers})
        number = len(np.atleast_1d(np.asarray(position)))
        read = {name: numbers_or_none(name, column, number) for name, column in numbers.items()}
        ids = read_ids("query", query, number), read_ids("document", document, number)
        return counts_of_rows(*ids, read, lambda row: f"row {row}", "the counts")

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        query: str = "query",
        document: str = "document",
        position: str = "position",
        shown: str = "shown",
        clicked: str = "clicked",
        propensity: str | None = "propensity",
    ) -> "ClickCounts":
        """The counts of a data frame with one row per query, document and position.

        Args:
            frame: a frame of pandas, polars, Arrow, Hugging Face datasets, or any other object that gives an Arrow
                stream.
            query, document, position, shown, clicked: the names of its columns, see `from_arrays`.
            propensity: the name of a column, which may be missing if it is "propensity". None = do not read any.

        Raises:
            ImportError: pyarrow is not installed.
            TypeError: the frame gives no Arrow stream.
            ValueError: a column is missing, or a value is not allowed; the error gives the row and the query.
        """
        logs = _lazy.load("plackett.data.formats.click_logs", "data", needed_by="ClickCounts.from_frame")
        columns = logs.CountColumns(query, document, position, shown, clicked, propensity)
        return logs.counts_of_frame(frame, columns)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.positions)

    def __getitem__(self, which: slice | np.ndarray | Sequence[int] | Sequence[bool]) -> "ClickCounts":
        """Some rows: a slice, a mask or places.

        Raises:
            IndexError: a row does not exist, or the index is of another kind.
        """
        which = as_index(which, "rows")
        return dataclasses.replace(self, **{name: column[which] for name, column in self._columns().items()})

    @property
    def row_splits(self) -> np.ndarray:
        """[queries + 1] int64; the rows of query q, in the order that they stand, are row_splits[q]:row_splits[q + 1].

        Raises:
            ValueError: the rows of a query do not stand together.
        """
        ranks = self.queries.ranks()
        starts = np.flatnonzero(changes(ranks))
        again = np.setdiff1d(np.arange(len(starts)), np.unique(ranks[starts], return_index=True)[1])
        if len(again):
            row = int(starts[again[0]])
            raise ValueError(f"row {row + 1}: query {self.queries[row]!r} begins again; its rows must stand together")
        return np.append(starts, len(self))

    @property
    def sessions(self) -> np.ndarray:
        """[queries] int64, the number of sessions of each query: how often its most shown position was shown.

        This is exact if all sessions of a query show that position, as lists without gaps show position 1.

        >>> ClickCounts.from_arrays(
        ...     query=["q"] * 3, document=["a", "b", "a"], position=[1, 1, 2], shown=[6, 4, 3], clicked=[1, 0, 0]
        ... ).sessions.tolist()
        [10]
        """
        of_query = self.row_splits
        most = int(self.positions.max(initial=0)) + 1
        query_of_row = np.repeat(np.arange(len(of_query) - 1), np.diff(of_query))
        keys, places = np.unique(query_of_row * most + self.positions, return_inverse=True)
        shown = np.zeros(len(keys), "int64")
        np.add.at(shown, places, self.shown)
        return np.maximum.reduceat(shown, np.flatnonzero(changes(keys // most))) if len(keys) else shown

    def fingerprint(self) -> str:
        """16 hexadecimal digits that depend on every number and id of these counts, but not on how they are stored."""
        return fingerprint_of(self._columns())

    def __repr__(self) -> str:
        """A summary on one line."""
        return (
            f"ClickCounts: {len(self):,} rows of {len(np.unique(self.queries.ranks())):,} queries, "
            f"{int(self.shown.sum()):,} impressions, {int(self.clicked.sum()):,} clicks"
        )

    def _columns(self):
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: column for name, column in found.items() if column is not None}


def counts_of_rows(
    query: Ids, document: Ids, numbers: Mapping[str, np.ndarray], place: Place, where: str
) -> ClickCounts:
    """The counts of a table, checked and in the order of `ClickCounts`.

    Args:
        query: [rows], as `read_ids` gives them.
        document: [rows], likewise.
        numbers: the columns `position`, `shown`, `clicked` and, if there is one, `propensity`; NaN = missing.
        place: the name of a row in errors.
        where: the name of the table in errors.

    Raises:
        ValueError: a value is not allowed; the error gives the row and the query.
    """
    if not len(query):
        raise ValueError(f"{where}: there are no rows")
    wrong = functools.partial(_wrong, query, place)
    check_ids("query", query, wrong)
    check_ids("document", document, wrong)
    positions = positions_of(numbers["position"], wrong)
    shown = counts_of("shown", numbers["shown"], 1, wrong)
    clicked = counts_of("clicked", numbers["clicked"], 0, wrong)
    if (more := clicked > shown).any():
        row = int(more.argmax())
        raise wrong(
            row,
            f"clicked counts impressions with a click, so it must be at most shown, but got {clicked[row]} of "
            f"{shown[row]}",
        )
    propensities = propensities_of(numbers.get("propensity"), wrong)
    check_a_click(clicked, where)
    documents = as_text(document)
    keys = _joint(_by_first_row(codes_of(query)), documents, positions)
    order = np.argsort(keys, kind="stable")
    new = changes(keys[order])
    if not new.all():
        row = int(order[~new].min())
        what = f"document {documents[row]!r} at position {positions[row]} occurs twice"
        raise wrong(row, f"{what}; add up what was shown and clicked, one row per query, document and position")
    found = ClickCounts(as_text(query), documents, positions, shown, clicked, propensities)
    return found[order]


def count(log: "Sessions") -> ClickCounts:
    """How often each document of a query was shown and clicked at each position; see `Sessions.counts`."""
    keys = _joint(np.repeat(_by_first_row(log.queries.ranks()), log.lengths), log.documents, log.positions)
    order = np.argsort(keys)
    starts = np.flatnonzero(changes(keys[order]))
    rows = order[starts]
    shown = np.diff(np.append(starts, len(keys)))
    known = None
    if log.propensities is not None:
        known = (_sums(log.propensities[order].astype("float64"), starts) / shown).astype("float32")
    return ClickCounts(
        queries=log.queries[log.session_of_row[rows]],
        documents=log.documents[rows],
        positions=log.positions[rows],
        shown=shown,
        clicked=_sums(log.clicks[order].astype("int64"), starts),
        propensities=known,
    )


def _joint(queries, documents, positions):
    """[rows] int64, one number for each query, document and position, in the order of `ClickCounts`."""
    ranks, places = documents.ranks(), positions.astype("int64")
    pairs = queries * max(len(documents.dictionary), 1) + ranks  # of two numbers below 2^31
    if pairs.max(initial=0) >= 2**62 // (int(places.max(initial=0)) + 1):
        pairs, places = (np.unique(column, return_inverse=True)[1] for column in (pairs, places))
    return pairs * (int(places.max(initial=0)) + 1) + places


def _sums(values, starts):
    """The sums of groups of rows that begin there."""
    return np.add.reduceat(values, starts) if len(values) else values


def _wrong(query, place, row, what):
    return ValueError(f"{place(row + 1)}, query {str(query[row])!r}: {what}")


def _by_first_row(keys):
    """[rows], the numbers of keys in the order of their first rows, from 0."""
    _, first, places = np.unique(keys, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), "int64")
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[places]


def fingerprint_of(columns: Mapping[str, np.ndarray | Strings]) -> str:
    """16 hexadecimal digits that change with what is in these columns, but not with how it is held."""
    seen = hashlib.blake2b(digest_size=8)
    for name, column in columns.items():
        if isinstance(column, Strings):
            seen.update(f"{name} text {column.shape} ".encode())
            for piece in column.pieces():
                seen.update(piece)  # type: ignore[arg-type]
            continue
        seen.update(f"{name} {column.dtype} {column.shape} ".encode())
        seen.update(np.ascontiguousarray(column))  # type: ignore[arg-type]
    return seen.hexdigest()
