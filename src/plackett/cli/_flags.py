"""The flags that commands share: one for each field of `Settings`, and one for each option of `Reading`."""

import dataclasses
import functools
import inspect
import pathlib
import types
import typing
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer

from plackett.cli import _known
from plackett.data._reading import Reading
from plackett.data._suffixes import MOVIELENS
from plackett.registry.docs import argument_texts
from plackett.training._settings import Settings, help_texts

DATA = f"Files of one format, plain or compressed; Parquet files, folders or URLs; or {MOVIELENS!r}."
Data = Annotated[list[str], typer.Argument(help=DATA)]
TrainingData = Annotated[list[str] | None, typer.Argument(help=f"{DATA} Default: that of --config.")]
Backend = Annotated[
    str | None, typer.Option(help="jax, tensorflow or torch. Default: $KERAS_BACKEND, else the first installed.")
]
Config = Annotated[
    pathlib.Path | None,
    typer.Option(help="The config.yaml of a run. Its data and settings are used unless the command line gives others."),
]
Validation = Annotated[
    list[str] | None, typer.Option(help="Files to choose the best epoch on, as DATA. Default: a share of the queries.")
]
SharedQueries = Annotated[
    bool, typer.Option("--shared-queries", help="A query may be in both training and validation data.")
]
Roles = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="A YAML file that says how files are read, like Reading in Python. Flags take precedence.",
        rich_help_panel="Reading files",
    ),
]
REPEATED = ("columns", "group_file", "missing_values")  # options of reading with one flag for each entry
SWITCHES = ("zero_based", "comment_ids", "together")
LISTS = ("features", "categorical", "ids", "query_columns", "context")
LAMBDARANK = (
    "LambdaRank: --loss pairwise_logistic --loss-option 'lambda_weight={NDCGLambdaWeight: {topn: 10}}'. "
    "What each loss does: help(plackett.losses) in Python."
)
NONE = "none"  # the value of a flag that means None
WORDS = {int: "a whole number", float: "a number"}
# Settings that are names, and the allowed names.
NAMES = {
    "loss": _known.losses,
    "metric": _known.metrics,
    "scorer": _known.scorers,
    "optimizer": _known.optimizers,
    "learning_rate_schedule": _known.schedules,
}


def with_settings(command: Callable, but: Collection[str] = ()) -> Callable:
    """Decorator: a command that takes `**flags` gets a flag for each setting that a flag can hold, except some."""
    return with_flags(command, [flag for flag in _parameters() if flag.name not in but])


def with_reading(command: Callable) -> Callable:
    """Decorator: a command that takes `**flags` gets a flag for each option of `Reading`, and `--roles`."""
    texts = argument_texts(Reading.__doc__)
    flags = [_flag_of_reading(name, texts[name]) for name in Reading.__annotations__]
    roles = inspect.Parameter("roles", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Roles)
    return with_flags(command, [*flags, roles])


def with_flags(command: Callable, flags: list[inspect.Parameter]) -> Callable:
    """Returns a command whose signature has these flags too."""
    signature = inspect.signature(command)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]

    @functools.wraps(command)
    def run(*args, **kwargs):
        return command(*args, **kwargs)

    run.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    return run


def flag_of_reading(option: str) -> str:
    """The flag of an option of reading: "form" -> "--format", "missing_values" -> "--missing-value"."""
    named = {"form": "--format", "together": "--group", "columns": "--column"}
    singular = option.removesuffix("s") if option in REPEATED else option
    return named.get(option) or "--" + singular.replace("_", "-")


def _flag_of_reading(name: str, text: str) -> inspect.Parameter:
    kind: Any = str | None
    default: Any = None
    if name in REPEATED:
        kind, text = list[str] | None, text + " May be repeated" + (", as NAME=COLUMN." if name == "columns" else ".")
    elif name in SWITCHES:
        kind, default = bool, False
    elif name in LISTS:
        text += " Separate them by commas; NAME=COLUMN gives another name."
    if name == "together":
        text = "letor, csv, trec: group the documents of a query, in memory, if they are apart in the file."
    option = typer.Option(flag_of_reading(name), help=text[0].upper() + text[1:], rich_help_panel="Reading files")
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def kinds_of_settings() -> dict[str, tuple[type, ...]]:
    """The types that the value of each setting may have."""
    return {name: typing.get_args(kind) or (kind,) for name, kind in typing.get_type_hints(Settings).items()}


def flag_of(setting: str) -> str:
    """The flag of a setting: "batch_size" -> "--batch-size", "loss_options" -> "--loss-option"."""
    return "--" + setting.removesuffix("s" if setting.endswith("_options") else "").replace("_", "-")


def _or_none(kind: type) -> Callable[[str], Any]:
    """The parser of a flag for a setting that may be None. "none" means None, since a file may set another value."""

    def parse(text: str):
        if text.lower() == NONE:
            return None
        try:
            return kind(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not {WORDS[kind]}, nor {NONE}.") from None

    return parse


def _parameters() -> list[inspect.Parameter]:
    kinds, texts = kinds_of_settings(), help_texts()
    flags = [_parameter(field, kinds[field.name], texts[field.name]) for field in dataclasses.fields(Settings)]
    return [flag for flag in flags if flag is not None]


def _parameter(field: dataclasses.Field, kinds: tuple[type, ...], text: str) -> inspect.Parameter | None:
    """Returns the flag of one setting as a parameter of a command; None if only a file can hold the setting."""
    kind: Any
    default: Any
    if dict in kinds and str not in kinds:
        if not field.name.endswith("_options"):
            return None
        name, kind, default = field.name.removesuffix("s"), list[str] | None, None
        text += " One a flag, as NAME=VALUE in YAML."
    else:
        name, default = field.name, field.default
        kind = next(kind for kind in (bool, int, float, str) if kind in kinds)
    if field.name in NAMES:
        text += f" Known: {', '.join(sorted(NAMES[field.name]()))}."
    how: dict[str, Any] = {}
    if types.NoneType in kinds and name == field.name:
        kind, how = kind | None, {"parser": _or_none(kind), "metavar": f"<{kind.__name__}>|{NONE}"}
        text = text.replace("None", NONE)
    option = typer.Option(flag_of(field.name), help=text[0].upper() + text[1:], rich_help_panel="Settings", **how)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
