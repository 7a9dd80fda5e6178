"""Computes the metrics of one system, query by query."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from plackett.data._batches import bucket_size
from plackett.evaluation._documents import Documents
from plackett.evaluation._ranking import Batch
from plackett.metrics import Ranked, RankingMetric

ELEMENTS = 12_000  # places in a batch; memory for larger 64-bit arrays is often allocated anew at each step
FEW = 2**20  # up to this number of places, all lists are padded to one size


class Measured(NamedTuple):
    """One metric of some queries.

    Args:
        values: [queries] float64.
        weights: [queries] float64, the weights in the mean over queries with relevant documents.
        relevant: [queries] bool, whether the query has relevant documents.
        empty: [queries] bool, whether it has documents, none of which is relevant. Neither = it does not count.
    """

    values: np.ndarray
    weights: np.ndarray
    relevant: np.ndarray
    empty: np.ndarray

    @classmethod
    def of_no_query(cls, number: int) -> "Measured":
        """Returns a value for queries that do not count."""
        return cls(np.zeros(number), np.zeros(number), np.zeros(number, bool), np.zeros(number, bool))

    def counted(self, empty: int | str) -> tuple[np.ndarray, np.ndarray]:
        """Returns (values, weights) for the mean over queries; NaN and 0 for a query that does not count.

        Args:
            empty: the value of a query without relevant documents, with the mean weight of the others, or "skip".
        """
        mean_weight = self.weights[self.relevant].mean() if self.relevant.any() else 1.0
        values = np.where(self.relevant, self.values, np.nan)
        weights = np.where(self.relevant, self.weights, 0.0)
        if empty == "skip":
            return values, weights
        return np.where(self.empty, float(empty), values), np.where(self.empty, mean_weight, weights)


def measure(
    documents: Documents, counts: np.ndarray, metrics: Sequence[RankingMetric], batch_size: int | None = None
) -> list[Measured]:
    """Computes each metric of each query.

    Args:
        documents: the documents to measure.
        counts: [queries] bool, which queries count at all.
        metrics: the metrics.
        batch_size: the number of lists that are measured at a time. None = as many as fit into a batch of `ELEMENTS`.

    Cost: O(documents log documents) time, since sorting is done once for all metrics with the same `ties`; memory for
        one batch and a few numbers a document.
    """
    found = [Measured.of_no_query(len(counts)) for _ in metrics]
    lengths = np.diff(documents.row_splits)
    for queries, rows, size in batches_of_like_length(np.flatnonzero(counts), lengths, batch_size):
        batch = Batch(documents, queries, rows, size)
        ranked: dict[tuple[str, bool], Ranked] = {}
        for metric, measured in zip(metrics, found, strict=True):
            kind = metric.ties, metric.judged_only
            if kind not in ranked:
                ranked[kind] = batch.rank(*kind)
            for array, of_batch in zip(measured, metric.of_ranked(ranked[kind]), strict=True):
                array[queries] = ops.convert_to_numpy(of_batch)[: len(queries)]
    return found


def batches_of_like_length(
    queries: np.ndarray, lengths: np.ndarray, batch_size: int | None = None
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yields (queries, number of rows, list size) of batches. Batches have few shapes, since backends compile for each.

    If there are few lists, all get one size, a power of two. Else each gets the next size of 8, 12, 16, 24, 32, 48, ...
    """
    longest = bucket_size(int(lengths[queries].max(initial=0)))
    known = np.array([longest])
    if batch_size is None and len(queries) * longest > FEW:
        powers = 2 ** np.arange(3, longest.bit_length())
        known = np.sort(np.concatenate([powers, powers * 3 // 2]))
    sizes = known[np.searchsorted(known, lengths[queries])]
    for size in np.unique(sizes).tolist():
        of_size = queries[sizes == size]
        rows = min(batch_size or max(1, ELEMENTS // size), _power_of_two(len(of_size)))
        for start in range(0, len(of_size), rows):
            yield of_size[start : start + rows], rows, size


def _power_of_two(number):
    return 1 << max(number - 1, 0).bit_length()
