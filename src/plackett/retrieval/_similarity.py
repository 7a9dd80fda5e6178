"""How alike the embeddings of queries and documents are."""

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

MOST_SCALE = 100.0  # of a learned temperature, as in CLIP


@register
class Similarity(keras.layers.Layer):
    """Similarities of queries and documents by their embeddings, divided by a temperature.

    For embeddings a of queries and b of documents,

        S_ij = a_i . b_j / t                           "dot"
        S_ij = a_i . b_j / (|a_i| |b_j| t)             "cosine", 0 where one of them is zero

    A learned temperature is kept as log(1 / t), a weight of the layer. After each step of an optimizer 1 / t is at most
    100, as in CLIP.

    >>> import numpy as np
    >>> layer = Similarity("cosine", temperature=0.5)
    >>> np.asarray(layer(np.array([[3.0, 4.0]]), np.array([[6.0, 8.0], [0.0, 0.0]]))).round(6).tolist()
    [[2.0, 0.0]]

    Args:
        kind: "cosine" or "dot".
        temperature: the similarities are divided by it. None = 1.
        learn_temperature: whether the temperature is learned, beginning with `temperature`.
        kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: an option out of range; when called, embeddings that are not [rows, dimension] of one dimension.

    Cost: O(queries documents dimension). The similarities are float32, or float64 where the embeddings are.

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
                f"a temperature that is learned must be at least {1 / MOST_SCALE}, where it stops, but got "
                f"temperature={temperature!r}: begin higher, or leave out learn_temperature"
            )
        super().__init__(autocast=False, **kwargs)  # half precision would tell too few similarities apart
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
        """[queries, documents], of embeddings [queries, dimension] and [documents, dimension]."""
        queries, documents = self.prepare(queries, documents)
        return backend.matmul(queries, ops.transpose(documents))

    def prepare(self, queries: Tensor, documents: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings whose plain product `queries @ documents^T` are the similarities.

        It is what losses take that never hold all similarities at once.

        Args:
            queries: [queries, dimension].
            documents: [documents, dimension].

        Returns:
            The two, of unit length for "cosine"; then the queries are divided by the temperature.

        Raises:
            ValueError: they are not [rows, dimension] of one dimension.
        """
        queries, documents = computable(queries), computable(documents)
        check_embeddings(queries.shape, documents.shape)
        if self.kind == "cosine":
            queries, documents = unit_length(queries), unit_length(documents)
        return queries * self._scale(queries.dtype), documents

    def current_temperature(self) -> float:
        """The temperature as it is now, learned or not."""
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
    """A weight is at most `limit`: a step that goes further ends there, and a later one may come back."""

    def __init__(self, limit: float):
        self.limit = limit

    def __call__(self, w: Tensor) -> Tensor:
        """The weight."""
        return ops.minimum(w, self.limit)

    def get_config(self) -> dict:
        """The constructor's argument."""
        return {"limit": self.limit}


def unit_length(x: Tensor) -> Tensor:
    """[..., dimension], each vector divided by its length; zero stays zero, with a finite gradient.

    Neither squares that are too large for the dtype nor ones too small are formed.
    """
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(largest > 0, largest, 1.0)  # the direction does not depend on it, so it has no gradient
    squares = ops.sum(x * x, axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.where(squares > 0, squares, 1.0))
