"""What a click counts for: 1 / its propensity, which is cut off from below."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from plackett.data import ClickCounts, Sessions

CLIP = 0.05


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
        of_rows: [rows], what a click of each row counts for.
        clip: the least propensity that divides.
        clipped: the share of the clicks whose propensity is below it.
    """

    of_rows: np.ndarray
    clip: float
    clipped: float


def weigh(log: Sessions | ClickCounts, clip: float) -> Weights:
    """The weights of the clicks of a log with propensities.

    Args:
        log: the clicks.
        clip: the least propensity that divides, above 0 and at most 1.

    Raises:
        ValueError: `clip` is out of range.
    """
    if isinstance(clip, bool) or not isinstance(clip, numbers.Real) or not 0 < clip <= 1:
        raise ValueError(f"clip must be above 0 and at most 1, the least propensity that divides, but got {clip!r}")
    assert log.propensities is not None
    clicks = log.clicks if isinstance(log, Sessions) else log.clicked
    below = clicks[log.propensities < clip].sum() / max(clicks.sum(), 1)
    return Weights(1 / np.maximum(log.propensities.astype("float64"), clip), float(clip), float(below))


def weighted_counts(log: Sessions | ClickCounts, clip: float) -> tuple[ClickCounts, np.ndarray]:
    """(the counts of a log with propensities, [rows] what the clicks of each row count for together).

    Propensities of sessions may differ where document and position are the same, as they do with the device or with
    what was clicked above.
    """
    weights = weigh(log, clip).of_rows
    if isinstance(log, ClickCounts):
        return log, log.clicked * weights
    # Counts keep the mean of the column, whatever it is: here of what each impression counts for.
    counts = dataclasses.replace(log, propensities=np.where(log.clicks, weights, 0.0)).counts()
    assert counts.propensities is not None
    return counts, counts.propensities * counts.shown.astype("float64")


def propensities_of_log(log: Sessions | ClickCounts, propensities: Any = None) -> np.ndarray:
    """[rows], the propensity of each row of a log.

    Args:
        log: the clicks.
        propensities: None = those of the log. Or numbers, one a position from 1; or what has a method `of` that gives
            them for positions, as `plackett.clicks.propensities.Propensities` has.

    Raises:
        ValueError: the log has none, or a position has none.
    """
    if propensities is None:
        if log.propensities is None:
            raise ValueError(
                "ipw divides each click by its propensity, but the log has no column of propensities: give "
                "propensities, a curve by position, or a method that estimates it (--propensities FILE or "
                "--propensity-method NAME)"
            )
        return log.propensities
    if hasattr(propensities, "of"):
        return np.asarray(propensities.of(log.positions))
    try:
        curve = np.asarray(propensities, "float64")
    except (TypeError, ValueError):
        raise ValueError(
            f"propensities must be numbers, one a position from 1, but got {propensities!r:.100}"
        ) from None
    if curve.ndim != 1 or not len(curve) or not (np.isfinite(curve) & (curve > 0)).all():
        raise ValueError("propensities must be numbers above 0, one a position from 1")
    if (last := int(log.positions.max(initial=0))) > len(curve):
        raise ValueError(f"propensities has {len(curve)} positions, but the log shows documents at position {last}")
    return curve[log.positions - 1]
