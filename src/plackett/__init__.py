"""Learning to rank for Keras 3, on JAX, TensorFlow and PyTorch."""

from plackett import data, gains, lambdas, lists, losses, metrics, scorers
from plackett.evaluation import evaluate, evaluate_scores, score
from plackett.ragged import Ragged
from plackett.training import Trained, TrainingDivergedError, train

__all__ = [
    "Ragged",
    "Trained",
    "TrainingDivergedError",
    "data",
    "evaluate",
    "evaluate_scores",
    "gains",
    "lambdas",
    "lists",
    "losses",
    "metrics",
    "score",
    "scorers",
    "train",
]
