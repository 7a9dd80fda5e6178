"""A model and an index, which together find documents for queries."""

import os
from typing import Any

import keras
import numpy as np

from plackett.registry.options import Count, check_options
from plackett.retrieval._build import towers_of
from plackett.retrieval._embed import embed
from plackett.retrieval._index import Index, Retrieved, open_index
from plackett.retrieval._tables import Table
from plackett.training._fingerprint import fingerprint


class Retriever:
    """Finds the documents of an index for queries. The model embeds the queries.

    >>> import pathlib, tempfile
    >>> import keras
    >>> import numpy as np
    >>> from plackett.retrieval import TwoTowerModel, build_index
    >>> tower = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model = TwoTowerModel(tower, tower)
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "index"
    >>> _ = build_index(model, (np.arange(50), x), path)
    >>> Retriever(model, path).search(x[:2], k=1).ids.tolist()
    [['0'], ['1']]

    Args:
        model: the model that built the index, a `TwoTowerModel`, or a tower for both queries and documents.
        index: the result of `build_index` or `open_index`, or the path of its folder.

    Raises:
        FileNotFoundError: there is no such index.
        ValueError: the index was built by another model, or is not an index. If Keras cannot write the config of the
            document tower, models are told apart only by their dimension.
    """

    def __init__(self, model: keras.Model, index: Index | str | os.PathLike):
        towers = towers_of(model)
        index = index if isinstance(index, Index) else open_index(index)
        known = fingerprint(towers.document)
        if (index.similarity, index.fingerprint) != (towers.similarity, known):
            raise ValueError(
                f"the index {index.path} was built by another model, or by this one before it was trained further: "
                "build it again, with build_index (plackett index)"
            )
        self.model = model
        self.index = index
        self._towers = towers

    def embed(self, queries: Any, *, batch_size: Count = 1024) -> np.ndarray:
        """Embeds queries. Their dot products with the embeddings of the index rank documents.

        Args:
            queries: a `Table`, or the inputs of the query tower, an array or a dict of arrays.
            batch_size: the number of queries that are embedded at a time.

        Returns:
            [queries, dimension] float32.

        Raises:
            ValueError: the tower does not take the queries, or an embedding is not finite, or has another dimension
                than the index.
        """
        check_options(Retriever.embed, batch_size=batch_size)
        if isinstance(queries, tuple):
            raise ValueError(
                "queries must be a Table, an array or a dict of arrays, but got a tuple: put the ids into a Table"
            )
        tower = self._towers.query
        if isinstance(queries, Table):
            # Each batch has its own inputs, so that one long list does not lengthen those of all queries.
            batches = queries.batches(int(batch_size)) if len(queries) else [queries]
            rows = np.concatenate([self._embed(one.inputs(tower), batch_size, _name_of(one)) for one in batches])
        else:
            rows = self._embed(queries, batch_size)
        if rows.shape[1] != self.index.dimension:
            raise ValueError(
                f"the query tower {tower.name} gives embeddings of dimension {rows.shape[1]}, but the index "
                f"{self.index.path} has documents of {self.index.dimension}"
            )
        return rows

    def _embed(self, x, batch_size, name_row=None):
        unit = self._towers.similarity == "cosine"
        return embed(self._towers.query, x, batch_size=batch_size, unit=unit, name_row=name_row)

    def search(self, queries: Any, k: Count = 100, *, exact: bool | None = None, batch_size: Count = 1024) -> Retrieved:
        """Finds the k best documents of each query.

        Args:
            queries: see `embed`.
            k: the number of documents that are wanted.
            exact: see `Index.search`.
            batch_size: the number of queries that are embedded at a time.

        Returns:
            The documents. For a `Table` with ids, they include the ids of the queries.

        Raises:
            ValueError: as in `embed` and `Index.search`.
        """
        ids = queries.ids if isinstance(queries, Table) and queries.id is not None else None
        return self.index.search(self.embed(queries, batch_size=batch_size), k, exact=exact)._replace(queries=ids)


def _name_of(queries):
    """A function of a row that returns its name in errors."""
    return queries.place if queries.id is None else lambda row: f"query {queries.ids[row]!r}"
