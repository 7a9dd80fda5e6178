"""The systems that a command measures, and the lists that it measures them on."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from plackett._files import check_file, find_model
from plackett.cli import _checks
from plackett.cli._flags import DATA
from plackett.cli._reading import find_reading
from plackett.data._reading import inherit
from plackett.data._suffixes import MOVIELENS, form_of
from plackett.registry import check_known
from plackett.training._config_file import read_yaml

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists
    from plackett.evaluation import System

SYSTEMS = (
    "Each is a run of `plackett train`, a model file of Keras, LightGBM, XGBoost, CatBoost or ONNX, a run of TREC, a "
    "file of scores, column:NAME or feature:NAME (column:-NAME: the lowest first), random:SEED; or NAME=SYSTEM."
)
Systems = Annotated[list[str], typer.Argument(help=SYSTEMS, metavar="SYSTEM...")]
Data = Annotated[list[str] | None, typer.Option("--data", help=f"{DATA} May be repeated. Default: that of --qrels.")]
Fuse = Annotated[
    list[str] | None,
    typer.Option(
        "--fuse",
        help="A fusion of other systems: NAME=METHOD:SYSTEM,SYSTEM, such as both=rrf:bm25,dense. The methods: rrf, "
        "borda, min_max, z_score, comb_sum. May be repeated.",
    ),
]
STREAMED = ("trec", "qrels")  # formats that are measured part by part


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What is to be measured, before anything is opened.

    Args:
        systems: names -> words or paths of the systems.
        fusions: name -> (method, the names of the systems).
        data: the files.
        reading: how the files are read, see `plackett.data.Reading`.
    """

    systems: dict[str, str]
    fusions: dict[str, tuple[str, list[str]]]
    data: list[str]
    reading: dict[str, Any]

    @property
    def names(self) -> list[str]:
        """The names of all systems."""
        return [*self.systems, *self.fusions]


def check_measurement(
    words: Sequence[str], data: Sequence[str] | None, given: Mapping[str, Any], *, labelled: bool = True
) -> Measurement:
    """Returns what a command line asks to measure, after checking that files exist and systems are of known kinds.

    Args:
        words: the systems.
        data: the files of --data.
        given: the flags on the command line.
        labelled: whether the data must have labels.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: there is no system or no data; two systems have the same name; a file is not of a known kind of
            system; or an option of reading is unknown or has no effect.
    """
    from plackett.evaluation.systems.names import name_systems, parse_fusion
    from plackett.evaluation.systems.simple import system_of_words

    words, data, given = list(words), list(data or ()), dict(given)
    if not data and given.get("qrels"):
        data, given = [given.pop("qrels")], given | {"form": "qrels"}
    if not data:
        if len(words) < 2:
            raise ValueError("there is no data: name it by --data, or the judgements of runs by --qrels")
        data = [words.pop()]
    systems = name_systems(words)
    for what in systems.values():
        if not system_of_words(what):
            check_system(what)
    fusions: dict[str, tuple[str, list[str]]] = {}
    for each in given.get("fuse") or ():
        name, method, names = parse_fusion(each)
        if name in systems or name in fusions:
            raise ValueError(f"--fuse {each}: another system has the name {name!r}: choose another name")
        for one in names:
            check_known("system", one, [*systems, *fusions])
        fusions[name] = method, names
    reading = find_reading(given, data, _reading_of_runs(systems.values(), data))
    add_columns(systems.values(), data, reading)
    _checks.check_sources(data, reading=reading, labelled=labelled)
    return Measurement(systems, fusions, data, reading)


def validation_of_runs(words: Sequence[str]) -> list[str]:
    """The files that the best epoch of the first run was chosen on.

    Raises:
        ValueError: no system is a run that was validated on files, so the data must be named.
    """
    from plackett.evaluation.systems.names import name_systems

    for path in name_systems(words).values():
        config = pathlib.Path(path) / "config.yaml"
        if config.is_file():
            of_run = read_yaml(config)
            if of_run.get("data") == [MOVIELENS]:
                return [MOVIELENS]
            files = of_run.get("validation")
            if isinstance(files, list) and files:
                return files
    raise ValueError(
        "there is no data: name it by --data, or the judgements of runs by --qrels; no run here was validated on files"
    )


def remarks(measurement: Measurement, *, validation: bool = False) -> list[str]:
    """Says in whole sentences which runs know the data already, so that their numbers are too good.

    Runs that learnt from clicks do not know the labels of the data.

    Args:
        measurement: what is measured.
        validation: whether to name also the runs that chose their best epoch on the data.
    """
    data = {_real(path) for path in measurement.data}
    found = []
    for name, path in measurement.systems.items():
        config = pathlib.Path(path) / "config.yaml"
        of_run = read_yaml(config) if config.is_file() else {}
        if of_run.get("clicks"):
            continue
        for key, what in (("data", "was trained on"), ("validation", "chose its best epoch on"))[: 1 + validation]:
            files = of_run.get(key)
            if isinstance(files, list) and (known := data & {_real(path) for path in files}) and MOVIELENS not in files:
                found.append(f"{name} {what} {', '.join(sorted(known))}: its numbers are too good.")
    return found


def _real(path):
    return os.path.relpath(os.path.realpath(path)) if os.path.exists(path) else path


def check_system(path: str | os.PathLike) -> None:
    """Raises an error unless the path is that of a system.

    Raises:
        FileNotFoundError: there is no such file, or the folder holds no run.
        ValueError: it is of no known kind.
    """
    from plackett.evaluation.systems.kinds import holds_scores, kind_of

    if os.path.isdir(path):
        if not holds_scores(os.fspath(path)):
            find_model(path)
        return
    check_file(path)
    kind_of(os.fspath(path))


def _reading_of_runs(paths, data):
    """How the first run that read such files read them."""
    for path in paths:
        config = pathlib.Path(path) / "config.yaml"
        if config.is_file():
            of_run = read_yaml(config)
            if reading := inherit(of_run.get("reading") or {}, of_run.get("data") or [], data):
                return reading
    return {}


def add_columns(words: Iterable[str], data: Sequence[str], reading: dict[str, Any]) -> None:
    """Adds to `reading` that those columns of a CSV file that are systems are not features."""
    if list(data) == [MOVIELENS] or (reading.get("form") or form_of(data)) != "csv":
        return
    for name in (one.partition(":")[2].removeprefix("-") for one in words if one.startswith("column:")):
        roles = [one for role in ("features", "ids", "categorical", "query_columns") for one in reading.get(role) or ()]
        if name not in roles and name not in (reading.get("columns") or {}):
            reading["columns"] = {**(reading.get("columns") or {}), name: name}


def open_measured(measurement: Measurement) -> dict[str, System]:
    """Opens the systems, and those that are made of others, by name.

    Raises:
        ImportError: the library of a system is not installed.
        ValueError: a system cannot be opened.
    """
    from plackett.evaluation import fuse, open_systems

    systems = open_systems(measurement.systems)
    for name, (method, names) in measurement.fusions.items():
        systems[name] = fuse({one: systems[one] for one in names}, method)
    return systems


def read_measured(measurement: Measurement, systems: Mapping[str, System]) -> RankingLists:
    """Reads the lists into memory.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is malformed.
    """
    import plackett
    from plackett.data._sources import read_acting
    from plackett.evaluation.systems.base import features_of

    if measurement.data == [MOVIELENS]:
        return plackett.data.movielens_100k()[2]
    return read_acting(measurement.data, measurement.reading, features=features_of(systems.values()) or None)


def parts_of_measured(measurement: Measurement, systems: Mapping[str, System]) -> Iterator[RankingLists]:
    """Yields the lists in parts, for formats that are read in parts; else all at once."""
    from plackett.data import stream

    if measurement.data != [MOVIELENS] and (measurement.reading.get("form") or form_of(measurement.data)) in STREAMED:
        yield from stream(measurement.data, **measurement.reading)
    else:
        yield read_measured(measurement, systems)
