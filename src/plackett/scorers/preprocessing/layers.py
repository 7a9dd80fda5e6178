"""From raw features to what a network is fed: layers that keep what was fitted on the training lists."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from plackett.data import RankingLists
from plackett.scorers.preprocessing import statistics

_register = keras.saving.register_keras_serializable("plackett")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The inputs of a scorer, and what its network is fed.

    Args:
        inputs: of the model, by name.
        mask: [lists, list_size] bool, the input `mask`.
        dense: [lists, list_size, columns], standardised. None = there are no dense features.
        names: [columns], the feature that each column of `dense` is made of.
        ids: name -> [lists, list_size], the number of an id among the known ones, from 1; 0 = unknown.
        known: name -> how many ids are known.
    """

    inputs: dict[str, Any]
    mask: Any
    dense: Any
    names: tuple[str, ...]
    ids: dict[str, Any]
    known: dict[str, int]

    def embedded(self, dimension: int, l2: float, prefix: str = "") -> list:
        """An embedding of each id feature, [lists, list_size, dimension]; row 0 of its table is for the unknown."""
        return [
            keras.layers.Embedding(
                self.known[name] + 1,
                dimension,
                embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None,
                name=f"{prefix}{name}_embedding",
            )(numbers)
            for name, numbers in self.ids.items()
        ]

    def joined(self, dimension: int, l2: float):
        """[lists, list_size, columns + dimension * id features]: all that is known of a document, side by side."""
        parts = [] if self.dense is None else [self.dense]
        parts += self.embedded(dimension, l2)
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]


def prepare(
    lists: RankingLists, *, transform: str | None = "log1p", missing: bool = False, min_count: int = 1
) -> Prepared:
    """Makes the inputs of a scorer, and fits what becomes of them on its training lists.

    Dense features pass the transform, then standardisation by the mean and variance of their known training values. All
    of this is in float32 under any dtype policy, since raw features may not fit in 16 bits.

    Args:
        lists: the training lists.
        transform: "log1p", "quantile" or None, see `plackett.scorers`.
        missing: whether features may be missing, see `plackett.scorers`.
        min_count: an id that fewer documents have counts as unknown.

    Raises:
        ValueError: the lists have no features at all; a feature is infinite, or missing where `missing` is False.

    Cost: one pass over the features, a slice at a time; with "quantile" also a sample of 100,000 rows; for each id
    feature a sorted copy.
    """
    mask = keras.Input((None,), dtype="bool", name="mask")
    inputs, ids, known = {"mask": mask}, {}, {}
    dense, names = None, ()
    if lists.features.shape[1]:
        inputs["features"] = keras.Input((None, lists.features.shape[1]), name="features")
        dense, names = _standardised(inputs["features"], mask, lists, transform, missing)
    for name, column in lists.ids.items():
        inputs[name] = keras.Input((None,), dtype="int32", name=name)
        values = statistics.known_ids(name, column, min_count)
        ids[name], known[name] = Vocabulary(values, name=f"{name}_vocabulary")(inputs[name]), len(values)
    if dense is None and not ids:
        raise ValueError("these lists have neither dense nor id features, which a scorer is made of")
    return Prepared(inputs, mask, dense, names, ids, known)


def _standardised(raw, mask, lists, transform, missing):
    """(the standardised columns, the feature that each is made of)."""
    layer, transformed = _transform(lists, transform)
    mean, variance, absent = statistics.moments(lists, transformed)
    names = statistics.feature_names(lists)
    columns = np.flatnonzero(absent)
    if len(columns) and not missing:
        found = ", ".join(f"{names[k]} ({absent[k]})" for k in columns[:5])
        more = f" and {len(columns) - 5} more features" if len(columns) > 5 else ""
        raise ValueError(
            f"features are missing (NaN), in so many of {len(lists.features)} documents: {found}{more}; "
            "give the scorer the option missing=True if they may be (--scorer-option missing=true)"
        )
    x = Filled(missing, dtype="float32")((raw, mask))
    x = x if layer is None else layer(x)
    x = keras.layers.Normalization(mean=mean.tolist(), variance=variance.tolist(), dtype="float32")(x)
    if not missing:
        return x, names
    return Indicators(columns.tolist(), dtype="float32")((x, raw)), (*names, *(names[k] for k in columns))


def _transform(lists, name):
    """(its layer, the same in numpy)."""
    if name == "log1p":
        return SignedLog1p(dtype="float32"), lambda x: np.sign(x) * np.log1p(np.abs(x))
    if name == "quantile":
        columns = statistics.sample(lists.features).T
        layer = Quantiles(
            [statistics.spread(column, statistics.POINTS).tolist() for column in columns], dtype="float32"
        )
        return layer, layer.in_numpy
    return None, lambda x: x


@_register
class Filled(keras.layers.Layer):
    """Puts 0 for the features of padding, and with `missing` for those that are missing (NaN)."""

    def __init__(self, missing: bool, **kwargs):
        super().__init__(**kwargs)
        self.missing = missing

    def get_config(self):
        """The constructor's arguments."""
        return super().get_config() | {"missing": self.missing}

    def call(self, inputs):
        """([lists, list_size, features], [lists, list_size] bool) -> the features."""
        features, mask = inputs
        known = mask[..., None]
        if self.missing:
            known = known & ~ops.isnan(features)
        return ops.where(known, features, ops.zeros_like(features))


@_register
class Indicators(keras.layers.Layer):
    """Puts 0, the mean, for standardised features that are missing, and says behind them which of `columns` are."""

    def __init__(self, columns: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.columns = tuple(columns)

    def get_config(self):
        """The constructor's arguments."""
        return super().get_config() | {"columns": list(self.columns)}

    def call(self, inputs):
        """(standardised, raw), both [..., features] -> [..., features + columns]."""
        x, raw = inputs
        missing = ops.isnan(raw)
        x = ops.where(missing, ops.zeros_like(x), x)
        marks = ops.take(missing, np.array(self.columns, "int32"), axis=-1)
        return ops.concatenate([x, ops.cast(marks, x.dtype)], axis=-1)


@_register
class SignedLog1p(keras.layers.Layer):
    """sign(x) log(1 + |x|): tames features that grow over orders of magnitude (Qin et al., ICLR 2021)."""

    def call(self, x):
        """[...] -> [...]."""
        return ops.sign(x) * ops.log1p(ops.abs(x))


@_register
class Quantiles(keras.layers.Layer):
    """The share of training values below a value: the empirical distribution function, piecewise linear.

    It rises from 0 to 1. A value that several quantiles share, such as the 0 of a sparse feature, goes to the middle
    of their levels.

    Args:
        boundaries: for each feature its training quantiles, at even levels from 0 to 1, rising.
        kwargs: those of `keras.layers.Layer`.

    Cost: a binary search, log2(quantiles) look-ups a value, in memory of the size of the features.
    """

    def __init__(self, boundaries: Sequence[Sequence[float]], **kwargs):
        super().__init__(**kwargs)
        self.boundaries = tuple(tuple(float(x) for x in feature) for feature in boundaries)
        self._knots = [statistics.knots(feature) for feature in boundaries]
        # Each feature has a row of a power of two, filled with inf, so that a value always has a knot above it.
        self._width = 1 << max(len(values) for values, _ in self._knots).bit_length()
        self._values = np.full((len(self._knots), self._width), np.inf, "float32")
        self._levels = np.ones((len(self._knots), self._width), "float32")
        for row, (values, levels) in enumerate(self._knots):
            self._values[row, : len(values)] = values
            self._levels[row, : len(values)] = levels

    def get_config(self):
        """The constructor's arguments."""
        return super().get_config() | {"boundaries": [list(feature) for feature in self.boundaries]}

    def in_numpy(self, x):
        """`call` on a numpy array; NaN stays NaN."""
        levels = np.stack([np.interp(x[..., k], *knots) for k, knots in enumerate(self._knots)], axis=-1)
        return np.where(np.isnan(x), x, levels)

    def call(self, x):
        """[..., features] -> [..., features], in [0, 1]."""
        values, levels = ops.convert_to_tensor(self._values.ravel()), ops.convert_to_tensor(self._levels.ravel())
        starts = self._width * np.arange(len(self._knots), dtype="int32")
        largest = float(np.finfo("float32").max)
        x = ops.clip(x, -largest, largest)
        place = ops.zeros_like(x, dtype="int32") + ops.convert_to_tensor(starts)
        low, high = ops.zeros_like(x) + ops.convert_to_tensor(self._values[:, 0]), ops.full_like(x, np.inf)
        step = self._width // 2
        while step:
            knot = ops.take(values, place + step, axis=0)
            below = knot <= x
            place = ops.where(below, place + step, place)
            low, high = ops.where(below, knot, low), ops.where(below, high, knot)
            step //= 2
        bottom, top = ops.take(levels, place, axis=0), ops.take(levels, place + 1, axis=0)
        return bottom + (top - bottom) * ops.clip((x - low) / (high - low), 0.0, 1.0)


@_register
class Vocabulary(keras.layers.Layer):
    """The number of an id among the known ones, from 1 in rising order; 0 where it is unknown.

    Args:
        values: the known ids, int32.
        kwargs: those of `keras.layers.Layer`.

    Cost: O(log(known ids)) an id.
    """

    def __init__(self, values: Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self._values = np.unique(np.asarray(values, "int32"))

    def get_config(self):
        """The constructor's arguments."""
        return super().get_config() | {"values": self._values.tolist()}

    def call(self, ids):
        """[...] int32 -> [...] int32."""
        values, flat = ops.convert_to_tensor(self._values), ops.reshape(ids, (-1,))
        place = ops.minimum(ops.searchsorted(values, flat), len(self._values) - 1)
        known = ops.take(values, place, axis=0) == flat
        return ops.reshape(ops.where(known, place + 1, ops.zeros_like(place)), ops.shape(ids))
