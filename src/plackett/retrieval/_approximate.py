"""Approximate search by a graph of neighbours, with usearch."""

import pathlib
from types import ModuleType

import numpy as np

from plackett import _lazy

LINKS = 32  # neighbours of a document in the graph, usearch's `connectivity`
BUILD = 128  # candidates that are looked at to find neighbours, usearch's `expansion_add`
ALIKE = 0.01  # relative to the mean length: below this deviation, documents count as having one length
ROWS = 8192  # documents that are added at a time; Ctrl-C is checked in between


def check_usearch() -> ModuleType:
    """Returns the library.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    return _lazy.load("usearch.index", "retrieval", needed_by="an approximate index")


def write_approximate(embeddings: np.ndarray, path: pathlib.Path) -> None:
    """Writes the graph of documents for search by dot product.

    Args:
        embeddings: [documents, dimension].
        path: the path of the file.

    Raises:
        ImportError: usearch is not installed.
        OSError: the file could not be written.

    Cost: the graph and a copy of the embeddings are in memory, 4 (dimension + 70) bytes a document. Several threads
        build the graph, so two graphs of the same documents differ a little.
    """
    usearch = check_usearch()
    center, scale = _center_and_scale(embeddings)
    # float32, since usearch chooses 16 bits by itself if they are faster on a processor.
    graph = usearch.Index(ndim=embeddings.shape[1], metric="ip", dtype="f32", connectivity=LINKS, expansion_add=BUILD)
    for start in range(0, len(embeddings), ROWS):
        rows = ((embeddings[start : start + ROWS] - center) / scale).astype("float32")
        graph.add(np.arange(start, start + len(rows), dtype="uint64"), rows)
    try:
        graph.save(str(path))
    except RuntimeError as error:  # the error of usearch for a full disk
        raise OSError(f"usearch says {error}: is the disk full?") from error


class Approximate:
    """The graph in a file, which is read as needed.

    Args:
        path: the path of the file.
        documents: the number of documents that it should hold.
        dimension: the dimension that they should have.
        expansion: the number of candidates that are looked at for a query; at least as many as are wanted.

    Raises:
        ImportError: usearch is not installed.
        ValueError: the file is broken.
    """

    def __init__(self, path: pathlib.Path, documents: int, dimension: int, expansion: int):
        usearch = check_usearch()
        try:
            graph = usearch.Index.restore(str(path), view=True)
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path} is broken: {error}; build the index anew") from error
        found = None if graph is None else (len(graph), graph.ndim)
        if found != (documents, dimension):
            raise ValueError(
                f"{path} should hold {documents:,} documents of dimension {dimension}, but "
                + ("is no file of usearch" if found is None else f"holds {found[0]:,} of {found[1]}")
                + ": build the index anew"
            )
        graph.expansion_search = expansion
        self._graph = graph

    def find(self, queries: np.ndarray, k: int) -> np.ndarray:
        """Returns places of documents in any order, [queries, k] int64; -1 if the graph led to fewer."""
        queries = queries.astype("float32", copy=False)
        lengths = np.linalg.norm(queries, axis=1, keepdims=True)
        matches = self._graph.search(queries / np.where(lengths > 0, lengths, 1), k)
        # For a single query usearch does not return a matrix; after the number that it found, values are undefined.
        keys = np.reshape(matches.keys, (len(queries), -1)).astype("int64")
        counts = matches.counts if hasattr(matches, "counts") else [keys.shape[1]]
        places = np.full((len(queries), k), -1, "int64")
        there = np.arange(keys.shape[1]) < np.reshape(counts, (-1, 1))
        places[:, : keys.shape[1]] = np.where(there, keys, -1)
        return places


def _center_and_scale(embeddings):
    """Returns what is subtracted from all documents before they enter the graph, and what they are divided by.

    Neither changes the order of documents for any query, since the product with the center is the same for all. If
    documents differ in length, the links of the graph, which go to the largest products, lead only to documents that
    are long in the direction that all have in common. For 12,000 such documents it found .55 of the best 100, and .95
    once their mean was subtracted. Documents of equal length are best linked by their angles, without a change.
    """
    total, lengths = np.zeros(embeddings.shape[1]), []
    for start in range(0, len(embeddings), ROWS):
        rows = embeddings[start : start + ROWS].astype("float64")
        total += rows.sum(axis=0)
        lengths.append(np.linalg.norm(rows, axis=1))
    of_all = np.concatenate(lengths)
    center = total / len(of_all) if of_all.std() > ALIKE * of_all.mean() else np.zeros_like(total)
    return center, of_all.max() or 1.0
