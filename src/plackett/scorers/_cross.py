"""Deep and cross networks: products of features up to a given degree, together with a perceptron."""

from typing import Any, Literal

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
def dcn(
    lists: RankingLists,
    *,
    crosses: Count = 3,
    rank: Count | None = None,
    structure: Literal["stacked", "parallel"] = "stacked",
    hidden: Counts = (64, 32),
    normalization: Normalization = None,
    dropout: ShareBelow1 = 0.0,
    dimension: Count = 16,
    l2: NotNegative = 1e-5,
    models: Count | None = None,
    tasks: Names | None = None,
    **features: Any,
) -> keras.Model:
    """DCN-v2, a deep and cross network over dense features and embeddings of id features.

    For the features x_0 of one document,

        x_{l+1} = x_0 * (W_l x_l + b_l) + x_l

    so that layer l holds products of up to l + 1 features.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> model = plackett.scorers.dcn(lists, crosses=2, rank=4)
    >>> plackett.score(model, lists).shape == lists.labels.shape
    True

    Args:
        lists: the training lists.
        crosses: the number of cross layers.
        rank: W_l = U_l V_l, where U_l has this number of columns. None = W_l is a full matrix.
        structure: "stacked" = the hidden layers take the output of the cross layers; "parallel" = they take x_0, in
            parallel with the cross layers.
        hidden: the widths of the hidden layers. () = no hidden layers.
        normalization: "batch", "layer" or None: the normalisation before each activation.
        dropout: the share of hidden units that training drops.
        dimension, l2, models, tasks: see `plackett.scorers`.
        features: `transform`, "log1p" by default, `missing`, `min_count`: see `plackett.scorers`.

    Returns:
        A model of `features`, `mask` and the id features by their names.

    Raises:
        ValueError: the lists have no features, or an option is out of range.

    Cost: O(columns^2) per document and cross layer; O(columns * rank) with `rank`.

    Reference: Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank
    Systems", WWW 2021, equations 1 and 2, https://arxiv.org/abs/2008.13535. Its mixture of low-rank experts is left
    out.
    """
    prepared = prepare(lists, **features)
    crossed = start = prepared.join(dimension, l2)
    for _ in range(crosses):
        crossed = Cross(rank)((start, crossed))
    deep = hidden_layers(crossed if structure == "stacked" else start, prepared.mask, hidden, normalization, dropout)
    x = deep if structure == "stacked" or not hidden else keras.layers.Concatenate()([crossed, deep])
    return keras.Model(prepared.inputs, linear_heads(x, prepared.mask, tasks, models), name="dcn")


@register
class Cross(keras.layers.Layer):
    """x_0 * (W x + b) + x, a layer of `dcn`.

    >>> import numpy as np
    >>> start, x = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    >>> layer = Cross(rank=2)
    >>> layer((start, x)).shape == (2, 3)
    True
    >>> [tuple(factor.shape) for factor in layer.factors]
    [(3, 2), (2, 3)]

    Args:
        rank: W = U V, where U has this number of columns. None = W is a full matrix.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, rank: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"rank": self.rank}

    def build(self, shapes: tuple) -> None:
        """Makes W or its factors, and b."""
        width = shapes[0][-1]
        if self.rank is None:
            self.factors = [self.add_weight(name="w", shape=(width, width))]
        else:
            shape = (width, self.rank)
            self.factors = [self.add_weight(name="v", shape=shape), self.add_weight(name="u", shape=shape[::-1])]
        self.bias = self.add_weight(name="b", shape=(width,), initializer="zeros")

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """(x_0, x), both [..., columns] -> [..., columns]."""
        start, x = inputs
        product = x
        for factor in self.factors:
            product = ops.matmul(product, factor)
        return start * (product + self.bias) + x
