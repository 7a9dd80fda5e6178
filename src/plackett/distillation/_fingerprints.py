"""What tells whether a teacher, or the lists that it scores, are still the same."""

import dataclasses
import hashlib
import json
import os
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np

from plackett._files import find_model
from plackett.data import RankingLists
from plackett.evaluation.systems.models import KerasModel
from plackett.evaluation.systems.simple import system_of_words
from plackett.training._same_run import without_names

OF_JUDGES = ("judged", "teacher")  # columns that no teacher reads whose scores are kept
CHUNK = 2**20


def of_lists(lists: RankingLists) -> str:
    """16 hexadecimal digits that change with whatever a model may read, and with the order of documents.

    Labels are left out: of all teachers functions alone can read them, and the scores of functions are not kept.
    """
    columns = {name: column for name, column in lists.columns.items() if name not in OF_JUDGES}
    return dataclasses.replace(lists, labels=np.zeros_like(lists.labels), columns=columns, missed=None).fingerprint()


def outline(lists: RankingLists) -> str:
    """Likewise of the ids of queries and documents alone: lists that have it in common are the same ones, renewed."""
    number = len(lists.labels)
    features = np.zeros((number, 0), "float32")
    return RankingLists(
        np.zeros(number, "float32"), lists.row_splits, lists.queries, lists.documents, features
    ).fingerprint()


def of_teacher(what: Any) -> str | None:
    """Likewise of what gives the scores. None = nothing tells, or its scores are at hand anyway.

    Args:
        what: as `plackett.evaluation.open_system` takes it.
    """
    if isinstance(what, str) and system_of_words(what):
        return None
    if isinstance(what, str | os.PathLike):
        return _of_file(find_model(what))
    what = what.model if isinstance(what, KerasModel) else getattr(what, "model_", what)
    if isinstance(what, keras.Model):
        return _of_keras(what)
    libraries = {kind.__module__.split(".")[0] for kind in type(what).__mro__}
    if "lightgbm" in libraries:
        booster = what.booster_ if hasattr(type(what), "booster_") else what
        return _of_bytes(booster.model_to_string().encode())
    if "xgboost" in libraries:
        booster = what.get_booster() if hasattr(what, "get_booster") else what
        return _of_bytes(bytes(booster.save_raw("ubj")))
    if "catboost" in libraries:
        return _of_catboost(what)
    return _of_scikit_learn(what) if "sklearn" in libraries else None


def _of_bytes(*parts):
    seen = hashlib.blake2b(digest_size=8)
    for part in parts:
        seen.update(part)
    return seen.hexdigest()


def _of_file(path):
    with pathlib.Path(path).open("rb") as file:
        return _of_bytes(*iter(lambda: file.read(CHUNK), b""))


def _of_keras(model):
    try:
        config = without_names(json.loads(model.to_json()))
    except Exception:  # each layer of a user may fail in its own way
        return None
    weights = [np.ascontiguousarray(weight) for weight in model.get_weights()]
    shapes = [f"{weight.dtype} {weight.shape}" for weight in weights]
    return _of_bytes(json.dumps([config, shapes], sort_keys=True).encode(), *(weight.tobytes() for weight in weights))


def _of_catboost(model):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.cbm"
        model.save_model(str(path))
        return _of_file(path)


def _of_scikit_learn(model):
    """By joblib, which is there wherever scikit-learn is, and does not depend on the order of dicts and sets."""
    import joblib

    try:
        return joblib.hash(model)[:16]
    except Exception:  # what cannot be pickled says so in many ways
        return None
