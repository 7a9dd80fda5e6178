"""The scale of a teacher's scores, which is removed so that teachers of any scale are alike."""

import numpy as np

from plackett.data._numbers import first_inexact


def standardize(scores: np.ndarray, row_splits: np.ndarray) -> np.ndarray:
    """Scales scores to mean 0 and standard deviation 1 in each list.

        z = (t - mean of t) / population standard deviation of t

    >>> standardize(np.array([-1e300, 1e300, 7.0, 7.0]), np.array([0, 2, 4])).tolist()
    [-1.0, 1.0, 0.0, 0.0]

    Args:
        scores: [documents], finite, of any type, sign and scale.
        row_splits: [queries + 1]; the documents of query q are row_splits[q]:row_splits[q + 1].

    Returns:
        [documents] float64; 0 in a list whose scores are all equal.

    Raises:
        ValueError: a score is not finite, or is a whole number that float64 would round.
    """
    scores = as_float64(scores)
    if not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, but {(~np.isfinite(scores)).sum()} of {len(scores)} are not")
    lengths = np.diff(row_splits)
    query = np.repeat(np.arange(len(lengths)), lengths)
    # Powers of two do not round, and below 1 neither squares nor differences overflow.
    highest = _of_lists(np.maximum, np.abs(scores), row_splits)
    scores = np.ldexp(scores, -np.frexp(highest)[1][query])
    scores = scores - _of_lists(np.minimum, scores, row_splits)[query]
    scores = _divide(scores, _of_lists(np.maximum, scores, row_splits)[query])
    counts = np.maximum(lengths, 1)
    centred = scores - (np.bincount(query, scores, len(lengths)) / counts)[query]
    deviation = np.sqrt(np.bincount(query, centred**2, len(lengths)) / counts)
    # Equal scores are 0 by now, and so is their mean.
    return _divide(centred, deviation[query])


def all_equal(scores: np.ndarray, row_splits: np.ndarray) -> np.ndarray:
    """Whether all of several documents of a list have the same score, so that none is preferred, [queries]."""
    highest, lowest = (_of_lists(of, scores, row_splits) for of in (np.maximum, np.minimum))
    return (highest == lowest) & (np.diff(row_splits) > 1)


def as_float64(scores: np.ndarray) -> np.ndarray:
    """Returns the scores in float64.

    Raises:
        ValueError: one is a whole number that float64 would round.
    """
    scores = np.asarray(scores)
    if (place := first_inexact(scores)) is not None:
        raise ValueError(
            f"the score {scores[place]} is a whole number that float64 rounds: subtract the same number from all scores"
        )
    return scores.astype("float64")


def _of_lists(function, scores, row_splits):
    """The highest or lowest score of each list, [queries]; 0 for an empty list."""
    found = np.zeros(len(row_splits) - 1)
    has = np.diff(row_splits) > 0
    if has.any():
        found[has] = function.reduceat(scores, row_splits[:-1][has])
    return found


def _divide(above, below):
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
