"""The metrics of one system, query by query."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from plackett.data._batches import bucket_size, pad
from plackett.data._strings import Strings
from plackett.evaluation._documents import Documents
from plackett.metrics import RankingMetric

ELEMENTS = 2**18  # places that a batch of lists has


class Measured(NamedTuple):
    """What one metric is of some queries.

    Args:
        values: [queries] float64.
        weights: [queries] float64, in the mean over those that have relevant documents.
        relevant: [queries] bool, does the query have relevant documents?
        empty: [queries] bool, does it have documents, none of which is relevant? Neither = it does not count.
    """

    values: np.ndarray
    weights: np.ndarray
    relevant: np.ndarray
    empty: np.ndarray

    @classmethod
    def of_no_query(cls, number: int) -> "Measured":
        """Of queries that do not count."""
        return cls(np.zeros(number), np.zeros(number), np.zeros(number, bool), np.zeros(number, bool))

    def counted(self, empty: int | str) -> tuple[np.ndarray, np.ndarray]:
        """(values, weights) of the mean over queries, NaN and 0 for one that does not count.

        Args:
            empty: what a query without relevant documents counts, with the mean weight of the others, or "skip".
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
    """What each metric is of each query.

    Args:
        documents: what is measured.
        counts: [queries] bool, which queries count at all.
        metrics: what it is measured by.
        batch_size: how many lists are measured at a time. None = as many as fit into a batch of `ELEMENTS`.

    Cost: O(documents log documents) time for each metric; memory for one batch and some numbers a document.
    """
    found = [Measured.of_no_query(len(counts)) for _ in metrics]
    lengths = np.diff(documents.row_splits)
    batches = list(batches_of_like_length(np.flatnonzero(counts), lengths, batch_size))
    places, tied = _places(documents, lengths, batches)
    ids = _ids(documents.ids, tied)
    for queries, rows, size in batches:
        mask = np.arange(size) < np.concatenate([lengths[queries], np.zeros(rows - len(queries), "int64")])[:, None]
        at = rows_of(documents.row_splits, queries)
        labels = pad(documents.labels[at], mask, -1)
        judged = pad(documents.judged[at], mask, False)
        # A list without any verdict has no relevant document, and counts as one for each metric.
        known = judged | ~judged.any(axis=-1, keepdims=True)
        scores = pad(places[at], mask, 0)
        names = None if ids is None else pad(ids[at], mask, 0)
        for metric, measured in zip(metrics, found, strict=True):
            of_metric = np.where(known, labels, np.float32(-1)) if metric.judged_only else labels
            for array, of_batch in zip(measured, metric.per_list(of_metric, scores, documents=names), strict=True):
                array[queries] = ops.convert_to_numpy(of_batch)[: len(queries)]
    return found


def batches_of_like_length(
    queries: np.ndarray, lengths: np.ndarray, batch_size: int | None = None
) -> Iterator[tuple[np.ndarray, int, int]]:
    """(queries, number of rows, list size) of batches of few shapes, for which backends compile.

    Few lists make one batch; else each size, a power of two, has its own.
    """
    sizes = np.maximum(8, 2 ** np.ceil(np.log2(np.maximum(lengths[queries], 1))).astype("int64"))
    longest = bucket_size(int(lengths[queries].max(initial=0)))
    if batch_size is not None or _power_of_two(len(queries)) * longest <= ELEMENTS:
        sizes = np.full(len(queries), longest)
    for size in np.unique(sizes).tolist():
        of_size = queries[sizes == size]
        rows = min(batch_size or max(1, ELEMENTS // size), _power_of_two(len(of_size)))
        for start in range(0, len(of_size), rows):
            yield of_size[start : start + rows], rows, size


def rows_of(row_splits: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The rows of some queries behind each other."""
    lengths = np.diff(row_splits)[queries]
    begins = np.cumsum(lengths) - lengths
    return np.repeat(row_splits[:-1][queries] - begins, lengths) + np.arange(lengths.sum())


def _places(documents, lengths, batches):
    """([documents] float32, the order and the ties of the scores of each list in whole numbers, where -inf stays;
    [documents] bool, does another document of the list have the same score?).

    Metrics know scores by no more, and a backend may lack float64.
    """
    places, tied = np.zeros(len(documents.scores), "float32"), np.zeros(len(documents.scores), bool)
    for queries, _, size in batches:
        mask = np.arange(size) < lengths[queries][:, None]
        at = rows_of(documents.row_splits, queries)
        scores = pad(documents.scores[at], mask, 0)
        order = np.lexsort((scores, ~mask))  # padding last
        rising = np.take_along_axis(scores, order, axis=1)
        same = rising[:, 1:] == rising[:, :-1]
        level = np.zeros(scores.shape, "float32")
        np.cumsum(~same, axis=1, out=level[:, 1:])
        twice = np.zeros(scores.shape, bool)
        twice[:, 1:] |= same
        twice[:, :-1] |= same
        back = np.empty_like(level), np.empty_like(twice)
        for to, ordered in zip(back, (level, twice), strict=True):
            np.put_along_axis(to, order, ordered, axis=1)
        places[at], tied[at] = back[0][mask], back[1][mask]
    nowhere = documents.scores == -np.inf
    return np.where(nowhere, np.float32("-inf"), places), tied & ~nowhere


def _ids(ids: Strings | None, tied):
    """[documents] numbers that rise with the ids of tied documents by their bytes, as trec_eval has it."""
    if ids is None:
        return None
    numbers = np.zeros(len(tied), "int32")
    rows = np.flatnonzero(tied)
    if len(rows):
        numbers[rows] = ids[rows].compact().ranks()
    return numbers


def _power_of_two(number):
    return 1 << max(number - 1, 0).bit_length()
