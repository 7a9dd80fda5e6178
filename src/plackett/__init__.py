"""Learning to rank for Keras 3, on JAX, TensorFlow and PyTorch."""

import importlib
import sys

from plackett import _lazy

__version__ = "0.1.0"

_NAMES = {
    "Ragged": "lists",
    "Ranker": "training",
    "Trained": "training",
    "TrainingDivergedError": "training",
    "boosting": "",
    "clicks": "",
    "compare": "evaluation",
    "crossval": "training",
    "data": "",
    "distillation": "",
    "distributed": "",
    "evaluate": "evaluation",
    "evaluate_scores": "evaluation",
    "evaluation": "",
    "export": "",
    "gains": "",
    "lambdas": "",
    "lists": "",
    "load": "evaluation",
    "losses": "",
    "metrics": "",
    "score": "evaluation",
    "scorers": "",
    "serving": "",
    "train": "training",
    "training": "",
    "tune": "training",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)

# Keras finds the classes of a saved model only where they have been imported.
if "keras" in sys.modules:
    for _name in ("clicks.models", "lambdas", "losses", "metrics", "scorers"):
        importlib.import_module(f"{__name__}.{_name}")
