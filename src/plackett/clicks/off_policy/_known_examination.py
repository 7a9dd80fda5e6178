"""Finds the examination of each impression and of each rank."""

from typing import Any

import numpy as np

from plackett.clicks.propensities._curve import as_curve
from plackett.data import Sessions

SAME = 1e-4  # relative difference of propensities at one position that float32 and files may cause


def examination_of(log: Sessions, propensities: Any, topn: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (examination of each impression, of each rank up to `topn`); 0 = it is not known.

    Args:
        log: the sessions.
        propensities: a curve, or numbers above 0, one for each position from 1. None = the propensities of the log.
        topn: the number of ranks.

    Raises:
        ValueError: there are no propensities, they are not a curve, a rank has none, or those of the log differ at a
            position.
    """
    if propensities is None:
        if log.propensities is None:
            raise ValueError(
                "the examination of positions is not known, since the log has no propensities: give propensities "
                "(--propensities), or take an estimator that needs none: item_position or cascade"
            )
        of_row = log.propensities.astype("float64")
        ranks = _of_ranks(log.positions, of_row, topn)
    else:
        known = np.append(0.0, as_curve(propensities).examination)
        of_row = known[np.where(log.positions < len(known), log.positions, 0)]
        ranks = np.append(known[1:], np.zeros(topn))[:topn]
    if len(wrong := np.flatnonzero(ranks <= 0)):
        raise ValueError(
            f"the examination of rank {wrong[0] + 1} is not known, but topn is {topn}: take a topn (--topn) of at "
            f"most {wrong[0]}" + ("" if propensities is not None else ", or give propensities (--propensities)")
        )
    return of_row, ranks


def no_examination(log: Sessions, topn: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the result of `examination_of` if no estimator needs the examination and it is not known anywhere."""
    return np.zeros(len(log.positions)), np.zeros(topn)


def _of_ranks(positions, of_row, topn):
    """The propensity of each rank, [topn], if the log has it as a position."""
    known, at = np.unique(positions, return_inverse=True)
    low, high = np.full(len(known), np.inf), np.zeros(len(known))
    np.minimum.at(low, at, of_row)
    np.maximum.at(high, at, of_row)
    if len(wrong := np.flatnonzero(high > low * (1 + SAME))):
        first = wrong[0]
        raise ValueError(
            f"the propensities of the log differ at position {known[first]}, from {low[first]:g} to {high[first]:g}, "
            "so those of the new ranks are not known: give the examination of each position as propensities "
            "(--propensities)"
        )
    ranks = np.zeros(topn)
    near = known <= topn
    ranks[known[near] - 1] = high[near]
    return ranks
