"""Probabilities as logarithms, which neither underflow nor round to 1. Impossible is -inf, without a NaN."""

import math

from keras import ops

from plackett import backend

IMPOSSIBLE = -math.inf


def logs(logit):
    """Returns (log P, log (1 - P)) of a logit."""
    return -backend.softplus(-logit), -backend.softplus(logit)


def logit(pair):
    """Returns the logit of (log P, log (1 - P))."""
    return pair[0] - pair[1]


def log_sum(x):
    """Returns log(sum_j e^x_j) along the last axis, of at least one number. The gradient is 0 if all are -inf."""
    top = ops.max(ops.stop_gradient(x), axis=-1, keepdims=True)
    possible = top != IMPOSSIBLE
    top = ops.where(possible, top, 0.0)
    total = ops.sum(ops.exp(x - top), axis=-1, keepdims=True)
    return ops.where(possible, top + ops.log(ops.where(possible, total, 1.0)), IMPOSSIBLE)[..., 0]


def log_add(x, y):
    """Returns log(e^x + e^y). The gradient is 0 where both are -inf."""
    top = ops.stop_gradient(backend.maximum(x, y))
    possible = top != IMPOSSIBLE
    top = ops.where(possible, top, 0.0)
    total = ops.exp(x - top) + ops.exp(y - top)
    return ops.where(possible, top + ops.log(ops.where(possible, total, 1.0)), IMPOSSIBLE)


def log_both(x, y):
    """Returns (log P, log (1 - P)) that two independent events both happen. Each is given as such a pair."""
    return x[0] + y[0], log_add(x[1], x[0] + y[1])


def log_either(weight, x, y):
    """Returns (log P, log (1 - P)) of event x with probability `weight`, else of event y. All arguments are pairs."""
    return tuple(log_add(weight[0] + a, weight[1] + b) for a, b in zip(x, y, strict=True))


def before(x, first):
    """Returns the number of the place before, along the last axis; `first` at the first place."""
    return ops.concatenate([ops.full_like(x[..., :1], first), x[..., :-1]], axis=-1)
