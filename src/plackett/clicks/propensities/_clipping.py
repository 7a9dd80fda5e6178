"""The weight of a click: 1 / its propensity, which is clipped from below."""

import numpy as np

from plackett.registry.options import is_number

CLIP = 0.05


def inverse(propensities: np.ndarray, clip: float) -> np.ndarray:
    """Returns 1 / max(propensity, clip), float64.

    >>> inverse(np.array([1.0, 0.5, 0.01]), clip=0.1).tolist()
    [1.0, 2.0, 10.0]

    Args:
        propensities: above 0. They may be above 1 if they are relative to the first position.
        clip: the smallest propensity that divides, above 0 and at most 1: a little bias for much less variance.

    Raises:
        ValueError: `clip` is out of range.
    """
    if not is_number(clip) or not 0 < clip <= 1:
        raise ValueError(f"clip, the smallest propensity that divides, must be above 0 and at most 1, but got {clip!r}")
    return 1 / np.maximum(propensities.astype("float64"), clip)
