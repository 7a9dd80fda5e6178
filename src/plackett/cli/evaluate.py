"""`plackett evaluate`."""

import importlib
import pathlib
import zipfile
from collections.abc import Iterable
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend, Data
from plackett.cli._tables import console, say, table_of_metrics
from plackett.data._paths import MOVIELENS

METRICS = ["ndcg@5", "ndcg@10", "mrr"]
EMPTY = {"0": 0, "1": 1, "skip": "skip"}
TIES = ("position", "expected", "trec")
QUERIES = ("run", "judged")


def evaluate(
    model: Annotated[pathlib.Path, typer.Argument(help="An output folder of `plackett train`, or a .keras file.")],
    data: Data,
    metric: Annotated[
        list[str], typer.Option("--metric", help="A metric, such as ndcg@10; may be repeated.")
    ] = METRICS,
    empty: Annotated[
        str | None, typer.Option(help="What a query without relevant documents counts: 0, 1 or skip. Default: 0.")
    ] = None,
    ties: Annotated[
        str | None, typer.Option(help="The order of equal scores: position, expected or trec. Default: position.")
    ] = None,
    queries: Annotated[
        str, typer.Option(help="What the mean is over: run, queries with documents, or judged, also those without.")
    ] = "run",
    backend: Backend = None,
):
    """Measure a trained ranker."""
    for name, value, allowed in (("empty", empty, EMPTY), ("ties", ties, TIES), ("queries", queries, QUERIES)):
        if value is not None and value not in allowed:
            raise ValueError(f"--{name} must be one of {', '.join(allowed)}, but got {value!r}")
    for name in metric:
        _checks.check_metric(name)
        if metric.count(name) > 1:
            raise ValueError(f"--metric {name} is given twice")
    path = model / "model.keras" if model.is_dir() else model
    if model.is_dir() and not path.is_file():
        raise FileNotFoundError(f"there is no run of plackett train in {model.absolute()}: it has no file model.keras")
    _checks.check_files([path])
    _checks.check_sources(data)
    choose_backend(backend)

    import plackett

    measures = make_measures(metric, empty, ties)
    ranker = load(path)
    lists = read_for(ranker, path, data)
    values = plackett.evaluate(ranker, lists, measures, queries=queries)
    console.print(table_of_metrics(f"{len(lists)} queries, {len(lists.labels)} documents", {path.parent.name: values}))
    for stated, names in by_conventions(measures).items():
        say(f"{', '.join(names)}: {stated}")


def make_measures(names: Iterable[str], empty: str | None, ties: str | None) -> list:
    """Metrics of these names, by the conventions that are given, else by their own."""
    from plackett import metrics

    conventions = {"empty": None if empty is None else EMPTY[empty], "ties": ties}
    conventions = {name: value for name, value in conventions.items() if value is not None}
    return [metrics.get(name, **conventions) for name in names]


def load(path: pathlib.Path):
    """The ranker in a file.

    Raises:
        ValueError: the file holds no Keras model, or one that is no scorer of plackett.
    """
    import keras

    for name in ("losses", "metrics", "scorers"):  # Keras finds their classes where they have been imported
        importlib.import_module(f"plackett.{name}")
    try:
        ranker = keras.models.load_model(path)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no model that Keras can load: {error}") from error
    if not isinstance(ranker.input, dict) or "mask" not in ranker.input:
        raise ValueError(f"{path} is not a scorer of plackett: its inputs must be a dict with a mask")
    return ranker


def read_for(ranker, path: pathlib.Path, data: list[str]):
    """The lists that a ranker from a file is measured on.

    Raises:
        OSError: a file cannot be read.
        ValueError: what it holds is malformed, or has not all that the ranker takes.
    """
    import plackett
    from plackett.data._sources import read

    inputs = ranker.input
    width = inputs["features"].shape[-1] if "features" in inputs else None
    lists = plackett.data.movielens_100k()[2] if data == [MOVIELENS] else read(data, features=width)
    if width not in (None, lists.features.shape[1]):
        raise ValueError(f"{path} was trained on {width} features, but this data has {lists.features.shape[1]}")
    absent = sorted(set(inputs) - {"mask", "features", *lists.ids})
    if absent:
        raise ValueError(f"{path} was trained on the id features {', '.join(absent)}, which this data does not have")
    return lists


def by_conventions(measures: Iterable) -> dict[str, list[str]]:
    """How queries without relevant documents and equal scores count -> the names of the metrics where they do so."""
    groups: dict[str, list[str]] = {}
    for measure in measures:
        stated = f"empty={measure.empty}, ties={measure.ties}"
        groups.setdefault(stated, []).append(measure.name)
    return groups
