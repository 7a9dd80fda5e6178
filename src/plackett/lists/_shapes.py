"""The shapes and dtypes that tensors must have."""

import math

from keras import ops

from plackett import backend


def computable(x):
    """`x` as a tensor of float32 or float64."""
    x = ops.convert_to_tensor(x)
    dtype = ops.dtype(x)
    return x if dtype in ("float32", "float64") else ops.cast(x, "float32")


def as_numbers(name: str, x):
    """`x`, numbers or booleans, as a tensor.

    Raises:
        ValueError: `x` is text.
    """
    if backend.is_text(x):
        raise ValueError(f"{name} must be numbers or booleans, but got text: number the classes or grades first")
    return ops.convert_to_tensor(x)


def as_rows(x, axes: int = 1):
    """Merges all leading axes: [..., list_size] -> [lists, list_size]. `axes` is the number of last axes to keep."""
    shape = ops.shape(x)
    leading = len(shape) - axes
    return ops.reshape(x, (math.prod(shape[:leading]), *shape[leading:]))


def check_shape(name: str, x, other: str, shape) -> None:
    """Raises a ValueError unless `x` has this shape; an axis of unknown size matches any size."""
    fits = len(x.shape) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(x.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"{name} must have the shape of {other}, {shape_text(shape)}, but got {name} {shape_text(x.shape)}"
        )


def shape_text(shape) -> str:
    """A shape as text, such as [32, 100], with ? for an unknown size."""
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def without_column(x, redundant):
    """`x` without its last axis if that is `redundant` and has size 1."""
    return ops.squeeze(x, axis=-1) if redundant and tuple(x.shape[-1:]) == (1,) else x
