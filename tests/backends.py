"""What the tests ask of a backend: its gradients, its compiler, its ragged tensors."""

import keras
import numpy as np
from keras import ops

BACKEND = keras.backend.backend()


def value_and_grad(fn, x):
    """(value, gradient of the sum of fn(x)) as numpy arrays."""
    match BACKEND:
        case "jax":
            import jax
            import jax.numpy as jnp

            def total(x):
                value = fn(x)
                return jnp.sum(value), value

            (_, value), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(jnp.asarray(x))
            return np.asarray(value), np.asarray(gradient)
        case "torch":
            import torch

            x = torch.tensor(np.asarray(x)) if not isinstance(x, torch.Tensor) else x
            x = x.detach().requires_grad_()
            value = fn(x)
            value.sum().backward()
            return ops.convert_to_numpy(value), ops.convert_to_numpy(x.grad)
        case _:
            import tensorflow as tf

            x = tf.convert_to_tensor(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = fn(x)
            gradient = tape.gradient(value, x)
            return np.asarray(value), np.asarray(tf.convert_to_tensor(gradient))


def compiled(fn):
    """`fn` under the compiler that users of the backend know: jit, torch eager, tf.function."""
    match BACKEND:
        case "jax":
            import jax

            return jax.jit(fn)
        case "torch":
            return fn
        case _:
            import tensorflow as tf

            return tf.function(fn)


def ragged(values, lengths):
    """The backend's own ragged tensor over flat values (`plackett.Ragged` on JAX)."""
    splits = np.cumsum([0, *lengths])
    match BACKEND:
        case "jax":
            import plackett

            return plackett.Ragged(values, splits)
        case "torch":
            import torch

            return torch.nested.nested_tensor_from_jagged(torch.as_tensor(values), torch.tensor(splits))
        case _:
            import tensorflow as tf

            return tf.RaggedTensor.from_row_splits(values, splits)
