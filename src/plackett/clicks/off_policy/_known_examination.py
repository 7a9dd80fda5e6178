"""The examination of each impression and of each rank, from wherever it is known."""

from typing import Any

import numpy as np

from plackett.clicks.propensities._curve import as_curve
from plackett.data import Sessions

SAME = 1e-4  # the share by which propensities of one position may differ, as float32 and files round them


def examination_of(log: Sessions, propensities: Any, topn: int) -> tuple[np.ndarray, np.ndarray]:
    """(examination of each impression, of each rank up to `topn`); 0 = it is not known.

    Args:
        log: the sessions.
        propensities: a curve, or numbers above 0, one a position from 1. None = those of the log.
        topn: how many ranks are asked for.

    Raises:
        ValueError: none are known, they are no curve, a rank has none, or those of the log differ at one position.
    """
    if propensities is None:
        if log.propensities is None:
            raise ValueError(
                "how often a position is looked at is not known: the log has no propensities; give propensities "
                "(--propensities), or take an estimator that needs none: item_position or cascade"
            )
        of_row = log.propensities.astype("float64")
        curve = _curve_of(log.positions, of_row)
    else:
        curve = as_curve(propensities).examination
        known = np.append(0.0, curve)
        of_row = known[np.where(log.positions < len(known), log.positions, 0)]
    ranks = np.append(curve, np.zeros(topn))[:topn]
    if len(wrong := np.flatnonzero(ranks <= 0)):
        raise ValueError(
            f"the examination of rank {wrong[0] + 1} is not known, but topn is {topn}: take a topn (--topn) of at "
            f"most {wrong[0]}" + ("" if propensities is not None else ", or give propensities (--propensities)")
        )
    return of_row, ranks


def _curve_of(positions, of_row):
    """[positions], the propensity of each position where it has one."""
    low = np.full(positions.max(), np.inf)
    high = np.zeros(positions.max())
    np.minimum.at(low, positions - 1, of_row)
    np.maximum.at(high, positions - 1, of_row)
    if len(wrong := np.flatnonzero(high > low * (1 + SAME))):
        at = wrong[0]
        raise ValueError(
            f"the propensities of the log differ at position {at + 1}, from {low[at]:g} to {high[at]:g}, so that those "
            "of the new ranks are not known: give the examination of each position by propensities (--propensities)"
        )
    return high
