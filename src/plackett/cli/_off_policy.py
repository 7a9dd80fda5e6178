"""`plackett evaluate --clicks`: the clicks that new rankers would get, from the log of the old one."""

import inspect
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from plackett._files import check_file
from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._click_columns import (
    OF_SESSIONS,
    PANEL,
    ClickColumns,
    ClickReading,
    find_click_columns,
    find_click_reading,
)
from plackett.cli._flags import with_flags
from plackett.cli._systems import Measurement, check_measurement, open_measured, remarks
from plackett.cli._tables import say, show
from plackett.data._suffixes import MOVIELENS
from plackett.training._config_file import read_yaml

COLUMNS, READING = "click_columns", "click_reading"
OF_JUDGEMENTS = (
    *("metric", "like", "empty", "ties", "queries", "baseline", "slice_by", "worst", "output", "overwrite", "seed"),
)
FLAGS = {
    "clicks": (
        list[str] | None,
        "The click log of another ranker: Parquet sessions, or a table with one row per impression. The result is the "
        "clicks per session that each system would get; the data needs no labels. May be repeated.",
    ),
    "estimator": (
        list[str] | None,
        "ips, snips, dr, item_position or cascade; may be repeated. Default: ips, snips and dr.",
    ),
    "propensities": (pathlib.Path | None, "A CSV file of position and examination. Default: those of the log."),
    "topn": (int | None, "The number of documents of each ranking that are shown. Default: 10."),
    "missing": (str | None, "Queries whose clicks the log cannot tell: refuse or leave_out. Default: refuse."),
    "max_weight": (float | None, "The largest weight of a click in dr. Default: 5."),
    "attraction": (str | None, "A system whose scores are logits of P(click | seen), for dr. Default: a table."),
}


def with_clicks(command: Callable) -> Callable:
    """Returns a command that also has the flags of clicks, which it finds by `flags_given`."""
    kind = inspect.Parameter.KEYWORD_ONLY
    flags = []
    for name, (of, text) in FLAGS.items():
        option = typer.Option(_flag(name), help=text, rich_help_panel=PANEL)
        flags.append(inspect.Parameter(name, kind, default=None, annotation=Annotated[of, option]))
    flags.append(inspect.Parameter(COLUMNS, kind, default=None, annotation=ClickColumns))
    flags.append(inspect.Parameter(READING, kind, default=None, annotation=ClickReading))
    return with_flags(command, flags)


def asks_for_clicks(given: Mapping[str, Any]) -> bool:
    """Whether the command line names a log.

    Raises:
        ValueError: a flag has no effect.
    """
    if "clicks" not in given:
        for name in (*FLAGS, COLUMNS, READING):
            if name in given:
                raise ValueError(f"{_flag(name)} needs a log of clicks: give --clicks LOG")
        return False
    for name in OF_JUDGEMENTS:
        if name in given:
            raise ValueError(f"{_flag(name)} is for judgements and not for --clicks: leave it out")
    return True


def evaluate_on_clicks(systems: Sequence[str], data: Sequence[str] | None, given: Mapping[str, Any]) -> None:
    """Prints the clicks per session that the systems would get.

    Args:
        systems: words or paths.
        data: the files of the lists.
        given: the flags on the command line.

    Raises:
        OSError: a file cannot be read.
        ValueError: an option is unknown or has no effect, or the log cannot tell the clicks of a system.
    """
    measurement = check_measurement(systems, data, given, labelled=False)
    _checks.check_files(given["clicks"])
    if "propensities" in given:
        check_file(given["propensities"])
    if "max_weight" in given and "dr" not in given.get("estimator", ["dr"]):
        raise ValueError("--max-weight is for --estimator dr, which is not asked for: leave it out")
    columns = find_click_columns(given, OF_SESSIONS) | find_click_reading(given)
    choose_backend(given.get("backend"))

    from plackett.clicks import off_policy
    from plackett.clicks.off_policy._estimate import check_estimators
    from plackett.clicks.propensities import read_propensities
    from plackett.data import read_clicks

    options = {name: given[name] for name in ("topn", "missing", "max_weight", "attraction") if name in given}
    if "estimator" in given:
        check_estimators(given["estimator"])
        options["estimators"] = given["estimator"]
    if "propensities" in given:
        options["propensities"] = read_propensities(given["propensities"])
    log = read_clicks(given["clicks"], **columns)
    opened = open_measured(measurement)
    found = off_policy.estimate(log, _read(measurement, opened, options), opened, **options)
    show(_table(found.table()))
    for sentence in (*found.captions, *remarks(measurement), *_known_clicks(measurement, given["clicks"])):
        say(sentence)


def _flag(name):
    """ "click_columns" -> "--click-column"."""
    return "--" + {COLUMNS: "click-column", "slice_by": "slice"}.get(name, name.replace("_", "-"))


def _read(measurement: Measurement, systems, options):
    """Reads the lists, with or without labels."""
    from plackett.data import movielens_100k
    from plackett.data._sources import read_acting
    from plackett.evaluation import open_system
    from plackett.evaluation.systems.base import features_of

    if measurement.data == [MOVIELENS]:
        return movielens_100k()[2]
    every = [*systems.values(), *([open_system(options["attraction"])] if "attraction" in options else [])]
    return read_acting(measurement.data, measurement.reading, features=features_of(every) or None, labelled=False)


def _known_clicks(measurement: Measurement, log):
    """Says which runs learnt from the log already, whatever the names of its files were."""
    files = set(_files_of(log))
    for name, path in measurement.systems.items():
        config = pathlib.Path(path) / "config.yaml"
        of_clicks = read_yaml(config).get("clicks") if config.is_file() else None
        paths = of_clicks.get("paths", ()) if isinstance(of_clicks, dict) else ()
        if files.intersection(_files_of(paths)):
            yield f"{name} was trained on clicks of this log: its numbers are too good."


def _files_of(paths: Iterable[str]) -> Iterator[str]:
    """Yields the real paths of files, and of the Parquet files in folders."""
    for path in paths:
        places = pathlib.Path(path).rglob("*.parquet") if os.path.isdir(path) else [path]
        yield from map(os.path.realpath, places)


def _table(table) -> Table:
    """Makes the table of estimates for a terminal."""
    made = Table(title=table.title)
    for place, name in enumerate(table.header):
        made.add_column(name, justify="left" if place < table.names else "right")
    for row in table.rows:
        made.add_row(*map(escape, row))
    return made
