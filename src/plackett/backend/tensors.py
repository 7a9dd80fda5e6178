"""Tensors on each backend: their values, rows and mask, and how batches reach the backend."""

import weakref

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import masking
from keras.src.backend.common.symbolic_scope import in_symbolic_scope


def flat_ragged(x):
    """(values, row_splits, length of the longest row) of the backend's own ragged tensor; None for anything else."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(x, tf.RaggedTensor):
            values = x.values.to_tensor() if x.ragged_rank > 1 else x.values
            return values, x.row_splits, tf.reduce_max(tf.concat([x.row_lengths(), [0]], 0))
    if keras.backend.backend() == "torch":
        import torch

        if isinstance(x, torch.Tensor) and x.is_nested:
            if x.layout != torch.jagged:
                raise ValueError("a nested torch tensor must have layout=torch.jagged, but got torch.strided")
            lengths = x.offsets().diff()
            return x.values(), x.offsets(), int(lengths.max()) if len(lengths) else 0
    return None


def concrete(x):
    """`x` as a NumPy array, or None if its values are not known (inside a traced function, or for shapes only)."""
    if keras.backend.backend() == "jax":
        import jax

        return None if isinstance(x, jax.core.Tracer) else np.asarray(x)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return None if tf.is_tensor(x) and not hasattr(x, "numpy") else np.asarray(x)
    import torch

    if not isinstance(x, torch.Tensor):
        return np.asarray(x)
    if in_symbolic_scope():  # Keras asks for shapes only, with tensors without values or filled with ones
        return None
    # torch.func has no public way to ask whether it traces a tensor.
    traced = torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(x)
    return None if traced else x.numpy(force=True)


def has_values(x) -> bool:
    """Whether a tensor has values, known or not; a PyTorch tensor for shapes only has none."""
    return keras.backend.backend() != "torch" or x.device.type != "meta"


def is_text(x) -> bool:
    """Whether `x` is a string, an array of strings, or a list that begins with one."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, (str, bytes)) or getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S")


def comparable(x):
    """A tensor whose numbers are equal exactly where the numbers of `x` are equal.

    JAX would cut whole numbers to their last 32 bits, which makes 1 and 1 + 2^32 equal. If a NumPy array holds larger
    numbers, their places in sorted order replace them.

    Raises:
        ValueError: `x` is text, or a NumPy array of objects or times.
    """
    if is_text(x) or (isinstance(x, np.ndarray) and x.dtype.kind in "TOMm"):
        kind = getattr(x, "dtype", "text")
        raise ValueError(f"labels must be numbers, but got {kind}: plackett.losses.in_batch_labels takes other ids")
    if keras.backend.backend() == "jax" and isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.size:
        bounds = np.iinfo("int32")
        if x.min() < bounds.min or x.max() > bounds.max:
            x = np.unique(x, return_inverse=True)[1].reshape(x.shape).astype("int32")
    return ops.convert_to_tensor(x, sparse=False)


def float_of_bits(x):
    """The float32 numbers with the bits of `x`, int32."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.bitcast_convert_type(x, "float32")
    if keras.backend.backend() == "torch":
        import torch

        return x.view(torch.float32)
    import tensorflow as tf

    return tf.bitcast(x, "float32")


def pytree(data: list[str], static: list[str]):
    """Class decorator: under JAX, instances pass through `jit` and `grad`; only `data` is traced."""

    def register(cls):
        if keras.backend.backend() == "jax":
            import jax

            jax.tree_util.register_dataclass(cls, data_fields=data, meta_fields=static)
        return cls

    return register


def keras_mask(x):
    """The Keras mask that a layer attached to `x`, or None.

    Keras keeps it in an attribute or, for tensors without attributes (JAX inside `jit`), in a table. It has no public
    function that reads both.
    """
    return masking.get_keras_mask(x)


def set_keras_mask(x, mask) -> None:
    """Attaches a Keras mask to `x`, as a layer does."""
    masking.set_keras_mask(x, mask)


def keep_keras_mask(x) -> None:
    """Puts the Keras mask of scores where the metrics of the same step find it.

    On JAX, `fit` differentiates the loss. The metrics do not get the scores that the loss saw, but the tensors that
    these were traced from, which have no mask.
    """
    if keras.backend.backend() == "jax" and getattr(x, "primal", None) is not None and keras_mask(x) is not None:
        masking.set_keras_mask(x.primal, keras_mask(x))


def replicas() -> int:
    """How many replicas of `tf.distribute` share this step; 1 elsewhere."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def for_fit(dataset):
    """A `keras.utils.PyDataset` of (inputs, labels, weights) in a form that `fit` reads correctly.

    On TensorFlow, Keras infers the shapes of all batches from the first two and may fail on a later one. There the
    dataset becomes a `tf.data.Dataset` with open list sizes. It is mapped from the numbers of the batches, which takes
    half the time of a generator.
    """
    if keras.backend.backend() != "tensorflow":
        return dataset
    import tensorflow as tf

    def open_sizes(x):
        return tf.TensorSpec((x.shape[0], *[None] * min(x.ndim - 1, 1), *x.shape[2:]), x.dtype)

    signature = tf.nest.map_structure(open_sizes, dataset[0])
    specs = tf.nest.flatten(signature)

    of_dataset = weakref.ref(dataset)  # TensorFlow never releases `arrays`

    def arrays(i):
        dataset = of_dataset()
        batch = tf.nest.flatten(dataset[int(i)])
        if i + 1 == len(dataset):
            dataset.on_epoch_end()
        return batch

    def batch(i):
        tensors = tf.numpy_function(arrays, [i], [spec.dtype for spec in specs])
        tensors = [tf.ensure_shape(x, spec.shape) for x, spec in zip(tensors, specs, strict=True)]
        return tf.nest.pack_sequence_as(signature, tensors)

    batches = tf.data.Dataset.range(len(dataset)).map(batch)
    batches.source = dataset  # lives as long as what is made from it
    return batches.prefetch(2)
