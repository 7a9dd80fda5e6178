"""`plackett index`."""

import pathlib
import time
from typing import Annotated, Literal

import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend
from plackett.cli._retrieval import FORMATS, BatchSize, Id, Lists, Model, Texts, check_inputs, open_model, read_table
from plackett.cli._tables import say
from plackett.data._reading import check_is_no_input

Documents = Annotated[str, typer.Argument(help=f"The documents, one row each: {FORMATS}.")]
Out = Annotated[pathlib.Path, typer.Argument(help="The folder of the index.")]
Approximate = Annotated[
    bool, typer.Option("--approximate", help="Also build a graph, by which search is fast and may miss a document.")
]
Kind = Annotated[Literal["float32", "float16"], typer.Option("--dtype", help="The type of the embeddings in the file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing index.")]


def index(
    model: Model,
    documents: Documents,
    out: Out,
    id: Id = "id",  # noqa: A002
    lists: Lists = None,
    texts: Texts = None,
    approximate: Approximate = False,
    dtype: Kind = "float32",
    batch_size: BatchSize = 1024,
    overwrite: Overwrite = False,
    backend: Backend = None,
):
    """Embed documents into an index for `plackett search`."""
    separators = check_inputs(model, documents, lists)
    check_is_no_input(out, [documents, str(model)])
    if approximate:
        _checks.check_installed("usearch", "an approximate index needs usearch", "'plackett[retrieval]'")

    from plackett.retrieval._index_files import check_new_folder

    check_new_folder(out, overwrite=overwrite)
    table = read_table(documents, id, separators, texts)
    choose_backend(backend)

    from plackett.retrieval import build_index

    towers, start = open_model(model), time.perf_counter()
    options = {"approximate": approximate, "batch_size": batch_size, "dtype": dtype, "overwrite": overwrite}
    built = build_index(towers, table, out, **options)
    say(
        f"{out} holds {len(built):,} documents of dimension {built.dimension}, compared by {built.similarity}"
        f"{', with a graph for approximate search' if approximate else ''}; "
        f"{len(built) / (time.perf_counter() - start):,.0f} documents a second"
    )
