"""The command `plackett convert`."""

import pathlib
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from plackett import data

FORMATS = "letor, csv, trec, elwc, sequence_example or parquet"


def convert(
    inputs: Annotated[list[str], typer.Argument(help="Files of one format; of Parquet also folders and URLs.")],
    output: Annotated[pathlib.Path, typer.Argument(help="The Parquet file to write.")],
    form: Annotated[str | None, typer.Option("--format", help=f"{FORMATS}. Default: by the suffix.")] = None,
    query: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the query's id.")] = None,
    label: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the grade.")] = None,
    document: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the document's id.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Names of the dense features, with commas between; of letor, how many there are.")
    ] = None,
    categorical: Annotated[str | None, typer.Option(help="csv: names of the id features, with commas between.")] = None,
    column: Annotated[
        list[str],
        typer.Option(
            help="csv, TFRecords: click, propensity, position, teacher, weight, judged or run_score, as click=NAME."
        ),
    ] = (),
    separator: Annotated[str | None, typer.Option(help="csv: between fields. Default: a tab or a comma.")] = None,
    qrels: Annotated[pathlib.Path | None, typer.Option(help="trec: the file of judgements.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Features may be missing.")] = False,
    group: Annotated[bool, typer.Option("--group", help="Group queries in memory, if they are not together.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
):
    """Convert ranking data of any format to Parquet, one row a query."""
    names = {"query": query, "label": label, "document": document, "separator": separator, "qrels": qrels}
    options = {name: given for name, given in names.items() if given is not None}
    if features is not None:
        options["features"] = int(features) if features.isdecimal() else features.split(",")
    if categorical is not None:
        options["categorical"] = categorical.split(",")
    if column:
        options["columns"] = dict(_named(pair) for pair in column)
    console = Console()
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        summary = data.convert(
            inputs,
            output,
            form=form,
            missing=missing,
            together=not group,
            overwrite=overwrite,
            progress=_counter(progress),
            **options,
        )
    console.print(_table(summary, output))


def _named(pair):
    name, equals, value = pair.partition("=")
    if not (equals and name and value):
        raise ValueError(f"--column must be ROLE=NAME, but got {pair!r}")
    return name, value


def _counter(progress):
    """A function of lists that counts them in the bar."""
    task, counts = progress.add_task("reading"), [0, 0]

    def count(lists):
        counts[0] += len(lists)
        counts[1] += len(lists.labels)
        progress.update(task, description=f"{counts[0]:,} queries, {counts[1]:,} documents")

    return count


def _table(summary, output):
    table = Table(title=str(output), show_header=False)
    for row in summary.rows():
        table.add_row(*row)
    return table
