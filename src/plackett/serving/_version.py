"""The answer of `/version`. Internal."""

import platform
from typing import Any

import onnxruntime

import plackett
from plackett.serving._service import Service


def describe_version(service: Service) -> dict[str, Any]:
    """Describes what runs: the versions, and the fingerprints of the model's file, weights and training data."""
    model = service.model
    facts = dict(model.signature.facts)
    return {
        "plackett": plackett.__version__,
        "onnxruntime": onnxruntime.__version__,
        "python": platform.python_version(),
        "model": model.fingerprint,
        "loaded": service.loaded.isoformat(timespec="seconds"),
        "weights": facts.pop("model", None),
        "training_data": facts.pop("training_data", None),
        "export": facts,
    }
