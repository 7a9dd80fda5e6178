"""Bands of curves: how they vary with the queries that happen to be in the log."""

from collections.abc import Callable

import numpy as np

LEVEL = 0.95
FEWEST = 10  # queries


def bands(
    estimate: Callable[[np.ndarray], np.ndarray], queries: int, resamples: int, seed: int
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    """The band of a curve by the Bayesian bootstrap over queries.

    Each resample weighs the queries by independent draws of Exponential(1), which is the bootstrap with weights that
    are never 0, so that no resample loses the links between positions.

    Args:
        estimate: function of weights, [queries], that gives the curve.
        queries: how many there are.
        resamples: how many are drawn. 0 = no band.
        seed: of the draws.

    Returns:
        low, high and notes; None for the band where there is none.

    Raises:
        ValueError: resamples is below 0.

    Reference: Rubin, "The Bayesian Bootstrap", Annals of Statistics 1981.
    """
    if resamples < 0:
        raise ValueError(f"resamples must be at least 0, but got {resamples}")
    if not resamples:
        return None, None, ()
    if queries < FEWEST:
        return None, None, (f"no band: the log has {queries} queries, and a band over queries needs {FEWEST}",)
    random = np.random.default_rng(seed)
    curves = np.stack([estimate(random.standard_exponential(queries)) for _ in range(resamples)])
    low, high = np.quantile(curves, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high, ()
