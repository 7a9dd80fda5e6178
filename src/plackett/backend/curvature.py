"""The diagonal of a second derivative, for functions of which nothing is known."""

import keras
from keras import ops


def hessian_diagonal(fn, x):
    """[..., n]: the second derivative of each value of `fn` by each of the numbers that it depends on.

    Args:
        fn: function of [..., n] that gives [...], each value of its own n numbers.
        x: [..., n].

    Cost: n times that of the gradient.
    """
    n = x.shape[-1]
    if keras.backend.backend() == "jax":
        import jax

        gradient = jax.grad(lambda x: ops.sum(fn(x)))

        def of_place(place):
            direction = ops.zeros_like(x).at[..., place].set(1.0)
            return jax.jvp(gradient, (x,), (direction,))[1][..., place]

        return ops.moveaxis(jax.lax.map(of_place, ops.arange(n)), 0, -1)
    if keras.backend.backend() == "torch":
        import torch

        with torch.enable_grad():
            x = x.detach().requires_grad_()
            gradient = torch.autograd.grad(fn(x).sum(), x, create_graph=True)[0]
            if not gradient.requires_grad:
                return torch.zeros_like(x)
            places = [
                torch.autograd.grad(gradient[..., i].sum(), x, retain_graph=True, allow_unused=True)[0]
                for i in range(n)
            ]
            places = [torch.zeros_like(x) if one is None else one for one in places]
        return torch.stack([one[..., i] for i, one in enumerate(places)], dim=-1)
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = tf.reduce_sum(fn(x))
        gradient = inner.gradient(value, x, unconnected_gradients="zero")
        places = [gradient[..., i] for i in range(n)]
    return tf.stack(
        [outer.gradient(one, x, unconnected_gradients="zero")[..., i] for i, one in enumerate(places)], axis=-1
    )
