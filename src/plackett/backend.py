"""The few operations that `keras.ops` lacks, one function each.

Every branch on the backend of Keras stands in this file.
"""

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import masking


def cumulative_logsumexp(x):
    """C_i = log(e^x_1 + ... + e^x_i) for each i, along the last axis, without overflow.

    The gradient is exact at any distance of the scores, which that of the backends is not: with g_i the gradient of
    C_i, that of x_j is e^(x_j - C_j) R_j, where R_j = g_j + e^(C_j - C_j+1) R_j+1 from the end.

    Cost: O(n log n) time, O(n) memory.
    """

    @ops.custom_gradient
    def forward(x):
        sums = _cumulative_logsumexp(x)

        def gradient(*args, upstream=None):
            (upstream,) = args if upstream is None else (upstream,)
            decay = ops.exp(sums - ops.roll(sums, -1, axis=-1))
            return ops.exp(x - sums) * _recurrence_from_the_end(decay, upstream)

        return sums, gradient

    return forward(x)


def _cumulative_logsumexp(x):
    match keras.backend.backend():
        case "jax":
            import jax

            return jax.lax.cumlogsumexp(x, axis=x.ndim - 1)
        case "torch":
            import torch

            return torch.logcumsumexp(x, dim=-1)
        case _:
            import tensorflow as tf

            return tf.math.cumulative_logsumexp(x, axis=-1)


def _recurrence_from_the_end(decay, terms):
    """R_j = terms_j + decay_j R_j+1 along the last axis, with R_n = terms_n; each step doubles how far R sees."""
    n = ops.shape(terms)[-1]
    place = ops.arange(n)

    def doubled(shift, decay, terms):
        inside = place < n - shift
        terms = terms + ops.where(inside, decay * ops.roll(terms, -shift, axis=-1), 0.0)
        return shift * 2, ops.where(inside, decay * ops.roll(decay, -shift, axis=-1), 0.0), terms

    return ops.while_loop(lambda shift, *_: shift < n, doubled, (ops.ones((), "int32"), decay, terms))[-1]


def searchsorted(sorted_values, values):
    """How many of `sorted_values` are less than each of `values`, along the last axis.

    Args:
        sorted_values: [..., n], ascending along the last axis.
        values: [..., m], with the same leading axes.

    Returns:
        [..., m] int32, between 0 and n.
    """
    match keras.backend.backend():
        case "jax":
            import jax.numpy as jnp

            return jnp.vectorize(jnp.searchsorted, signature="(n),(m)->(m)")(sorted_values, values)
        case "torch":
            import torch

            return torch.searchsorted(sorted_values.contiguous(), values.contiguous(), out_int32=True)
        case _:
            import tensorflow as tf

            return tf.searchsorted(sorted_values, values)


def uniform(shape, seed: int | None, seed_generator, scores):
    """Noise on [0, 1) of `shape`, fresh at each call.

    TensorFlow draws from its stateful generator, so that `tf.random.set_seed` repeats the numbers of TensorFlow
    Ranking (under `jit_compile=True` TensorFlow pays no heed to seeds). PyTorch, and JAX when it is called eagerly,
    draw from `seed_generator`. While JAX traces a function, the state of the generator is a constant of the trace and
    would give the same noise at every step; there it is folded with the bits of `scores`, which a step changes.

    Args:
        shape: the shape of the noise.
        seed: what TensorFlow's noise starts from; None = its own choice.
        seed_generator: `keras.random.SeedGenerator` of this seed.
        scores: the scores that the noise is for, padding zeroed.
    """
    match keras.backend.backend():
        case "jax":
            import jax
            import jax.numpy as jnp

            if not isinstance(scores, jax.core.Tracer):
                return keras.random.uniform(shape, seed=seed_generator)
            bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(scores).astype("float32"), "uint32")
            key = jax.random.wrap_key_data(seed_generator.state.value)
            return jax.random.uniform(jax.random.fold_in(key, jnp.sum(bits, dtype="uint32")), shape)
        case "torch":
            return keras.random.uniform(shape, seed=seed_generator)
        case _:
            import tensorflow as tf

            return tf.random.uniform(shape, seed=seed)


def flat_ragged(x):
    """(values, row_splits, longest row) of the backend's own ragged tensor; None for anything else."""
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            if isinstance(x, tf.RaggedTensor):
                values = x.values.to_tensor() if x.ragged_rank > 1 else x.values
                return values, x.row_splits, tf.reduce_max(tf.concat([x.row_lengths(), [0]], 0))
        case "torch":
            import torch

            if isinstance(x, torch.Tensor) and x.is_nested:
                if x.layout != torch.jagged:
                    raise ValueError("a nested torch tensor must have layout=torch.jagged, but got torch.strided")
                lengths = x.offsets().diff()
                return x.values(), x.offsets(), int(lengths.max()) if len(lengths) else 0
    return None


def concrete(x):
    """`x` as a numpy array, or None while its values are not known (inside a traced function)."""
    match keras.backend.backend():
        case "jax":
            import jax

            return None if isinstance(x, jax.core.Tracer) else np.asarray(x)
        case "tensorflow":
            import tensorflow as tf

            return None if tf.is_tensor(x) and not hasattr(x, "numpy") else np.asarray(x)
        case _:
            import torch

            return x.numpy(force=True) if isinstance(x, torch.Tensor) else np.asarray(x)


def pytree(data: list[str], static: list[str]):
    """Class decorator: under JAX, instances pass through `jit` and `grad`; only `data` is traced."""

    def register(cls):
        if keras.backend.backend() == "jax":
            import jax

            jax.tree_util.register_dataclass(cls, data_fields=data, meta_fields=static)
        return cls

    return register


def keras_mask(x):
    """The Keras mask that a layer left on `x`, or None.

    Keras keeps it in an attribute, or, for tensors that take none (JAX inside `jit`), in a table of its own, and has
    no public function that reads both.
    """
    return masking.get_keras_mask(x)


def set_keras_mask(x, mask) -> None:
    """Leaves a Keras mask on `x`; see `keras_mask`."""
    masking.set_keras_mask(x, mask)


def replicas() -> int:
    """How many replicas of `tf.distribute` share this step; 1 elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def fed(dataset):
    """A `keras.utils.PyDataset` of (inputs, labels, weights) in the form that `fit` reads without a fault.

    On TensorFlow, Keras infers the shapes of all batches from the first two and fails on a later one; there the
    dataset becomes a `tf.data.Dataset` whose list sizes are declared open.
    """
    if keras.backend.backend() != "tensorflow":
        return dataset
    import tensorflow as tf

    def epoch():
        yield from (dataset[i] for i in range(len(dataset)))
        dataset.on_epoch_end()

    def open_sizes(x):
        return tf.TensorSpec((x.shape[0], *[None] * min(x.ndim - 1, 1), *x.shape[2:]), x.dtype)

    signature = tf.nest.map_structure(open_sizes, dataset[0])
    batches = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    return batches.apply(tf.data.experimental.assert_cardinality(len(dataset))).prefetch(2)
