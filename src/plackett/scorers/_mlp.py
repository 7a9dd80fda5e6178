"""Multilayer perceptrons."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras

from plackett._types import Tensor
from plackett.data import RankingLists
from plackett.registry.options import Count, Counts, Names, NotNegative, ShareBelow1
from plackett.scorers._checks import with_checks
from plackett.scorers._outputs import linear_heads
from plackett.scorers.preprocessing.inputs import Transform, prepare

Normalization = Literal["batch", "layer"] | None


@with_checks
def mlp(
    lists: RankingLists,
    *,
    hidden: Counts = (64, 32),
    normalization: Normalization = "batch",
    dropout: ShareBelow1 | None = None,
    linear: bool = True,
    transform: Transform = "bins",
    missing: bool = False,
    models: Count | None = None,
    tasks: Names | None = None,
) -> keras.Model:
    """A multilayer perceptron over dense features, plus a linear function of them.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = plackett.scorers.mlp(lists, hidden=(16,))
    >>> plackett.score(model, lists).shape == lists.labels.shape
    True

    Args:
        lists: the training lists.
        hidden: the widths of the hidden layers.
        normalization: "batch", "layer" or None: what stands before each activation.
        dropout: the share of hidden units that training drops. None = by the number of training lists: .5 up to 1,500,
            .1 less for each doubling, and .1 from 24,000 on.
        linear: whether to add a linear function of the prepared features to the output of the hidden layers, which then
            starts at 0. On few queries the model then learns as fast as a linear model. Without hidden layers the model
            is always linear.
        transform, missing, models, tasks: see `plackett.scorers`.

    Returns:
        A model of `features` and `mask`.

    Raises:
        ValueError: the lists have no dense features, or an option is out of range.
    """
    if not lists.features.shape[1]:
        raise ValueError("these lists have no dense features, but this scorer needs them")
    prepared = prepare(lists.with_ids(()), transform=transform, missing=missing)
    dropout = dropout_for(len(lists)) if dropout is None else dropout
    x = hidden_layers(prepared.dense, prepared.mask, hidden, normalization, dropout)
    beside = prepared.dense if linear and hidden else None
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models, beside=beside), name="mlp")


@with_checks
def embeddings(
    lists: RankingLists,
    *,
    hidden: Counts = (64, 32),
    normalization: Normalization = None,
    dropout: ShareBelow1 = 0.0,
    dimension: Count = 16,
    l2: NotNegative = 1e-5,
    transform: Transform = None,
    models: Count | None = None,
    tasks: Names | None = None,
    **features: Any,
) -> keras.Model:
    """A multilayer perceptron over dense features and embeddings of id features.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> films = {"film": np.arange(60) % 9}
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, ids=films)
    >>> model = plackett.scorers.embeddings(lists, dimension=4)
    >>> model.get_layer("film_embedding").output_dim
    4

    Args:
        lists: the training lists.
        hidden: the widths of the hidden layers.
        normalization: "batch", "layer" or None: what stands before each activation.
        dropout: the share of hidden units dropped in training.
        dimension, l2, transform, models, tasks: see `plackett.scorers`.
        features: `missing`, `min_count`: see `plackett.scorers`.

    Returns:
        A model of `features`, `mask` and the id features by their names.

    Raises:
        ValueError: the lists have no id features, or an option is out of range.
    """
    if not lists.ids:
        raise ValueError("these lists have no id features, but this scorer needs them")
    prepared = prepare(lists, transform=transform, **features)
    x = hidden_layers(prepared.join(dimension, l2), prepared.mask, hidden, normalization, dropout)
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models), name="embeddings")


def dropout_for(lists: int) -> float:
    """The share of hidden units that training drops, by the number of training lists.

    >>> dropout_for(60), dropout_for(6_000), dropout_for(1_000_000)
    (0.5, 0.3, 0.1)
    """
    return min(max(0.5 - 0.1 * math.log2(max(lists, 1) / 1_500), 0.1), 0.5)


def hidden_layers(
    x: Tensor, mask: Tensor, hidden: Sequence[int], normalization: Normalization, dropout: float
) -> Tensor:
    """[lists, list_size, columns] -> [lists, list_size, last width], each document by itself."""
    for width in hidden:
        x = keras.layers.Dense(width)(x)
        if normalization == "batch":
            x = keras.layers.BatchNormalization()(x, mask=mask)
        elif normalization == "layer":
            x = keras.layers.LayerNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        if dropout:
            x = keras.layers.Dropout(dropout)(x)
    return x
