"""Scorers that see the whole list: the score of a document depends on the other documents."""

from typing import Any

import keras
from keras import ops

from plackett._types import Tensor
from plackett.data import RankingLists
from plackett.registry import register
from plackett.registry.options import Count, Counts, Names, NotNegative, ShareBelow1
from plackett.scorers._checks import with_checks
from plackett.scorers._mlp import Normalization, hidden_layers
from plackett.scorers._outputs import linear_heads
from plackett.scorers.preprocessing.inputs import prepare


@with_checks
def self_attention(
    lists: RankingLists,
    *,
    hidden: Counts = (64,),
    blocks: Count = 2,
    heads: Count = 2,
    feed_forward: Count = 128,
    normalization: Normalization = None,
    dropout: ShareBelow1 = 0.1,
    dimension: Count = 16,
    l2: NotNegative = 1e-5,
    models: Count | None = None,
    tasks: Names | None = None,
    **features: Any,
) -> keras.Model:
    """Self-attention over the documents of a list.

    Hidden layers process each document by itself. Then each block lets the documents see each other,

        x <- x + attention(norm(x)),    x <- x + W_2 relu(W_1 norm(x) + b_1) + b_2

    with layer normalisation. The order of the documents does not matter: in another order they get the same scores.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = plackett.scorers.self_attention(lists, hidden=(8,), blocks=1)
    >>> plackett.score(model, lists).shape == lists.labels.shape
    True

    Args:
        lists: the training lists.
        hidden: the widths of the hidden layers before the blocks, at least one. The last is the width of the blocks.
        blocks: the number of blocks.
        heads: the number of attention heads; a divisor of the width.
        feed_forward: the width of W_1.
        normalization: "batch", "layer" or None: the normalisation before each activation of the hidden layers.
        dropout: the share of hidden units and attention weights that training drops.
        dimension, l2, models, tasks: see `plackett.scorers`.
        features: `transform`, "log1p" by default, `missing`, `min_count`: see `plackett.scorers`.

    Returns:
        A model of `features`, `mask` and the id features by their names.

    Raises:
        ValueError: the lists have no features, or an option is out of range.

    Cost: O(list_size^2 width) time and O(list_size^2 heads) memory per list and block.

    Reference: Pobrotyn et al., "Context-Aware Learning to Rank with Self-Attention", SIGIR eCom 2020,
    https://arxiv.org/abs/2005.10084. Normalisation comes before each part, as in the authors' code, not after it. The
    variant with positions is left out, since it needs the order of an earlier ranker.
    """
    if not hidden or hidden[-1] % heads:
        raise ValueError(f"the last width of hidden must be a multiple of heads={heads}, but got hidden={hidden}")
    prepared = prepare(lists, **features)
    x = hidden_layers(prepared.join(dimension, l2), prepared.mask, hidden, normalization, dropout)
    visible = Visible()(prepared.mask)
    for _ in range(blocks):
        x = _block(x, visible, heads, feed_forward, dropout)
    x = keras.layers.LayerNormalization()(x)
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models), name="self_attention")


def _block(x, visible, heads, feed_forward, dropout):
    width = x.shape[-1]
    seen = keras.layers.LayerNormalization()(x)
    attention = keras.layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
    seen = attention(seen, seen, attention_mask=visible)
    x = keras.layers.Add()([x, keras.layers.Dropout(dropout)(seen)])
    deep = keras.layers.LayerNormalization()(x)
    deep = keras.layers.Dense(feed_forward, activation="relu")(deep)
    deep = keras.layers.Dense(width)(keras.layers.Dropout(dropout)(deep))
    return keras.layers.Add()([x, keras.layers.Dropout(dropout)(deep)])


@register
class Visible(keras.layers.Layer):
    """Which documents each may attend to: the real ones, or all in an empty list, so that no softmax is empty."""

    def call(self, mask: Tensor) -> Tensor:
        """[lists, list_size] bool -> [lists, list_size, list_size] bool."""
        visible = mask | ~ops.any(mask, axis=-1, keepdims=True)
        return visible[:, None, :] | ops.zeros_like(mask)[:, :, None]
