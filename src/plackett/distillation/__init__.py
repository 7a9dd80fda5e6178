"""From a teacher to a student: scores of any ranker, kept beside the lists, and a smaller ranker that learns from them.

All names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "Teacher": "_teachers",
    "standardize": "_scales",
    "train": "_train",
    "with_teacher": "_teachers",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
