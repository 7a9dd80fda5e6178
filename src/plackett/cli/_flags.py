"""The flags that commands share, and a flag for each field of `Settings`."""

import dataclasses
import functools
import inspect
import pathlib
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from plackett.cli import _known
from plackett.data._paths import MOVIELENS
from plackett.training._settings import Settings, help_texts

DATA = f"LETOR files, plain or compressed; Parquet files, folders or URLs; or {MOVIELENS!r}."
Data = Annotated[list[str], typer.Argument(help=DATA)]
TrainingData = Annotated[list[str] | None, typer.Argument(help=f"{DATA} Default: that of --config.")]
Backend = Annotated[
    str | None, typer.Option(help="jax, tensorflow or torch. Default: $KERAS_BACKEND, else the first installed.")
]
Config = Annotated[
    pathlib.Path | None,
    typer.Option(help="The config.yaml of a run: its data and settings, where the command line gives no others."),
]
Validation = Annotated[
    list[str] | None, typer.Option(help="Files to choose the best epoch on, as DATA. Default: a share of the queries.")
]
SharedQueries = Annotated[
    bool, typer.Option("--shared-queries", help="A query may be both in training and in validation data.")
]
LAMBDARANK = (
    "LambdaRank: --loss pairwise_logistic --loss-option 'lambda_weight={NDCGLambdaWeight: {topn: 10}}'. "
    "What each loss does: help(plackett.losses) in Python."
)
# Settings that are names: what they may be.
NAMES = {
    "loss": _known.losses,
    "metric": _known.metrics,
    "scorer": _known.scorers,
    "optimizer": _known.optimizers,
    "learning_rate_schedule": _known.schedules,
}


def with_settings(command: Callable) -> Callable:
    """Decorator: a command that takes `**settings` gets a flag for each setting that a flag can hold."""
    signature = inspect.signature(command)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]

    @functools.wraps(command)
    def run(*args, **kwargs):
        return command(*args, **kwargs)

    run.__signature__ = signature.replace(parameters=[*own, *_parameters()])  # type: ignore[attr-defined]
    return run


def kinds_of_settings() -> dict[str, tuple[type, ...]]:
    """The types that the value of each setting may have."""
    return {name: typing.get_args(kind) or (kind,) for name, kind in typing.get_type_hints(Settings).items()}


def flag_of(setting: str) -> str:
    """The flag of a setting: "batch_size" -> "--batch-size", "loss_options" -> "--loss-option"."""
    return "--" + setting.removesuffix("s" if setting.endswith("_options") else "").replace("_", "-")


def _parameters() -> list[inspect.Parameter]:
    kinds, texts = kinds_of_settings(), help_texts()
    flags = [_parameter(field, kinds[field.name], texts[field.name]) for field in dataclasses.fields(Settings)]
    return [flag for flag in flags if flag is not None]


def _parameter(field: dataclasses.Field, kinds: tuple[type, ...], text: str) -> inspect.Parameter | None:
    """The flag of one setting as a parameter of a command; None where only a file can hold it."""
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
        kind = kind | None if default is None else kind
    if field.name in NAMES:
        text += f" Known: {', '.join(sorted(NAMES[field.name]()))}."
    option = typer.Option(flag_of(field.name), help=text[0].upper() + text[1:], rich_help_panel="Settings")
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
