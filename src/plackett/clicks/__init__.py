"""From clicks to a ranker: click models, simulated logs, propensities, training without bias, off-policy evaluation.

All names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "CascadeModel": "models",
    "ClickModel": "models",
    "ClickThroughRateModel": "models",
    "MODELS": "models",
    "PositionBasedModel": "models",
    "Simulation": "_simulation",
    "TrustBiasModel": "models",
    "cascade": "models",
    "click_through_rate": "models",
    "position_based": "models",
    "simulate": "_simulation",
    "train": "_train",
    "trust_bias": "models",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
