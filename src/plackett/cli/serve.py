"""`plackett serve`."""

import dataclasses
import inspect
import os
import pathlib
import sys
import typing
from typing import Annotated

import typer

from plackett.cli._flags import with_flags
from plackett.serving._settings import ServeSettings, help_texts

Model = Annotated[pathlib.Path, typer.Argument(help="A ranker in an ONNX file of plackett export.")]


def _flags() -> list[inspect.Parameter]:
    """A flag for each setting."""
    kinds, texts = typing.get_type_hints(ServeSettings), help_texts()
    flags = []
    for field in dataclasses.fields(ServeSettings):
        text = texts[field.name].replace("None = ", "Default: ")
        switch = ["--" + field.name.replace("_", "-")]
        option = typer.Option(*switch, help=text[0].upper() + text[1:])
        flags.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=Annotated[kinds[field.name], option],
            )
        )
    return flags


def serve(model: Model, **flags):
    """Serve a ranker over HTTP: POST /rank takes the documents of a query and returns their order."""
    settings = ServeSettings(**flags)

    import plackett

    plackett.serving.serve(model, settings, tell=tell)


def tell(line: str) -> None:
    """Prints a line. If the stream is closed, the server continues without it."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise it would fail again at exit


serve = with_flags(serve, _flags())
