"""Multilayer perceptrons."""

from collections.abc import Sequence

import keras

from plackett.data import RankingLists
from plackett.scorers._options import checked
from plackett.scorers._outputs import linear_heads
from plackett.scorers.preprocessing.inputs import prepare


@checked
def mlp(
    lists: RankingLists,
    *,
    hidden: Sequence[int] = (64, 32),
    normalization: str | None = "batch",
    dropout: float = 0.2,
    transform: str | None = "log1p",
    missing: bool = False,
    models: int | None = None,
    tasks: Sequence[str] | None = None,
) -> keras.Model:
    """A multilayer perceptron over dense features alone.

    Args:
        lists: the training lists.
        hidden: the widths of the hidden layers.
        normalization: "batch", "layer" or None: what stands before each activation.
        dropout: the share of hidden units dropped in training.
        transform, missing, models, tasks: see `plackett.scorers`.

    Returns:
        A model of `features` and `mask`.

    Raises:
        ValueError: the lists have no dense features, or an option is out of range.
    """
    if not lists.features.shape[1]:
        raise ValueError("these lists have no dense features, which this scorer is made of")
    prepared = prepare(lists.with_ids(()), transform=transform, missing=missing)
    x = hidden_layers(prepared.dense, prepared.mask, hidden, normalization, dropout)
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models), name="mlp")


@checked
def embeddings(
    lists: RankingLists,
    *,
    hidden: Sequence[int] = (64, 32),
    normalization: str | None = None,
    dropout: float = 0.0,
    dimension: int = 16,
    l2: float = 1e-5,
    transform: str | None = None,
    models: int | None = None,
    tasks: Sequence[str] | None = None,
    **features,
) -> keras.Model:
    """A multilayer perceptron over embeddings of id features, beside the dense ones.

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
        raise ValueError("these lists have no id features, which this scorer is made of")
    prepared = prepare(lists, transform=transform, **features)
    x = hidden_layers(prepared.joined(dimension, l2), prepared.mask, hidden, normalization, dropout)
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models), name="embeddings")


def hidden_layers(x, mask, hidden: Sequence[int], normalization: str | None, dropout: float):
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
