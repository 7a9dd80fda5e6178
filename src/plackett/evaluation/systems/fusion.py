"""Fuses several systems into one, by their ranks or by their scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from plackett.data import RankingLists, Strings
from plackett.data._row_splits import splits
from plackett.data._strings import concatenate_strings
from plackett.evaluation._scored import Beyond, Scored, System
from plackett.evaluation._systems import open_system, open_systems
from plackett.evaluation.systems.base import OpenSystem, check_scores, features_of
from plackett.registry.options import is_number

K = 60  # as in Cormack et al.


def fuse(
    systems: Mapping[str, Any] | Sequence[Any],
    method: str = "rrf",
    *,
    weights: Sequence[float] | None = None,
    k: float | None = None,
) -> System:
    """Fuses several systems into one that ranks by the sum of what each adds to a document.

    >>> lists = RankingLists.from_arrays([[9], [5], [1]], [0, 1, 0], group=[3], columns={"bm25": [1, 3, 2]})
    >>> fuse(["feature:1", "column:bm25"], "borda")(lists).scores.tolist()
    [4.0, 5.0, 3.0]

    A system adds this to a document that it retrieved in a list, by its score s and its rank r, from 1:

    | method | it adds | to documents that it did not retrieve |
    | --- | --- | --- |
    | "rrf" | 1 / (k + r), reciprocal rank fusion | 0 |
    | "borda" | c - r + 1, where c is the number of documents that any system retrieved | the mean of the points that
    are left |
    | "min_max" | (s - lowest) / (highest - lowest), 1 where all are equal | 0 |
    | "z_score" | (s - mean) / standard deviation, 0 where all are equal | the lowest z-score of this list |
    | "comb_sum" | s, CombSUM of raw scores | 0 |

    Lowest, highest, mean and deviation are those of the documents that the system retrieved in this list, including
    those that the lists lack. Equal scores get the mean of their ranks. A document that no system retrieved stays not
    retrieved.

    Args:
        systems: name -> system, or a sequence of systems, each as in `open_system`.
        method: one of these methods.
        weights: [systems], above 0, a factor for what each system adds. None = 1 each.
        k: for rrf only. The higher it is, the less the first ranks count. None = 60.

    Raises:
        ValueError: fewer than 2 systems, an unknown method, weights that are not above 0 or not one a system, or `k`
            below 0 or without rrf.

    Cost: O(documents log documents) for each system.

    Reference: Cormack, Clarke & Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods", SIGIR 2009; Aslam & Montague, "Models for Metasearch", SIGIR 2001 (Borda); Montague & Aslam, "Relevance
    Score Normalization for Metasearch", CIKM 2001; Fox & Shaw, "Combination of Multiple Searches", TREC-2, 1994.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, but got {method!r}")
    if isinstance(systems, str):
        raise ValueError(f"systems must be a dict or a list of systems, but got {systems!r}")
    if isinstance(systems, Mapping):
        found = open_systems(systems)
    else:
        found = {f"number {number}": open_system(what) for number, what in enumerate(systems, 1)}
    if len(found) < 2:
        raise ValueError(f"fusion needs at least 2 systems, but got {len(found)}")
    chosen = [1.0] * len(found) if weights is None else list(weights)
    if len(chosen) != len(found) or not all(is_number(weight) and weight > 0 for weight in chosen):
        raise ValueError(f"weights must be {len(found)} numbers above 0, one a system, but got {weights}")
    if k is not None and method != "rrf":
        raise ValueError(f"k is an option of rrf alone, but the method is {method}: leave it out")
    if k is not None and not (is_number(k) and k >= 0):
        raise ValueError(f"k must be a number of at least 0, but got {k}")
    return Fusion(found, method, chosen, K if k is None else k)


class Fusion(OpenSystem):
    """The system that `fuse` returns."""

    def __init__(self, systems: dict[str, System], method: str, weights: list[float], k: float):
        self.systems, self.method, self.weights, self.k = systems, method, weights, k
        self.made_of = list(systems.values())

    def reads(self) -> Sequence[str] | int | None:
        """The dense features that its systems read."""
        return features_of(self.systems.values())

    def __call__(self, lists: RankingLists) -> Scored:
        """The sums."""
        scored = [check_scores(name, lists, system(lists)) for name, system in self.systems.items()]
        query, documents, retrieved = _pool(lists, scored)
        rankings = [_Ranking.of(rows, scores, query, len(lists)) for rows, scores in retrieved]
        by_any = np.zeros(len(query), bool)
        for ranking in rankings:
            by_any[ranking.rows] = True
        pooled = np.bincount(query[by_any], minlength=len(lists))
        added = np.empty((len(rankings), len(query)))
        for of_system, ranking, weight in zip(added, rankings, self.weights, strict=True):
            values, others = METHODS[self.method](ranking, pooled, self.k)
            of_system[:] = weight * others[query]
            of_system[ranking.rows] = weight * values
        # Sorted, so that the same numbers in another order have the same sum.
        fused = np.where(by_any, np.sort(added, axis=0).sum(axis=0), -np.inf)
        number = len(lists.labels)
        if documents is None:
            return Scored(fused)
        beyond = splits(np.bincount(query[number:], minlength=len(lists)))
        return Scored(fused[:number], Beyond(fused[number:], beyond, documents))

    def notes(self) -> list[str]:
        """The notes of its systems."""
        return [note for system in self.systems.values() if hasattr(system, "notes") for note in system.notes()]

    def memory(self) -> dict[str, Any]:
        """The states of its systems."""
        return {name: one.memory() for name, one in self.systems.items() if isinstance(one, OpenSystem)}

    def recall(self, memory: dict[str, Any]) -> None:
        """Passes the states to its systems."""
        for name, of_system in memory.items():
            self.systems[name].recall(of_system)  # type: ignore[attr-defined]

    def afresh(self) -> Self:
        """Returns the same fusion of systems as if they had not been called yet."""
        systems = {name: open_system(system) for name, system in self.systems.items()}
        return type(self)(systems, self.method, self.weights, self.k)


def _pool(lists, scored):
    """Returns (query, ids of the documents beyond or None, what each system retrieved) for all documents.

    The pool holds the documents of the lists, then those beyond, query by query, each once. What a system retrieved is
    given by positions in the pool, and scores.
    """
    every, number = np.arange(len(lists)), len(lists.labels)
    query, found = np.repeat(every, lists.lengths), [np.flatnonzero(one.scores > -np.inf) for one in scored]
    if all(one.beyond is None for one in scored):
        return query, None, [(rows, one.scores[rows]) for rows, one in zip(found, scored, strict=True)]
    nothing = Beyond(np.zeros(0, "bool"), np.zeros(len(lists) + 1, "int64"), Strings.of([]))
    beyond = [one.beyond or nothing for one in scored]
    documents = concatenate_strings([one.documents for one in beyond])
    ids = documents.ranks()
    queries = np.concatenate([np.repeat(every, np.diff(one.row_splits)) for one in beyond])
    _, first, place = np.unique(queries * (ids.max(initial=0) + 1) + ids, return_index=True, return_inverse=True)
    places = np.split(number + place, np.cumsum([len(one.scores) for one in beyond])[:-1])
    retrieved = [
        (np.concatenate([rows, more]), np.concatenate([one.scores[rows], other.scores]))
        for rows, more, one, other in zip(found, places, scored, beyond, strict=True)
    ]
    return np.concatenate([query, queries[first]]), documents[first], retrieved


class _Ranking(NamedTuple):
    """The documents that one system retrieved, query by query with rising scores.

    Args:
        rows: [retrieved], the positions of these documents in the pool.
        scores: [retrieved], their scores.
        query: [retrieved], their queries.
        counts: [queries], the number of documents of each query.
    """

    rows: np.ndarray
    scores: np.ndarray
    query: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, rows, scores, query, queries):
        """Makes the ranking of rows in any order; `query` is that of the pool."""
        order = np.lexsort((scores, query[rows]))
        rows = rows[order]
        return cls(rows, scores[order], query[rows], np.bincount(query[rows], minlength=queries))

    def ranks(self):
        """Returns the rank of each document, [retrieved], from 1. Equal scores get the mean of their ranks."""
        number = len(self.rows)
        new = np.ones(number, bool)
        new[1:] = (self.scores[1:] != self.scores[:-1]) | (self.query[1:] != self.query[:-1])
        begins = np.flatnonzero(new)
        middles = begins + (np.diff(np.append(begins, number)) - 1) / 2
        return np.cumsum(self.counts)[self.query] - middles[np.cumsum(new) - 1]

    def each(self, places):
        """Returns how far each score is above that at a position of its query, [queries]: [retrieved] float64."""
        if self.scores.dtype.kind == "f":
            wide = self.scores.astype(np.promote_types(self.scores.dtype, "float64"), copy=False)
            return (wide - wide[places[self.query]]).astype("float64", copy=False)
        # The difference of whole numbers is exact in as many bits without a sign, since it is never below 0.
        wide = self.scores.astype("uint64") if self.scores.dtype.kind == "u" else self.scores.astype("int64")
        wide = wide.view("uint64")
        return (wide - wide[places[self.query]]).astype("float64")


def _rrf(ranking, pooled, k):
    return 1 / (k + ranking.ranks()), np.zeros(len(pooled))


def _borda(ranking, pooled, k):
    return pooled[ranking.query] - ranking.ranks() + 1, (pooled - ranking.counts + 1) / 2


def _min_max(ranking, pooled, k):
    ends = np.cumsum(ranking.counts)
    above = ranking.each(ends - ranking.counts)
    highest = above[(ends - 1)[ranking.query]]
    return np.divide(above, highest, out=np.ones(len(above)), where=highest > 0), np.zeros(len(pooled))


def _z_score(ranking, pooled, k):
    first = np.cumsum(ranking.counts) - ranking.counts
    above, has = ranking.each(first), ranking.counts > 0
    counts = np.maximum(ranking.counts, 1)
    centred = above - (np.bincount(ranking.query, above, len(counts)) / counts)[ranking.query]
    deviation = np.sqrt(np.bincount(ranking.query, centred**2, len(counts)) / counts)[ranking.query]
    scores, lowest = (
        np.divide(centred, deviation, out=np.zeros(len(centred)), where=deviation > 0),
        np.zeros(len(counts)),
    )
    lowest[has] = scores[first[has]]
    return scores, lowest


def _comb_sum(ranking, pooled, k):
    return ranking.scores.astype("float64"), np.zeros(len(pooled))


# Functions of a ranking, the number of documents that any system retrieved in each query, and k. They return what is
# added to the documents that were retrieved, and to the others of each query.
METHODS: dict[str, Callable[[_Ranking, np.ndarray, float], tuple[np.ndarray, np.ndarray]]] = {
    "rrf": _rrf,
    "borda": _borda,
    "min_max": _min_max,
    "z_score": _z_score,
    "comb_sum": _comb_sum,
}
