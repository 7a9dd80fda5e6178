"""Statistics of the features of training lists: means, quantiles and ids. In NumPy; the layers keep them."""

from collections.abc import Callable, Sequence

import numpy as np

from plackett.data import RankingLists, Strings, hash_strings

ROWS = 16_384
SAMPLE = 100_000
POINTS = 64
QUARTERS = 4


def moments(lists: RankingLists, transformed: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean and variance of the known values of each transformed feature, and how often each feature is missing.

    Args:
        lists: the training lists.
        transformed: function from [documents, features] float64 to [documents, columns] that keeps NaN. It is applied
            to a slice of rows at a time.

    Returns:
        The mean of each column of the transform, 0 where all values are missing; its variance, 1 where it is constant;
        and, [features], the number of documents in which each feature is missing.

    Raises:
        ValueError: a feature is infinite.

    Cost: one pass over the features, see `moments_of`.
    """
    return moments_of(lists.features, transformed, lambda rows, start: _check_finite(lists, rows, start))


def moments_of(
    features: np.ndarray, transformed: Callable, check: Callable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`moments` of any rows of numbers, [rows, features].

    Args:
        features: NaN where one is missing.
        transformed: see `moments`.
        check: function of a slice of rows and of the number of its first row, which raises an error for values that are
            not allowed.

    Cost: one pass over the features, 16,384 rows at a time, in float64; slices are merged as in Chan, Golub & LeVeque,
    "Algorithms for computing the sample variance", The American Statistician 1983.
    """
    missing = np.zeros(features.shape[1])
    width = transformed(np.zeros((1, features.shape[1]))).shape[1]
    count, mean, squares = np.zeros((3, width))
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for start in range(0, len(features), ROWS):
        raw = np.asarray(features[start : start + ROWS], "float64")
        check(raw, start)
        x = transformed(raw)
        known = ~np.isnan(x)
        number = known.sum(axis=0)
        mean_here = np.where(known, x, 0).sum(axis=0) / np.maximum(number, 1)
        squares_here = np.square(np.where(known, x - mean_here, 0)).sum(axis=0)
        share = number / np.maximum(count + number, 1)
        squares += squares_here + np.square(mean_here - mean) * count * share
        mean += (mean_here - mean) * share
        count += number
        missing += np.isnan(raw).sum(axis=0)
        low, high = np.fmin(low, np.fmin.reduce(x)), np.fmax(high, np.fmax.reduce(x))
    # Rounding gives a constant feature a variance of about 1e-32, which must not become a divisor.
    return mean, np.where(low < high, squares / np.maximum(count, 1), 1.0), missing.astype("int64")


def _check_finite(lists, rows, start):
    wrong = np.argwhere(np.isinf(rows))
    if len(wrong):
        row, column = wrong[0]
        name, document = lists.feature_names[column], lists.documents[start + row]
        raise ValueError(f"features must be finite, but feature {name} of document {document} is {rows[row, column]}")


def count_missing(features: np.ndarray) -> np.ndarray:
    """[features], the number of documents in which each feature is missing."""
    counts = np.zeros(features.shape[1], "int64")
    for start in range(0, len(features), ROWS):
        counts += np.isnan(features[start : start + ROWS]).sum(axis=0)
    return counts


def missing_features(lists: RankingLists, absent: np.ndarray) -> ValueError:
    """The error that says in how many documents each feature is missing."""
    columns = np.flatnonzero(absent)
    found = ", ".join(f"{lists.feature_names[k]} ({absent[k]})" for k in columns[:5])
    more = f" and {len(columns) - 5} more features" if len(columns) > 5 else ""
    return ValueError(
        f"features are missing (NaN), in this many of {len(lists.features)} documents: {found}{more}; if they may be, "
        "give the scorer the option missing=True: scorer_options={'missing': True}, or --scorer-option "
        "missing=true on the command line"
    )


def sample(features: np.ndarray) -> np.ndarray:
    """The features of all documents, or of a sample of 100,000, drawn with a fixed seed."""
    if len(features) <= SAMPLE:
        return np.asarray(features)
    return features[np.sort(np.random.default_rng(0).choice(len(features), SAMPLE, replace=False, shuffle=False))]


def spread(column: np.ndarray, points: int) -> np.ndarray:
    """The known values at even ranks from the smallest to the largest: [points], ascending; [0] where none is known."""
    known = np.sort(column[~np.isnan(column)])
    return known[np.round(np.linspace(0, len(known) - 1, points)).astype("int64")] if len(known) else np.zeros(1)


def edges(column: np.ndarray) -> np.ndarray:
    """The different values among the minimum, the quartiles and the maximum of a feature: ascending, [1] to [5]."""
    values = np.unique(spread(column, QUARTERS + 1).astype("float32"))
    with np.errstate(invalid="ignore"):  # of what is infinite, which is refused
        return values[np.diff(values, prepend=-np.inf) > 1e-30]  # float32 cannot divide by smaller distances


def knots(boundaries: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct quantiles of a feature, and the level of each in [0, 1].

    A value that several quantiles share, such as the 0 of a sparse feature, gets the mean of their levels; a value that
    all share gets .5.

    Args:
        boundaries: [quantiles], at even levels from 0 to 1, ascending.
    """
    values, place = np.unique(np.asarray(boundaries, "float32"), return_inverse=True)
    levels = np.linspace(0, 1, len(boundaries)) if len(boundaries) > 1 else np.array([0.5])
    return values, np.bincount(place, weights=levels) / np.bincount(place)


def known_ids(name: str, ids: np.ndarray | Strings, min_count: int) -> np.ndarray:
    """The ids with at least `min_count` documents, in the form that a model keeps: strings as `hash_strings` numbers.

    Raises:
        ValueError: there is no such id, or two strings have the same number.
    """
    numbers = ids.ranks() if isinstance(ids, Strings) else ids
    values, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    if counts.max() < min_count:
        raise ValueError(f"no value of {name} is in min_count={min_count} documents; the most frequent: {counts.max()}")
    if not isinstance(ids, Strings):
        return values[counts >= min_count]
    texts = ids[first[counts >= min_count]]
    hashes = hash_strings(texts)
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    if len(same):
        one, other = (texts[order[same[0] + i]] for i in (0, 1))
        raise ValueError(
            f"a model cannot tell {one!r} and {other!r} of {name} apart, since both are {hashes[order[same[0]]]} by "
            "hash_strings: write one of them differently"
        )
    return hashes
