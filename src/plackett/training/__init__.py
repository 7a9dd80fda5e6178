"""Training a ranker: lists and a loss in, the best model and its record out; it survives being killed."""

from plackett.training.divergence import TrainingDivergedError
from plackett.training.feed import Feed
from plackett.training.fitting import Trained, train
from plackett.training.settings import Settings, settings_of

__all__ = ["Feed", "Settings", "Trained", "TrainingDivergedError", "settings_of", "train"]
