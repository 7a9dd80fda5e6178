"""Training, scoring and evaluation in several processes and on several machines, with Ray.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "GatherRows": "_gather",
    "average_gradients": "_run_in_group",
    "evaluate": "_evaluate",
    "run": "_run_in_group",
    "score": "_score",
    "train": "_train",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES, extra="ray")
