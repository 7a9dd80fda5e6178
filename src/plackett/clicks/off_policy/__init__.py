"""Estimates the clicks of a new ranker from the log of the old one."""

from plackett import _lazy

_NAMES = {
    "Estimate": "_results",
    "Estimates": "_results",
    "estimate": "_estimate",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
