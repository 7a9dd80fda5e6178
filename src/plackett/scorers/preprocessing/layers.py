"""The layers between raw features and a network. They keep what was fitted on the training lists."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register
from plackett.scorers.preprocessing import statistics

KINDS = ("int32", "int64", "text")  # of ids
MULTIPLIERS = (73244475, -1640531535)  # an odd number with well-spread bits


class OfFeatures(keras.layers.Layer):
    """The first layer over the raw features of a scorer, which keeps their names.

    Args:
        feature_names: the names of the features. () = they only have numbers.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, feature_names: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feature_names = tuple(feature_names)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"feature_names": list(self.feature_names)}


@register
class Table(keras.layers.Embedding):
    """An embedding whose rows take the same steps on every backend, however often a batch contains them."""

    def call(self, inputs: Tensor) -> Tensor:
        """[...] int32 -> [..., dimension]."""
        return ops.cast(backend.rows(self.embeddings, inputs), self.compute_dtype)


@register
class Filled(OfFeatures):
    """Sets the features of padding to 0 and, with `missing`, also features that are missing (NaN)."""

    def __init__(self, missing: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.missing = missing

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"missing": self.missing}

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """([lists, list_size, features], [lists, list_size] bool) -> the features."""
        features, mask = inputs
        known = mask[..., None]
        if self.missing:
            known = known & ~ops.isnan(features)
        return ops.where(known, features, ops.zeros_like(features))


@register
class Indicators(keras.layers.Layer):
    """Sets missing standardised features to 0, the mean, and appends columns that say which of `columns` are missing.

    Args:
        columns: the features that may be missing.
        sources: for each standardised column, the feature that it is made from. None = the columns are the features.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, columns: Sequence[int], sources: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = tuple(columns)
        self.sources = None if sources is None else tuple(sources)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        sources = None if self.sources is None else list(self.sources)
        return super().get_config() | {"columns": list(self.columns), "sources": sources}

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """(standardised [..., all columns], raw [..., features]) -> [..., all columns + columns]."""
        x, raw = inputs
        missing = ops.isnan(raw)
        gone = missing if self.sources is None else backend.columns(missing, np.array(self.sources, "int32"))
        x = ops.where(gone, ops.zeros_like(x), x)
        marks = backend.columns(missing, np.array(self.columns, "int32"))
        return ops.concatenate([x, ops.cast(marks, x.dtype)], axis=-1)


@register
class SignedLog1p(keras.layers.Layer):
    """sign(x) log(1 + |x|), for features that span orders of magnitude.

    >>> import numpy as np
    >>> [round(float(x), 3) for x in SignedLog1p()(np.array([-1000.0, 0.0, 1000.0], "float32"))]
    [-6.909, 0.0, 6.909]

    Reference: Qin et al., "Are Neural Rankers still Outperformed by Gradient Boosted Decision Trees?", ICLR 2021.
    """

    def call(self, x: Tensor) -> Tensor:
        """[...] -> [...]."""
        return ops.sign(x) * backend.log1p(ops.abs(x))


@register
class Quantiles(keras.layers.Layer):
    """The share of training values below a value: the piecewise linear empirical distribution function.

    It rises from 0 to 1. A value that several quantiles share, such as the 0 of a sparse feature, maps to the middle of
    their levels.

    >>> import numpy as np
    >>> layer = Quantiles([[0.0, 1.0, 3.0]])
    >>> [float(x) for x in layer(np.array([[0.5], [2.0], [9.0]], "float32"))[:, 0]]
    [0.25, 0.75, 1.0]

    Args:
        boundaries: for each feature, its training quantiles at even levels from 0 to 1, in ascending order.
        kwargs: those of `keras.layers.Layer`.

    Cost: a binary search, log2(quantiles) look-ups per value; memory of the size of the features.
    """

    def __init__(self, boundaries: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.boundaries = tuple(tuple(float(x) for x in feature) for feature in boundaries)
        self._knots = [statistics.knots(feature) for feature in boundaries]
        # Each feature has a row whose length is a power of two, filled up with inf, so that a value always has a knot
        # above it.
        self._width = 1 << max(len(values) for values, _ in self._knots).bit_length()
        self._values = np.full((len(self._knots), self._width), np.inf, "float32")
        self._levels = np.ones((len(self._knots), self._width), "float32")
        for row, (values, levels) in enumerate(self._knots):
            self._values[row, : len(values)] = values
            self._levels[row, : len(values)] = levels

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"boundaries": [list(feature) for feature in self.boundaries]}

    def in_numpy(self, x: np.ndarray) -> np.ndarray:
        """`call` on a numpy array; NaN stays NaN."""
        levels = np.stack([np.interp(x[..., k], *knots) for k, knots in enumerate(self._knots)], axis=-1)
        return np.where(np.isnan(x), x, levels)

    def call(self, x: Tensor) -> Tensor:
        """[..., features] -> [..., features], in [0, 1]."""
        values, levels = backend.to_look_up(self._values.ravel()), backend.to_look_up(self._levels.ravel())
        starts = self._width * np.arange(len(self._knots), dtype="int32")
        largest = float(np.finfo("float32").max)
        x = ops.clip(x, -largest, largest)
        place = ops.zeros_like(x, dtype="int32") + ops.convert_to_tensor(starts)
        low, high = ops.zeros_like(x) + ops.convert_to_tensor(self._values[:, 0]), ops.full_like(x, np.inf)
        step = self._width // 2
        while step:
            knot = backend.look_up(values, place + step)
            below = knot <= x
            place = ops.where(below, place + step, place)
            low, high = ops.where(below, knot, low), ops.where(below, high, knot)
            step //= 2
        bottom, top = backend.look_up(levels, place), backend.look_up(levels, place + 1)
        return bottom + (top - bottom) * ops.clip((x - low) / (high - low), 0.0, 1.0)


@register
class LogAndBins(keras.layers.Layer):
    """log1p of each feature, as in `SignedLog1p`, followed by the position of the value within each of its bins.

    For the edges b_0 < b_1 < ... of a feature, bin k gives

        clip((x - b_k) / (b_k+1 - b_k), 0, 1)

    A linear function of these can be any function that is piecewise linear between the edges and constant beyond them.

    >>> import numpy as np
    >>> layer = LogAndBins([[0.0, 1.0, 3.0]])
    >>> [round(float(x), 3) for x in layer(np.array([[2.0]], "float32"))[0]]
    [1.099, 1.0, 0.5]

    Args:
        edges: for each feature, strictly increasing numbers; a single number makes no bin.
        kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: the edges of a feature are not strictly increasing.

    Reference: Gorishniy, Rubachev & Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS
    2022, equation 1, https://arxiv.org/abs/2203.05556. Here the first and last bin end at the edges.
    """

    def __init__(self, edges: Sequence[Sequence[float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.edges = tuple(tuple(float(x) for x in feature) for feature in edges)
        for k, feature in enumerate(self.edges):
            if not feature or not (np.diff(feature) > 0).all():
                raise ValueError(
                    f"the edges of a feature must be strictly increasing numbers, but those of feature {k} are "
                    f"{feature}"
                )
        self._source = np.repeat(np.arange(len(edges)), [len(feature) - 1 for feature in edges]).astype("int32")
        self._low = np.array([x for feature in self.edges for x in feature[:-1]], "float32")
        self._high = np.array([x for feature in self.edges for x in feature[1:]], "float32")

    @property
    def sources(self) -> list[int]:
        """[columns], the number of the feature that each column is made from."""
        return [*range(len(self.edges)), *self._source.tolist()]

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"edges": [list(feature) for feature in self.edges]}

    def in_numpy(self, x: np.ndarray) -> np.ndarray:
        """`call` on a numpy array; NaN stays NaN."""
        low, high = self._low.astype("float64"), self._high.astype("float64")
        with np.errstate(invalid="ignore"):  # for infinite values, which are rejected
            bins = np.clip((x[..., self._source] - low) / (high - low), 0.0, 1.0)
        return np.concatenate([np.sign(x) * np.log1p(np.abs(x)), bins], axis=-1)

    def call(self, x: Tensor) -> Tensor:
        """[..., features] -> [..., columns]."""
        logs = ops.sign(x) * backend.log1p(ops.abs(x))
        if not len(self._source):
            return logs
        # First clipped to the edges and divided by 16, so that no difference overflows and no inverse underflows.
        low, high = ops.convert_to_tensor(self._low), ops.convert_to_tensor(self._high)
        x = backend.minimum(backend.maximum(backend.columns(x, self._source), low), high)
        bins = (x / 16 - low / 16) / (high / 16 - low / 16)
        return ops.concatenate([logs, bins], axis=-1)


@register
class Buckets(keras.layers.Layer):
    """The bucket, from 0, that an id is hashed into.

    >>> import numpy as np
    >>> [int(x) for x in Buckets(5)(np.array([3, 70, 3], "int32"))]
    [4, 2, 4]

    Args:
        buckets: the number of buckets.
        kind: "int32", "int64" or "text", see `Vocabulary`.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, buckets: int, kind: str = "int32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.buckets, self.kind = buckets, kind

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"buckets": self.buckets, "kind": self.kind}

    def call(self, ids: Tensor) -> Tensor:
        """[...] int32, or [..., 2] int32, the halves of 64 bits -> [...] int32."""
        low, high = (ids, 0) if self.kind == "int32" else (ids[..., 0], ids[..., 1])
        mixed = low * MULTIPLIERS[0] + high * MULTIPLIERS[1]  # which wraps at 32 bits
        # The low bits of a product do not depend on the high bits of its factors.
        return backend.mod(ops.bitwise_xor(mixed, ops.right_shift(mixed, 15)), self.buckets)


@register
class Vocabulary(keras.layers.Layer):
    """The number of an id among the known ids, from 1 in ascending order; 0 if it is unknown.

    >>> import numpy as np
    >>> [int(x) for x in Vocabulary([70, 3])(np.array([3, 70, 5], "int32"))]
    [1, 2, 0]

    Ids of 64 bits, such as those of strings, come as two halves, see `plackett.data.hash_strings`:

    >>> from plackett.data import hash_strings
    >>> layer = Vocabulary(hash_strings(["red", "blue"]), kind="text")
    >>> [int(x) for x in layer(hash_strings(["blue", "red", "grey"]).view("int32").reshape(-1, 2))]
    [1, 2, 0]

    Args:
        values: the known ids, whole numbers of this kind; for text, the numbers that `hash_strings` returns.
        kind: "int32", "int64" or "text". With the last two, an id is passed as the low and the high half of its 64
            bits.
        kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: `kind` is unknown.

    Cost: O(log(known ids)) per id.
    """

    def __init__(self, values: Sequence[int] | np.ndarray, kind: str = "int32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, but got {kind!r}")
        self.kind = kind
        self.values = np.unique(np.asarray(values, "int32" if kind == "int32" else "int64"))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"values": self.values.tolist(), "kind": self.kind}

    @property
    def unknown(self) -> int:
        """A whole number >= 0 that is not a known id."""
        return int(np.setdiff1d(np.arange(len(self.values) + 1), self.values)[0])

    def call(self, ids: Tensor) -> Tensor:
        """[...] int32, or [..., 2] int32, the halves of 64 bits -> [...] int32."""
        if self.kind != "int32":
            return self._find(ids[..., 1], ids[..., 0])
        if backend.is_portable():
            return self._find(ids)
        values, flat = ops.convert_to_tensor(self.values), ops.reshape(ids, (-1,))
        place = ops.minimum(ops.searchsorted(values, flat), len(self.values) - 1)
        known = ops.take(values, place, axis=0) == flat
        return ops.reshape(ops.where(known, place + 1, ops.zeros_like(place)), ops.shape(ids))

    def _find(self, high, low=None):
        """A binary search by the high and then the low half, since JAX has no int64; without halves, by the number.

        Halves are compared as int32, so that values are not in numerical order; `numbers` gives the number of each.
        """
        lows, highs = (None, self.values) if low is None else self.values.view("int32").reshape(-1, 2).T
        order = np.lexsort((highs,) if low is None else (lows, highs))
        numbers = backend.to_look_up((order + 1).astype("int32"))
        highs = backend.to_look_up(np.ascontiguousarray(highs[order]))
        lows = None if low is None else backend.to_look_up(np.ascontiguousarray(lows[order]))
        place, step = ops.zeros_like(high), 1 << (len(order) - 1).bit_length()
        while step:
            # The place is that of the last value that is at most the id; no step goes beyond the end.
            there = ops.minimum(place + step, len(order) - 1)
            h = backend.look_up(highs, there)
            not_above = h <= high if low is None else (h < high) | ((h == high) & (backend.look_up(lows, there) <= low))
            place = ops.where(not_above & (place + step < len(order)), there, place)
            step //= 2
        known = backend.look_up(highs, place) == high
        if low is not None:
            known = known & (backend.look_up(lows, place) == low)
        return ops.where(known, backend.look_up(numbers, place), ops.zeros_like(place))
