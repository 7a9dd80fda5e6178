"""The metrics of some systems, query by query."""

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from plackett import _lazy
from plackett._files import errors_of_writing, replace
from plackett.data import Strings

if TYPE_CHECKING:
    import polars as pl

FACTS = ("list_size", "relevant")


def mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the weighted mean over the last axis of the values that are not NaN; NaN if all are.

    >>> mean(np.array([[0.5, float("nan")], [0.25, 0.75]])).tolist()
    [0.5, 0.5]
    """
    counts = ~np.isnan(values) * (1.0 if weights is None else weights)
    with np.errstate(invalid="ignore"):
        return (np.where(np.isnan(values), 0.0, values) * counts).sum(axis=-1) / counts.sum(axis=-1)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The metrics of some systems: one number for each query, system and metric.

    `evaluate` makes it. The value of a query that does not count is NaN, for example without relevant documents if
    empty="skip".

    >>> values = np.array([[[0.5, 1.0]], [[0.25, np.nan]]])
    >>> results = Results(("bm25", "ours"), ("mrr",), ("mrr[]",), (False,), Strings.of(["q1", "q2"]), values, {})
    >>> results.of("bm25", "mrr").tolist(), results.means().tolist()
    ([0.5, 1.0], [[0.75], [0.25]])

    Args:
        systems: the names of the systems.
        metrics: the names of the metrics, such as "ndcg@10".
        stated: the same names with their conventions, such as "ndcg@10[exp2, empty=0, ties=expected]".
        less_is_better: for each metric, whether a lower value is better.
        queries: [queries], the ids of the queries.
        values: [systems, metrics, queries] float64.
        facts: name -> [queries], facts about each query: `list_size`, the number of its documents, `relevant`, the
            number of its documents with a label of at least 1, including those that the lists miss, and the columns of
            queries.
        notes: facts that a reader needs about the measurement, in whole sentences, such as that a run lacks queries.
        weights: [metrics, queries] float64, the weight of each query in the mean if a metric has average="relevance",
            as `arp` has. None = all weigh the same.
    """

    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    stated: tuple[str, ...]
    less_is_better: tuple[bool, ...]
    queries: Strings
    values: np.ndarray
    facts: dict[str, np.ndarray | Strings]
    notes: tuple[str, ...] = ()
    weights: np.ndarray | None = None

    def of(self, system: str, metric: str) -> np.ndarray:
        """Returns the values of one system and metric, [queries]."""
        return self.values[self.systems.index(system), self.metrics.index(metric)]

    def means(self) -> np.ndarray:
        """Returns the mean over the queries that count, [systems, metrics]; NaN if none does."""
        return mean(self.values, self.weights)

    def weights_of(self, queries: slice | np.ndarray = slice(None)) -> np.ndarray | None:
        """Returns the weights of some queries, [metrics, queries]. None = all weigh the same."""
        return None if self.weights is None else self.weights[:, queries]

    def influences(self, queries: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Returns the influence of each query on the mean of some queries, [systems, metrics, queries].

        If all weigh the same, it is the value v. Else it is m + w (v - m) / (the mean of w), where m is the weighted
        mean. The plain mean of these influences is m, so resamples and tests of them are, to first order, those of m.

        Reference: Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 2.7, on ratios.
        """
        values, weights = self.values[..., queries], self.weights_of(queries)
        if weights is None:
            return values
        middle = mean(values, weights)[..., None]
        usual = mean(np.where(np.isnan(values), np.nan, weights))[..., None]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(usual > 0, middle + weights * (values - middle) / usual, values)

    def to_frame(self) -> "pl.DataFrame":
        """Returns a polars frame with one row for each query and system: the query, the system, the facts of the query,
        and a column for each metric, under its stated name; null if the query does not count.

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.evaluation._frames", "data", needed_by="Results.to_frame")
        return frames.frame_of(self)

    def write(self, path: str | os.PathLike) -> None:
        """Writes `to_frame()` to a Parquet file. The file is complete or not there.

        Raises:
            ImportError: polars is not installed.
            OSError: the file could not be written.
            ValueError: the name does not end with .parquet.
        """
        path = pathlib.Path(path)
        if path.suffix != ".parquet":
            raise ValueError(f"results are written to NAME.parquet, but got {path}")
        frame = self.to_frame()
        with replace(path) as partial, errors_of_writing(path):
            frame.write_parquet(partial)
