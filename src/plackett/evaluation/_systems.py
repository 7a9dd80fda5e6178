"""Opens systems: whatever ranks, from a name, a path or an object."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from plackett import _lazy
from plackett.evaluation._scored import System
from plackett.evaluation.systems.base import OpenSystem
from plackett.evaluation.systems.models import KerasModel, open_predictor
from plackett.evaluation.systems.names import name_systems
from plackett.evaluation.systems.simple import WORDS, Function, Scores, system_of_words

THE_MODEL = "the model"  # the name in notes of a model that has no name yet
ALLOWED = (
    "a Keras model, such as trained.model, an object with a method predict, an array of scores, a function of lists, a "
    f"path, or {WORDS}"
)


def open_system(what: Any) -> System:
    """Opens a system: returns a function of lists that gives scores.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[3.0], [1.0]], [1, 0], group=[2], feature_names=["price"])
    >>> open_system("feature:-price")(lists).tolist()
    [-3.0, -1.0]

    A system that is opened here may also have a method `notes`, which says what a reader needs to know of the lists
    that it was called with, such as that a run lacks some of their queries. A function that you give cannot change the
    lists: their arrays are read-only, so it has to copy what it changes.

    Args:
        what: one of these:
            a Keras model, as in `plackett.score`, or a fitted `plackett.Ranker`;
            a function of `RankingLists` that returns [documents] scores, -inf = not retrieved, or `Scored`;
            an array of scores [documents] of any type of numbers;
            an object with a method `predict`, as of LightGBM, XGBoost, CatBoost or scikit-learn. Its features are
            matched
            with those of the lists by name if both have names, else by number;
            a path: of the output folder of a run, a `.keras` file, a model file of LightGBM, XGBoost or CatBoost, an
            ONNX file, a run of TREC, or scores as `plackett.data.write_scores` writes them. The first bytes of a file
            tell what it holds;
            "column:NAME", a column of documents, or "feature:NAME", a dense feature by its name or number;
            "column:-NAME" and "feature:-NAME", which rank the lowest value first;
            "random" or "random:SEED", which ranks by chance.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a library that the system needs is not installed.
        ValueError: `what` is none of these, or a file is malformed.

    Cost: a run or a file of scores is read into memory, about 30 bytes a document plus its ids.
    """
    if isinstance(what, OpenSystem):
        return what.afresh()
    if isinstance(what, str | os.PathLike):
        return _open_words(what)
    if isinstance(what, keras.Model):
        return KerasModel(THE_MODEL, what)
    if isinstance(getattr(what, "model_", None), keras.Model):  # plackett.Ranker, whose predict needs the queries
        return KerasModel(THE_MODEL, what.model_)
    if isinstance(what, type):
        raise ValueError(f"a system must be an object, such as a fitted model, but got the class {what.__name__}")
    if hasattr(what, "predict"):
        return open_predictor(what)
    if callable(what):
        return Function(what)
    if hasattr(what, "__array__"):
        return _open_array(what)
    raise ValueError(f"a system must be {ALLOWED}, but got a {type(what).__name__}")


def open_systems(systems: Mapping[str, Any] | Sequence[str | os.PathLike] | str | os.PathLike) -> dict[str, System]:
    """Opens systems by name, each as a function of lists; see `open_system`.

    >>> list(open_systems(["random:7", "newest=column:age"]))
    ['random:7', 'newest']

    Args:
        systems: name -> system; or paths and words. A path is named by its file, without the suffix, or by its folder;
            words name themselves. If two names are the same, as much of the path is added as tells them apart.
            "NAME=PATH" sets a name.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a library that a system needs is not installed.
        ValueError: there is no system, two have the same name, or one cannot be opened.
    """
    if isinstance(systems, str | os.PathLike):
        systems = [systems]
    if isinstance(systems, Mapping):
        named = dict(systems)
    elif isinstance(systems, Iterable) and not hasattr(systems, "__array__"):
        named = name_systems(list(systems))
    else:
        raise ValueError(
            f"systems must be a dict, name -> system, or a list of paths, but got a {type(systems).__name__}: give "
            "{'a name': it}"
        )
    if not named:
        raise ValueError("systems must hold at least one system, but there is none")
    for name in named:
        if not isinstance(name, str) or not name.isprintable() or not name or name != name.strip():
            raise ValueError(
                f"the name of a system must be a string of printable characters without spaces at its ends, but got "
                f"{name!r}"
            )
    return {name: _called(name, open_system(what)) for name, what in named.items()}


def _called(name, system):
    """Returns the system. If it was given as an object, its notes use this name."""
    if getattr(system, "name", None) == THE_MODEL:
        system.name = name
    return system


def _open_words(what):
    words = os.fspath(what)
    if isinstance(what, str) and (system := system_of_words(what)):
        return system
    if not os.path.exists(words):
        raise FileNotFoundError(f"there is no file {words}: a system must be a path, or {WORDS}")
    files = _lazy.load("plackett.evaluation.systems.files", "data", needed_by=f"opening {words}")
    return files.open_file(words)


def _open_array(what):
    scores = np.asarray(what)
    if scores.dtype.kind not in "biuf" or scores.ndim != 1:
        raise ValueError(
            f"an array of scores must hold numbers, one a document, but got {scores.dtype} of shape {scores.shape}"
        )
    return Scores(scores)
