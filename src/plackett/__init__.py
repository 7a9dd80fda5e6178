"""Learning to rank for Keras 3, on JAX, TensorFlow and PyTorch."""

import importlib
import os
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
    "retrieval": "",
    "score": "evaluation",
    "scorers": "",
    "serving": "",
    "train": "training",
    "training": "",
    "tune": "training",
}
__all__ = list(_NAMES)
__getattr__, __dir__ = _lazy.attach(__name__, _NAMES)

# From 1.32 on, onnxruntime collects and sends usage data, with threads and files of its own, unless an environment
# variable turns this off before it is loaded. The first releases read the first variable, later ones the second.
for _name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
    os.environ.setdefault(_name, "1")

# Keras finds the classes of a saved model only after they have been imported.
if "keras" in sys.modules:
    for _name in (
        "clicks.models",
        "lambdas",
        "losses",
        "metrics",
        "retrieval._tower_layers",
        "retrieval._two_towers",
        "scorers",
    ):
        importlib.import_module(f"{__name__}.{_name}")
