"""Probabilities as their logarithms, which neither underflow nor round to 1. Impossible is -inf, without a NaN."""

import math

from keras import ops

from plackett import backend

IMPOSSIBLE = -math.inf


def logs(logit):
    """(log P, log (1 - P)) of a logit."""
    return -backend.softplus(-logit), -backend.softplus(logit)


def logit(pair):
    """The logit of (log P, log (1 - P))."""
    return pair[0] - pair[1]


def log_sum(x):
    """log(sum_j e^x_j) along the last axis, of at least one number; the gradient is 0 where all are -inf."""
    top = ops.max(ops.stop_gradient(x), axis=-1, keepdims=True)
    possible = top != IMPOSSIBLE
    top = ops.where(possible, top, 0.0)
    total = ops.sum(ops.exp(x - top), axis=-1, keepdims=True)
    return ops.where(possible, top + ops.log(ops.where(possible, total, 1.0)), IMPOSSIBLE)[..., 0]


def log_add(x, y):
    """log(e^x + e^y); the gradient is 0 where both are -inf."""
    top = ops.stop_gradient(backend.maximum(x, y))
    possible = top != IMPOSSIBLE
    top = ops.where(possible, top, 0.0)
    total = ops.exp(x - top) + ops.exp(y - top)
    return ops.where(possible, top + ops.log(ops.where(possible, total, 1.0)), IMPOSSIBLE)


def log_both(x, y):
    """(log P, log (1 - P)) of two independent events together, each given as such a pair."""
    return x[0] + y[0], log_add(x[1], x[0] + y[1])


def log_either(weight, x, y):
    """(log P, log (1 - P)) of the event x with the probability `weight`, else of the event y; pairs all."""
    return tuple(log_add(weight[0] + a, weight[1] + b) for a, b in zip(x, y, strict=True))


def before(x, first):
    """The numbers of the place before, along the last axis; at the first place `first`."""
    return ops.concatenate([ops.full_like(x[..., :1], first), x[..., :-1]], axis=-1)
