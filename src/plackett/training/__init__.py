"""Trains a ranker from lists and a loss. It returns the best model and a record, and survives being killed.

Names are imported when they are first used. `Settings` does not need Keras.
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
