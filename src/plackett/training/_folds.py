"""Folds: cuts lists by query, and says which folds train, validate and test in each turn. Does not need Keras."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plackett.data import RankingLists, Strings, concatenate
from plackett.data._parts import check_same, kind_of
from plackett.data._strings import concatenate_strings
from plackett.registry import check_known
from plackett.registry.options import Whole
from plackett.training._settings import check_value

LEAST = 3  # one fold to test on, one to choose the epoch on, and one to train on
DEFAULT = 5


class Turn(NamedTuple):
    """The positions of the queries that one turn trains on, validates on and tests on."""

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def turn(fold: np.ndarray, number: int) -> Turn:
    """Returns the turn of this number, from 1, as in LETOR.

    With five folds, turn k trains on S_k, S_k+1, S_k+2, in this order, chooses the epoch on S_k+3 and tests on S_k+4,
    cyclically.

    >>> turn(np.array([1, 2, 3, 1, 2, 3]), 2)
    Turn(training=array([1, 4]), validation=array([2, 5]), test=array([0, 3]))

    Args:
        fold: [queries], the fold of each query, from 1.
        number: the number of the turn.
    """
    folds = int(fold.max())
    parts = [np.flatnonzero(fold == (number - 1 + i) % folds + 1) for i in range(folds)]
    return Turn(np.concatenate(parts[:-2]), parts[-2], parts[-1])


def turn_of_test(fold: np.ndarray) -> np.ndarray:
    """Returns [queries], the number of the turn that tests on each query.

    >>> turn_of_test(np.array([1, 2, 3]))
    array([2, 3, 1])
    """
    return fold % fold.max() + 1


def queries_of_folds(fold: np.ndarray) -> list[int]:
    """Returns [folds], the number of queries in each fold."""
    return np.bincount(fold)[1:].tolist()


def cut(lists: RankingLists, folds: int, seed: int, group_by: str | None = None) -> np.ndarray:
    """Draws the fold of each query by the seed, from 1: [queries] int64.

    Without groups, the sizes of the folds differ by one query at most. With groups, the largest group goes first, and
    each goes into the fold that has the fewest queries so far. The folds are then nearly equal if the groups are small.

    Args:
        lists: the lists to cut.
        folds: the number of folds.
        seed: the seed of the draw.
        group_by: a column of queries. Queries with equal values, such as those of one user, go into the same fold. None
            = each query is drawn on its own.

    Raises:
        ValueError: a query occurs twice, there is no such column, or there are too few queries or groups.
    """
    check_value("folds", folds, Whole)
    if (place := _first_again(lists.queries)) is not None:
        raise ValueError(f"query {lists.queries[place]!r} occurs twice, so two folds might share it")
    groups, what = np.arange(len(lists)), "queries"
    if group_by is not None:
        if not lists.query_columns:
            raise ValueError(
                f"group_by (--group-by) must name a column of queries, but there is none: got {group_by!r}"
            )
        check_known("column of queries", group_by, lists.query_columns)
        column = lists.query_columns[group_by]
        values = column.ranks() if isinstance(column, Strings) else column
        groups = np.unique(values, return_inverse=True)[1].reshape(-1)
        what = f"groups of equal {group_by}"
    sizes = np.bincount(groups)
    if not LEAST <= folds <= len(sizes):
        raise ValueError(
            f"folds must be at least {LEAST}, to train, validate and test on, and at most {len(sizes)}, the number of "
            f"{what}, but got {folds}"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    least, of_group = [(0, fold) for fold in range(1, folds + 1)], np.zeros(len(sizes), "int64")
    for group in order:
        size, fold = heapq.heappop(least)
        of_group[group] = fold
        heapq.heappush(least, (size + int(sizes[group]), fold))
    return of_group[groups]


def join(folds: Sequence[RankingLists]) -> tuple[RankingLists, np.ndarray]:
    """Joins given folds: (the lists of all folds in order, [queries] int64 the fold of each query, from 1)."""
    return concatenate(list(folds)), np.repeat(np.arange(1, len(folds) + 1), [len(lists) for lists in folds])


def check_folds(folds: Sequence[RankingLists], names: Sequence[str] | None = None) -> None:
    """Checks folds that are given.

    Args:
        folds: the lists of each fold.
        names: what errors call the folds. None = their numbers.

    Raises:
        ValueError: there are too few folds, a fold has no query or other columns than the first, or two folds share a
            query.
    """
    names = [f"fold {number}" for number in range(1, len(folds) + 1)] if names is None else names
    if len(folds) < LEAST:
        raise ValueError(f"there must be at least {LEAST} folds, to train, validate and test on, but got {len(folds)}")
    kind = kind_of(folds[0])
    for name, lists in zip(names, folds, strict=True):
        if not len(lists):
            raise ValueError(f"{name} has no query")
        try:
            check_same(kind, lists)
        except ValueError as error:
            raise ValueError(f"{name} is not like {names[0]}: {error}") from None
    queries = concatenate_strings([lists.queries for lists in folds])
    if (place := _first_again(queries)) is not None:
        query, owner = queries[place], np.repeat(np.arange(len(folds)), [len(lists) for lists in folds])
        first, other = owner[np.flatnonzero(queries == query)[:2]]
        raise ValueError(
            f"query {query!r} is in both {names[first]} and {names[other]}, which makes the measure too good: put each "
            "query in one fold, once"
        )


def _first_again(queries):
    """The position of the first query whose id occurred before; None if there is none."""
    ranks = queries.ranks()
    again = np.ones(len(ranks), bool)
    again[np.unique(ranks, return_index=True)[1]] = False
    return int(again.argmax()) if again.any() else None
