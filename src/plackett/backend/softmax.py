"""The softmax of the rows of a large matrix.

PyTorch takes longer to allocate a new matrix than to compute it. There, a few rows at a time are computed in place, and
the exponentials are computed again for the gradient.
"""

import keras
from keras import ops

BLOCK = 2**18  # how many numbers PyTorch computes at a time, so that they stay in the cache


def logsumexp_of_rows(x):
    """log(sum_j e^x_j) along the last axis, as a sum of two parts: the largest x, and the exact rest."""
    if keras.backend.backend() == "torch":
        return _logsumexp_on_torch(x)
    tops = ops.max(x, axis=-1)
    return tops, ops.log(ops.sum(ops.exp(x - tops[..., None]), axis=-1))


def softmax_of_rows(x, tops, rest, weight):
    """weight e^x_i / sum_j e^x_j along the last axis, from one weight per row and the output of `logsumexp_of_rows`."""
    if keras.backend.backend() == "torch":
        return _softmax_on_torch(x, tops, rest, weight)
    return weight[..., None] * ops.exp((x - tops[..., None]) - rest[..., None])


def _logsumexp_on_torch(x):
    import torch

    rows = x.reshape(-1, x.shape[-1])
    tops, sums = rows.new_empty(len(rows), 1), rows.new_empty(len(rows))
    for part in _parts(rows):
        torch.amax(rows[part], dim=-1, keepdim=True, out=tops[part])
        torch.sum(torch.sub(rows[part], tops[part]).exp_(), dim=-1, out=sums[part])
    return tops.reshape(x.shape[:-1]), sums.log_().reshape(x.shape[:-1])


def _softmax_on_torch(x, tops, rest, weight):
    import torch

    rows = x.reshape(-1, x.shape[-1])
    tops, rest, weight = (y.reshape(-1, 1) for y in (tops, rest, weight))
    result = torch.empty_like(rows)
    for part in _parts(rows):
        torch.sub(rows[part], tops[part], out=result[part]).sub_(rest[part]).exp_().mul_(weight[part])
    return result.reshape(x.shape)


def _parts(rows):
    """Slices of a few rows each."""
    height = max(BLOCK // rows.shape[1], 1)
    return (slice(start, start + height) for start in range(0, len(rows), height))
