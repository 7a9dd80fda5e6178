"""Training a ranker: lists and a loss in, the best model and its record out; it survives being killed."""

from plackett.training._feed import Feed
from plackett.training._loop import Trained, train
from plackett.training._search import Trial, tune
from plackett.training._settings import Settings, settings_of
from plackett.training.callbacks.divergence import TrainingDivergedError

__all__ = ["Feed", "Settings", "Trained", "TrainingDivergedError", "Trial", "settings_of", "train", "tune"]
