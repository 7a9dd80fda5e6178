"""`plackett report`."""

import csv
import pathlib
import shlex
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend, with_reading
from plackett.cli._request import flags_given
from plackett.cli._systems import (
    Data,
    Fuse,
    Systems,
    check_measurement,
    open_measured,
    read_measured,
    remarks,
    validation_of_runs,
)
from plackett.cli._tables import say, show, table_of_means
from plackett.cli.evaluate import (
    Baseline,
    Empty,
    Like,
    Metric,
    Queries,
    Ties,
    check_baseline,
    check_conventions,
    make_measures,
)
from plackett.clicks.propensities import read_propensities

MODULES = {"altair": "altair", "jinja2": "jinja2", "vl_convert": "vl-convert-python"}


@with_reading
def report(
    ctx: typer.Context,
    systems: Systems,
    output: Annotated[pathlib.Path, typer.Option("--output", "-o", help="NAME.html, the page.")],
    data: Data = None,
    metric: Metric = None,
    like: Like = None,
    empty: Empty = None,
    ties: Ties = None,
    queries: Queries = None,
    baseline: Baseline = None,
    fuse: Fuse = None,
    propensities: Annotated[
        pathlib.Path | None, typer.Option(help="A curve of plackett propensities, to show it too.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title of the page.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
    seed: Annotated[int, typer.Option(help="The seed of resamples, permutations and samples.")] = 0,
    backend: Backend = None,
    **flags,
):
    """Write a page on how systems rank: their metrics, their differences, and on which queries."""
    if output.suffix != ".html":
        raise ValueError(f"--output must be NAME.html, but got {output}")
    check_conventions(metric, like, empty, ties, queries)
    if seed < 0:
        raise ValueError(f"--seed must be at least 0, but got {seed}")
    # Bytes that are not UTF-8 become halves of surrogate pairs, which no page can hold.
    if title is not None and not title.isprintable():
        raise ValueError(f"--title must be printable text, but got {title!r}")
    given = flags_given(ctx)
    own = not data and "qrels" not in given
    measurement = check_measurement(systems, validation_of_runs(systems) if own else data, given)
    check_baseline(baseline, measurement.names)
    _checks.check_new_file(output, overwrite)
    for module, package in MODULES.items():
        _checks.check_installed(module, f"a report is written with {package}", "'plackett[report]'")
    own_sections = [] if propensities is None else [read_propensities(propensities).section()]
    choose_backend(backend)

    from plackett import evaluation
    from plackett.distillation._report import section_of
    from plackett.evaluation.report import report as write

    of_students = section_of(measurement.systems)
    own_sections += [] if of_students is None else [of_students]
    opened = open_measured(measurement)
    lists = read_measured(measurement, opened)
    measures = metric if like else make_measures(metric, empty, ties)
    results = evaluation.evaluate(opened, lists, measures, like=like, queries=queries)
    comparison = evaluation.compare(results, baseline, seed=seed)
    show(table_of_means(f"{len(results.queries)} queries, {len(lists.labels)} documents", comparison))
    write(
        output,
        opened,
        lists,
        results,
        comparison=comparison,
        metrics=measures,
        like=like,
        queries=queries,
        histories=histories_of(measurement.systems),
        commands=commands_for(measurement.systems),
        sources=measurement.data,
        remarks=remarks(measurement, validation=True),
        own_sections=own_sections,
        **({} if title is None else {"title": title}),
        seed=seed,
    )
    say(f"the report is in {output}; open it in a browser: {output.absolute().as_uri()}")


def histories_of(systems: Mapping[str, str | pathlib.Path]) -> dict[str, list[dict[str, float]]]:
    """System -> one dict an epoch, for systems that are runs of `train`."""
    found = {}
    for name, path in systems.items():
        history = pathlib.Path(path) / "history.csv"
        if history.is_file():
            with history.open(encoding="utf-8", newline="") as file:
                rows = [{key: float(x) for key, x in row.items() if x} for row in csv.DictReader(file)]
            found[name] = rows
    return found


def commands_for(systems: Mapping[str, str | pathlib.Path]) -> list[str]:
    """The command that writes the page again, and those that train the runs again."""
    words = [*sys.argv[1:], *([] if "--overwrite" in sys.argv else ["--overwrite"])]
    runs = [path for path in map(pathlib.Path, systems.values()) if (path / "config.yaml").is_file()]
    lines = [
        shlex.join(["plackett", "train", "--config", str(run / "config.yaml"), "--output", f"{run}-again"])
        for run in runs
    ]
    return ["# the page", shlex.join(["plackett", *words]), *(["# the runs themselves"] if runs else []), *lines]
