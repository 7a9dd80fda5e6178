"""A model and an index: what finds documents for queries."""

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
    """Finds the documents of an index for queries, which the model embeds.

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
        model: the model that the index was built by, a `TwoTowerModel`, or a tower of both queries and documents.
        index: what `build_index` or `open_index` gave, or the path of its folder.

    Raises:
        FileNotFoundError: there is no such index.
        ValueError: the index was built by another model, or it is none. Where Keras cannot write the config of the
            document tower, nothing tells one model from another but the dimension.
    """

    def __init__(self, model: keras.Model, index: Index | str | os.PathLike):
        towers = towers_of(model)
        index = index if isinstance(index, Index) else open_index(index)
        known = fingerprint(towers.document)
        if (index.similarity, index.fingerprint) != (towers.similarity, known):
            raise ValueError(
                f"the index {index.path} was built by another model, or by this one before it was trained further: "
                "build it anew, by build_index (plackett index)"
            )
        self.model = model
        self.index = index
        self._towers = towers

    def embed(self, queries: Any, *, batch_size: Count = 1024) -> np.ndarray:
        """The embeddings of queries, whose dot products with those of the index rank documents.

        Args:
            queries: a `Table`, or the inputs of the query tower, an array or a dict of arrays.
            batch_size: how many queries are embedded at a time.

        Returns:
            [queries, dimension] float32.

        Raises:
            ValueError: the tower does not take them, or an embedding is not finite, or has another dimension than the
                index.
        """
        check_options(Retriever.embed, batch_size=batch_size)
        if isinstance(queries, tuple):
            raise ValueError(
                "queries must be a Table, an array or a dict of arrays, but got a tuple: ids stand in a Table"
            )
        tower = self._towers.query
        if isinstance(queries, Table):
            # Each batch has inputs of its own, so that one long list does not make those of all queries as long.
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
        """The k best documents of each query.

        Args:
            queries: see `embed`.
            k: how many documents are wanted.
            exact: see `Index.search`.
            batch_size: how many queries are embedded at a time.

        Returns:
            What was found; of a `Table` with ids it has the queries' too.

        Raises:
            ValueError: as `embed` and `Index.search`.
        """
        ids = queries.ids if isinstance(queries, Table) and queries.id is not None else None
        return self.index.search(self.embed(queries, batch_size=batch_size), k, exact=exact)._replace(queries=ids)


def _name_of(queries):
    """Function of a row, what errors call it."""
    return queries.place if queries.id is None else lambda row: f"query {queries.ids[row]!r}"
