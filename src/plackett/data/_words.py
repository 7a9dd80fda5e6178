"""The content of lists, in words."""

from collections.abc import Iterable

import numpy as np

CHUNK = 2**20  # the number of labels that are processed together
GRADES = 32  # grades below this are counted one by one


def some(names: Iterable[str], at_most: int = 8) -> str:
    """The first names, separated by commas."""
    names = list(names)
    return ", ".join(names[:at_most]) + (", ..." if len(names) > at_most else "")


def grades_in_words(labels: np.ndarray) -> str:
    """How often each grade occurs; for labels that are not small whole numbers, the lowest and the highest."""
    counts: np.ndarray | None = np.zeros(GRADES, "int64")
    low, high = np.inf, -np.inf
    for start in range(0, len(labels), CHUNK):
        chunk = labels[start : start + CHUNK]
        low, high = min(low, chunk.min()), max(high, chunk.max())
        if counts is not None and 0 <= low <= high < GRADES and (chunk == chunk.astype("uint8")).all():
            counts += np.bincount(chunk.astype("uint8"), minlength=GRADES)
        else:
            counts = None
    if counts is None:
        return f"{low:g} to {high:g}"
    return ", ".join(f"{grade}: {count:,}" for grade, count in enumerate(counts) if count) or "none"
