"""From raw features to the input of a network: the preprocessing of a scorer, fitted on its training lists."""

import dataclasses
from typing import Literal

import keras
import numpy as np

from plackett._types import Tensor
from plackett.data import RankingLists
from plackett.data._columns import kind_of_ids, shape_of_ids
from plackett.registry import check_options
from plackett.registry.options import Count
from plackett.scorers.preprocessing import statistics
from plackett.scorers.preprocessing.layers import (
    Filled,
    Indicators,
    LogAndBins,
    Quantiles,
    SignedLog1p,
    Table,
    Vocabulary,
)

Transform = Literal["log1p", "quantile", "bins"] | None


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The inputs of a scorer, and the prepared input of its network.

    Args:
        inputs: the inputs of the model, by name.
        mask: [lists, list_size] bool, the input `mask`.
        dense: [lists, list_size, columns], standardised. None = there are no dense features.
        names: [columns], the feature that each column of `dense` is made from.
        ids: name -> [lists, list_size], the number of an id among the known ids, from 1; 0 = unknown.
        known: name -> the number of known ids.
    """

    inputs: dict[str, Tensor]
    mask: Tensor
    dense: Tensor | None
    names: tuple[str, ...]
    ids: dict[str, Tensor]
    known: dict[str, int]

    def embeddings(self, dimension: int, l2: float, prefix: str = "") -> list[Tensor]:
        """The embedding of each id feature, [lists, list_size, dimension]; row 0 of its table is for unknown ids."""
        layers = _names_of_layers(self.ids)
        return [
            Table(
                self.known[name] + 1,
                dimension,
                embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None,
                name=f"{prefix}{layers[name]}_embedding",
            )(numbers)
            for name, numbers in self.ids.items()
        ]

    def join(self, dimension: int, l2: float) -> Tensor:
        """[lists, list_size, columns + dimension * id features]: all features of a document, concatenated."""
        parts = [] if self.dense is None else [self.dense]
        parts += self.embeddings(dimension, l2)
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def prepare(
    lists: RankingLists, *, transform: Transform = "log1p", missing: bool = False, min_count: Count = 1
) -> Prepared:
    """Makes the inputs of a scorer, and fits their preprocessing on its training lists.

    Dense features pass the transform and are then standardised by the mean and variance of their known training values;
    bins only by the mean. All of this is in float32 under any dtype policy, since raw features may not fit in 16 bits.

    Args:
        lists: the training lists.
        transform: "log1p", "quantile", "bins" or None, see `plackett.scorers`.
        missing: whether features may be missing, see `plackett.scorers`.
        min_count: an id with fewer documents counts as unknown.

    Raises:
        ValueError: the lists have no features at all; a feature is infinite, or missing where `missing` is False; or an
            option is out of range.

    Cost: one pass over the features, a slice at a time; with "quantile" or "bins" also a sample of 100,000 rows; and a
    sorted copy of each id feature.
    """
    check_options(prepare, transform=transform, missing=missing, min_count=min_count)
    mask = keras.Input((None,), dtype="bool", name="mask")
    inputs, ids, known = {"mask": mask}, {}, {}
    dense, names = None, ()
    if lists.features.shape[1]:
        inputs["features"] = keras.Input((None, lists.features.shape[1]), name="features")
        dense, names = _standardise(inputs["features"], mask, lists, transform, missing)
    for name, column in lists.ids.items():
        inputs[name] = keras.Input(shape_of_ids(column), dtype="int32", name=name)
        values = statistics.known_ids(name, column, min_count)
        vocabulary = Vocabulary(values, kind=kind_of_ids(column), name=f"{name}_vocabulary")
        ids[name], known[name] = vocabulary(inputs[name]), len(values)
    if dense is None and not ids:
        raise ValueError("these lists have neither dense nor id features, but a scorer needs some")
    return Prepared(inputs, mask, dense, names, ids, known)


def _names_of_layers(features):
    """Feature -> the name of its layer, without a dot, which PyTorch does not allow in parameter names."""
    known: dict[str, str] = {}
    for feature in features:
        name = feature.replace(".", "_")
        while name != feature and (name in features or name in known.values()):
            name += "_"
        known[feature] = name
    return known


def _standardise(raw, mask, lists, transform, missing):
    """(the standardised columns, the feature that each is made from)."""
    layer, transformed = _transform(lists, transform)
    mean, variance, absent = statistics.moments(lists, transformed)
    names = lists.feature_names
    columns = np.flatnonzero(absent)
    if len(columns) and not missing:
        raise statistics.missing_features(lists, absent)
    known_names = names if lists.has_feature_names else ()
    x = Filled(missing, feature_names=known_names, dtype="float32")((raw, mask))
    x = x if layer is None else layer(x)
    variance[len(names) :] = 1.0  # bins are shares already, and the informative ones vary most
    x = keras.layers.Normalization(mean=mean.tolist(), variance=variance.tolist(), dtype="float32")(x)
    sources = layer.sources if isinstance(layer, LogAndBins) else None
    made = names if sources is None else tuple(names[k] for k in sources)
    if not missing:
        return x, made
    return Indicators(columns.tolist(), sources, dtype="float32")((x, raw)), (*made, *(names[k] for k in columns))


def _transform(lists, name):
    """(its layer, the same in NumPy)."""
    if name == "log1p":
        return SignedLog1p(dtype="float32"), lambda x: np.sign(x) * np.log1p(np.abs(x))
    if name == "quantile":
        columns = statistics.sample(lists.features).T
        layer = Quantiles(
            [statistics.spread(column, statistics.POINTS).tolist() for column in columns], dtype="float32"
        )
        return layer, layer.in_numpy
    if name == "bins":
        layer = LogAndBins([statistics.edges(x).tolist() for x in statistics.sample(lists.features).T], dtype="float32")
        return layer, layer.in_numpy
    return None, lambda x: x
