"""Training a ranker: lists and a loss in, the best model and its record out; it survives being killed.

All names are imported when they are first used; `Settings` needs no Keras.
"""

from plackett import _lazy

_NAMES = {
    "CrossValidation": "_crossval_results",
    "Feed": "_feed",
    "Ranker": "_ranker",
    "Settings": "_settings",
    "SettingsKeywords": "_settings",
    "Trained": "_loop",
    "TrainingDivergedError": "callbacks.divergence",
    "Trial": "_search",
    "crossval": "_crossval",
    "train": "_loop",
    "tune": "_search",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)
