"""What tells whether a teacher, or the lists that it scores, are still the same."""

import dataclasses
import os
import pathlib
import re
import tempfile
from typing import Any, NamedTuple

import keras
import numpy as np

from plackett._files import find_model
from plackett.data import RankingLists
from plackett.evaluation.systems.kinds import kind_of
from plackett.evaluation.systems.models import KerasModel
from plackett.evaluation.systems.simple import system_of_words
from plackett.training._fingerprint import digest, fingerprint

UNREAD = ("judged", "teacher")  # columns that no teacher reads whose scores are kept
CHUNK = 2**20
# What stands in an ONNX file before the name of a file of weights: its key, and its length in 7 bits a byte.
LOCATION = rb"\n\x08location\x12([\x80-\xff]*[\x00-\x7f])"


class OfLists(NamedTuple):
    """What tells whether lists are the same.

    Args:
        whole: changes with whatever a model may read of them.
        outline: changes with the ids of queries and documents, and their order, alone.
        documents: how many there are.
    """

    whole: str
    outline: str
    documents: int


def of_lists(lists: RankingLists) -> OfLists:
    """What tells whether these are the same.

    Cost: that of `RankingLists.fingerprint`, about a second for 1 GB.
    """
    return OfLists(_whole(lists), _outline(lists), len(lists.labels))


def _whole(lists):
    """16 hexadecimal digits that change with whatever a model may read, and with the order of documents.

    Labels are left out: of all teachers functions alone can read them, and the scores of functions are not kept.
    """
    columns = {name: column for name, column in lists.columns.items() if name not in UNREAD}
    return dataclasses.replace(lists, labels=np.zeros_like(lists.labels), columns=columns, missed=None).fingerprint()


def _outline(lists):
    """Likewise of the ids of queries and documents alone: lists that have it in common are the same ones, renewed."""
    number = len(lists.labels)
    features = np.zeros((number, 0), "float32")
    return RankingLists(
        np.zeros(number, "float32"), lists.row_splits, lists.queries, lists.documents, features
    ).fingerprint()


def of_teacher(what: Any) -> str | None:
    """Likewise of what gives the scores. None = nothing tells, or its scores are at hand anyway.

    Of a Keras model these are its config and weights, not the code of layers of your own. Nothing tells of a function,
    nor of a model of scikit-learn, which may call functions.

    Args:
        what: as `plackett.evaluation.open_system` takes it.
    """
    if isinstance(what, str) and system_of_words(what):
        return None
    if isinstance(what, str | os.PathLike):
        return _of_file(find_model(what))
    what = what.model if isinstance(what, KerasModel) else what
    for model in (what, getattr(what, "model_", None)):  # that of `plackett.Ranker`, as `open_system` takes it
        if isinstance(model, keras.Model):
            return fingerprint(model)
    libraries = {kind.__module__.split(".")[0] for kind in type(what).__mro__}
    if "lightgbm" in libraries:
        booster = what.booster_ if hasattr(type(what), "booster_") else what
        return digest([booster.model_to_string().encode()])
    if "xgboost" in libraries:
        booster = what.get_booster() if hasattr(what, "get_booster") else what
        return digest([booster.save_raw("ubj")])
    if "catboost" in libraries:
        return _of_catboost(what)
    return None


def _of_file(path):
    path = pathlib.Path(path)
    return digest(part for file in (path, *_beside(path)) for part in _parts_of(file))


def _parts_of(path):
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def _beside(path):
    """The files that an ONNX file says it keeps weights in."""
    if kind_of(str(path)) != "onnx":
        return []
    whole, found = path.read_bytes(), set()
    for entry in re.finditer(LOCATION, whole):
        length = sum((byte & 127) << 7 * place for place, byte in enumerate(entry[1]))
        found.add(path.parent / os.fsdecode(whole[entry.end() : entry.end() + length]))
    return sorted(found)


def _of_catboost(model):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.cbm"
        model.save_model(str(path))
        return _of_file(path)
