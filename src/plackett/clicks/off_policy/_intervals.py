"""Intervals of estimates that are linear in the clicks of a log."""

from typing import NamedTuple

import numpy as np
from scipy import special

from plackett.clicks.off_policy._logged import Logged


class Interval(NamedTuple):
    """A mean over sessions, with its interval."""

    mean: float
    low: float
    high: float


class Noise:
    """The chance in the clicks of a log, given its queries and what was shown.

    The impressions of a cell are clicked with one probability, or with one for each unit of exposure. The residual of a
    click is its difference from the mean of its cell, divided by sqrt(1 - leverage), as in the HC2 estimate of linear
    regression, so that its square is unbiased. The residuals of a session are added before they are squared, since its
    clicks may depend on each other. Impressions that are alone in their cell are compared with all of their position.

    Args:
        log: the log.
        cell: [impressions], from 0.
        exposure: [impressions].
    """

    def __init__(self, log: Logged, cell: np.ndarray, exposure: np.ndarray):
        self.log = log
        # Positions by their rank among those of the log, since one may be very deep.
        at = np.unique(log.position, return_inverse=True)[1]
        means = np.bincount(at, log.click) / np.bincount(at)
        clicks, sums, rows = (np.bincount(cell, x) for x in (log.click, exposure, exposure > 0))
        alone = (rows[cell] < 2) | (exposure <= 0)
        share = np.divide(exposure, sums[cell], out=np.zeros(len(cell)), where=~alone)
        self.residual = np.where(alone, log.click - means[at], (log.click - clicks[cell] * share) / np.sqrt(1 - share))

    def interval(self, weights: np.ndarray, constant: float, confidence: float) -> Interval:
        """Returns the interval of (constant + sum of weighted clicks) / sessions.

        It uses Student's t. The degrees of freedom are the effective number of sessions by their share in the variance.
        It is NaN if no click with a weight varies.
        """
        sessions = len(self.log.query_of_session)
        mean = float((constant + weights @ self.log.click) / sessions)
        squares = np.bincount(self.log.session, weights * self.residual, minlength=sessions) ** 2
        variance = squares.sum()
        if not weights.any():  # nothing is random, as in the difference of a ranker from itself
            return Interval(mean, mean, mean)
        if variance == 0:
            return Interval(mean, float("nan"), float("nan"))
        freedom = max(variance**2 / (squares @ squares), 1.0)
        reach = float(special.stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(variance) / sessions)
        return Interval(mean, mean - reach, mean + reach)
