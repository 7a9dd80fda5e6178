"""The rows of all processes as a layer of Keras."""

from typing import Any

import keras

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register


@register
class GatherRows(keras.layers.Layer):
    """The rows of all processes, for losses of a whole batch: in-batch negatives, N-pairs.

    On PyTorch each process has its part of a batch, and this layer puts the parts of all, [rows here, ...] each, one
    after another, [rows of all, ...]. The gradient of a row is the sum of its gradients in all processes. On JAX a
    model sees the whole batch, and the layer does nothing; nor does it where there is one process. A Keras mask goes
    with its rows.

    >>> import numpy as np
    >>> layer = GatherRows()
    >>> tuple(layer(np.ones((4, 3), "float32")).shape)
    (4, 3)

    Args:
        kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: when called, where processes have not as many rows each.

    Cost: a message of the rows here to each process in both directions, and the memory of the rows of all.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """The rows of all processes."""
        return backend.gather_rows(x)

    def compute_mask(self, inputs: Any, previous_mask: Tensor | None) -> Tensor | None:
        """That of the rows of all processes."""
        return None if previous_mask is None else backend.gather_rows(previous_mask)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """That of the rows of all processes."""
        rows, *rest = input_shape
        return (None if rows is None else rows * backend.parts_of_batch(), *rest)
