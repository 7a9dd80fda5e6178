"""Examination by position, estimated from clicks. These are the propensities that weight clicks.

All estimators take a log, `Sessions` or `ClickCounts`, and return `Propensities`: how often documents at each position
are looked at, relative to the first. If the log cannot tell, they raise `UnidentifiedError`.

- `intervention_harvesting`: take it first, for logs of several rankers, or of one that varies or has changed.
- `randomized`: for logs whose results were shuffled, or swapped at random.
- `position_based`: if each document of a query was shown many times.
- `regression_em`: if documents are rarely seen twice, and their features say how attractive they are.
"""

from plackett import _lazy

METHODS = ("intervention_harvesting", "position_based", "randomized", "regression_em")
_NAMES = {
    "Propensities": "_curve",
    "UnidentifiedError": "_links",
    "intervention_harvesting": "_harvesting",
    "position_based": "_position_based",
    "randomized": "_randomized",
    "read_propensities": "_curve",
    "regression_em": "_regression",
}

__all__ = ["METHODS", *_NAMES]
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
