"""What the commands of retrieval share: a two-tower model, and tables of documents or queries."""

from __future__ import annotations

import os
import pathlib
import typing
from typing import Annotated

import typer

from plackett._files import check_file
from plackett.cli import _checks

if typing.TYPE_CHECKING:
    import keras

    from plackett.retrieval import Table

Model = Annotated[
    pathlib.Path,
    typer.Argument(help="The .keras file of a plackett.retrieval.TwoTowerModel, or of one tower for both sides."),
]
Id = Annotated[str, typer.Option("--id", help="The column of ids.")]
Lists = Annotated[
    list[str] | None,
    typer.Option(
        "--list",
        metavar="NAME=SEPARATOR",
        help="A column of text whose fields are lists, as in genres=|. May be repeated.",
    ),
]
Texts = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="NAME",
        help="A column of CSV that is text even if each field looks like a number. May be repeated.",
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", help="The number of rows that are embedded at a time.")]
FORMATS = "Parquet (also a folder), CSV or JSON lines"


def check_inputs(model: pathlib.Path, table: str, lists: list[str] | None) -> dict[str, str]:
    """Checks the files that a command of retrieval reads, before Keras is imported.

    Args:
        model: the file of the model.
        table: the file of documents or queries.
        lists: the values of `--list`.

    Returns:
        The separators of the columns of lists.

    Raises:
        FileNotFoundError: a file does not exist.
        ImportError: a package for reading tables is not installed.
        ValueError: an entry of `lists` is not NAME=SEPARATOR, or two entries have the same column.
    """
    check_file(model)
    _checks.check_files([table])
    _checks.check_installed("pyarrow", "tables are read with pyarrow", "'plackett[retrieval]'")
    separators: dict[str, str] = {}
    for entry in lists or []:
        name, equals, separator = entry.partition("=")
        if not (name and equals and separator):
            raise ValueError(f"--list must be NAME=SEPARATOR, as in genres=|, but got {entry!r}")
        if name in separators:
            raise ValueError(f"--list is given twice for the column {name!r}")
        separators[name] = separator
    return separators


def open_model(path: pathlib.Path) -> keras.Model:
    """Loads the model in a file.

    Raises:
        ValueError: Keras cannot load it.
    """
    from plackett.evaluation import load
    from plackett.retrieval import TwoTowerModel, make_tower  # noqa: F401, registers them with Keras

    return load(path)


def read_table(
    path: str | os.PathLike,
    id: str,  # noqa: A002
    separators: dict[str, str],
    texts: list[str] | None,
) -> Table:
    """Reads the rows of a file.

    Raises:
        ValueError: the file or its ids are malformed; the message says where.
    """
    from plackett.retrieval import Table

    return Table.read(path, id=id, lists=separators, texts=texts or None)
