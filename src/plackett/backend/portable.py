"""Operations that every ONNX exporter supports, used while a model is exported; otherwise those of the backend.

The exporter of each backend lacks some operations: a search in sorted values, the remainder, the logarithm of 1 + x,
and look-ups in a vector. The replacements give the same numbers but are slower, so training does not use them.
"""

import contextlib
import contextvars
from collections.abc import Iterator

import keras
from keras import ops

_on = contextvars.ContextVar("portable", default=False)


@contextlib.contextmanager
def portable_operations() -> Iterator[None]:
    """Within this context, traced operations can be exported."""
    before = _on.set(True)
    try:
        yield
    finally:
        _on.reset(before)


def is_portable() -> bool:
    """Whether a model is being exported."""
    return _on.get()


def log1p(x):
    """log(1 + x), exact for small x too.

    Reference: Kahan's form, in Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 1.14.1.
    """
    if not is_portable():
        return ops.log1p(x)
    whole = 1.0 + x
    lost = ops.where((x < 1.0) & (whole != 1.0), x / (whole - 1.0), ops.ones_like(x))
    return ops.where(whole == 1.0, x, ops.log(whole) * lost)


def mod(x, divisor: int):
    """The remainder of a division of whole numbers, from 0 to divisor - 1."""
    if not is_portable():
        return ops.mod(x, divisor)
    return x - ops.floor_divide(x, divisor) * divisor


def to_look_up(values):
    """A vector, [n], in the form that `look_up` takes; made once, so that a file holds it once."""
    values = ops.convert_to_tensor(values)
    return values[:, None] if is_portable() else values


def look_up(values, places):
    """[...], the values at these places."""
    found = ops.take(values, places, axis=0)
    return found if len(values.shape) == 1 else found[..., 0]


def columns(x, places):
    """[..., columns], the columns of `x` at these places, along the last axis.

    They are gathered as rows of the transpose, since onnxruntime takes ten times as long along the last axis, where it
    copies one number after the other.
    """
    rows = ops.moveaxis(x, -1, 0)
    if keras.backend.backend() == "torch":  # there `take` squeezes the axis, which has another meaning in ONNX
        rows = rows.index_select(0, ops.convert_to_tensor(places))
    else:
        rows = ops.take(rows, places, axis=0)
    return ops.moveaxis(rows, 0, -1)
