"""The diagonal of the second derivative of any function."""

import keras
from keras import ops


def hessian_diagonal(fn, x):
    """[..., n]: the second derivative of each value of `fn` with respect to each number that it depends on.

    Args:
        fn: function from [..., n] to [...], where each value depends only on its own n numbers.
        x: [..., n].

    Cost: n times the cost of the gradient, one after another, in the memory of a few gradients. JAX and TensorFlow
    compile only one of them, whatever n is.
    """
    of_backend = {"jax": _by_jax, "torch": _by_torch, "tensorflow": _by_tensorflow}
    return of_backend[keras.backend.backend()](fn, x)


def _by_jax(fn, x):
    import jax

    _, change_of_gradient = jax.linearize(jax.grad(lambda x: ops.sum(fn(x))), x)

    def of_place(place):
        return change_of_gradient(ops.zeros_like(x).at[..., place].set(1.0))[..., place]

    return ops.moveaxis(jax.lax.map(of_place, ops.arange(x.shape[-1])), 0, -1)


def _by_torch(fn, x):
    import torch

    diagonal = torch.zeros_like(x)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        total = fn(x).sum()
        if not total.requires_grad:
            return diagonal
        (gradient,) = torch.autograd.grad(total, x, create_graph=True, materialize_grads=True)
        if not gradient.requires_grad:
            return diagonal
        for place in range(x.shape[-1]):
            one = gradient[..., place].sum()
            (change,) = torch.autograd.grad(one, x, retain_graph=True, materialize_grads=True)
            diagonal[..., place] = change[..., place]
    return diagonal


def _by_tensorflow(fn, x):
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = fn(x)
        gradient = tf.convert_to_tensor(inner.gradient(value, x, unconnected_gradients="zero"))

    def of_place(place):
        direction = tf.one_hot(place, tf.shape(x)[-1], dtype=x.dtype)
        change = outer.gradient(gradient, x, tf.zeros_like(x) + direction, unconnected_gradients="zero")
        return tf.convert_to_tensor(change)[..., place]

    # One at a time: places computed in parallel are all in memory.
    by_place = tf.map_fn(of_place, tf.range(tf.shape(x)[-1]), fn_output_signature=x.dtype, parallel_iterations=1)
    return ops.moveaxis(by_place, 0, -1)
