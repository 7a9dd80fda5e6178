"""`plackett train --clicks`: the log, the method, and what the command says about them."""

from __future__ import annotations

import dataclasses
import pathlib
import typing
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from plackett.cli import _checks
from plackett.cli._click_columns import PANEL, find_click_columns, find_click_reading
from plackett.cli._request import Request
from plackett.cli._tables import say
from plackett.clicks import propensities as estimators
from plackett.clicks._names import NAMES_OF_METHODS
from plackett.data._suffixes import MOVIELENS
from plackett.registry import check_known

if typing.TYPE_CHECKING:
    from plackett.clicks.training._train import Plan
    from plackett.data import ClickCounts, Sessions

Clicks = Annotated[
    list[str] | None,
    typer.Option(
        help="A click log to learn from instead of labels: Parquet of sessions, or CSV, TSV and Parquet with "
        "one row per impression (query, document, position, click, and session and propensity if they are known) or "
        "one row of counts (query, document, position, shown, clicked). May be repeated.",
        rich_help_panel=PANEL,
    ),
]
MethodName = Annotated[
    str | None,
    typer.Option(
        help="How to learn from the clicks, see help(plackett.clicks.train) in Python: "
        + ", ".join(NAMES_OF_METHODS)
        + ".",
        rich_help_panel=PANEL,
    ),
]
Propensities = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="ipw: a curve of propensities by position, as written by plackett propensities. Default: those of the "
        "log.",
        rich_help_panel=PANEL,
    ),
]
PropensityMethod = Annotated[
    str | None,
    typer.Option(help="ipw: the method that estimates the propensities from the log.", rich_help_panel=PANEL),
]
Clip = Annotated[
    float | None,
    typer.Option(
        help="ipw: the smallest propensity that divides, so that no click counts more than 1 / this. Default: 0.05.",
        rich_help_panel=PANEL,
    ),
]
FLAGS = {
    "click_columns": "--click-column",
    "click_reading": "--click-reading",
    "method": "--method",
    "propensities": "--propensities",
    "propensity_method": "--propensity-method",
    "clip": "--clip",
}


@dataclasses.dataclass(frozen=True)
class ClickRequest:
    """What a command line asks to learn from clicks.

    Args:
        paths: the paths of the log.
        columns: name -> the column of the log, if it has another name.
        reading: how the text of the log is read, in the form of `read_clicks`.
        method: see `plackett.clicks.train`.
        propensities: the file of a curve. None = there is none.
        propensity_method: the name of an estimator. None = there is none.
        clip: the smallest propensity that divides. None = the default.
    """

    paths: list[str]
    columns: dict[str, str | None]
    reading: dict[str, Any]
    method: str
    propensities: str | None
    propensity_method: str | None
    clip: float | None

    def record(self) -> dict[str, Any]:
        """The description in `config.yaml`, from which the run can be repeated."""
        given = {"paths": self.paths} | {
            name: value for name, value in vars(self).items() if name != "paths" and value not in (None, {})
        }
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}


def read_click_request(given: Mapping[str, Any], of_config: Mapping[str, Any] | None) -> ClickRequest | None:
    """Reads what the flags and the section `clicks` of `--config` ask for; None if they name no log.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a flag has no effect, or a method or column is unknown.
    """
    before = dict(of_config or {})
    paths = list(given.get("clicks") or before.get("paths") or ())
    if not paths:
        if acting := [flag for name, flag in FLAGS.items() if name in given]:
            raise ValueError(f"{', '.join(acting)} needs a log of clicks: give --clicks LOG")
        return None
    columns = find_click_columns(given) or before.get("columns", {})
    reading = find_click_reading(given) or before.get("reading", {})
    method = given.get("method") or before.get("method")
    if method is None:
        raise ValueError(f"--clicks needs --method, one of {', '.join(NAMES_OF_METHODS)}")
    check_known("method", method, NAMES_OF_METHODS)
    curve, name, clip = (_of(given, before, x) for x in ("propensities", "propensity_method", "clip"))
    if method != before.get("method") and "method" in given:  # options of another method do not apply to this one
        curve, name, clip = (given.get(x) for x in ("propensities", "propensity_method", "clip"))
    if curve and name:
        raise ValueError("--propensities reads a curve and --propensity-method estimates one: give only one of the two")
    if name is not None:
        check_known("--propensity-method", name, estimators.METHODS)
    if method != "ipw" and (acting := [FLAGS[x] for x in ("propensities", "propensity_method", "clip") if x in given]):
        raise ValueError(f"{', '.join(acting)} is for --method ipw alone, but the method is {method}: leave it out")
    if str(curve) in estimators.METHODS and not pathlib.Path(curve).exists():
        raise ValueError(f"--propensities reads a file, but {curve} is an estimator: give --propensity-method {curve}")
    _checks.check_files([*paths, *([curve] if curve else [])])
    return ClickRequest(paths, dict(columns), dict(reading), method, None if curve is None else str(curve), name, clip)


def _of(given, before, name):
    if name in given:
        return given[name]
    other = {"propensities": "propensity_method", "propensity_method": "propensities"}.get(name)
    return None if other in given else before.get(name)


def plan_training(request: Request, clicks: ClickRequest, *, shared_queries: bool) -> tuple[Plan, dict[str, Any]]:
    """Returns (the plan of the training, the data in `config.yaml`), and prints what is in the log and how it is used.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is malformed, or the method cannot learn from the log.
    """
    from plackett.clicks.training._learned_curve import note_of_log
    from plackett.clicks.training._train import make_plan
    from plackett.data import read_clicks
    from plackett.data._sources import read_training

    lists, held_out, provenance = read_training(
        request.data, request.validation, reading=request.reading, shared_queries=shared_queries, labelled=False
    )
    if request.data == [MOVIELENS]:
        held_out = None  # all three parts of MovieLens have the same users, and a log has the queries of the first part
    context = request.settings.get("scorer_options", {}).get("context") or ()
    log = read_clicks(clicks.paths, **clicks.columns, **clicks.reading, context=context)
    say(in_words(log))
    plan = make_plan(
        lists,
        log,
        clicks.method,
        validation=held_out,
        propensities=_propensities(clicks),
        clip=clicks.clip,
        settings=dict(request.settings),
    )
    if held_out is None:
        whole = request.whole
        share = f"{whole.validation_share:.0%} of the queries"
        say(f"no --validation: {share}, drawn with seed {whole.seed}, are held out; their clicks choose the epoch")
        provenance |= {"validation": share}
    note = note_of_log(log, clicks.method)
    for remark in (*plan.remarks(), *([note] if note else [])):
        say(remark)
    return plan, provenance | {"clicks": clicks.record() | plan.record}


def in_words(log: Sessions | ClickCounts) -> str:
    """Describes a log."""
    return f"{log!r}, positions 1 to {log.positions.max()}"


def _propensities(clicks):
    if clicks.propensities is not None:
        from plackett.clicks.propensities import read_propensities

        return read_propensities(clicks.propensities)
    return clicks.propensity_method


def tell_examination(model) -> None:
    """Prints how often documents at each position are looked at, if the model has a number for each position."""
    from plackett.clicks.training._learned_curve import relative_examination

    curve = relative_examination(model)
    if curve is not None:
        say("examination by position, relative to the first: " + ", ".join(f"{x:.2f}" for x in curve))
