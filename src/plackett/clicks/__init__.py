"""From clicks to a ranker: click models, simulated logs, propensities, training without bias, off-policy evaluation.

All names are imported when they are first used.
"""

from plackett import _lazy

_NAMES: dict[str, str] = {
    "Propensities": "propensities._curve",
    "UnidentifiedError": "propensities._links",
    "propensities": "",
    "read_propensities": "propensities._curve",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
