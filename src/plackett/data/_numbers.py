"""Numbers in text: ASCII digits with a sign, a point and an exponent, but nothing else that float() accepts."""

import re
from collections.abc import Sequence

import numpy as np

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INFINITY = 2.0**128 - 2.0**103  # from here on, the nearest float32 is infinity
EXACT = 2**53  # up to here, float64 holds every whole number
ROUNDED = "which float64 rounds; numbers are held as float64 if one is missing or has a fraction: make them strings"
NOT_FINITE = ("nan", "inf", "infinity")


def check_number(text: str, what: str) -> str:
    """The text of a number that float32 holds.

    >>> check_number("-1e3", "the score")
    '-1e3'

    Raises:
        ValueError: it is not a number, or not finite in float32.
    """
    number = NUMBER.fullmatch(text)
    if number and abs(float(text)) < INFINITY:
        return text
    kind = "finite" if number or text.lower().lstrip("+-") in NOT_FINITE else "a number"
    raise ValueError(f"{what} must be {kind}, but got {text!r}")


def first_inexact(values: Sequence | np.ndarray) -> int | None:
    """The place of the first whole number that float64 rounds; None = it rounds none.

    >>> first_inexact([1.5, 2**60, 2**60 + 1])
    2
    """
    places: Sequence[int] = range(len(values))
    if isinstance(values, np.ndarray):
        places = np.flatnonzero((values > EXACT) | (values < -EXACT)).tolist() if values.dtype.kind in "iu" else []
    whole = (place for place in places if isinstance(values[place], int | np.integer))
    return next((place for place in whole if int(float(values[place])) != int(values[place])), None)
