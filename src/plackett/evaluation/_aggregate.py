"""Means of metrics that are computed part by part and joined in any order."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from plackett.data import RankingLists
from plackett.evaluation._conventions import state
from plackett.evaluation._documents import judged_queries
from plackett.evaluation._evaluate import NOT_JUDGED, Metrics, convention, measure_part
from plackett.evaluation._measures import Measured
from plackett.evaluation._peers import check_like
from plackett.evaluation._scored import System
from plackett.evaluation._scoring import check_lists

UNIT = 1126  # 2^-1126 divides every float64, as split by `np.frexp` with 53 bits
HALF = 26  # bits; 2^36 numbers of this size add up within 64 bits


class Total(NamedTuple):
    """The sums of one metric of one system over some queries. Sums are exact, in units of 2^-1126.

    Args:
        weighted: the sum of value times weight over the queries with relevant documents.
        weights: the sum of their weights.
        relevant: the number of queries with relevant documents.
        empty: the number of queries with documents, none of which is relevant.
    """

    weighted: int = 0
    weights: int = 0
    relevant: int = 0
    empty: int = 0

    @classmethod
    def of(cls, measured: Measured) -> "Total":
        """The totals of the queries of one part."""
        values, weights = measured.values[measured.relevant], measured.weights[measured.relevant]
        empty = int((measured.empty & ~measured.relevant).sum())
        return cls(exact_sum(values * weights), exact_sum(weights), len(values), empty)

    def mean(self, empty: int | str) -> float:
        """Returns the mean, NaN if no query counts. See `Measured.counted` for the value of an empty query."""
        weighted, weights = Fraction(self.weighted, 1 << UNIT), Fraction(self.weights, 1 << UNIT)
        if empty != "skip":
            mean_weight = weights / self.relevant if self.relevant else Fraction(1)
            weighted += Fraction(empty) * mean_weight * self.empty
            weights += mean_weight * self.empty
        return float(weighted / weights) if weights else float("nan")


def exact_sum(values: np.ndarray) -> int:
    """Sums finite float64 in units of 2^-1126, without rounding.

    >>> exact_sum(np.array([1e300, 1.0, -1e300])) == exact_sum(np.array([1.0]))
    True
    """
    mantissa, exponent = np.frexp(values)
    whole, total = np.ldexp(mantissa, 53).astype("int64"), 0
    for each in np.unique(exponent).tolist():
        chosen = whole[exponent == each]
        high, low = int((chosen >> HALF).sum()), int((chosen & ((1 << HALF) - 1)).sum())
        total += ((high << HALF) + low) << (each - 53 + UNIT)
    return total


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """The sums behind the means of metrics over some queries. The sum of two aggregates is that of all their queries.

    Sums are exact, so neither the order of the parts nor the way they are cut changes a bit of a mean.

    >>> from plackett.data import RankingLists
    >>> from plackett.evaluation import open_systems
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> systems = open_systems({"first": "feature:1"})
    >>> both = aggregate(systems, lists[:1], ["mrr"]) + aggregate(systems, lists[1:], ["mrr"])
    >>> both.means().tolist(), both == aggregate(systems, lists, ["mrr"])
    ([[0.5]], True)

    Args:
        systems: the names of the systems.
        metrics: the names of the metrics.
        stated: the metrics with their conventions.
        empty: the value of a query without relevant documents, for each metric.
        totals: [systems][metrics].
        queries: the number of queries.
        documents: the number of documents.
        judged: the number of queries that somebody judged.
        notes: facts that a reader needs about the measurement, in whole sentences.
    """

    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    stated: tuple[str, ...]
    empty: tuple[int | str, ...]
    totals: tuple[tuple[Total, ...], ...]
    queries: int
    documents: int
    judged: int
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Aggregate") -> "Aggregate":
        """Returns the aggregate of the queries of both.

        Raises:
            ValueError: they have other systems or metrics.
        """
        if (self.systems, self.stated) != (other.systems, other.stated):
            raise ValueError(
                f"only aggregates of the same systems and metrics can be added, but got {self.systems}, {self.stated} "
                f"and {other.systems}, {other.stated}"
            )
        totals = tuple(
            tuple(Total(*map(sum, zip(*pair, strict=True))) for pair in zip(*pairs, strict=True))
            for pairs in zip(self.totals, other.totals, strict=True)
        )
        counts = {name: getattr(self, name) + getattr(other, name) for name in ("queries", "documents", "judged")}
        notes = tuple(dict.fromkeys((*self.notes, *other.notes)))
        return dataclasses.replace(self, totals=totals, notes=notes, **counts)

    def means(self) -> np.ndarray:
        """Returns the means, [systems, metrics], as `plackett.evaluate` computes them; NaN if no query counts.

        Raises:
            ValueError: nobody judged a document of these queries.
        """
        if not self.judged:
            raise ValueError(NOT_JUDGED)
        return np.array(
            [
                [total.mean(empty) for total, empty in zip(of_system, self.empty, strict=True)]
                for of_system in self.totals
            ]
        )


def aggregate(
    systems: Mapping[str, System],
    lists: RankingLists,
    metrics: Metrics | None = None,
    *,
    like: str | None = None,
    queries: str | None = None,
) -> Aggregate:
    """Aggregates the metrics of some queries. No query may be in two parts.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.1], [0.4]], [1, 0], group=[2])
    >>> aggregate({"last": lambda lists: -lists.features[:, 0]}, lists, ["mrr"]).means().tolist()
    [[1.0]]

    Args:
        systems: the systems by name, as `open_systems` returns them.
        lists: some of the queries.
        metrics, like, queries: see `evaluate`.

    Raises:
        ValueError: see `evaluate`. Lists that nobody judged are allowed; the means of all parts report them.

    Cost: memory for the lists, and for one number per query, system and metric of this part.
    """
    measures, queries = convention(metrics, like, queries)
    check_lists("lists", lists)
    if like is not None:
        check_like(like, lists, [each.name for each in measures])
    found = [measure_part(name, system, lists, measures, queries, like) for name, system in systems.items()]
    return Aggregate(
        systems=tuple(systems),
        metrics=tuple(each.name for each in measures),
        stated=tuple(map(state, measures)),
        empty=tuple(each.empty for each in measures),
        totals=tuple(tuple(map(Total.of, of_system)) for of_system in found),
        queries=len(lists),
        documents=len(lists.labels),
        judged=int(judged_queries(lists).sum()),
    )
