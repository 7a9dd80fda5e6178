"""JSON numbers that are read as the same float32, whether by way of float64 or not."""

import numpy as np


def text_of(x: float) -> str:
    """Returns the shortest text that is read as the float32 nearest to a number.

    >>> text_of(0.1), text_of(1 / 3)
    ('0.1', '0.33333334')

    Raises:
        ValueError: float32 cannot hold the number.
    """
    with np.errstate(over="ignore"):
        number = np.float32(x)
    if not np.isfinite(number):
        raise ValueError(f"search engines compute in float32, which cannot hold {x:.3g}")
    text = str(number)
    return text if np.float32(float(text)) == number else repr(float(number))


def float32(x: float) -> float:
    """Returns the number that `text_of` writes."""
    return float(text_of(x))
