"""The types that plackett's signatures name."""

from collections.abc import Callable
from typing import Any, TypeAlias

# A tensor of the running backend, or anything that `keras.ops.convert_to_tensor` accepts: an array, lists of numbers, a
# number. Where a class says so, also a ragged tensor.
Tensor: TypeAlias = Any

# An elementwise function of tensors: the gain of labels, the discount of ranks.
Elementwise: TypeAlias = Callable[[Tensor], Tensor]
