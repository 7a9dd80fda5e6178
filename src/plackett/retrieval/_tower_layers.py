"""The layers between the columns of a table and a tower. They keep what was fitted on the training rows."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register
from plackett.scorers.preprocessing.layers import Vocabulary


@register
class StandardNumbers(keras.layers.Layer):
    """Columns of numbers side by side, transformed and standardised, followed by indicators of missing numbers.

    A missing number (NaN) becomes 0, the mean.

    >>> import numpy as np
    >>> layer = StandardNumbers(["age", "price"], [30.0, 2.0], [100.0, 1.0], missing=True, marked=["price"])
    >>> columns = np.array([20.0, 40.0], "float32"), np.array([np.nan, 3.0], "float32")
    >>> ops.convert_to_numpy(layer(columns)).tolist()
    [[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]

    Args:
        names: the names of the columns.
        mean, variance: of each transformed column.
        transform: "log1p" for sign(x) log(1 + |x|), or None.
        missing: whether a number may be missing.
        marked: the columns that get an indicator of missing numbers.
        kwargs: keywords of `keras.layers.Layer`.
    """

    def __init__(
        self,
        names: Sequence[str],
        mean: Sequence[float],
        variance: Sequence[float],
        transform: str | None = None,
        missing: bool = False,
        marked: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.names, self.mean, self.variance = tuple(names), tuple(mean), tuple(variance)
        self.transform, self.missing, self.marked = transform, missing, tuple(marked)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {
            "names": list(self.names),
            "mean": list(self.mean),
            "variance": list(self.variance),
            "transform": self.transform,
            "missing": self.missing,
            "marked": list(self.marked),
        }

    def call(self, columns: Sequence[Tensor]) -> Tensor:
        """Takes [rows] for each column, and returns [rows, columns + marked]."""
        x = ops.stack(list(columns), axis=-1)
        missing = ops.isnan(x)
        if self.transform == "log1p":
            x = ops.sign(x) * backend.log1p(ops.abs(x))
        mean, deviation = (ops.convert_to_tensor(np.array(y, "float32")) for y in (self.mean, np.sqrt(self.variance)))
        x = (x - mean) / deviation
        if not self.missing:
            return x
        x = ops.where(missing, ops.zeros_like(x), x)
        marks = [ops.cast(missing[..., self.names.index(name)], x.dtype)[..., None] for name in self.marked]
        return ops.concatenate([x, *marks], axis=-1)


@register
class KnownIds(Vocabulary):
    """The number of an id among the known ones, from 1; 0 if it is unknown, missing or padding of a list.

    Args:
        column: the column of the ids.
        values, kind: see `Vocabulary`.
        missing: whether an id may be missing.
        kwargs: keywords of `keras.layers.Layer`.
    """

    def __init__(
        self,
        column: str,
        values: Sequence[int] | np.ndarray,
        kind: str = "int32",
        missing: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(values, kind=kind, **kwargs)
        self.column = column
        self.missing = missing

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"column": self.column, "missing": self.missing}


def nothing(kind: str) -> int:
    """The number that means no id: the lowest of its kind, which no id may be."""
    return int(np.iinfo("int32" if kind == "int32" else "int64").min)


@register
class MeanOfLists(keras.layers.Layer):
    """The mean of the embeddings of the ids in a list; 0 for an empty list.

    >>> import numpy as np
    >>> ids = np.array([[5, 7], [5, nothing("int32")]], "int32")
    >>> embeddings = np.array([[[1.0], [3.0]], [[1.0], [8.0]]], "float32")
    >>> ops.convert_to_numpy(MeanOfLists()((embeddings, ids))).tolist()
    [[2.0], [1.0]]

    Args:
        kind: the kind of the ids, see `Vocabulary`.
        kwargs: keywords of `keras.layers.Layer`.
    """

    def __init__(self, kind: str = "int32", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"kind": self.kind}

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """([rows, length, dimension], [rows, length] or [rows, length, 2] int32) -> [rows, dimension]."""
        embeddings, ids = inputs
        lowest = nothing("int32")
        there = ids != lowest if self.kind == "int32" else (ids[..., 1] != lowest) | (ids[..., 0] != 0)
        there = ops.cast(there, embeddings.dtype)[..., None]
        return ops.sum(embeddings * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1)
