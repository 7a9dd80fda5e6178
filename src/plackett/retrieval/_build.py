"""Builds an index: documents are embedded a batch at a time, into the files of a folder."""

import functools
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from plackett._files import errors_of_writing, replace_folder
from plackett.data import Strings
from plackett.data._ids import ids_as_text, read_ids
from plackett.registry.options import Count, check_options
from plackett.retrieval._approximate import check_usearch, write_approximate
from plackett.retrieval._embed import count_rows, embed
from plackett.retrieval._index import Index, open_index
from plackett.retrieval._index_files import (
    APPROXIMATE,
    EMBEDDINGS,
    check_new_folder,
    write_facts,
    write_ids,
)
from plackett.retrieval._tables import Table, check_once
from plackett.retrieval._two_towers import TwoTowerModel
from plackett.training._fingerprint import fingerprint


class Towers(NamedTuple):
    """The towers of a model, and how their embeddings are compared."""

    query: keras.Model
    document: keras.Model
    similarity: str


def build_index(
    model: keras.Model,
    documents: Table | tuple[Any, Any],
    path: str | os.PathLike,
    *,
    approximate: bool = False,
    batch_size: Count = 1024,
    dtype: Literal["float32", "float16"] = "float32",
    overwrite: bool = False,
) -> Index:
    """Embeds documents into a folder for search. The folder is complete or not there.

    >>> import pathlib, tempfile
    >>> import keras
    >>> import numpy as np
    >>> tower = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model = TwoTowerModel(tower, tower)
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> index = build_index(model, (np.arange(50), x), pathlib.Path(tempfile.mkdtemp()) / "index")
    >>> index
    Index: 50 documents of dimension 2, cosine, exact
    >>> index.search(model.embed_queries(x[7:8]), k=1).ids.tolist()
    [['7']]

    Args:
        model: a `TwoTowerModel`, whose document tower embeds the documents; or a tower itself, whose embeddings are
            compared by dot product.
        documents: a `Table` with ids; or their ids and the inputs of the tower, an array or a dict of arrays.
        path: the path of the folder.
        approximate: whether to also build a graph, by which search is fast and may miss a document, see
            `Index.measure_recall`.
        batch_size: the number of documents that are embedded at a time.
        dtype: the type of the embeddings in the file. "float16" takes half the space, and its scores are off by about
            0.001 of the largest.
        overwrite: whether an existing index is replaced.

    Returns:
        The index, opened.

    Raises:
        FileExistsError: something is there, possibly written in the meantime, and `overwrite` is False, or it is not an
            index or holds other files too.
        FileNotFoundError: the parent folder does not exist.
        ImportError: `approximate` is True, but usearch is not installed.
        OSError: the index cannot be written.
        ValueError: there are no documents, an id is missing or occurs twice, the tower does not take them, or an
            embedding is not finite or too large for the dtype; the message names the document.

    Cost: memory of a batch and of the ids; with `approximate` also of a copy of the embeddings and of their graph.
        Several threads build the graph, so two graphs of the same documents differ a little. A killed build leaves
        `path` unchanged, and beside it a folder plackett-partial-NAME-..., which you may remove.
    """
    check_options(build_index, approximate=approximate, batch_size=batch_size, dtype=dtype, overwrite=overwrite)
    towers = towers_of(model)
    folder = check_new_folder(path, overwrite=overwrite)
    if approximate:
        check_usearch()
    ids = _ids_of(documents)
    with replace_folder(folder) as partial:
        with errors_of_writing(folder):
            dimension = _write_embeddings(towers, documents, ids, partial / EMBEDDINGS, int(batch_size), dtype)
            write_ids(partial, ids)
            if approximate:
                write_approximate(np.load(partial / EMBEDDINGS, mmap_mode="r"), partial / APPROXIMATE)
            facts = {"documents": len(ids), "dimension": dimension, "dtype": dtype, "similarity": towers.similarity}
            write_facts(partial, facts | {"document_tower": fingerprint(towers.document)})
        check_new_folder(folder, overwrite=overwrite)  # again, so that nothing written in the meantime is lost
    return open_index(folder)


def towers_of(model: object) -> Towers:
    """Returns the towers of a two-tower model, or the one tower that embeds both queries and documents.

    Raises:
        ValueError: this is not a model.
    """
    if isinstance(model, TwoTowerModel):
        return Towers(model.query_tower, model.document_tower, model.similarity.kind)
    if isinstance(model, keras.Model):
        return Towers(model, model, "dot")
    raise ValueError(f"model must be a TwoTowerModel or a tower, a Keras model of rows, but got {model!r:.200}")


def _ids_of(documents):
    """Returns the ids of documents as text."""
    if isinstance(documents, Table):
        ids = documents.ids
    elif isinstance(documents, tuple) and len(documents) == 2:
        given, x = documents
        rows = count_rows(x)
        ids = ids_as_text("ids", read_ids("ids", given, rows), range(rows))
        check_once(ids, "ids", "documents")
    else:
        raise ValueError(
            f"documents must be a Table, or a pair (ids, inputs), but got {type(documents).__name__}: make a table by "
            "Table.of(data) or Table.read(path)"
        )
    if not len(ids):
        raise ValueError("documents must have at least one row, but there is none")
    return ids


def _batches(documents, tower, size) -> Iterator[Any]:
    """Yields the inputs of the tower, for this many documents at a time."""
    if isinstance(documents, Table):
        yield from (batch.inputs(tower) for batch in documents.batches(size))
        return
    _, x = documents
    for start in range(0, count_rows(x), size):
        rows = slice(start, start + size)
        yield {name: column[rows] for name, column in x.items()} if isinstance(x, Mapping) else x[rows]


def _write_embeddings(towers, documents, ids: Strings, path: pathlib.Path, size: int, dtype: str) -> int:
    """Writes the embeddings as a NumPy array, and returns their dimension."""
    unit, start, dimension = towers.similarity == "cosine", 0, 0
    with path.open("wb") as file:
        for x in _batches(documents, towers.document, size):
            name = functools.partial(_name_document, ids, start)
            rows = embed(towers.document, x, batch_size=size, unit=unit, name_row=name)
            if not start:
                dimension = rows.shape[1]
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (len(ids), dimension)}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(_as_dtype(rows, dtype, ids, start).tobytes())
            start += len(rows)
    return dimension


def _name_document(ids, first, row):
    return f"document {ids[first + row]!r}"


def _as_dtype(rows, dtype, ids, start):
    with np.errstate(over="ignore"):
        rows = rows.astype(dtype)
    if dtype == "float16" and not np.isfinite(rows).all():
        place = start + int(np.argmin(np.isfinite(rows).all(axis=1)))
        raise ValueError(
            f"the embedding of document {ids[place]!r} is too large for float16, whose largest number is 65504: give "
            'dtype="float32" (--dtype)'
        )
    return rows
