"""Running sums, products and maxima along a list."""

import keras
from keras import ops

from plackett.backend.arithmetic import compiled_once


def cumulative_sum(x):
    """x_1 + ... + x_i for each i, along the last axis."""
    if keras.backend.backend() == "torch":
        return x.cumsum(dim=-1)
    return ops.cumsum(x, axis=-1)


def cumulative_product(x):
    """x_1 ... x_i for each i, along the last axis."""
    if keras.backend.backend() == "torch":
        return x.cumprod(dim=-1)
    return ops.cumprod(x, axis=-1)


def cumulative_logsumexp(x):
    """log(e^x_1 + ... + e^x_i) for each i, along the last axis, as a sum of two parts.

    The first part is the largest of x_1 ... x_i. The second lies between 0 and log i, so that it loses no digits to a
    large number. To subtract an x exactly, subtract it from the first part first.

    Returns:
        (tops, rest): [..., n] each. The gradient of the sum flows through `rest`; `tops` are constants.

    Cost: O(n log n) time, O(n) memory.
    """
    tops = running_max(ops.stop_gradient(x))
    before = ops.concatenate([tops[..., :1], tops[..., :-1]], axis=-1)
    return tops, ops.log(_recurrence(ops.exp(before - tops), ops.exp(x - tops)))


def sums_below_tops(terms, tops):
    """sum_{m >= i} terms_m e^(tops_i - tops_m) for each i, along the last axis, for tops that never decrease.

    No exponent is above 0, whatever the size of the tops.

    Cost: O(n log n) time, O(n) memory.
    """
    decay = ops.exp(tops - ops.concatenate([tops[..., 1:], tops[..., -1:]], axis=-1))
    return ops.flip(_recurrence(ops.flip(decay, axis=-1), ops.flip(terms, axis=-1)), axis=-1)


@compiled_once
def _recurrence(decay, terms):
    """R_i = terms_i + decay_i R_i-1 along the last axis, with R_1 = terms_1; each step doubles the reach of R."""
    n = terms.shape[-1]
    if n is None:
        return _recurrence_of_any_size(decay, terms)
    shift = 1
    while shift < n:
        terms = terms + decay * _shift(terms, shift)
        decay = decay * _shift(decay, shift)
        shift *= 2
    return terms


def _shift(x, shift):
    """The numbers of `x` moved by `shift` places towards the end of the last axis, with zeros in front."""
    return ops.concatenate([ops.zeros_like(x[..., :shift]), x[..., :-shift]], axis=-1)


def _recurrence_of_any_size(decay, terms):
    n = ops.shape(terms)[-1]
    place = ops.arange(n)

    def doubled(shift, decay, terms):
        inside = place >= shift
        terms = terms + ops.where(inside, decay * ops.roll(terms, shift, axis=-1), 0.0)
        return shift * 2, ops.where(inside, decay * ops.roll(decay, shift, axis=-1), 0.0), terms

    return ops.while_loop(lambda shift, *_: shift < n, doubled, (ops.ones((), "int32"), decay, terms))[-1]


def running_max(x):
    """The largest of x_1 ... x_i for each i, along the last axis."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.cummax(x, axis=x.ndim - 1)
    if keras.backend.backend() == "torch":
        import torch

        return torch.cummax(x, dim=-1).values if x.shape[-1] else x
    return _running_max_by_doubling(x)


def _running_max_by_doubling(x):
    n = ops.shape(x)[-1]
    place = ops.arange(n)

    def doubled(shift, x):
        return shift * 2, ops.where(place < shift, x, ops.maximum(x, ops.roll(x, shift, axis=-1)))

    return ops.while_loop(lambda shift, _: shift < n, doubled, (ops.ones((), "int32"), x))[-1]
