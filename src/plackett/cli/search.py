"""`plackett search`."""

import pathlib
import time
from typing import Annotated

import numpy as np
import typer

from plackett.cli import _checks
from plackett.cli._backend import choose_backend
from plackett.cli._flags import Backend
from plackett.cli._retrieval import FORMATS, BatchSize, Id, Lists, Model, Texts, check_inputs, open_model, read_table
from plackett.cli._tables import say
from plackett.data._reading import check_is_no_input
from plackett.data._suffixes import OF_SCORES

SAMPLE = 200  # the number of queries on which recall is measured
Folder = Annotated[pathlib.Path, typer.Argument(metavar="INDEX", help="The folder that `plackett index` wrote.")]
Queries = Annotated[str, typer.Argument(help=f"The queries, one row each: {FORMATS}.")]
Out = Annotated[
    pathlib.Path,
    typer.Argument(help="NAME.run, a run of TREC for `plackett evaluate`; NAME.parquet or NAME.csv."),
]
Number = Annotated[int, typer.Option("--k", help="The number of documents for each query.")]
Exact = Annotated[bool, typer.Option("--exact", help="Look at all documents, even if the index is approximate.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output.")]


def search(
    model: Model,
    folder: Folder,
    queries: Queries,
    out: Out,
    id: Id = "id",  # noqa: A002
    lists: Lists = None,
    texts: Texts = None,
    k: Number = 100,
    exact: Exact = False,
    batch_size: BatchSize = 1024,
    overwrite: Overwrite = False,
    backend: Backend = None,
):
    """Find the best documents of an index for queries."""
    if out.suffix not in OF_SCORES:
        raise ValueError(f"the output must be NAME{', NAME'.join(OF_SCORES)}, but got {out}")
    separators = check_inputs(model, queries, lists)
    check_is_no_input(out, [queries, str(model)])
    _checks.check_new_file(out, overwrite)

    from plackett.registry import check_options
    from plackett.retrieval import Index, open_index

    check_options(Index.search, k=k)
    opened = open_index(folder)
    table = read_table(queries, id, separators, texts)
    _check_ids(out, table.ids, opened.ids)
    choose_backend(backend)

    from plackett.retrieval import Retriever

    retriever, start = Retriever(open_model(model), opened), time.perf_counter()
    embeddings = retriever.embed(table, batch_size=batch_size)
    embedded = time.perf_counter()
    found = opened.search(embeddings, k, exact=exact or None)
    seconds = time.perf_counter() - embedded
    if opened.is_approximate and not exact and len(table):
        _tell_recall(opened, embeddings, k)
    _write(table.ids, found, opened.ids, out)
    say(
        f"{len(table):,} queries, {found.places.shape[1]} documents each, are in {out}: embedded in "
        f"{embedded - start:.3g} s, searched in {seconds:.3g} s"
    )


def _check_ids(out, queries, documents):
    """Raises a ValueError, before hours of search, unless the output can hold these ids."""
    if out.suffix == ".run":
        from plackett.data._scores import check_ids_of_run

        check_ids_of_run(out, "query", queries.tolist())
        check_ids_of_run(out, "document", documents.tolist())


def _tell_recall(opened, embeddings, k):
    """Prints the share of documents that approximate search finds, measured on some queries."""
    sample = np.random.default_rng(0).permutation(len(embeddings))[:SAMPLE]
    recall = opened.measure_recall(embeddings[np.sort(sample)], k)
    say(f"approximate search finds {recall:.4f} of the exact best {min(k, len(opened))}, on {len(sample)} queries")


def _write(queries, found, ids, out):
    """Writes the documents that were found as scores."""
    from plackett.data import RankingLists, write_scores

    rows, k = found.places.shape
    lists = RankingLists(
        labels=np.zeros(rows * k, "float32"),
        row_splits=np.arange(rows + 1) * k,
        queries=queries,
        documents=ids[found.places.reshape(-1)],
        features=np.zeros((rows * k, 0), "float32"),
    )
    write_scores(lists, found.scores.reshape(-1), out)
