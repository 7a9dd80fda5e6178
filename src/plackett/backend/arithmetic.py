"""Arithmetic that keeps the dtype, and its derivatives: what `keras.ops` lacks or rounds."""

import concurrent.futures
import os

import keras
import numpy as np
from keras import ops
from numpy.polynomial import Chebyshev, Polynomial


def compiled_once(fn):
    """Decorator of a function of tensors: JAX, called eagerly, compiles it once a shape and not each step of it."""
    if keras.backend.backend() != "jax":
        return fn
    import jax

    return jax.jit(fn)


def compiled(fn):
    """`fn`, a function of tensors by their names, compiled once a shape; PyTorch runs it as it is."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(fn)
    if keras.backend.backend() == "torch":
        return fn
    import tensorflow as tf

    return tf.function(fn, autograph=False)


def on_all_cores(fn, items):
    """[fn(item) for each item], of a compiled `fn`.

    JAX runs the loops of a compiled function on one core of a CPU, so it gets a thread a core; TensorFlow and PyTorch
    use all cores for each item.
    """
    if keras.backend.backend() != "jax":
        return list(map(fn, items))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(fn, items))


def value_and_slope(fn, x, *rest):
    """(fn(x, *rest), its derivative by x) for a function that takes each number of x by itself."""
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
    """The smaller of two tensors, or of a tensor and a number, place by place; of two numbers."""
    if isinstance(x, int) and isinstance(y, int):
        return min(x, y)
    return x.minimum(_like(y, x)) if keras.backend.backend() == "torch" else ops.minimum(x, y)


def maximum(x, y):
    """The larger of two tensors, or of a tensor and a number, place by place."""
    return x.maximum(_like(y, x)) if keras.backend.backend() == "torch" else ops.maximum(x, y)


def clip(x, lowest: float, highest: float):
    """The numbers of `x`, with `lowest` and `highest` in place of what lies beyond them."""
    return x.clamp(lowest, highest) if keras.backend.backend() == "torch" else ops.clip(x, lowest, highest)


def _like(y, x):
    import torch

    return torch.as_tensor(y, dtype=x.dtype, device=x.device)


def floor(x):
    """The largest whole number that is not above, in the dtype of x."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.floor(x)
    return x.floor() if keras.backend.backend() == "torch" else ops.floor(x)


def highest(x):
    """The largest of 0 and the entries of each list: [..., list_size] -> [..., 1].

    Keras's `ops.max(initial=)` makes a tensor on the CPU of PyTorch, whatever device the others are on.
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
        # That of PyTorch is x itself from 20 on, which float64 tells from log(1 + e^x).
        return x.logaddexp(x.new_zeros(()))
    return ops.softplus(x)


_LOG1P = Chebyshev.interpolate(lambda e: np.log1p(e) / e, 10, domain=[0, 1]).convert(kind=Polynomial).coef.tolist()


def softplus_and_sigmoid(x):
    """(log(1 + e^x), 1 / (1 + e^-x)).

    In float32 they share e^-|x|, and the logarithm is a polynomial where XLA compiles, which makes slow code of it.
    """
    if keras.backend.backend() == "torch" or ops.dtype(x) != "float32":
        return softplus(x), ops.sigmoid(x)
    e = ops.exp(-ops.abs(x))
    series = ops.zeros_like(e) + _LOG1P[-1]
    for coefficient in reversed(_LOG1P[:-1]):
        series = series * e + coefficient
    return ops.relu(x) + e * series, ops.where(x > 0, 1.0, e) / (1.0 + e)


def in_double(fn, *x):
    """What `fn` makes of tensors in float64, a tuple, in their own dtype again. JAX allows float64 nowhere else."""
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
    """values = body(place, *values) at the places start, start + step, ... below `end`.

    A place is a number of Python on PyTorch, which takes it without a tensor of its own.
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
    """[lists, rows], the sum over the columns of `x`, [lists, rows, columns], by the weight of each, [columns].

    It is a matrix product, by which XLA computes each number of `x` once, where it would recompute it for each of
    several sums.
    """
    if keras.backend.backend() == "torch":
        return x @ weights  # as one product for all lists
    return matmul(x, weights[:, None])[:, :, 0]
