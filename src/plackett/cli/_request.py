"""What a command line asks to train: its flags, and the rest from `--config`."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import typer
import yaml

from plackett.cli._flags import flag_of, kinds_of_settings
from plackett.cli._reading import find_reading, parse_pairs
from plackett.data._reading import inherit
from plackett.training._config_file import read_config
from plackett.training._settings import Settings

# Settings of a run on clicks that its method has chosen, and that another method would choose differently.
OF_METHOD = ("loss", "loss_options", "metric", "scorer", "scorer_options", "batch_size", "target")
# Settings that follow from learning from a teacher, and from labels beside it.
OF_TEACHING = ("loss", "loss_options", "target", "tasks", "shared_head")
LOSS_OF_TEACHERS = "coupled_rank_distil"
# Sections of `config.yaml` for other sources than labels, and the words for a run on them.
SECTIONS = {"clicks": "on clicks", "teacher": "by a teacher"}


@dataclasses.dataclass(frozen=True)
class Request:
    """What a command line asks to train.

    Args:
        settings: fields of `Settings` by name, without defaults.
        whole: all fields.
        data: the training files.
        validation: the validation files.
        reading: how the files are read, see `plackett.data.Reading`.
        given: the names of the settings that flags give; an option as "scorer_options.hidden".
        clicks: the section on clicks of the `--config` of a run on clicks, see `plackett.cli._clicks`.
        teacher: the section on the teacher of the `--config` of a run by a teacher, see `plackett.cli._teachers`.
    """

    settings: dict
    whole: Settings
    data: list[str]
    validation: list[str]
    reading: dict
    given: frozenset[str]
    clicks: dict = dataclasses.field(default_factory=dict)
    teacher: dict = dataclasses.field(default_factory=dict)


def read_request(ctx: typer.Context, backend: str, *, labels_alone: bool = True) -> Request:
    """Reads what the flags of a command and its `--config` ask for.

    Args:
        ctx: the command.
        backend: the backend of this process.
        labels_alone: whether the command can learn only from labels.

    Raises:
        ValueError: there is no data, a setting is unknown or out of range, or the config is of a run on clicks or by a
            teacher and the command can learn only from labels.
        OSError: the file cannot be read.
    """
    given = flags_given(ctx)
    # Typer before 0.29 leaves the value as text in the context.
    path = pathlib.Path(given["config"]) if "config" in given else None
    config = {} if path is None else read_config(path, backend, given.get("backend"))
    of_file = {name: config.pop(name, None) for name in ("data", "validation")}
    of_run = config.pop("reading", {})
    if labels_alone and path is not None:
        check_of_labels(path, config)
    of_clicks, of_teacher = (_pop_section(path, config, name) for name in SECTIONS)
    if given.get("method", of_clicks.get("method")) != of_clicks.get("method"):
        config = {name: value for name, value in config.items() if name not in OF_METHOD}
    teaches = bool(given.get("teacher") or of_teacher)
    if teaches:
        config, of_teacher = _split_teaching(config, of_teacher)
    data, validation = (as_paths(name, given.get(name) or paths or ()) for name, paths in of_file.items())
    if not data:
        raise ValueError("there is no data: name files, or a --config that names them")
    reading = find_reading(
        given, data, inherit(of_run, as_paths("data", of_file["data"] or ()), data) if "data" in given else of_run
    )
    settings, names = settings_of_flags(given, config)
    settings = ({"loss": LOSS_OF_TEACHERS} if teaches else {}) | config | settings
    return Request(settings, Settings.from_dict(settings), data, validation, reading, names, of_clicks, of_teacher)


def check_of_labels(path: pathlib.Path, config: Mapping[str, Any]) -> None:
    """Raises a ValueError if a `config.yaml` is of a run that did not learn from labels alone."""
    for name, words in SECTIONS.items():
        if config.get(name):
            raise ValueError(
                f"{path} is of a run {words}, which plackett train can repeat, but this command learns from labels "
                "alone"
            )


def _pop_section(path, config, name):
    """Removes and returns a section of a `config.yaml`."""
    section = config.pop(name, None) or {}
    if not isinstance(section, Mapping):
        raise ValueError(f"{path}: {name} must hold names and values, but holds {section!r}")
    return section


def _split_teaching(config, of_teacher):
    """Returns (the settings of a config with only the loss of the teacher's scores, its section with the other)."""
    tasks = config.get("tasks") or {} if of_teacher else {}
    of_scores = tasks.get("teacher") or (config if of_teacher else {})
    rest = {name: value for name, value in config.items() if name not in OF_TEACHING}
    rest |= {name: of_scores[name] for name in ("loss", "loss_options") if name in of_scores}
    if "label" in tasks:
        options = tasks["label"].get("loss_options", {})
        of_teacher = of_teacher | {"label_loss": tasks["label"].get("loss"), "label_options": options}
    return rest, of_teacher


def flags_given(ctx: typer.Context) -> dict[str, Any]:
    """The parameters of a command that are given on the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    return {name: ctx.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def settings_of_flags(given: dict, config: dict) -> tuple[dict, frozenset[str]]:
    """Returns (settings that flags give, their names).

    Options are joined with those of the file, unless a flag names another loss or scorer than the file.
    """
    settings, names = {}, set()
    for name, kinds in kinds_of_settings().items():
        if name.endswith("_options"):
            options = parse_options(flag_of(name), given.get(name.removesuffix("s"), ()))
            before = {} if name.removesuffix("_options") in given else config.get(name) or {}
            settings[name] = before | options if isinstance(before, dict) else before  # `Settings` refuses the latter
            names |= {f"{name}.{option}" for option in options}
        elif name in given:
            is_yaml = dict in kinds and given[name] is not None
            settings[name] = parse_value(flag_of(name), given[name]) if is_yaml else given[name]
            names.add(name)
    return settings, frozenset(names)


def parse_options(flag: str, pairs: Iterable[str]) -> dict:
    """Parses ["sample_size=16"] to {"sample_size": 16}. Values are YAML.

    Raises:
        ValueError: a pair has another form, a name occurs twice, or a value is not YAML.
    """
    options = parse_pairs(flag, pairs, "NAME=VALUE")
    return {name: parse_value(f"{flag} {name}", value) for name, value in options.items()}


def parse_value(what: str, text: str):
    """Parses a text as YAML.

    Raises:
        ValueError: it is not YAML.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"{what}: {text!r} is not a YAML value") from None


def as_paths(name: str, given: Iterable[str] | str) -> list[str]:
    """Returns the paths of the command line or of a file, which may hold a single path."""
    paths = [given] if isinstance(given, str) else given
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str) for path in paths):
        raise ValueError(f"{name} must be paths, but got {given!r}")
    return list(paths)
