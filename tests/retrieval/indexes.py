"""Small models of towers, and tables of documents and queries for them."""

import keras
import numpy as np

from plackett.retrieval import Table, TwoTowerModel


def table(rows, name, seed=0):
    """Rows with the ids name0, name1, ..., and a vector of 6 each."""
    x = np.random.default_rng(seed).normal(size=(rows, 6)).astype("float32")
    return Table.of({"id": [f"{name}{row}" for row in range(rows)], "x": x})


def tower(dimension=5, seed=0):
    """A linear tower over x."""
    given = keras.Input((6,), name="x")
    dense = keras.layers.Dense(dimension, kernel_initializer=keras.initializers.GlorotNormal(seed))
    return keras.Model({"x": given}, dense(given))


def model(similarity="cosine", seed=0):
    """Two linear towers."""
    return TwoTowerModel(tower(seed=seed), tower(seed=seed + 1), similarity=similarity)
