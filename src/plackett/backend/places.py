"""Sorting, and reading and writing values at places of a list."""

import keras
from keras import ops


def argsort(keys):
    """The stable permutation that sorts each row of the last axis by ascending key.

    On JAX a key and its place are packed into one 64-bit integer, which XLA sorts five times as fast as pairs.
    """
    if keras.backend.backend() != "jax" or keys.dtype != "float32":
        return ops.argsort(keys, axis=-1)
    import jax
    from jax import lax

    bits = lax.bitcast_convert_type(lax.stop_gradient(keys), "int32")
    bits = ops.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # in the same order as the numbers
    with jax.enable_x64(True):
        packed = lax.convert_element_type(bits, "int64") << lax.full_like(bits, 32, dtype="int64")
        packed = packed | lax.broadcasted_iota("int64", keys.shape, keys.ndim - 1)
        packed = lax.sort(packed, dimension=-1, is_stable=False)
        return lax.convert_element_type(packed & lax.full_like(packed, 0xFFFFFFFF), "int32")


def at(x, places):
    """[rows, m], the numbers of [rows, n] `x` at `places`, [rows, m] int32 from 0 to n - 1."""
    if keras.backend.backend() == "jax":
        return x.at[ops.arange(x.shape[0])[:, None], places].get(mode="promise_in_bounds")
    if keras.backend.backend() == "torch":
        return x.gather(1, places.long())
    import tensorflow as tf

    return tf.gather(x, places, batch_dims=1)


def add_at(x, places, values):
    """[rows, n] `x` with `values`, [rows, m], added at `places`, [rows, m] int32. `x` may be overwritten."""
    if keras.backend.backend() == "jax":
        return x.at[ops.arange(x.shape[0])[:, None], places].add(values)
    if keras.backend.backend() == "torch":
        return x.scatter_add_(1, places.long(), values)
    import tensorflow as tf

    row = tf.broadcast_to(tf.range(tf.shape(places)[0])[:, None], tf.shape(places))
    return tf.tensor_scatter_nd_add(x, tf.stack([row, places], axis=-1), values)


def part(x, start, size: int):
    """[rows, size], the columns of `x` from `start` on."""
    if keras.backend.backend() == "torch":
        return x.narrow(1, int(start), size)
    return ops.slice(x, (0, start), (ops.shape(x)[0], size))


def with_part(x, start, part, axis: int):
    """`x` with its entries from `start` on along one axis replaced by `part`. `x` may be overwritten."""
    if keras.backend.backend() == "torch":
        x.narrow(axis, int(start), part.shape[axis]).copy_(part)
        return x
    return ops.slice_update(x, [start if i == axis else 0 for i in range(len(x.shape))], part)


def lookup(table, places):
    """The rows of `table`, [m, ...], at `places`, int32 from 0 to m - 1."""
    if keras.backend.backend() == "jax":
        return table.at[places].get(mode="promise_in_bounds")
    if keras.backend.backend() == "torch":
        return table.index_select(0, places.reshape(-1)).reshape(*places.shape, *table.shape[1:])
    return ops.take(table, places, axis=0)


def rows(table, places):
    """[..., dimension], the rows of a table, [rows, dimension], whose gradient is one tensor of its shape.

    TensorFlow would return the gradient of each place separately, and Keras's Adam would sum their squares. The steps
    of a row that a batch contains often would then be larger than on other backends.
    """
    table = ops.convert_to_tensor(table)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        table = tf.custom_gradient(lambda x: (tf.identity(x), tf.convert_to_tensor))(tf.convert_to_tensor(table))
    return ops.take(table, places, axis=0)


def scatter_add(values, places, size: int):
    """Sums the values at each place: sums_p = sum of values_i over the i with places_i = p.

    Args:
        values: [rows, n] or [rows, n, width].
        places: [rows, n] int32, from 0 to size - 1.
        size: the number of places.

    Returns:
        [rows, size] or [rows, size, width].
    """
    shape = ops.shape(values)
    flat = ops.reshape(places + size * ops.arange(shape[0], dtype="int32")[:, None], (shape[0] * shape[1],))
    sums = _scatter_add(ops.reshape(values, (shape[0] * shape[1], *shape[2:])), flat, shape[0] * size)
    return ops.reshape(sums, (shape[0], size, *shape[2:]))


def _scatter_add(values, places, size):
    if keras.backend.backend() == "jax":
        import jax

        return jax.ops.segment_sum(values, places, size)
    if keras.backend.backend() == "torch":
        # int32 places are six times slower.
        return values.new_zeros((size, *values.shape[1:])).index_add(0, places.long(), values)
    import tensorflow as tf

    return tf.math.unsorted_segment_sum(values, places, size)
