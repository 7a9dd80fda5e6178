"""Concatenating lists, and splitting them by query."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plackett.data._missed import Missed
from plackett.data._numbers import ROUNDED, first_inexact
from plackett.data._ranking_lists import RankingLists
from plackett.data._row_splits import splits
from plackett.data._strings import Strings, concatenate_strings


def concatenate(parts: list[RankingLists]) -> RankingLists:
    """Concatenates the lists of several parts.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[1], [2], [3]], [1, 0, 2], group=[1, 1, 1])
    >>> concatenate([lists["3"], lists[:2]]).queries.tolist()
    ['3', '1', '2']

    Raises:
        ValueError: their columns differ; the error says how.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        check_same(kind_of(first), part)
    joined: dict[str, Any] = {
        field: {
            name: join_columns(name, [getattr(part, field)[name] for part in parts]) for name in getattr(first, field)
        }
        for field in ("ids", "columns", "query_columns")
    }
    lengths = np.concatenate([part.lengths for part in parts])
    return RankingLists(
        labels=np.concatenate([part.labels for part in parts]),
        row_splits=splits(lengths),
        queries=concatenate_strings([part.queries for part in parts]),
        documents=concatenate_strings([part.documents for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        feature_names=first.feature_names,
        missed=None if first.missed is None else _concatenate_missed([part.missed for part in parts]),
        **joined,
    )


def join_columns(name: str, columns: Sequence) -> np.ndarray | Strings:
    """The parts of a column, concatenated.

    Raises:
        ValueError: some parts are whole numbers and others are not, and float64 rounds one of the whole numbers.
    """
    if isinstance(columns[0], Strings):
        return concatenate_strings(columns)
    joined, row = np.concatenate(columns), 0
    for column in columns if joined.dtype.kind == "f" else ():
        if (place := first_inexact(column)) is not None:
            raise ValueError(f"{name} of row {row + place + 1} is {column[place]}, {ROUNDED}")
        row += len(column)
    return joined


def _concatenate_missed(parts):
    lengths = np.concatenate([np.diff(part.row_splits) for part in parts])
    return Missed(np.concatenate([part.grades for part in parts]), splits(lengths))


def check_same(kind: str, part: RankingLists) -> None:
    """Raises a ValueError unless this part has the same `kind_of` as the first one."""
    if kind_of(part) != kind:
        raise ValueError(f"the parts differ in their columns: {kind} and {kind_of(part)}")


def kind_of(lists: RankingLists) -> str:
    """The columns of lists, in words."""
    words = [f"{lists.features.shape[1]} dense features"]
    if lists.has_feature_names:
        words[0] += f" ({', '.join(lists.feature_names)})"
    for columns in (lists.ids, lists.columns, lists.query_columns):
        words += [f"{name} (text)" if isinstance(columns[name], Strings) else name for name in sorted(columns)]
    words += ["missed"] * (lists.missed is not None)
    return ", ".join(words)


def number_held_out(queries: int, share: float) -> int:
    """The number of queries that `split_queries` puts into its second part.

    >>> number_held_out(10, 0.25), number_held_out(2, 0.9)
    (2, 1)
    """
    return min(max(1, round(share * queries)), queries - 1)


def split_queries(lists: RankingLists, share: float, seed: int) -> tuple[RankingLists, RankingLists]:
    """Splits lists by query at random into two parts; the second has the share `share` of the queries, at least one.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[1], [2], [3], [4]], [1, 0, 2, 1], group=[1, 1, 1, 1])
    >>> training, held_out = split_queries(lists, 0.25, seed=0)
    >>> len(training), len(held_out)
    (3, 1)

    Raises:
        ValueError: there are fewer than 2 queries.
    """
    if len(lists) < 2:
        raise ValueError(f"a split needs at least 2 queries, but there is {len(lists)}")
    order = np.random.default_rng(seed).permutation(len(lists))
    held_out = number_held_out(len(lists), share)
    return lists.select(np.sort(order[held_out:])), lists.select(np.sort(order[:held_out]))
