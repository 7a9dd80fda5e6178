"""`plackett convert`."""

import pathlib
from collections.abc import Collection
from typing import Annotated, Any

import typer

from plackett.cli import _checks
from plackett.cli._progress import count_of_lists
from plackett.cli._request import flags_given, parse_pairs
from plackett.cli._tables import console, table_of_facts

# The formats, and the flags that act on each of them besides those that act on all.
COLUMNS = ("query", "label", "document", "features", "column")
FORMATS = {
    "letor": ("features", "group"),
    "csv": (*COLUMNS, "categorical", "separator", "group"),
    "parquet": (),
    "trec": ("qrels", "group"),
    "elwc": COLUMNS,
    "sequence_example": COLUMNS,
}


def convert(
    ctx: typer.Context,
    inputs: Annotated[list[str], typer.Argument(help="Files of one format; of Parquet also folders and URLs.")],
    output: Annotated[pathlib.Path, typer.Argument(help="The Parquet file to write.")],
    form: Annotated[str | None, typer.Option("--format", help=f"{', '.join(FORMATS)}. Default: by the suffix.")] = None,
    query: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the query's id.")] = None,
    label: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the grade.")] = None,
    document: Annotated[str | None, typer.Option(help="csv, TFRecords: the column of the document's id.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Names of the dense features, with commas between; of letor, how many there are.")
    ] = None,
    categorical: Annotated[str | None, typer.Option(help="csv: names of the id features, with commas between.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="csv, TFRecords: what else is known of documents: click, weight, teacher, ..., as click=NAME."
        ),
    ] = None,
    separator: Annotated[str | None, typer.Option(help="csv: between fields. Default: a tab or a comma.")] = None,
    qrels: Annotated[pathlib.Path | None, typer.Option(help="trec: the file of judgements.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Features may be missing.")] = False,
    group: Annotated[bool, typer.Option("--group", help="Group queries in memory, if they are not together.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output.")] = False,
):
    """Convert ranking data of any format to Parquet, one row a query."""
    _checks.check_files([*inputs, *([] if qrels is None else [qrels])])
    check_output(output, overwrite)

    from plackett import data

    write = data.convert  # which says what to install, where that is not installed
    given = flags_given(ctx)
    form = find_format(form, inputs)
    check_flags(form, given)
    plain = ("query", "label", "document", "separator", "qrels")
    options: dict[str, Any] = {name: given[name] for name in plain if name in given}
    if features is not None:
        options["features"] = count_of_features(features) if form == "letor" else features.split(",")
    if categorical is not None:
        options["categorical"] = categorical.split(",")
    if column:
        options["columns"] = parse_pairs("--column", column, "ROLE=NAME")
    with count_of_lists(console) as count:
        summary = write(
            inputs,
            output,
            form=form,
            missing=missing,
            together=not group,
            overwrite=overwrite,
            progress=count,
            **options,
        )
    console.print(table_of_facts(str(output), summary.rows()))


def find_format(form: str | None, inputs: Collection[str]) -> str:
    """The format of that name, else that of the suffixes of the files.

    Raises:
        ValueError: it is unknown, or the suffixes do not say.
    """
    from plackett.data._conversion import form_of
    from plackett.registry import check_known

    if form is not None:
        check_known("--format", form, FORMATS)
    return form or form_of(inputs)


def check_flags(form: str, given: Collection[str]) -> None:
    """Raises a ValueError where a flag would not act on this format, or one is lacking."""
    of_some = sorted({flag for flags in FORMATS.values() for flag in flags})
    for flag in of_some:
        if flag in given and flag not in FORMATS[form]:
            others = ", ".join(other for other, flags in FORMATS.items() if flag in flags)
            raise ValueError(f"--{flag} does not act on the format {form}, but on {others}")
    if form == "trec" and "qrels" not in given:
        raise ValueError("a run of trec has no grades: give the file of judgements by --qrels")


def check_output(output: pathlib.Path, overwrite: bool) -> None:
    """Checks that there can be a file to write.

    Raises:
        ValueError: it is no Parquet file.
        FileExistsError: it exists, and may not be replaced.
        OSError: there is no permission to write it.
    """
    if output.suffix != ".parquet":
        raise ValueError(f"the output must be a file NAME.parquet, but got {output}")
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output} exists: choose another output, or replace it by --overwrite")
    _checks.check_folder(output.absolute().parent, may_hold=True, way_out="")


def count_of_features(text: str) -> int:
    """How many features letor files have.

    Raises:
        ValueError: it is no whole number.
    """
    if not text.isdecimal():
        raise ValueError(f"--features must be how many there are where the format is letor, but got {text!r}")
    return int(text)
