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
    """The documents that were found for each query, the best one first.

    Where a query has fewer than k documents, as where others are excluded, the id is "", the place -1, the score -inf.

    Args:
        ids: [queries, k] object, their ids, strings.
        places: [queries, k] int64, their rows in the index.
        scores: [queries, k], falling: of an index the dot products, float32; of a pipeline those of its ranker.
        queries: the ids of the queries. None = they have none.
    """

    ids: np.ndarray
    places: np.ndarray
    scores: np.ndarray
    queries: Strings | None = None


class Index:
    """The embeddings of documents, and their ids, to search among. `open_index` gives one.

    Args:
        path: of the folder.
        ids: [documents], strings.
        embeddings: [documents, dimension]; read from the file as they are needed.
        similarity: what the embeddings are compared by, "cosine" (they are of unit length) or "dot".
        fingerprint: of the tower that embedded the documents. None = nothing tells.
        approximate: the graph by which search is quick. None = the index has none.
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
        """How many documents there are."""
        return len(self.ids)

    def __repr__(self) -> str:
        """What it holds."""
        kind = "approximate" if self.is_approximate else "exact"
        return f"Index: {len(self):,} documents of dimension {self.dimension}, {self.similarity}, {kind}"

    @property
    def dimension(self) -> int:
        """Of the embeddings."""
        return self.embeddings.shape[1]

    @property
    def is_approximate(self) -> bool:
        """Whether it has a graph by which search is quick, and may miss a document."""
        return self._approximate is not None

    def search(self, queries: npt.ArrayLike, k: Count = 100, *, exact: bool | None = None) -> Retrieved:
        """The k documents of the greatest dot product with each query.

        Args:
            queries: [queries, dimension], embeddings.
            k: how many documents are wanted.
            exact: whether all documents are looked at. None = unless the index is approximate. Whatever it is, the
                scores are exact, and equal ones are in the order of the index; what the graph led to fewer than k
                documents for is searched exactly.

        Returns:
            What was found, [queries, k]; where there are fewer than k documents, [queries, documents].

        Raises:
            ValueError: the shape does not fit, something is not finite, the options are out of range, or `exact` is
                False and the index has no graph.
        """
        found = self._find(queries, k, exact)
        ids = np.asarray(self.ids[found.places.reshape(-1)]).reshape(found.places.shape)
        return Retrieved(ids, found.places, found.scores)

    def measure_recall(self, queries: npt.ArrayLike, k: Count = 100) -> float:
        """The share of the exact best k documents that approximate search finds, as a mean over queries.

        A document whose score is that of the k-th counts as one of them, since any of equal ones may be found.

        Args:
            queries: [queries, dimension], embeddings.
            k: how many documents are wanted.

        Raises:
            ValueError: the index is not approximate, there is no query, or as `search`.
        """
        approximate, exact = (self._find(queries, k, one).scores for one in (False, True))
        if not len(exact):
            raise ValueError("recall is measured on at least one query, but there is none")
        return float((approximate >= exact[:, -1:]).mean())

    def _find(self, queries, k, exact):
        check_options(Index.search, k=k, exact=exact)
        if exact is False and self._approximate is None:
            raise ValueError(
                f"the index {self.path} has no graph for approximate search: build it by approximate=True "
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
        path: of the folder.
        expansion: of an approximate index: how many documents are looked at for a query, at least as many as are
            wanted. More take longer, and fewer documents are missed.

    Raises:
        FileNotFoundError: there is none, or a file of it is not there.
        ImportError: the index is approximate and usearch is not installed.
        ValueError: it is no index, one of a later plackett, or one of its files is not whole.
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
