"""A Keras layer that gathers the rows of all processes."""

from typing import Any

import keras

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register


@register
class GatherRows(keras.layers.Layer):
    """Gathers the rows of all processes, for losses of a whole batch: in-batch negatives, N-pairs.

    On PyTorch each process has its part of a batch. This layer concatenates the parts of all processes, [rows here,
    ...] each, to [rows of all, ...]. The gradient of a row is the sum of its gradients in all processes. On JAX a model
    sees the whole batch, and the layer does nothing; the same is true for a single process. A Keras mask is gathered
    with its rows.

    >>> import numpy as np
    >>> layer = GatherRows()
    >>> tuple(layer(np.ones((4, 3), "float32")).shape)
    (4, 3)

    Args:
        kwargs: keywords of `keras.layers.Layer`.

    Raises:
        ValueError: when called, if processes have different numbers of rows.

    Cost: a message with the rows here to each process in both directions, and the memory of the rows of all.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x: Tensor) -> Tensor:
        """Returns the rows of all processes."""
        return backend.gather_rows(x)

    def compute_mask(self, inputs: Any, previous_mask: Tensor | None) -> Tensor | None:
        """Returns the mask of the rows of all processes."""
        return None if previous_mask is None else backend.gather_rows(previous_mask)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of the rows of all processes."""
        rows, *rest = input_shape
        return (None if rows is None else rows * backend.parts_of_batch(), *rest)
