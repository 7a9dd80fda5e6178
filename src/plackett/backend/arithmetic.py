"""Arithmetic, with derivatives, that keeps the dtype: operations that `keras.ops` lacks or rounds."""

import concurrent.futures
import os

import keras
import numpy as np
from keras import ops
from numpy.polynomial import Chebyshev, Polynomial


def compiled_once(fn):
    """Decorator for a function of tensors: eager JAX compiles it once per shape as a whole, not step by step."""
    if keras.backend.backend() != "jax":
        return fn
    import jax

    return jax.jit(fn)


def compiled(fn):
    """`fn`, a function of named tensors, compiled once per shape; PyTorch runs it uncompiled."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(fn)
    if keras.backend.backend() == "torch":
        return fn
    import tensorflow as tf

    return tf.function(fn, autograph=False)


def on_all_cores(fn, items):
    """[fn(item) for each item], for a compiled `fn`.

    On a CPU, JAX runs the loops of a compiled function on one core, so each core gets a thread. TensorFlow and PyTorch
    use all cores for each item.
    """
    if keras.backend.backend() != "jax":
        return list(map(fn, items))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(fn, items))


def value_and_slope(fn, x, *rest):
    """(fn(x, *rest), its derivative with respect to x), for an elementwise function of x."""
    if keras.backend.backend() == "jax":
        import jax

        value, pull_back = jax.vjp(lambda x: fn(x, *rest), x)
        return value, pull_back(ops.ones_like(value))[0]
    if keras.backend.backend() == "torch":
        import torch

        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = fn(x, *rest)
            return value.detach(), torch.autograd.grad(value.sum(), x)[0]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = fn(x, *rest)
    return value, tape.gradient(value, x, unconnected_gradients="zero")


def minimum(x, y):
    """The elementwise minimum of two tensors or of a tensor and a number, or the smaller of two numbers."""
    if isinstance(x, int) and isinstance(y, int):
        return min(x, y)
    return x.minimum(_like(y, x)) if keras.backend.backend() == "torch" else ops.minimum(x, y)


def maximum(x, y):
    """The elementwise maximum of two tensors, or of a tensor and a number."""
    return x.maximum(_like(y, x)) if keras.backend.backend() == "torch" else ops.maximum(x, y)


def clip(x, lowest: float, highest: float):
    """The numbers of `x`, limited to the range from `lowest` to `highest`."""
    return x.clamp(lowest, highest) if keras.backend.backend() == "torch" else ops.clip(x, lowest, highest)


def _like(y, x):
    import torch

    return torch.as_tensor(y, dtype=x.dtype, device=x.device)


def floor(x):
    """The largest whole number that is at most x, in the dtype of x."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.floor(x)
    return x.floor() if keras.backend.backend() == "torch" else ops.floor(x)


def highest(x):
    """The largest of 0 and the entries of each list: [..., list_size] -> [..., 1].

    On PyTorch, Keras's `ops.max(initial=)` makes a tensor on the CPU, whatever device the others are on.
    """
    if keras.backend.backend() == "torch":
        return ops.relu(x.amax(dim=-1, keepdim=True)) if x.shape[-1] else x.new_zeros((*x.shape[:-1], 1))
    return ops.max(x, axis=-1, keepdims=True, initial=0.0)


def divide_no_nan(x, y):
    """x / y; 0 where y is 0."""
    nothing = y == 0
    return ops.where(nothing, 0.0, x / ops.where(nothing, 1.0, y))


def mean(x, axis: int):
    """The mean along an axis."""
    return ops.sum(x, axis=axis) / ops.shape(x)[axis]


def softplus(x):
    """log(1 + e^x)."""
    if keras.backend.backend() == "torch" and ops.dtype(x) == "float64":
        # PyTorch's returns x itself from 20 on, which differs from log(1 + e^x) in float64.
        return x.logaddexp(x.new_zeros(()))
    return ops.softplus(x)


_LOG1P = Chebyshev.interpolate(lambda e: np.log1p(e) / e, 10, domain=[0, 1]).convert(kind=Polynomial).coef.tolist()


def softplus_and_sigmoid(x):
    """(log(1 + e^x), 1 / (1 + e^-x)).

    In float32 they share e^-|x|. Where XLA compiles, the logarithm is a polynomial, since XLA's own is slow.
    """
    if keras.backend.backend() == "torch" or ops.dtype(x) != "float32":
        return softplus(x), ops.sigmoid(x)
    e = ops.exp(-ops.abs(x))
    series = ops.zeros_like(e) + _LOG1P[-1]
    for coefficient in reversed(_LOG1P[:-1]):
        series = series * e + coefficient
    return ops.relu(x) + e * series, ops.where(x > 0, 1.0, e) / (1.0 + e)


def in_double(fn, *x):
    """Calls `fn` in float64 and casts its tuple back to the dtype of `x`. JAX allows float64 nowhere else."""
    if keras.backend.backend() != "jax":
        return tuple(ops.cast(y, x[0].dtype) for y in fn(*[ops.cast(y, "float64") for y in x]))
    import jax
    from jax import lax

    with jax.enable_x64(True):
        results = fn(*[lax.convert_element_type(y, "float64") for y in x])
        return tuple(lax.convert_element_type(y, x[0].dtype) for y in results)


def matmul(a, b):
    """The matrix product, at the full precision of its dtype on every device."""
    if keras.backend.backend() != "jax":
        return a @ b
    import jax.numpy as jnp

    return jnp.matmul(a, b, precision="highest")


def loop(start, end, step: int, body, values: tuple) -> tuple:
    """Repeats values = body(place, *values) for the places start, start + step, ... below `end`.

    On PyTorch a place is a Python number, which needs no tensor.
    """
    if keras.backend.backend() == "torch":
        for place in range(int(start), int(end), step):
            values = body(place, *values)
        return values
    start = ops.zeros((), "int32") + start
    return ops.while_loop(
        lambda place, *_: place < end, lambda place, *values: (place + step, *body(place, *values)), (start, *values)
    )[1:]


def sum_of_columns(x, weights):
    """[lists, rows], the sum over the columns of `x`, [lists, rows, columns], weighted by `weights`, [columns].

    It is a matrix product, so that XLA computes each number of `x` once and not again for each of several sums.
    """
    if keras.backend.backend() == "torch":
        return x @ weights  # one product for all lists
    return matmul(x, weights[:, None])[:, :, 0]
