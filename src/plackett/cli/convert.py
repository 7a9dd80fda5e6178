"""`plackett convert`."""

import pathlib
from typing import Annotated

import typer

from plackett.cli import _checks
from plackett.cli._flags import with_reading
from plackett.cli._progress import count_of_lists
from plackett.cli._reading import find_reading
from plackett.cli._request import flags_given
from plackett.cli._tables import console, table_of_facts
from plackett.data._reading import check_is_no_input

Inputs = Annotated[list[str], typer.Argument(help="Files of one format; for Parquet also folders and URLs.")]
Output = Annotated[pathlib.Path, typer.Argument(help="The Parquet file to write.")]
Missing = Annotated[bool, typer.Option("--missing", help="Features may be missing.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output.")]


@with_reading
def convert(
    ctx: typer.Context,
    inputs: Inputs,
    output: Output,
    missing: Missing = False,
    overwrite: Overwrite = False,
    **flags,
):
    """Convert ranking data of any format to Parquet, one row per query."""
    _checks.check_files(inputs)
    check_is_no_input(output, inputs)
    check_output(output, overwrite)
    reading = find_reading(flags_given(ctx), inputs)
    _checks.check_sources(inputs, reading=reading)

    from plackett import data

    write = data.convert  # raises an error that says what to install if it is not installed
    with count_of_lists(console) as count:
        summary = write(inputs, output, missing=missing, overwrite=overwrite, progress=count, **reading)
    console.print(table_of_facts(str(output), summary.rows()))


def check_output(output: pathlib.Path, overwrite: bool) -> None:
    """Checks that a file can be written.

    Raises:
        ValueError: it is not a Parquet file.
        FileExistsError: it exists, and may not be replaced.
        OSError: there is no permission to write it.
    """
    if output.suffix != ".parquet":
        raise ValueError(f"the output must be a file NAME.parquet, but got {output}")
    _checks.check_new_file(output, overwrite, makes_folder=True)
