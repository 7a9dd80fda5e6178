"""Where the documents of each query begin and end in flat arrays."""

from collections.abc import Sequence

import numpy as np


def splits(lengths: np.ndarray) -> np.ndarray:
    """[queries + 1] int64, the row splits of lists with these lengths."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype("int64")


def rows_of(row_splits: np.ndarray, queries: Sequence[int] | np.ndarray) -> np.ndarray:
    """The rows of the given queries, concatenated."""
    lengths = np.diff(row_splits)[queries]
    return np.repeat(row_splits[:-1][queries] - splits(lengths)[:-1], lengths) + np.arange(lengths.sum())
