"""Generalised additive models: the score is a sum of readable curves, one per feature."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from plackett._types import Tensor
from plackett.data import RankingLists
from plackett.registry import register
from plackett.registry.options import Count, Counts, Names, NotNegative
from plackett.scorers._checks import with_checks
from plackett.scorers._outputs import mask_scores, outputs
from plackett.scorers.preprocessing.inputs import prepare


@with_checks
def additive(
    lists: RankingLists,
    *,
    hidden: Counts = (16, 8),
    l2: NotNegative = 1e-5,
    models: Count | None = None,
    tasks: Names | None = None,
    **features: Any,
) -> keras.Model:
    """A generalised additive model.

    For one document with features x_f,

        score = sum_f g_f(x_f)

    where g_f is a small network for a dense feature, and one number per value for an id feature. `curves` and
    `plot_curves` show what each feature adds.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> films = {"film": np.arange(60) % 9}
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10, ids=films)
    >>> model = plackett.scorers.additive(lists, hidden=(4,))
    >>> list(plackett.scorers.curves(model, lists))
    ['1', '2', '3', 'film']

    Args:
        lists: the training lists.
        hidden: the widths of the hidden layers of each g_f. () = each g_f is a straight line.
        l2: the weight of the sum of the squared numbers of id features in the loss.
        models, tasks: see `plackett.scorers`; each task has an additive model of its own.
        features: `transform`, "log1p" by default, `missing`, `min_count`: see `plackett.scorers`.

    Returns:
        A model of `features`, `mask` and the id features by their names.

    Raises:
        ValueError: the lists have no features, or an option is out of range.

    Cost: O(features * sum of the products of neighbouring widths) per document, with one matrix product per layer.

    Reference: Zhuang et al., "Interpretable Ranking with Generalized Additive Models", WSDM 2021,
    https://arxiv.org/abs/2005.02553. Its weighting of curves by features of the query is left out.
    """
    if features.get("transform") == "bins":
        raise ValueError(
            "transform must be 'log1p', 'quantile' or None, but got 'bins': each curve here takes one column per "
            "feature"
        )
    prepared = prepare(lists, **features)

    def sum_of_curves(name, prefix):
        parts = prepared.embeddings(models or 1, l2, prefix)
        if prepared.dense is not None:
            parts.insert(0, FeatureNetworks(hidden, models or 1, name=f"{prefix}networks")(prepared.dense))
        names = (*prepared.names, *prepared.ids)
        contributions = Contributions(names, name=f"{prefix}contributions")(parts)
        return mask_scores(ops.sum(contributions, axis=-2), prepared.mask, name, models)

    return keras.Model(prepared.inputs, outputs(tasks, sum_of_curves), name="additive")


@register
class FeatureNetworks(keras.layers.Layer):
    """A small network of its own for each feature, with relu between its layers.

    Args:
        hidden: the widths of the hidden layers.
        models: the number of outputs of each network.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, hidden: Sequence[int], models: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = tuple(hidden)
        self.models = models

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"hidden": list(self.hidden), "models": self.models}

    def build(self, shape: tuple) -> None:
        """Makes the weights, with an axis of features in front."""
        self.kernels: list[Tensor] = []
        self.biases: list[Tensor] = []
        for place, (width, following) in enumerate(itertools.pairwise((1, *self.hidden, self.models))):
            # He's range, from the width of one network. The biases are random too: at 0, each curve could bend only at
            # the mean of its feature.
            limit = math.sqrt(6 / width)
            for weights, name, form in (
                (self.kernels, "kernel", (width, following)),
                (self.biases, "bias", (following,)),
            ):
                drawn = keras.initializers.RandomUniform(-limit, limit)
                weights.append(self.add_weight(name=f"{name}_{place}", shape=(shape[-1], *form), initializer=drawn))

    def call(self, x: Tensor) -> Tensor:
        """[lists, list_size, features] -> [lists, list_size, features, models]."""
        # With the axis of features in front, each layer is one batched matrix product, and nothing large is transposed.
        x = ops.moveaxis(x, -1, 0)[..., None]
        for place, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            x = ops.einsum("fbni,fij->fbnj", ops.relu(x) if place else x, kernel) + bias[:, None, None, :]
        return ops.moveaxis(x, 0, 2)


@register
class Contributions(keras.layers.Layer):
    """Holds what each term of a sum adds to it.

    Args:
        names: the feature that each term belongs to; several terms may belong to one feature.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = tuple(names)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"names": list(self.names)}

    def call(self, parts: list[Tensor]) -> Tensor:
        """[..., terms, models] of dense features, [..., models] of an id feature -> [..., terms, models]."""
        terms = [part if len(part.shape) == 4 else part[..., None, :] for part in parts]
        return ops.concatenate(terms, axis=-2)
