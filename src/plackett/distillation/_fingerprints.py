"""Fingerprints that tell whether a teacher, or the lists that it scores, have changed."""

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

UNREAD = ("judged", "teacher")  # columns that are not read by any teacher whose scores are kept
CHUNK = 2**20
# The bytes in an ONNX file before the name of a file of weights: its key, and its length in 7 bits a byte.
LOCATION = rb"\n\x08location\x12([\x80-\xff]*[\x00-\x7f])"


class OfLists(NamedTuple):
    """Fingerprints that tell whether lists are the same.

    Args:
        whole: changes with everything that a model may read.
        outline: changes only with the ids of queries and documents, and their order.
        documents: the number of documents.
    """

    whole: str
    outline: str
    documents: int


def of_lists(lists: RankingLists) -> OfLists:
    """Returns the fingerprints of lists.

    Cost: as for `RankingLists.fingerprint`, about a second for 1 GB.
    """
    return OfLists(_whole(lists), _outline(lists), len(lists.labels))


def _whole(lists):
    """Returns 16 hexadecimal digits that change with everything that a model may read, and with the order of documents.

    Labels are left out. Only functions among all teachers can read them, and the scores of functions are not kept.
    """
    columns = {name: column for name, column in lists.columns.items() if name not in UNREAD}
    return dataclasses.replace(lists, labels=np.zeros_like(lists.labels), columns=columns, missed=None).fingerprint()


def _outline(lists):
    """Returns digits for the ids of queries and documents alone, which versions of the same lists share."""
    number = len(lists.labels)
    features = np.zeros((number, 0), "float32")
    return RankingLists(
        np.zeros(number, "float32"), lists.row_splits, lists.queries, lists.documents, features
    ).fingerprint()


def of_teacher(what: Any) -> str | None:
    """Returns digits for a teacher. None = it cannot be told, or its scores are cheap to compute.

    For a Keras model they depend on its config and weights, not on the code of your own layers. A function cannot be
    told, nor can a scikit-learn model, which may call functions.

    Args:
        what: a ranker, as in `plackett.evaluation.open_system`.
    """
    if isinstance(what, str) and system_of_words(what):
        return None
    if isinstance(what, str | os.PathLike):
        return _of_file(find_model(what))
    what = what.model if isinstance(what, KerasModel) else what
    for model in (what, getattr(what, "model_", None)):  # the second for `plackett.Ranker`, as in `open_system`
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
    """The files in which an ONNX file says it keeps weights."""
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
