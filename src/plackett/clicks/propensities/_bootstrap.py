"""Bands of curves: how a curve varies with the queries that happen to be in the log."""

from collections.abc import Callable

import numpy as np
from scipy import special

from plackett.evaluation._bootstrap import check_seed

LEVEL = 0.95
FEWEST = 5  # queries with the same number of clicks


def bands(
    curve: np.ndarray, estimate: Callable[[np.ndarray], np.ndarray], clicks: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    """Computes the band of a curve by the Bayesian bootstrap over queries.

    Each resample weights the queries by independent draws of Exponential(1). These weights are never 0, so no resample
    loses the links between positions. If n queries have the same number of clicks, the curve varies as much as its
    resamples do, times (n + 1) / (n - 1), and by Student's t with n - 1 degrees of freedom, on the log scale. If some
    queries have most of the clicks, n is their effective number, (sum clicks)^2 / sum clicks^2.

    Args:
        curve: [positions], estimated with all weights 1.
        estimate: a function of weights, [queries], that returns the curve.
        clicks: [queries], the number of clicks of each query.
        resamples: the number of resamples. 0 = no band.
        seed: the seed of the draws.

    Returns:
        (low, high, notes); low and high are None if there is no band.

    Raises:
        ValueError: `resamples` is neither 0 nor a whole number of at least 2, or `seed` is not a seed.

    Reference: Rubin, "The Bayesian Bootstrap", Annals of Statistics 1981; Hesterberg, "What Teachers Should Know About
        the Bootstrap", The American Statistician 2015, on quantiles of small samples.
    """
    check_resamples(resamples)
    check_seed(seed)
    if not resamples:
        return None, None, ()
    effective = float(clicks.sum() ** 2 / (clicks @ clicks))
    if round(effective, 6) < FEWEST:
        note = f"no band: the clicks are of {effective:.3g} queries in effect, and a band over queries needs {FEWEST}"
        return None, None, (note,)
    random = np.random.default_rng(seed)
    curves = np.stack([estimate(random.standard_exponential(len(clicks))) for _ in range(resamples)])
    spread = np.log(curves).std(axis=0, ddof=1) * np.sqrt((effective + 1) / (effective - 1))
    reach = np.exp(special.stdtrit(min(effective, resamples) - 1, (1 + LEVEL) / 2) * spread)
    return curve / reach, curve * reach, ()


def check_resamples(resamples: int) -> None:
    """Raises a ValueError unless this is a number of resamples."""
    whole = isinstance(resamples, int | np.integer) and not isinstance(resamples, bool)
    if not whole or resamples < 0 or resamples == 1:
        raise ValueError(f"resamples must be 0, for no band, or a whole number of at least 2, but got {resamples!r}")
