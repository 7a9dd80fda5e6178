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

            x = x if isinstance(x, torch.Tensor) else ops.convert_to_tensor(np.asarray(x))
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


def differentiated(fn):
    """`fn(x, *rest)` -> (value, gradient of its sum with respect to x), as tensors; JAX compiles it once a shape."""
    match BACKEND:
        case "jax":
            import jax
            import jax.numpy as jnp

            def total(x, *rest):
                value = fn(x, *rest)
                return jnp.sum(value), value

            both = jax.jit(jax.value_and_grad(total, has_aux=True))

            def run(x, *rest):
                (_, value), gradient = both(x, *rest)
                return value, gradient

        case "torch":

            def run(x, *rest):
                x = ops.convert_to_tensor(x).detach().requires_grad_()
                value = fn(x, *rest)
                value.sum().backward()
                return value.detach(), x.grad

        case _:
            import tensorflow as tf

            def run(x, *rest):
                x = tf.convert_to_tensor(x)
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    value = fn(x, *rest)
                return value, tf.convert_to_tensor(tape.gradient(value, x))

    return run


def directional(fn):
    """Function(x, direction) -> mode -> the derivative of the gradient of the sum of fn along a direction.

    The modes are the ways that the backend has to differentiate twice.
    """
    match BACKEND:
        case "jax":
            import jax
            import jax.numpy as jnp

            gradient = jax.grad(lambda x: jnp.sum(fn(x)))

            @jax.jit
            def modes(x, along):
                return {
                    "gradient twice": jax.grad(lambda x: jnp.sum(gradient(x) * along))(x),
                    "gradient forwards": jax.jvp(gradient, (x,), (along,))[1],
                    "forwards backwards": jax.grad(lambda x: jnp.sum(jax.jvp(fn, (x,), (along,))[1]))(x),
                }

        case "torch":
            import torch

            gradient = torch.func.grad(lambda x: fn(x).sum())

            def modes(x, along):
                variable = x.clone().requires_grad_()
                (first,) = torch.autograd.grad(fn(variable).sum(), variable, create_graph=True)
                return {
                    "gradient twice": torch.autograd.grad((first * along).sum(), variable)[0],
                    "torch.func": torch.func.grad(lambda x: (gradient(x) * along).sum())(x),
                    "gradient forwards": torch.func.jvp(gradient, (x,), (along,))[1],
                }

        case _:
            import tensorflow as tf

            def twice(x, along):
                with tf.GradientTape() as outer:
                    outer.watch(x)
                    with tf.GradientTape() as inner:
                        inner.watch(x)
                        total = tf.reduce_sum(fn(x))
                    gradient = tf.reduce_sum(inner.gradient(total, x) * along)
                return tf.convert_to_tensor(outer.gradient(gradient, x))

            in_a_graph = tf.function(twice, autograph=False)

            def modes(x, along):
                return {"gradient twice": twice(x, along), "in a graph": in_a_graph(x, along)}

    def in_numpy(x, along):
        return {k: ops.convert_to_numpy(v) for k, v in modes(*map(ops.convert_to_tensor, (x, along))).items()}

    return in_numpy


def gradient_of(fn):
    """The gradient of fn(x, *rest) by x, in the functional form of JAX or PyTorch."""
    if BACKEND == "jax":
        import jax

        return jax.grad(fn)
    import torch

    return torch.func.grad(fn)


def batched(fn):
    """`fn` of one list as a function of several, by `jax.vmap` or `torch.func.vmap`."""
    if BACKEND == "jax":
        import jax

        return jax.jit(jax.vmap(fn))
    import torch

    return torch.func.vmap(fn)


def compilers(*ranks):
    """The ways to compile a function of float32 tensors of these ranks: name -> function of functions."""
    match BACKEND:
        case "jax":
            import jax

            return {"jit": jax.jit}
        case "torch":
            import torch

            return {"dynamo": lambda fn: torch.compile(fn, backend="eager")}
        case _:
            import tensorflow as tf

            signature = [tf.TensorSpec([None] * rank, "float32") for rank in ranks]
            return {
                "any shape": lambda fn: tf.function(fn, input_signature=signature, autograph=False),
                "XLA": lambda fn: tf.function(fn, jit_compile=True, autograph=False),
            }


class Marked(keras.layers.Layer):
    """Leaves a mask on the scores, as a masking layer of a model does, inside a compiled function too."""

    def __init__(self, real):
        super().__init__()
        self.real = real

    def call(self, scores):
        return scores + 0.0

    def compute_mask(self, scores, previous=None):
        return ops.convert_to_tensor(self.real)


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

            return tf.function(fn, autograph=False)


def at_once(fn):
    """`fn` in the way that gives one value soonest: JAX compiles it, others run it as it is."""
    return compiled(fn) if BACKEND == "jax" else fn


def size_of_program(fn, x):
    """How many lines or nodes the backend compiles for `fn` of an array."""
    match BACKEND:
        case "jax":
            import jax

            return len(str(jax.make_jaxpr(fn)(x)).splitlines())
        case _:
            import tensorflow as tf

            graph = tf.function(fn, autograph=False).get_concrete_function(tf.convert_to_tensor(x)).graph.as_graph_def()
            return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


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
