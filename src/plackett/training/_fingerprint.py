"""Fingerprints, which tell whether a Keras model has changed."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from plackett.training._same_run import without_names


def digest(parts: Iterable[Any]) -> str:
    """Returns 16 hexadecimal digits that change with the bytes of the parts."""
    seen = hashlib.blake2b(digest_size=8)
    for part in parts:
        seen.update(part)
    return seen.hexdigest()


def fingerprint(model: keras.Model) -> str | None:
    """Returns 16 hexadecimal digits that change with the config and the weights of a model. None = it cannot be told.

    They do not change with the code of your own layers.
    """
    try:
        config = without_names(json.loads(model.to_json()))
        # The vocabulary of an adapted lookup layer is neither in its config nor among its weights.
        lookups = [layer for layer in model._flatten_layers() if hasattr(layer, "get_vocabulary")]
        vocabularies = [layer.get_vocabulary() for layer in lookups]
    except Exception:  # a layer of the user may fail in any way
        return None
    weights = [np.ascontiguousarray(weight) for weight in model.get_weights()]
    shapes = [f"{weight.dtype} {weight.shape}" for weight in weights]
    whole = json.dumps([config, shapes, vocabularies], sort_keys=True, default=str)
    return digest([whole.encode(), *(weight.reshape(-1).view("u1") for weight in weights)])  # bfloat16 has no buffer
