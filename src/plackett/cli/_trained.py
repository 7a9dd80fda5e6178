"""The ranker of new data, and the lists that it ranks."""

from __future__ import annotations

import os
import pathlib
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._reading import find_reading
from plackett.cli._systems import add_columns, check_system
from plackett.cli._tables import say
from plackett.data._reading import inherit
from plackett.data._suffixes import MOVIELENS
from plackett.training._config_file import read_yaml

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists
    from plackett.evaluation import System

RANKER = (
    "An output folder of `plackett train`; a model file of Keras, ONNX, LightGBM, XGBoost or CatBoost; a run of TREC "
    "or a file of scores; or column:NAME, feature:NAME (column:-NAME: the lowest first) or random:SEED."
)
Model = Annotated[str, typer.Argument(help=RANKER)]


def check_ranker(model: str, data: Sequence[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how the data is read: by the flags, or else as the run of the model read.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: the model is of no known kind, or an option of reading is unknown or has no effect.
    """
    from plackett.evaluation.systems.simple import system_of_words

    of_run: dict[str, Any] = {}
    if not system_of_words(model):
        check_system(model)
        folder = pathlib.Path(model) if os.path.isdir(model) else pathlib.Path(model).parent
        config = folder / "config.yaml"
        of_run = read_yaml(config) if config.is_file() else {}
    reading = find_reading(given, data, inherit(of_run.get("reading") or {}, of_run.get("data") or [], data))
    add_columns([model], data, reading)
    _checks.check_sources(data, reading=reading, labelled=False)
    choose_backend(given.get("backend"))
    return reading


def open_ranker(model: str) -> System:
    """Opens the ranker.

    Raises:
        ImportError: a library that it needs is not installed.
        ValueError: it cannot be opened.
    """
    from plackett.evaluation import open_systems

    (system,) = open_systems({model: model}).values()
    return system


def read_for(system: System, data: Sequence[str], reading: Mapping[str, Any]) -> RankingLists:
    """Reads the lists that a system is to rank. They need no labels.

    Args:
        system: the ranker.
        data: the files, or MovieLens, which means its test lists.
        reading: how the files are read.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is malformed, or lacks an input of the system.
    """
    import plackett
    from plackett.data._sources import read_acting
    from plackett.evaluation.systems.base import features_of, labels_to_rank

    if list(data) == [MOVIELENS]:
        return plackett.data.movielens_100k()[2]
    features = features_of([system]) or None
    return read_acting(data, reading, features=features, labelled=labels_to_rank([system]))


def say_notes(system: System, lists: RankingLists) -> None:
    """Prints what a reader needs to know about the ranking, such as ids that training did not see."""
    from plackett.evaluation.systems.models import KerasModel
    from plackett.scorers import unseen_ids

    if not isinstance(system, KerasModel):
        for note in getattr(system, "notes", list)():
            say(note)
        return
    for name, unseen in unseen_ids(system.model, lists).items():
        say(
            f"{name}: {unseen.documents} of {len(lists.labels)} documents have one of {unseen.values} values that "
            f"training did not see, such as {unseen.example!r}"
        )
