"""Gradients, second derivatives and compiled steps of three frameworks in one form, for `promises_worker.py`."""

import numpy as np


class Jax:
    """`jax.value_and_grad`, `jax.jvp` of it, and `jax.jit`."""

    def gradient(self, loss, scores, dtype):
        import jax
        import jax.numpy as jnp

        value, gradient = jax.value_and_grad(lambda s: jnp.mean(loss(s)))(jnp.asarray(scores, dtype))
        return float(value), np.float64(gradient)

    def rounded(self, values, dtype):
        import jax.numpy as jnp

        return np.float32(jnp.asarray(values, dtype))

    def tensor(self, values, dtype):
        import jax.numpy as jnp

        return jnp.asarray(values, dtype)

    def hessian_product(self, loss, scores, direction):
        import jax
        import jax.numpy as jnp

        gradient = jax.grad(lambda s: jnp.mean(loss(s)))
        return np.float64(jax.grad(lambda s: jnp.sum(gradient(s) * direction))(jnp.asarray(scores)))

    def compiled(self, loss, scores):
        import jax
        import jax.numpy as jnp

        return float(jnp.mean(jax.jit(loss)(jnp.asarray(scores))))


class TensorFlow:
    """`tf.GradientTape`, in another of itself, and `tf.function`."""

    def gradient(self, loss, scores, dtype):
        import tensorflow as tf

        scores = tf.cast(tf.constant(np.float32(scores)), dtype)
        with tf.GradientTape() as tape:
            tape.watch(scores)
            value = tf.reduce_mean(loss(scores))
        gradient = tape.gradient(value, scores)
        return float(tf.cast(value, "float32")), np.float64(tf.cast(gradient, "float32"))

    def rounded(self, values, dtype):
        import tensorflow as tf

        return tf.cast(tf.cast(tf.constant(np.float32(values)), dtype), "float32").numpy()

    def tensor(self, values, dtype):
        import tensorflow as tf

        return tf.cast(tf.constant(np.float32(values)), dtype)

    def hessian_product(self, loss, scores, direction):
        import tensorflow as tf

        scores = tf.constant(scores)
        with tf.GradientTape() as outer:
            outer.watch(scores)
            with tf.GradientTape() as tape:
                tape.watch(scores)
                value = tf.reduce_mean(loss(scores))
            product = tf.reduce_sum(tape.gradient(value, scores) * direction)
        found = outer.gradient(product, scores)
        return np.zeros(scores.shape) if found is None else np.float64(found)

    def compiled(self, loss, scores):
        import tensorflow as tf

        return float(tf.reduce_mean(tf.function(loss)(tf.constant(scores))))


class Torch:
    """`torch.autograd`, twice too. `torch.compile` needs a compiler of C, and is not run."""

    compiled = None

    def gradient(self, loss, scores, dtype):
        import torch

        scores = torch.tensor(np.float32(scores)).to(getattr(torch, dtype)).requires_grad_()
        value = loss(scores).mean()
        (gradient,) = torch.autograd.grad(value, scores, allow_unused=True, materialize_grads=True)
        return float(value), gradient.double().numpy()

    def rounded(self, values, dtype):
        import torch

        return torch.tensor(np.float32(values)).to(getattr(torch, dtype)).float().numpy()

    def tensor(self, values, dtype):
        import torch

        return torch.tensor(np.float32(values)).to(getattr(torch, dtype))

    def hessian_product(self, loss, scores, direction):
        import torch

        scores = torch.tensor(scores).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(scores).mean(), scores, create_graph=True)
        if not gradient.requires_grad:
            return np.zeros(scores.shape)
        (found,) = torch.autograd.grad((gradient * torch.tensor(direction)).sum(), scores)
        return found.double().numpy()


FRAMEWORKS = {"jax": Jax, "tensorflow": TensorFlow, "torch": Torch}
