"""JAX: a compiled loop over pieces, each of which is computed again for its gradient."""

import jax
import jax.numpy as jnp
import keras

from plackett.backend.pieces.functions import even_size


def run(function, shared, carry, rows, number, size):
    """See `plackett.backend.pieces.functions.with_carry`; rows are a tuple."""
    pieces, size = even_size(number, size)
    again = jax.checkpoint(function, prevent_cse=False)  # the loop itself prevents common subexpression elimination

    def step(carry, rows):
        values, carry = again(shared, carry, rows)
        return carry, values

    carry, values = jax.lax.scan(step, carry, tuple(_cut(x, pieces, size) for x in rows))
    return tuple(_joined(x)[:number] for x in values), carry


def _cut(x, pieces, size):
    """[pieces, size, ...], filled up with copies of the last row."""
    missing = pieces * size - x.shape[0]
    if missing:
        x = jnp.concatenate([x, jnp.broadcast_to(x[-1:], (missing, *x.shape[1:]))])
    if _is_on_several_devices():
        return jnp.swapaxes(x.reshape(size, pieces, *x.shape[1:]), 0, 1)
    return x.reshape(pieces, size, *x.shape[1:])


def _joined(x):
    if _is_on_several_devices():
        x = jnp.swapaxes(x, 0, 1)
    return x.reshape(-1, *x.shape[2:])


def _is_on_several_devices():
    """Whether the rows are spread over devices. A piece then takes the same number from each, so that all have work."""
    return keras.distribution.distribution() is not None
