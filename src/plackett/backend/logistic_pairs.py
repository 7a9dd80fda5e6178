"""The terms of a weighted log(1 + e^-d) over pairs of a higher and a lower rank, in few operations per pair."""

import keras
from keras import ops

from plackett.backend.arithmetic import softplus_and_sigmoid


def logistic_pairs(sign, distance, weight, upper_weight, lower_weight):
    """The value of each pair, and its derivative with respect to the score of the upper document.

    With d the distance of the scores and v the weight, the value is v log(1 + e^-d) if the upper document is preferred,
    and v (d + log(1 + e^-d)) if the lower is.

    Args:
        sign: [lists, rows, columns], 1 if the upper document of a pair is preferred, -1 if the lower is, else 0.
        distance: [lists, rows, columns], the upper score minus the lower score; a number below 0 counts as 0.
        weight: [lists, rows, columns], the weights of pairs. PyTorch overwrites all three tensors.
        upper_weight, lower_weight: [lists, rows, 1] and [lists, 1, columns], the weight of the preferred document of a
            pair.
    """
    if keras.backend.backend() == "torch":
        return _in_place(sign, distance, weight, upper_weight, lower_weight)
    upper, distance = ops.relu(sign), ops.relu(distance)
    lower = (upper - sign) * lower_weight * weight
    both = upper * upper_weight * weight + lower
    value, wrong = softplus_and_sigmoid(-distance)
    return both * value + lower * distance, lower - both * wrong


def _in_place(sign, distance, weight, upper_weight, lower_weight):
    """Computes in place, within the cache that holds the tile, without new memory."""
    lower = sign.neg().relu_().mul_(lower_weight).mul_(weight)
    both = sign.relu_().mul_(upper_weight).mul_(weight).add_(lower)
    falling = distance.relu_().neg().exp_()
    wrong = falling.add(1.0).reciprocal_().mul_(falling).mul_(both)
    value = falling.log1p_().mul_(both).add_(distance.mul_(lower))
    return value, lower.sub_(wrong)
