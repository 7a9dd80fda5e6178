"""Similarities of the embeddings of queries and documents."""

import math
from typing import Any, Literal

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._pairs import check_embeddings
from plackett.lists._shapes import computable
from plackett.registry import check_options, register
from plackett.registry.options import Positive

MOST_SCALE = 100.0  # the limit of 1 / t for a learned temperature t, as in CLIP


@register
class Similarity(keras.layers.Layer):
    """Similarities of queries and documents by their embeddings, divided by a temperature.

    For embeddings a of queries and b of documents,

        S_ij = a_i . b_j / t                           "dot"
        S_ij = a_i . b_j / (|a_i| |b_j| t)             "cosine", 0 where one of them is zero

    A learned temperature is kept as log(1 / t), a weight of the layer. After each step of an optimizer 1 / t is limited
    to 100, as in CLIP.

    >>> import numpy as np
    >>> layer = Similarity("cosine", temperature=0.5)
    >>> np.asarray(layer(np.array([[3.0, 4.0]]), np.array([[6.0, 8.0], [0.0, 0.0]]))).round(6).tolist()
    [[2.0, 0.0]]

    Args:
        kind: "cosine" or "dot".
        temperature: the number that the similarities are divided by. None = 1.
        learn_temperature: whether the temperature is learned, starting at `temperature`.
        kwargs: keywords of `keras.layers.Layer`.

    Raises:
        ValueError: an option is out of range; when called, embeddings are not [rows, dimension] with one dimension.

    Cost: O(queries documents dimension). The similarities are float32, or float64 if the embeddings are.

    Reference: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, for
    the learned temperature.
    """

    def __init__(
        self,
        kind: Literal["cosine", "dot"] = "cosine",
        temperature: Positive | None = None,
        learn_temperature: bool = False,
        **kwargs: Any,
    ):
        options = {"kind": kind, "temperature": temperature, "learn_temperature": learn_temperature}
        check_options(Similarity.__init__, **options)
        if learn_temperature and temperature is not None and temperature < 1 / MOST_SCALE:
            raise ValueError(
                f"a learned temperature must be at least {1 / MOST_SCALE}, its limit, but got "
                f"temperature={temperature!r}: start higher, or leave out learn_temperature"
            )
        super().__init__(autocast=False, **kwargs)  # half precision would make too many similarities equal
        self.kind = kind
        self.temperature = temperature
        self.learn_temperature = learn_temperature
        self.log_scale = None

    def build(self, queries_shape: tuple, documents_shape: tuple) -> None:
        """Makes the weight of a learned temperature."""
        check_embeddings(queries_shape, documents_shape)
        if self.learn_temperature:
            self.log_scale = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(-math.log(self.temperature or 1.0)),
                constraint=_AtMost(math.log(MOST_SCALE)),
                autocast=False,
                name="log_scale",
            )

    def call(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Returns the similarities, [queries, documents], of [queries, dimension] and [documents, dimension]."""
        queries, documents = self.prepare(queries, documents)
        return backend.matmul(queries, ops.transpose(documents))

    def prepare(self, queries: Tensor, documents: Tensor) -> tuple[Tensor, Tensor]:
        """Returns embeddings whose plain product `queries @ documents^T` gives the similarities.

        Losses that never hold all similarities at once use it.

        Args:
            queries: [queries, dimension].
            documents: [documents, dimension].

        Returns:
            (queries, documents), with unit length for "cosine"; then the queries are divided by the temperature.

        Raises:
            ValueError: they are not [rows, dimension] with one dimension.
        """
        queries, documents = computable(queries), computable(documents)
        check_embeddings(queries.shape, documents.shape)
        if self.kind == "cosine":
            queries, documents = unit_length(queries), unit_length(documents)
        return queries * self._scale(queries.dtype), documents

    def current_temperature(self) -> float:
        """The current temperature, learned or not."""
        if self.log_scale is None:
            return float(self.temperature or 1.0)
        return math.exp(-float(ops.convert_to_numpy(self.log_scale)))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = {"kind": self.kind, "temperature": self.temperature, "learn_temperature": self.learn_temperature}
        return super().get_config() | own

    def _scale(self, dtype):
        if not self.learn_temperature:
            return 1.0 / (self.temperature or 1.0)
        if self.log_scale is None:
            raise ValueError("the layer has not been built: call it, or build(queries_shape, documents_shape), first")
        return ops.exp(ops.cast(self.log_scale, dtype))


@register
class _AtMost(keras.constraints.Constraint):
    """Limits a weight to `limit`. A step beyond it ends there, and a later step may come back."""

    def __init__(self, limit: float):
        self.limit = limit

    def __call__(self, w: Tensor) -> Tensor:
        """The weight."""
        return ops.minimum(w, self.limit)

    def get_config(self) -> dict:
        """The constructor's argument."""
        return {"limit": self.limit}


def unit_length(x: Tensor) -> Tensor:
    """Divides each vector, [..., dimension], by its length. Zero stays zero, with a finite gradient.

    No square is formed that is too large or too small for the dtype.
    """
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(largest > 0, largest, 1.0)  # the direction does not depend on this factor, so it has no gradient
    squares = ops.sum(x * x, axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.where(squares > 0, squares, 1.0))
