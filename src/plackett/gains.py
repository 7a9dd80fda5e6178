"""The gain of a label, the discount of a rank, and the sums of their products: DCG and its ideal."""

import numbers

import keras
from keras import ops

from plackett.lists import ascending_order, take

_function = keras.saving.register_keras_serializable("plackett")


@_function
def identity(label):
    """label: the gain of clicks and of linear grades."""
    return label


@_function
def pow_minus_1(label):
    """2^label - 1: the gain of graded judgements (Burges et al., ICML 2005)."""
    return ops.power(2.0, label) - 1.0


@_function
def inverse(rank):
    """1 / rank: the discount of reciprocal rank."""
    return 1.0 / rank


@_function
def log2_inverse(rank):
    """1 / log2(1 + rank): the discount of DCG (Jarvelin & Kekalainen, TOIS 2002)."""
    return 0.6931471805599453 / ops.log(1.0 + rank)


@_function
def is_greater_equal_1(label):
    """label >= 1: which documents are relevant."""
    return label >= 1.0


HIGH = 64.0  # 2^64 leaves room in float32 for weights and for sums over any list


def pow_minus_1_over(label, shift):
    """(2^label - 1) / 2^shift, for a label up to `shift` + 64: neither power alone may fit into float32."""
    return 2.0 ** (label - shift) - 2.0**-shift


def relative(gain, labels, mask):
    """The gains up to a factor of their list, which is all that a normalised metric needs.

    `pow_minus_1` of a list with a label above 64 is divided by a power of 2, as 2^128 is infinite in float32. What
    any other function returns stays as it is.

    Args:
        gain: function of labels.
        labels: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        [..., list_size].
    """
    if gain is not pow_minus_1:
        return gain(labels)
    highest = ops.max(ops.where(mask, labels, 0.0), axis=-1, keepdims=True, initial=0.0)
    return pow_minus_1_over(labels, ops.relu(highest - HIGH))


def check_topn(topn: int | None) -> None:
    """Raises ValueError unless `topn` is None or a whole number of at least 1."""
    whole = isinstance(topn, numbers.Real) and not isinstance(topn, bool) and topn >= 1 and topn % 1 == 0
    if topn is not None and not whole:
        raise ValueError(f"topn must be a whole number of at least 1, or None for no cut-off, but got topn={topn!r}")


def check_functions(**functions) -> None:
    """Raises ValueError unless each is a function, such as those of this file."""
    for name, fn in functions.items():
        if not callable(fn):
            raise ValueError(f"{name} must be a function, such as one of plackett.gains, but got {name}={fn!r}")


def truncated(discount, topn):
    """The discount that is 0 below rank `topn`; `discount` itself where `topn` is None.

    Ranks may be soft: a rank counts as the integer that it is nearest to.
    """
    if topn is None:
        return discount
    return lambda rank: ops.where(rank < topn + 0.5, discount(rank), 0.0)


def ideal_dcg(gain, discount, mask):
    """The largest DCG that any order of the documents has: that of falling gain.

    Args:
        gain: [..., list_size], the gain of each document.
        discount: function of ranks, which start at 1.
        mask: [..., list_size] bool, True = real document.

    Returns:
        [...], sum_i gain_i discount(i) over the documents sorted by falling gain.

    Cost: O(list_size log list_size).
    """
    falling = take(ops.where(mask, gain, 0.0), ascending_order(-gain, mask))
    rank = ops.cast(ops.arange(1, ops.shape(gain)[-1] + 1), falling.dtype)
    return ops.sum(falling * discount(rank), axis=-1)


def normalized(gain, discount, mask):
    """The gains divided by their `ideal_dcg`; 0 where that is 0."""
    return ops.divide_no_nan(gain, ideal_dcg(gain, discount, mask)[..., None])
