"""Systems by name: what ranks, from whatever it is given as."""

import collections
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from plackett import _lazy
from plackett.data._suffixes import PACKED
from plackett.evaluation._scored import System
from plackett.evaluation.systems.base import OpenSystem
from plackett.evaluation.systems.models import KerasModel, open_predictor
from plackett.evaluation.systems.simple import WORDS, Function, Scores, system_of_words

ALLOWED = f"a Keras model, an object with a method predict, an array of scores, a function of lists, a path, or {WORDS}"


def open_system(what: Any) -> System:
    """What ranks, as a function of lists that gives scores.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[3.0], [1.0]], [1, 0], group=[2], feature_names=["price"])
    >>> open_system("-feature:price")(lists).tolist()
    [-3.0, -1.0]

    What is opened here may also say, by its method `notes`, what must be known of the lists that it was called with,
    such as that a run lacks some of their queries. A function that is given cannot change the lists: their arrays are
    read-only there, and it has to copy what it changes.

    Args:
        what: one of these:
            a Keras model, as `plackett.score` takes it;
            a function of `RankingLists` that gives [documents] scores, -inf = not retrieved, or `Scored`;
            an array of scores [documents] of any type of numbers;
            an object with a method `predict`, as of LightGBM, XGBoost, CatBoost or scikit-learn, which is matched
            with the features of lists by name where both know names, else by number;
            a path: of the output folder of a run, a `.keras` file, a model file of LightGBM, XGBoost or CatBoost, an
            ONNX file, a run of TREC, or scores as `plackett.data.write_scores` writes them. What a file holds is told
            by its first bytes;
            "column:NAME", a column of documents, or "feature:NAME", a dense feature by its name or number;
            "-column:NAME" and "-feature:NAME", which rank the lowest first;
            "random" or "random:SEED", which ranks by chance.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a library that it needs is not installed.
        ValueError: it is none of these, or a file is malformed.

    Cost: a run or a file of scores is read into memory, about 30 bytes a document and its ids.
    """
    if isinstance(what, OpenSystem):
        return what.afresh()
    if isinstance(what, str | os.PathLike):
        return _open_words(what)
    if isinstance(what, keras.Model):
        return KerasModel(what)
    if hasattr(what, "predict"):
        return open_predictor(what)
    if callable(what):
        return Function(what)
    if hasattr(what, "__array__"):
        return _open_array(what)
    raise ValueError(f"a system must be {ALLOWED}, but got a {type(what).__name__}")


def open_systems(systems: Mapping[str, Any] | Sequence[str | os.PathLike] | str | os.PathLike) -> dict[str, System]:
    """Systems by name, each as a function of lists; see `open_system`.

    >>> list(open_systems(["random:7", "newest=-column:age"]))
    ['random:7', 'newest']

    Args:
        systems: name -> system; or paths and words. These are called by the name of their file, without its suffix, or
            of their folder, or by the words; on a clash by as much of the path as tells them apart. "NAME=PATH" gives a
            name.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a library that one needs is not installed.
        ValueError: there is none, two have one name, or one cannot be opened.
    """
    if isinstance(systems, str | os.PathLike):
        systems = [systems]
    if isinstance(systems, Mapping):
        named = dict(systems)
        for name in named:
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"the name of a system must be a string with a character, but got {name!r}")
    elif isinstance(systems, Iterable) and not hasattr(systems, "__array__"):
        named = _names(list(systems))
    else:
        raise ValueError(
            f"systems must be a dict, name -> system, or a list of paths, but got a {type(systems).__name__}: give "
            "{'a name': it}"
        )
    if not named:
        raise ValueError("there is no system to open")
    return {name: open_system(what) for name, what in named.items()}


def _open_words(what):
    words = os.fspath(what)
    if isinstance(what, str) and (system := system_of_words(what)):
        return system
    if not os.path.exists(words):
        raise FileNotFoundError(f"there is no file {words}: a system by its words is a path, or {WORDS}")
    files = _lazy.load("plackett.evaluation.systems.files", "data", needed_by=f"opening {words}")
    return files.open_file(words)


def _open_array(what):
    scores = np.asarray(what)
    if scores.dtype.kind not in "biuf" or scores.ndim != 1:
        raise ValueError(
            f"an array of scores must hold numbers, one a document, but got {scores.dtype} of shape {scores.shape}"
        )
    return Scores(scores)


def _names(given):
    """Name -> words or path, of paths and words with or without a name."""
    for one in given:
        if not isinstance(one, str | os.PathLike):
            raise ValueError(
                f"a list of systems holds paths and words, which name themselves, but got a {type(one).__name__}: give "
                "a dict, name -> system"
            )
    named = [_split_name(os.fspath(one)) for one in given]
    names = [name or _short_name(what) for name, what in named]
    for clash in [name for name, count in collections.Counter(names).items() if count > 1]:
        free = [i for i, (given_name, _) in enumerate(named) if names[i] == clash and given_name is None]
        for i, name in zip(free, _tell_apart([named[i][1] for i in free]), strict=True):
            names[i] = name
    for name, count in collections.Counter(names).items():
        if count > 1:
            both = ", ".join(what for own, (_, what) in zip(names, named, strict=True) if own == name)
            raise ValueError(f"two systems have the name {name!r}: {both}. Give one a name of its own, as NAME=PATH")
    return {name: what for name, (_, what) in zip(names, named, strict=True)}


def _split_name(what):
    """(the name that was given or None, the path or the words)."""
    name, equals, rest = what.partition("=")
    # A path may hold the sign, as `lr=0.1` does.
    if not equals or os.path.exists(what) or set(name) & {"/", os.sep, ":"}:
        return None, what
    if not name.strip() or not rest:
        raise ValueError(f"a system with a name must be NAME=PATH, but got {what!r}")
    return name, rest


def _short_name(what):
    """The name of a file without its suffix, or of a folder; of words, the words."""
    if system_of_words(what):
        return what
    path = pathlib.Path(os.path.abspath(what))
    if path.suffix in PACKED:
        path = path.with_suffix("")
    return path.name if path.is_dir() else path.stem


def _tell_apart(paths):
    """As much of the end of each path as tells it from the others; the whole of it where nothing does."""
    if any(map(system_of_words, paths)):
        return paths
    parts = [pathlib.Path(os.path.abspath(path)).parts for path in paths]
    for depth in range(1, max(map(len, parts), default=0)):
        ends = ["/".join(of_path[-depth:]) for of_path in parts]
        if len(set(ends)) == len(ends):
            return ends
    return [os.path.abspath(path) for path in paths]
