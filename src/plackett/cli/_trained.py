"""A trained ranker, and the lists that it is asked to rank."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from plackett._files import find_model
from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._reading import find_reading
from plackett.cli._tables import say
from plackett.data._reading import inherit
from plackett.data._suffixes import MOVIELENS
from plackett.training._config_file import read_yaml

Model = Annotated[pathlib.Path, typer.Argument(help="An output folder of `plackett train`, or a .keras file.")]


def check_trained(model: pathlib.Path, data: Sequence[str], given: Mapping[str, Any]) -> tuple[pathlib.Path, dict]:
    """(the file of a model, how the data is read: as the flags have it, and else as its run read).

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: an option of reading is unknown or would not act.
    """
    path = find_model(model)
    config = path.parent / "config.yaml"
    of_run = read_yaml(config) if config.is_file() else {}
    reading = find_reading(given, data, inherit(of_run.get("reading") or {}, of_run.get("data") or [], data))
    _checks.check_sources(data, reading=reading, labelled=False)
    choose_backend(given.get("backend"))
    return path, reading


def load_ranker(path: pathlib.Path):
    """The ranker in a file.

    Raises:
        ValueError: the file holds no Keras model, or one that is no scorer of plackett.
    """
    import plackett
    from plackett.scorers._two_tower import ranker_of

    ranker = plackett.load(path)
    if not isinstance(ranker.input, dict) or "mask" not in ranker.input:
        raise ValueError(f"{path} is not a scorer of plackett: its inputs must be a dict with a mask")
    return ranker_of(ranker)


def read_for(ranker, data: Sequence[str], reading: Mapping[str, Any]):
    """The lists that a ranker is to rank, with its features in its order; they need no labels.

    Args:
        ranker: the scorer.
        data: the files, or MovieLens, which stands for its test lists.
        reading: how they are read.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is malformed, or has not all that the ranker takes.
    """
    import plackett
    from plackett.data._sources import read_acting
    from plackett.scorers._any_model import feature_names, lists_for

    if list(data) == [MOVIELENS]:
        return plackett.data.movielens_100k()[2]
    features = ranker.input["features"].shape[-1] if "features" in ranker.input else None
    lists = read_acting(data, reading, features=feature_names(ranker) or features, labelled=False)
    return lists_for(ranker, lists)


def say_unseen_ids(ranker, lists) -> None:
    """Says which ids of the lists training did not see."""
    from plackett.scorers import unseen_ids

    for name, unseen in unseen_ids(ranker, lists).items():
        say(
            f"{name}: {unseen.documents} of {len(lists.labels)} documents have one of {unseen.values} values that "
            f"training did not see, such as {unseen.example!r}"
        )
