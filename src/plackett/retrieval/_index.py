"""An index of documents, opened for search."""

import os
import pathlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plackett._files import check_path
from plackett.data import Strings
from plackett.registry.options import Count, check_options
from plackett.retrieval._approximate import Approximate
from plackett.retrieval._exact import as_matrix, best_first, check_shapes, score_places, search_all
from plackett.retrieval._index_files import APPROXIMATE, read_embeddings, read_facts, read_ids_of

EXPANSION = 256


class Retrieved(NamedTuple):
    """The documents that were found for each query, the best first.

    If a query has fewer than k documents, for example because others are excluded, the id is "", the place -1 and the
    score -inf.

    Args:
        ids: [queries, k] object, the ids of the documents, strings.
        places: [queries, k] int64, their rows in the index.
        scores: [queries, k], falling: the dot products of an index, float32, or the scores of the ranker of a pipeline.
        queries: the ids of the queries. None = they have none.
    """

    ids: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    queries: Strings | None = None


class Index:
    """The embeddings and ids of documents, for search. `open_index` returns one.

    Args:
        path: the path of the folder.
        ids: [documents], strings.
        embeddings: [documents, dimension], read from the file as needed.
        similarity: how embeddings are compared, "cosine" (they have unit length) or "dot".
        fingerprint: the fingerprint of the tower that embedded the documents. None = it cannot be told.
        approximate: the graph for fast search. None = the index has none.
    """

    def __init__(
        self,
        path: pathlib.Path,
        ids: Strings,
        embeddings: np.ndarray,
        similarity: str,
        fingerprint: str | None,
        approximate: Approximate | None,
    ):
        self.path = path
        self.ids = ids
        self.embeddings = embeddings
        self.similarity = similarity
        self.fingerprint = fingerprint
        self._approximate = approximate
        self._longest: float | None = None

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.ids)

    def __repr__(self) -> str:
        """Describes its contents."""
        kind = "approximate" if self.is_approximate else "exact"
        return f"Index: {len(self):,} documents of dimension {self.dimension}, {self.similarity}, {kind}"

    @property
    def dimension(self) -> int:
        """The dimension of the embeddings."""
        return self.embeddings.shape[1]

    @property
    def is_approximate(self) -> bool:
        """Whether it has a graph, by which search is fast and may miss a document."""
        return self._approximate is not None

    def search(self, queries: npt.ArrayLike, k: Count = 100, *, exact: bool | None = None) -> Retrieved:
        """Finds the k documents with the largest dot product with each query.

        Args:
            queries: [queries, dimension], embeddings.
            k: the number of documents that are wanted.
            exact: whether all documents are looked at. None = unless the index is approximate. In any case the scores
                are exact, and equal ones keep the order of the index. A query for which the graph leads to fewer than k
                documents is searched exactly.

        Returns:
            The documents, [queries, k]; [queries, documents] if there are fewer than k documents.

        Raises:
            ValueError: the shape does not fit, a value is not finite, an option is out of range, or `exact` is False
                and the index has no graph.
        """
        found = self._find(queries, k, exact)
        ids = np.asarray(self.ids[found.places.reshape(-1)]).reshape(found.places.shape)
        return Retrieved(ids, found.places, found.scores)

    def measure_recall(self, queries: npt.ArrayLike, k: Count = 100) -> float:
        """Measures the share of the exact best k documents that approximate search finds, as a mean over queries.

        A document with the score of the k-th counts as one of them, since any of equal documents may be found.

        Args:
            queries: [queries, dimension], embeddings.
            k: the number of documents that are wanted.

        Raises:
            ValueError: the index is not approximate, there is no query, or as in `search`.
        """
        approximate, exact = (self._find(queries, k, one).scores for one in (False, True))
        if not len(exact):
            raise ValueError("queries must have at least one row to measure recall, but have none")
        return float((approximate >= exact[:, -1:]).mean())

    def _find(self, queries, k, exact):
        check_options(Index.search, k=k, exact=exact)
        if exact is False and self._approximate is None:
            raise ValueError(
                f"the index {self.path} has no graph for approximate search: build it with approximate=True "
                "(--approximate), or leave out exact=False"
            )
        queries, k = as_matrix("queries", queries), min(int(k), len(self))
        check_shapes(queries, self.embeddings)
        if exact or self._approximate is None or not len(queries) or k == len(self):
            return self._search_all(queries, k)
        places = self._approximate.find(queries, k)
        few = (places < 0).any(axis=1)
        if few.any():
            places[few] = self._search_all(queries[few], k).places
        return best_first(places, score_places(queries, self.embeddings, places))

    def _search_all(self, queries, k):
        found, self._longest = search_all(queries, self.embeddings, k, longest=self._longest)
        return found


def open_index(path: str | os.PathLike, *, expansion: Count = EXPANSION) -> Index:
    """Opens an index that `build_index` wrote.

    Args:
        path: the path of the folder.
        expansion: for an approximate index, the number of documents that are looked at for a query; at least as many as
            are wanted. A larger number takes longer and misses fewer documents.

    Raises:
        FileNotFoundError: the folder, or a file of it, does not exist.
        ImportError: the index is approximate and usearch is not installed.
        ValueError: this is not an index, it is of a later plackett, or one of its files is not complete.
    """
    check_path(path)
    check_options(open_index, expansion=expansion)
    folder = pathlib.Path(path)
    facts: dict[str, Any] = read_facts(folder)
    embeddings = read_embeddings(folder, facts)
    approximate = None
    if APPROXIMATE in facts["files"]:
        approximate = Approximate(folder / APPROXIMATE, len(embeddings), embeddings.shape[1], int(expansion))
    ids = read_ids_of(folder, len(embeddings))
    return Index(folder, ids, embeddings, facts["similarity"], facts["document_tower"], approximate)
