"""`plackett train --teacher`: the teacher, how a student learns from it, and what the command says about it."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from plackett.cli import _checks, _known
from plackett.cli._flags import NONE
from plackett.cli._request import Request, as_paths, parse_options
from plackett.cli._systems import add_columns, check_system
from plackett.cli._tables import say
from plackett.cli._training_lists import ids_in_words
from plackett.data._suffixes import MOVIELENS
from plackett.registry import check_known
from plackett.registry.options import is_number
from plackett.training._config_file import read_yaml
from plackett.training._output_folder import holds_run
from plackett.training._same_run import WAY_OUT, check_same
from plackett.training._settings import Settings

if typing.TYPE_CHECKING:
    from plackett.data import RankingLists
    from plackett.distillation._train import Plan

PANEL = "A teacher"
Teachers = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher",
        help="A ranker whose scores are learnt: a run of `plackett train`, a model file of Keras, LightGBM, "
        "XGBoost, CatBoost or ONNX, a run of TREC, a file of scores, or column:NAME. Repeat --teacher for several: "
        "their scores are averaged, standardised within each list. --loss is then the loss of these scores, "
        "by default coupled_rank_distil, whose top-k is --loss-option topk=10.",
        rich_help_panel=PANEL,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--teacher-temperature",
        help="A number that the teacher's scores are divided by. Above 1 makes the teacher less sure. Default: 1.",
        rich_help_panel=PANEL,
    ),
]
Raw = Annotated[
    bool,
    typer.Option(
        help="Use the teacher's scores unchanged. Default: they get mean 0 and standard deviation 1 within each list.",
        rich_help_panel=PANEL,
    ),
]
LabelLoss = Annotated[
    str | None,
    typer.Option("--label-loss", help="The loss of the labels, to learn from them too.", rich_help_panel=PANEL),
]
LabelOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--label-option",
        help="Options of the loss of the labels. One a flag, as NAME=VALUE in YAML.",
        rich_help_panel=PANEL,
    ),
]
LabelWeight = Annotated[
    float | None,
    typer.Option(
        "--label-weight",
        help="The weight of the loss of the labels, from 0 to below 1; the loss of the teacher has the rest. "
        "Default: 0.",
        rich_help_panel=PANEL,
    ),
]
ExtraLists = Annotated[
    list[str] | None,
    typer.Option(
        "--extra-lists",
        help="More files like DATA, learnt from the teacher alone: their labels, if any, are not used. May be "
        "repeated.",
        rich_help_panel=PANEL,
    ),
]
Cache = Annotated[
    str | None,
    typer.Option(
        "--teacher-cache",
        help=f"The folder in which the teacher's scores are kept; {NONE} keeps none. Default: that of plackett.",
        metavar=f"DIR|{NONE}",
        rich_help_panel=PANEL,
    ),
]
FLAGS = {
    "teacher_temperature": "--teacher-temperature",
    "raw_teacher": "--raw-teacher",
    "label_loss": "--label-loss",
    "label_options": "--label-option",
    "label_weight": "--label-weight",
    "extra_lists": "--extra-lists",
    "teacher_cache": "--teacher-cache",
}


@dataclasses.dataclass(frozen=True)
class TeacherRequest:
    """What a command line asks to learn from a teacher. The loss of its scores is among the settings.

    Args:
        systems: paths and words, as in `plackett.evaluation.open_systems`.
        temperature: a number that the scores are divided by.
        standardize: whether the scores of a list get mean 0 and standard deviation 1.
        label_weight: the weight of the loss of the labels.
        label_loss: the name of this loss. None = there is none.
        label_options: the options of this loss.
        extra_lists: the files of lists without labels.
        cache: the folder of scores, or "none". None = that of plackett.
    """

    systems: list[str]
    temperature: float = 1.0
    standardize: bool = True
    label_weight: float = 0.0
    label_loss: str | None = None
    label_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    extra_lists: list[str] = dataclasses.field(default_factory=list)
    cache: str | None = None

    def record(self) -> dict[str, Any]:
        """The description in `config.yaml`, without the losses, which are among the settings."""
        of_losses = ("label_loss", "label_options")
        return {name: value for name, value in vars(self).items() if name not in of_losses and value not in (None, [])}


def read_teacher_request(given: Mapping[str, Any], request: Request, output: pathlib.Path) -> TeacherRequest | None:
    """Reads what the flags and the section `teacher` of `--config` ask for; None if they name no teacher.

    Args:
        given: the flags on the command line.
        request: the rest of the request.
        output: the folder of the student.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a flag has no effect, a number is out of range, or a teacher is of no known kind.
    """
    before = dict(request.teacher)
    _check_section(before)
    systems = as_paths("systems", given.get("teacher") or before.get("systems") or ())
    if not systems:
        if acting := [flag for name, flag in FLAGS.items() if name in given]:
            raise ValueError(f"{', '.join(acting)} needs a teacher: give --teacher SYSTEM")
        if before:
            raise ValueError(
                "--config is of a run whose teacher was a Python object, which no file holds: give --teacher SYSTEM"
            )
        return None
    if isinstance(before.get("extra_lists"), int) and "extra_lists" not in given:
        raise ValueError(
            f"--config is of a run with {before['extra_lists']} extra lists that were made in Python, which no file "
            "holds: give --extra-lists FILE"
        )
    if "target" in given:
        raise ValueError("--target has no effect beside --teacher, whose scores are the target: leave it out")
    if "label_loss" in given or given.get("label_weight") == 0:  # the file has options for its own loss only
        before = {name: value for name, value in before.items() if name not in ("label_loss", "label_options")}
    asked = TeacherRequest(
        systems,
        temperature=given.get("teacher_temperature", before.get("temperature", 1.0)),
        standardize=not given.get("raw_teacher", not before.get("standardize", True)),
        label_weight=given.get("label_weight", before.get("label_weight", 0.0)),
        label_loss=given.get("label_loss", before.get("label_loss")),
        label_options=before.get("label_options", {})
        | parse_options("--label-option", given.get("label_options") or ()),
        extra_lists=as_paths("extra_lists", given.get("extra_lists") or before.get("extra_lists") or ()),
        cache=given.get("teacher_cache", before.get("cache")),
    )
    _check_numbers(asked)
    _check_labels(asked)
    _check_loss(request.whole.loss)
    _check_systems(asked.systems, output)
    return asked


def _check_section(section):
    """Raises a ValueError unless a section `teacher` may hold this. It may be written by hand."""
    known = [*(field.name for field in dataclasses.fields(TeacherRequest)), "rankers"]
    for name, value in section.items():
        check_known("entry of the section teacher of --config", name, known)
        if name in ("temperature", "label_weight") and not is_number(value):
            raise ValueError(f"{name} in the section teacher of --config must be a number, but is {value!r}")
        if name == "standardize" and not isinstance(value, bool):
            raise ValueError(f"{name} in the section teacher of --config must be true or false, but is {value!r}")


def _check_numbers(asked):
    if not (asked.temperature > 0 and math.isfinite(asked.temperature)):
        raise ValueError(f"--teacher-temperature must be a number above 0, but got {asked.temperature}")
    if not 0 <= asked.label_weight < 1:
        raise ValueError(
            "--label-weight must be at least 0 and below 1, since 1 would leave no teacher, but got "
            f"{asked.label_weight}"
        )


def _check_labels(asked):
    if asked.label_options and asked.label_loss is None:
        raise ValueError("--label-option is an option of the loss of the labels: give --label-loss")
    if asked.label_loss is not None and asked.label_weight == 0:
        raise ValueError(
            f"--label-loss {asked.label_loss} has no effect if --label-weight is 0: give a weight such as 0.5"
        )
    if asked.label_loss is not None:
        _checks.check_settings(Settings.from_dict({"loss": asked.label_loss, "loss_options": asked.label_options}))


def _check_loss(loss):
    allowed = _known.losses_of_teachers()
    if loss in _known.losses() and loss not in allowed:
        raise ValueError(
            f"--loss is the loss of the teacher's scores, which may be below 0, but {loss} reads grades: give one of "
            f"{', '.join(allowed)}. To learn from the labels too, give a loss of grades as --label-loss, with "
            "--label-weight"
        )


def _check_systems(systems, output):
    from plackett.evaluation.systems.simple import system_of_words

    for one in paths_of(systems):
        if system_of_words(one):
            continue
        if os.path.exists(one) and output.exists() and os.path.samefile(one, output):
            raise ValueError(f"--teacher {one} is the output folder of the student: choose another --output")
        check_system(one)


def paths_of(systems: Sequence[str]) -> list[str]:
    """Returns the paths and words of systems, without their given names.

    Raises:
        ValueError: two have the same name.
    """
    from plackett.evaluation.systems.names import name_systems

    return list(name_systems(systems).values())


def with_columns(request: Request, teacher: TeacherRequest) -> Request:
    """Returns the request, reading those columns of a CSV file that are teachers not as features."""
    reading = dict(request.reading)
    add_columns(paths_of(teacher.systems), request.data, reading)
    return dataclasses.replace(request, reading=reading)


def check_data(request: Request, teacher: TeacherRequest, *, shared_queries: bool) -> None:
    """Checks the names, options and files of a training, as `_checks.check_training` does.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: something is unknown or out of range, or has no effect.
    """
    own, of_extra = _readings(request, teacher)
    own = dataclasses.replace(request, reading=own)
    shared = shared_queries and bool(request.validation or not teacher.extra_lists)
    _checks.check_training(own, shared_queries=shared, labelled=teacher.label_weight > 0)
    if not teacher.extra_lists:
        return
    if MOVIELENS in [*teacher.extra_lists, *request.data]:
        raise ValueError(f"--extra-lists has no effect on {MOVIELENS}, which brings its own lists: leave it out")
    _checks.check_sources(teacher.extra_lists, reading=of_extra, labelled=False)


def _readings(request, teacher):
    """Returns (how the data is read, how the extra lists are read). Each file has its own group file."""
    from plackett.data._sources import split_reading

    if not teacher.extra_lists:
        return request.reading, {}
    return split_reading(request.reading, len(request.data) + len(request.validation))


def check_same_teaching(output: pathlib.Path, teacher: TeacherRequest) -> None:
    """Raises a ValueError if a folder holds a run that learnt from a teacher with other options.

    Args:
        output: the folder of the run.
        teacher: the current request.
    """
    if not holds_run(output):
        return
    free = {"cache"}  # it does not change the scores
    record = {name: value for name, value in teacher.record().items() if name not in free}
    named = {field.name for field in dataclasses.fields(teacher)} - free

    def of_teacher(config):
        before = config.get("teacher") or {}
        return {f"teacher.{name}": value for name, value in before.items() if name in named}

    check_same(output, "config.yaml", of_teacher({"teacher": record}), of_teacher, WAY_OUT)


def plan_training(
    request: Request, teacher: TeacherRequest, output: pathlib.Path, *, shared_queries: bool, resume: bool
) -> tuple[Plan, dict[str, Any]]:
    """Returns (the plan of the training, the data in `config.yaml`), and prints what is learnt, and how.

    Args:
        request: the request.
        teacher: the part of the request on the teacher.
        output: the folder of the student.
        shared_queries: whether a query may be in several of training, validation and extra data.
        resume: whether a run in the folder continues.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is malformed, or the teacher cannot score these lists; or the teacher of a resumed run has
            changed.
    """
    from plackett.data._sources import read_training
    from plackett.distillation._options import Options
    from plackett.distillation._train import make_plan

    reading, of_extra = _readings(request, teacher)
    lists, held_out, provenance = read_training(
        request.data,
        request.validation,
        reading=reading,
        shared_queries=shared_queries,
        labelled=True if teacher.label_weight or "label" in reading else None,
    )
    extra = _read_extra(teacher.extra_lists, of_extra, lists)
    options = Options(
        label_loss=teacher.label_loss,
        label_options=teacher.label_options,
        label_weight=teacher.label_weight,
        standardize=teacher.standardize,
        temperature=teacher.temperature,
    )
    plan = make_plan(
        lists,
        teacher.systems,
        options,
        validation=held_out,
        extra_lists=extra,
        shared_queries=shared_queries,
        cache=False if teacher.cache == NONE else teacher.cache,
        output=output,
        settings=request.settings,
    )
    if held_out is None:
        whole = request.whole
        share = f"{whole.validation_share:.0%} of the queries"
        say(f"no --validation: {share}, drawn with seed {whole.seed}, are held out")
        provenance |= {"validation": share}
    say(f"{len(plan.lists):,} queries to train on, {len(plan.held_out):,} to validate on")
    say(f"{lists.features.shape[1]} features{ids_in_words(lists)}")
    for remark in plan.remarks():
        say(remark)
    if resume:
        check_same_teacher(output, plan.record, teacher)
    if request.reading:
        provenance["reading"] = dict(request.reading)
    return plan, provenance | {"teacher": plan.record | teacher.record()}


def _read_extra(paths, reading, lists) -> RankingLists | None:
    """Reads the lists of some files. They may have other columns beside the features of the training lists."""
    if not paths:
        return None
    from plackett.data._sources import read_acting

    features = lists.feature_names if lists.has_feature_names else lists.features.shape[1]
    return read_acting(paths, reading, features=features, labelled=None)


def check_same_teacher(output: pathlib.Path, record: Mapping[str, Any], teacher: TeacherRequest) -> None:
    """Raises a ValueError if the teacher of the run in a folder has changed since the run began."""
    if not holds_run(output):
        return
    before = (read_yaml(output / "config.yaml").get("teacher") or {}).get("rankers")
    if before != record["rankers"]:
        raise ValueError(
            f"{output} cannot be resumed: the teacher, {', '.join(teacher.systems)}, has changed since the run began, "
            f"so the run would learn from other scores. To train anew, {WAY_OUT}"
        )
