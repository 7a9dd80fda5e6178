"""What a number is in text: ASCII digits with a sign, a point and an exponent, and nothing else that float() takes."""

import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INFINITY = 2.0**128 - 2.0**103  # from here on the nearest float32 is infinity
NOT_FINITE = ("nan", "inf", "infinity")


def check_number(text: str, what: str) -> str:
    """The text of a number that float32 holds.

    >>> check_number("-1e3", "the score")
    '-1e3'

    Raises:
        ValueError: it is no number, or not finite in float32.
    """
    number = NUMBER.fullmatch(text)
    if number and abs(float(text)) < INFINITY:
        return text
    kind = "finite" if number or text.lower().lstrip("+-") in NOT_FINITE else "a number"
    raise ValueError(f"{what} must be {kind}, but got {text!r}")
