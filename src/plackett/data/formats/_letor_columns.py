"""The features of LETOR lines: as listed, and filled up with the features that are left out."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Columns(NamedTuple):
    """The documents of lines.

    If each line lists all features, `values` is [documents, features]. Otherwise it is [entries], the listed features
    of one document after another, so that features that are left out take no memory.
    """

    labels: np.ndarray  # [documents]
    queries: pa.Array | None  # [documents]; None where the lines have none
    values: np.ndarray
    listed: np.ndarray  # [features] bool, whether a line lists it
    places: np.ndarray | None = None  # [entries], the column of each entry; None where all features are listed
    splits: np.ndarray | None = None  # [documents + 1], where the entries of each document begin; None likewise

    @property
    def fewest(self) -> int:
        """The number of features of the line that lists the fewest."""
        features = len(self.listed)
        return features if self.splits is None else int(np.diff(self.splits).min(initial=features))

    @property
    def zero(self) -> tuple[int, int] | None:
        """(document, column) of a zero that is written; None without one, or if all features are listed."""
        if self.splits is None or self.places is None:
            return None
        zeros = np.flatnonzero(self.values == 0)[:1]
        if not len(zeros):
            return None
        return int(np.searchsorted(self.splits, zeros[0], side="right")) - 1, int(self.places[zeros[0]])

    def write(self, out: np.ndarray, start: int = 0) -> None:
        """Writes the features of the documents from `start` on into [documents, features] zeros."""
        if self.splits is None or self.places is None:
            out[:] = self.values[start : start + len(out)]
            return
        splits = self.splits[start : start + len(out) + 1]
        entries = slice(splits[0], splits[-1])
        firsts = np.arange(len(out)) * out.shape[1]
        out.reshape(-1)[np.repeat(firsts, np.diff(splits)) + self.places[entries]] = self.values[entries]

    def dense(self, start: int, stop: int) -> np.ndarray:
        """[documents, features] of the documents from `start` to `stop`; not copied if all features are listed."""
        if self.splits is None:
            return self.values[start:stop]
        values = np.zeros((stop - start, len(self.listed)), "float32")
        self.write(values, start)
        return values


def columns_of(
    labels: np.ndarray, queries: pa.Array | None, counts: np.ndarray, places: np.ndarray, values: np.ndarray, width: int
) -> Columns:
    """The columns of documents whose features are listed one by one.

    Args:
        labels, queries: [documents].
        counts: [documents], the number of features that each line lists.
        places: [entries], the column of each entry, ascending within a line and from 0 to `width` - 1.
        values: [entries].
        width: the number of features.
    """
    listed = np.zeros(width, bool)
    listed[places] = True
    splits = np.concatenate([[0], np.cumsum(counts)])
    if len(values) == len(labels) * width:
        return Columns(labels, queries, values.reshape(len(labels), width), listed)
    return Columns(labels, queries, values, listed, places.astype("uint16"), splits)
