"""From a teacher to a student: the scores of any ranker, and a smaller ranker that learns from them.

Names are imported when they are first used.
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
