"""Click counts in numbers: which pair of a query and a document was shown where, how often, and how often clicked."""

import dataclasses

import numpy as np

from plackett.data import ClickCounts, Sessions, Strings
from plackett.registry.options import is_number

DEEPEST = 1_000  # positions; each is compared with each


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Counts of pairs of a query and a document: one row for each pair and position, by pair and then by position.

    Args:
        pair: [rows], the number of the pair.
        position: [rows], from 0.
        shown: [rows] float64, how often the pair was shown.
        clicked: [rows] float64, how often it was clicked.
        query: [pairs], the number of the query of each pair.
        row: [pairs], a row of the log's counts with this pair.
        positions: the number of positions.
        notes: what was left out, in sentences.
    """

    pair: np.ndarray
    position: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    query: np.ndarray
    row: np.ndarray
    positions: int
    notes: tuple[str, ...]

    @property
    def queries(self) -> int:
        """The number of queries."""
        return int(self.query.max()) + 1

    @property
    def clicks_of_queries(self) -> np.ndarray:
        """The number of clicks of each query, [queries]."""
        return np.bincount(self.query[self.pair], self.clicked, minlength=self.queries)


def pairs_of(log: Sessions | ClickCounts, positions: int | None = None) -> tuple[Pairs, ClickCounts]:
    """Returns the pairs of a log, and the counts whose rows they name.

    Args:
        log: sessions or their counts.
        positions: the number of first positions that count. None = all.

    Raises:
        TypeError: `log` is not a log.
        ValueError: it has no click, or `positions` is below 2 or beyond the log, or None although the log is too deep.
    """
    if not isinstance(log, Sessions | ClickCounts):
        raise TypeError(f"log must be Sessions or ClickCounts, but got a {type(log).__name__}")
    counts = log.counts() if isinstance(log, Sessions) else log
    number = _number_of(counts.positions, positions)
    rows = np.flatnonzero(counts.positions <= number)
    clicked = np.asarray(counts.clicked, "float64")[rows]
    if not clicked.sum():
        raise ValueError(f"the log has no click at positions 1 to {number}: nothing can be estimated from it")
    documents = _numbers(counts.documents)
    key = _numbers(counts.queries)[rows].astype("int64") * (documents.max() + 1) + documents[rows]
    _, first, pair = np.unique(key, return_index=True, return_inverse=True)
    cell, cells = np.unique(pair * number + counts.positions[rows] - 1, return_inverse=True)
    _, query = np.unique(_numbers(counts.queries)[rows[first]], return_inverse=True)
    left = len(counts) - len(rows)
    notes = (f"positions deeper than {number} were left out",) if left else ()
    shown = np.bincount(cells, np.asarray(counts.shown, "float64")[rows])
    pairs = Pairs(cell // number, cell % number, shown, np.bincount(cells, clicked), query, rows[first], number, notes)
    return pairs, counts


def _number_of(of_log: np.ndarray, positions: int | None) -> int:
    """The number of positions that count."""
    deepest = int(of_log.max(initial=0))
    if positions is None:
        if deepest > DEEPEST:
            raise ValueError(
                f"the log has position {deepest}, but the deepest that can be estimated is {DEEPEST:,}: count only the "
                "first positions by positions=10 (--positions 10), or name the column that holds the position"
            )
        return deepest
    if not is_number(positions) or positions != int(positions) or positions < 2:
        raise ValueError(f"positions must be None or a whole number of at least 2, but got {positions!r}")
    if positions > deepest:
        raise ValueError(
            f"positions must be at most {deepest}, the deepest position of the log, but got {positions}: take fewer, "
            "or None for all"
        )
    if positions > DEEPEST:
        raise ValueError(f"positions must be at most {DEEPEST:,}, but got {positions}")
    return int(positions)


def _numbers(strings: Strings) -> np.ndarray:
    """Numbers strings, [n]; equal strings get equal numbers."""
    return np.unique(strings.compact().ranks(), return_inverse=True)[1]
