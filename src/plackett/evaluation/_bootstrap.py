"""Bootstrap intervals of means over queries."""

import math
import numbers

import numpy as np

from plackett.registry.options import is_number

CONFIDENCE = 0.95
RESAMPLES = 2_000
BYTES = 2**24  # the memory of the counts that are held together


def bootstrap(
    values: np.ndarray, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Computes percentile bootstrap intervals of means over queries.

    A resample draws as many queries as there are, with replacement, from those that count. The interval lies between
    two quantiles of the means of all resamples. Values that count for the same queries share their resamples, so that
    intervals of systems and metrics can be compared side by side. For few queries the intervals are too short: with 8
    queries, a 95% interval holds the true mean in 89 of 100 cases for normal values, and in 84 of 100 for exponential
    ones.

    >>> bootstrap(np.array([0.0, 0.5, 0.5, 1.0]), confidence=0.5).tolist()
    [0.375, 0.625]

    Args:
        values: [..., queries]. NaN = the query does not count, and is not drawn.
        confidence: the share of resamples whose mean lies within the interval, between 0 and 1.
        resamples: the number of resamples.
        seed: the seed of the draws.

    Returns:
        [..., 2], low and high. NaN if fewer than two queries count, since one query does not show how queries differ.

    Raises:
        ValueError: `confidence`, `resamples` or `seed` is out of range.

    Cost: 1 to 3 seconds and 20 MB beside the values, for 100,000 queries, 2,000 resamples and a few rows.

    Reference: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; for retrieval Sakai,
    "Evaluating Evaluation Metrics Based on the Bootstrap", SIGIR 2006.
    """
    check_share("confidence", confidence)
    check_count("resamples", resamples)
    check_seed(seed)
    values = np.asarray(values, "float64")
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    found = np.full((len(rows), 2), np.nan)
    for members, counts in _rows_by_queries(rows):
        if counts.sum() > 1:
            means = _means(rows[np.ix_(members, counts)], resamples, np.random.default_rng(seed))
            tail = (1 - confidence) / 2
            found[members] = np.quantile(means, [tail, 1 - tail], axis=0).T
    return found.reshape(*values.shape[:-1], 2)


def method_of_intervals(confidence: float, resamples: int, seed: int) -> str:
    """Describes what `bootstrap` does."""
    how = "the percentile bootstrap over queries"
    return f"{100 * confidence:g}% intervals by {how}, {resamples:,} resamples, seed {seed}"


def check_share(name: str, given: float, low: float = 0.0) -> None:
    """Raises a ValueError unless the value is a number above `low` and below 1."""
    if not is_number(given) or not low < given < 1:
        raise ValueError(f"{name} must be above {low:g} and below 1, but got {given!r}")


def check_count(name: str, given: int) -> None:
    """Raises a ValueError unless the value is a whole number of at least 1."""
    _check_whole(name, given, 1)


def check_seed(given: int) -> None:
    """Raises a ValueError unless the value is a whole number of at least 0."""
    _check_whole("seed", given, 0)


def _check_whole(name, given, least):
    if isinstance(given, bool) or not isinstance(given, numbers.Integral) or given < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, but got {given!r}")


def _rows_by_queries(rows):
    """Groups the rows that count for the same queries: (places of rows, [queries] bool)."""
    groups: dict[bytes, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(np.packbits(~np.isnan(row)).tobytes(), []).append(place)
    return [(places, ~np.isnan(rows[places[0]])) for places in groups.values()]


def _means(rows, resamples, random):
    """Returns the means of each resample, [resamples, rows].

    The number of times that each query is drawn is counted once for all rows. Their means are then a matrix product.
    """
    queries = rows.shape[-1]
    block = np.empty((max(1, min(resamples, BYTES // (8 * queries))), queries))
    means = np.empty((resamples, len(rows)))
    for start in range(0, resamples, len(block)):
        counts = block[: resamples - start]
        for one in counts:
            one[:] = np.bincount(random.integers(queries, size=queries), minlength=queries)
        means[start : start + len(counts)] = counts @ rows.T / queries
    return means
