"""From clicks to a ranker: click models, simulated logs, propensities, unbiased training, off-policy evaluation.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "CascadeModel": "models",
    "ClickChainModel": "models",
    "ClickMeasures": "_measures",
    "ClickModel": "models",
    "ClickThroughRateModel": "models",
    "DependentClickModel": "models",
    "DynamicBayesianModel": "models",
    "MODELS": "models",
    "MixtureModel": "models",
    "PositionBasedModel": "models",
    "Propensities": "propensities._curve",
    "SimplifiedDynamicBayesianModel": "models",
    "Simulation": "simulation._simulate",
    "TrustBiasModel": "models",
    "UnidentifiedError": "propensities._links",
    "UserBrowsingModel": "models",
    "cascade": "models",
    "click_chain": "models",
    "click_through_rate": "models",
    "dependent_click": "models",
    "dynamic_bayesian": "models",
    "measure": "_measures",
    "mixture": "models",
    "off_policy": "",
    "position_based": "models",
    "propensities": "",
    "read_propensities": "propensities._curve",
    "simplified_dynamic_bayesian": "models",
    "simulate": "simulation._simulate",
    "train": "training._train",
    "trust_bias": "models",
    "user_browsing": "models",
    "write_simulation": "simulation._log_folder",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
