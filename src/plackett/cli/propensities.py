"""`plackett propensities`."""

import pathlib
from typing import Annotated, Any

import typer
from rich.table import Table

from plackett._files import errors_of_writing, replace
from plackett.cli import _checks
from plackett.cli._click_columns import ClickColumns, ClickReading, find_click_columns, find_click_reading
from plackett.cli._flags import with_reading
from plackett.cli._reading import find_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import in_brackets, in_digits, say, show
from plackett.clicks import propensities as estimators
from plackett.data._reading import check_is_no_input
from plackett.registry import check_known

PLOTS = (".html", ".json", ".pdf", ".png", ".svg")
Log = Annotated[list[str], typer.Argument(help="Files of one click log: sessions, or counts with shown and clicked.")]


@with_reading
def propensities(
    ctx: typer.Context,
    log: Log,
    output: Annotated[pathlib.Path, typer.Option("--output", "-o", help="NAME.csv, the curve.")],
    method: Annotated[str, typer.Option(help=f"The estimator: {', '.join(estimators.METHODS)}.")] = estimators.METHODS[
        0
    ],
    click_columns: ClickColumns = None,
    click_reading: ClickReading = None,
    data: Annotated[
        list[str] | None, typer.Option(help="regression_em: files with the features of the documents of each query.")
    ] = None,
    swaps: Annotated[
        int | None,
        typer.Option(help="randomized: the position that was swapped with others. Default: lists were shuffled."),
    ] = None,
    positions: Annotated[int | None, typer.Option(help="The number of first positions to use. Default: all.")] = None,
    min_clicks: Annotated[int, typer.Option(help="The number of clicks that makes two positions comparable.")] = 20,
    resamples: Annotated[
        int | None, typer.Option(help="The number of resamples for the band; 0: no band. Default: by the method.")
    ] = None,
    plot: Annotated[pathlib.Path | None, typer.Option(help=f"Also draw the curve: NAME{', NAME'.join(PLOTS)}.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the outputs.")] = False,
    seed: Annotated[int, typer.Option(help="The seed of the resamples.")] = 0,
    **flags,
):
    """Estimate from a click log how often users look at each position, to weight clicks by its inverse."""
    check_known("--method", method, estimators.METHODS)
    given = flags_given(ctx)
    options: dict[str, Any] = {"positions": positions, "min_clicks": min_clicks, "seed": seed}
    options |= {} if resamples is None else {"resamples": resamples}
    for name, value, acts_with in (("data", data, "regression_em"), ("swaps", swaps, "randomized")):
        if value is not None and method != acts_with:
            raise ValueError(f"--{name} is for --method {acts_with}, but the method is {method}: leave it out")
    if swaps is not None:
        options["swaps"] = swaps
    columns = find_click_columns(given) | find_click_reading(given)
    _check_outputs(output, plot, log, overwrite)
    _checks.check_files(log)
    reading = find_reading(given, data or [])
    if data:
        _checks.check_sources(data, reading=reading, labelled=False)
    elif reading:
        raise ValueError(
            "options of reading are for the files of --data, but there are none; see --click-column and --click-reading"
        )

    from plackett.data import read_clicks
    from plackett.data._sources import read_acting

    clicks = read_clicks(log, **columns)
    if data:
        options["lists"] = read_acting(data, reading, labelled=False)
    curve = getattr(estimators, method)(clicks, **options)
    curve.write(output)
    if plot is not None:
        _save(curve.plot(), plot)
    say(repr(clicks).partition("\n")[0])
    _show(curve)
    say(f"the curve is in {output}" + ("" if plot is None else f", its plot in {plot}"))


def _check_outputs(output, plot, log, overwrite):
    if output.suffix != ".csv":
        raise ValueError(f"--output must be NAME.csv, but got {output}")
    outputs = [output]
    if plot is not None:
        if plot.suffix not in PLOTS:
            raise ValueError(f"--plot must be NAME{', NAME'.join(PLOTS)}, but got {plot}")
        for module, package in (("altair", "altair"), ("vl_convert", "vl-convert-python")):
            _checks.check_installed(module, f"--plot draws with {package}", "'plackett[report]'")
        outputs.append(plot)
    for path in outputs:
        check_is_no_input(path, log)
        _checks.check_new_file(path, overwrite)


def _save(chart, path):
    """Saves a chart, whole or not at all. A page contains everything it needs."""
    with replace(path) as partial, errors_of_writing(path):
        chart.save(str(partial), **({"inline": True} if path.suffix == ".html" else {}))


def _show(curve):
    table = Table(title=f"Examination by {curve.method}")
    for column in ("position", "examination", *([] if curve.low is None else ["95% band"])):
        table.add_column(column, justify="right")
    for place, (value, *ends) in enumerate(curve.rows()):
        table.add_row(str(place + 1), in_digits(value), *([in_brackets(*ends)] if ends else []))
    show(table)
    for note in curve.notes:
        say(note)
