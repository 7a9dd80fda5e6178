"""Examination by position, estimated from clicks: the propensities by which clicks are weighed.

All estimators take a log, `Sessions` or `ClickCounts`, and give `Propensities`: how often documents at each position are
looked at, relative to the first. Where the log does not say, they raise `UnidentifiedError`.
"""

from plackett import _lazy

_NAMES = {
    "Propensities": "_curve",
    "UnidentifiedError": "_links",
    "intervention_harvesting": "_harvesting",
    "position_based": "_position_based",
    "randomized": "_randomized",
    "read_propensities": "_curve",
    "regression_em": "_regression",
}

__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
