"""Scores lists, measures systems under declared conventions, and compares them.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "METRICS": "_evaluate",
    "Aggregate": "_aggregate",
    "Beyond": "_scored",
    "Comparison": "_comparison",
    "Mean": "_comparison",
    "Pair": "_comparison",
    "QueryValue": "_slices",
    "Results": "_results",
    "Scored": "_scored",
    "Slice": "_slices",
    "System": "_scored",
    "aggregate": "_aggregate",
    "compare": "_comparison",
    "evaluate": "_evaluate",
    "evaluate_scores": "_evaluate",
    "fuse": "systems.fusion",
    "load": "_saved",
    "metrics_like": "_peers",
    "open_system": "_systems",
    "open_systems": "_systems",
    "score": "_scoring",
    "slices": "_slices",
    "state": "_conventions",
    "worst_queries": "_slices",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
