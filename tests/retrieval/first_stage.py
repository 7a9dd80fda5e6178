"""A first stage of given embeddings."""

from typing import NamedTuple

import numpy as np

from plackett.data import Strings
from plackett.retrieval import Table


class Index(NamedTuple):
    """Documents and their embeddings."""

    ids: Strings
    embeddings: np.ndarray


class Found(NamedTuple):
    """The best documents of each query."""

    queries: Strings
    ids: np.ndarray
    places: np.ndarray
    scores: np.ndarray


class FirstStage:
    """Searches by the dot product of the column `vector` of queries."""

    def __init__(self, documents: Table):
        self.index = Index(documents.ids, np.asarray(documents["vector"], "float32"))

    def embed(self, queries):
        """The vectors of queries."""
        return np.asarray(queries["vector"], "float32")

    def search(self, queries, k):
        """The best k."""
        scores = self.embed(queries) @ self.index.embeddings.T
        places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        scores = np.take_along_axis(scores, places, axis=1)
        return Found(queries.ids, np.asarray(self.index.ids)[places], places, scores)


def users_and_films(users=6, films=12, seed=0):
    """(users, films) with vectors in two dimensions."""
    random = np.random.default_rng(seed)
    return (
        Table.of(
            {
                "id": [f"u{i}" for i in range(users)],
                "age": np.arange(users) + 20,
                "vector": random.normal(size=(users, 2)),
            }
        ),
        Table.of(
            {
                "id": [f"f{i}" for i in range(films)],
                "year": np.arange(films) + 1990.0,
                "genre": ["crime", "drama"] * (films // 2),
                "vector": random.normal(size=(films, 2)),
            }
        ),
    )
