"""Discounted cumulative gain: gains up to a factor of their list, discounts with a cut-off, the ideal DCG."""

from keras import ops

from plackett import backend, gains
from plackett.lists import ascending_order, take

HIGH = 64.0  # 2^64 leaves room in float32 for weights and for sums over a list


def pow_minus_1_over(label, shift):
    """(2^label - 1) / 2^shift, for a label up to `shift` + 64, even where neither power alone fits into float32."""
    return 2.0 ** (label - shift) - 2.0**-shift


def relative(gain, labels, mask):
    """The gains up to a factor per list, which is all that a normalised metric needs.

    For a list with a label above 64, `pow_minus_1` is divided by a power of 2, since 2^128 is infinite in float32. The
    values of any other function are unchanged.

    Args:
        gain: function of labels.
        labels: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        [..., list_size].
    """
    if gain is not gains.pow_minus_1:
        return gain(labels)
    highest = backend.highest(ops.where(mask, labels, 0.0))
    return pow_minus_1_over(labels, ops.relu(highest - HIGH))


def cut_off(discount, topn):
    """The discount with 0 below rank `topn`; `discount` itself where `topn` is None.

    Ranks may be soft: a rank counts as the nearest integer.
    """
    if topn is None:
        return discount
    return lambda rank: ops.where(rank < topn + 0.5, discount(rank), 0.0)


def ideal_dcg(gain, discount, mask):
    """The largest DCG of any order of the documents, which is that of descending gain.

    Args:
        gain: [..., list_size], the gain of each document.
        discount: function of ranks, which start at 1.
        mask: [..., list_size] bool, True = real document.

    Returns:
        [...], sum_i gain_i discount(i) over the documents sorted by descending gain.

    Cost: O(list_size log list_size).
    """
    falling = take(ops.where(mask, gain, 0.0), ascending_order(-gain, mask))
    rank = ops.cast(ops.arange(1, ops.shape(gain)[-1] + 1), falling.dtype)
    return ops.sum(falling * discount(rank), axis=-1)


def normalize(gain, discount, mask):
    """The gains divided by their `ideal_dcg`; 0 where that is 0."""
    return backend.divide_no_nan(gain, ideal_dcg(gain, discount, mask)[..., None])
