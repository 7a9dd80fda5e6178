"""The losses of plackett as objectives of LightGBM, XGBoost and CatBoost, and its metrics for them.

Names are imported when they are first used.
"""

from plackett import _lazy

_NAMES = {
    "Objective": "_objective",
    "catboost_objective": "_catboost",
    "lightgbm_metric": "_lightgbm",
    "lightgbm_objective": "_lightgbm",
    "xgboost_metric": "_xgboost",
    "xgboost_objective": "_xgboost",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
