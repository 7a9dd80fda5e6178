"""Judgements of documents that no list holds."""

from typing import Any, NamedTuple

import numpy as np

from plackett.data._row_splits import rows_of, splits


class Missed(NamedTuple):
    """Judgements of documents that are not in the list of their query; see `read_trec`.

    >>> missed = Missed(np.array([2, 1], "float32"), np.array([0, 2, 2]))  # two documents of the first of two queries
    >>> missed.grades[missed.row_splits[0] : missed.row_splits[1]].tolist()
    [2.0, 1.0]

    Args:
        grades: [missed documents] float32, the grades of judged documents that the list lacks. A grade below 0 is not a
            verdict; it only says that the query was judged.
        row_splits: [queries + 1] int64; the grades of query q are row_splits[q]:row_splits[q + 1].
    """

    grades: np.ndarray
    row_splits: np.ndarray


def check_missed(missed: Missed, number: int) -> None:
    """Raises a ValueError unless they are the missed documents of so many queries."""
    if len(missed.row_splits) != number + 1:
        raise ValueError(f"missed must have {number} lists, but got {len(missed.row_splits) - 1}")
    if len(missed.grades) != int(missed.row_splits[-1]):
        raise ValueError(
            f"missed must have {missed.row_splits[-1]} grades, as its row_splits says, but got {len(missed.grades)}"
        )


def select_missed(missed: Missed, queries: Any) -> Missed:
    """The missed documents of these queries."""
    queries = np.arange(len(missed.row_splits) - 1)[queries]
    return Missed(missed.grades[rows_of(missed.row_splits, queries)], splits(np.diff(missed.row_splits)[queries]))
