"""The weight of a click: 1 / its propensity, which is clipped from below."""

import dataclasses
from typing import Any

import numpy as np

from plackett.clicks.propensities._clipping import inverse
from plackett.clicks.propensities._curve import as_curve
from plackett.data import ClickCounts, Sessions


@dataclasses.dataclass(frozen=True)
class Weights:
    """The weights of the clicks of a log, 1 / max(propensity, clip).

    >>> log = ClickCounts.from_arrays(
    ...     query=["q"] * 3, document=list("abc"), position=[1, 2, 3], shown=[9, 9, 9], clicked=[3, 1, 1],
    ...     propensity=[1.0, 0.5, 0.01])
    >>> weights = weigh(log, 0.1)
    >>> weights.of_rows.tolist(), weights.clipped
    ([1.0, 2.0, 10.0], 0.2)

    Args:
        of_rows: [rows], the weight of a click of each row.
        clip: the smallest propensity that divides.
        clipped: the share of the clicks whose propensity is smaller.
    """

    of_rows: np.ndarray
    clip: float
    clipped: float


def weigh(log: Sessions | ClickCounts, clip: float) -> Weights:
    """Computes the weights of the clicks of a log with propensities.

    Args:
        log: the clicks.
        clip: the smallest propensity that divides, above 0 and at most 1.

    Raises:
        ValueError: the log has no propensities, or `clip` is out of range.
    """
    propensities = propensities_of_log(log)
    of_rows = inverse(propensities, clip)
    clicks = log.clicks if isinstance(log, Sessions) else log.clicked
    below = clicks[propensities < clip].sum() / max(clicks.sum(), 1)
    return Weights(of_rows, float(clip), float(below))


def weighted_counts(log: Sessions | ClickCounts, clip: float) -> tuple[ClickCounts, np.ndarray]:
    """Returns (the counts of a log with propensities, [rows] the total weight of the clicks of each row).

    Propensities of sessions may differ for the same document and position, for example with the device or with the
    clicks above.
    """
    weights = weigh(log, clip).of_rows
    if isinstance(log, ClickCounts):
        return log, log.clicked * weights
    # Counts keep the mean of this column, whatever it is: here the weight of each impression.
    counts = dataclasses.replace(log, propensities=np.where(log.clicks, weights, 0.0)).counts()
    return counts, propensities_of_log(counts) * counts.shown.astype("float64")


def propensities_of_log(log: Sessions | ClickCounts, propensities: Any = None) -> np.ndarray:
    """Returns the propensity of each row of a log, [rows].

    Args:
        log: the clicks.
        propensities: None = the propensities of the log. Else a curve, or numbers above 0, one for each position from
            1.

    Raises:
        ValueError: the log has none, they are not a curve, or a position has none.
    """
    if propensities is None:
        if log.propensities is None:
            raise ValueError(
                "ipw divides each click by its propensity, but the log has no column of propensities: give "
                "propensities, a curve by position, or a method that estimates it (--propensities FILE or "
                "--propensity-method NAME)"
            )
        return log.propensities
    return as_curve(propensities).of(log.positions)
