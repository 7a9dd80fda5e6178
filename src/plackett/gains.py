"""The gain of a label and the discount of a rank, as elementwise functions of tensors.

You may use a function of your own instead. To be saved with a loss, define it at the top level of a module and decorate
it with `@keras.saving.register_keras_serializable()`.
"""

from plackett import _keras  # noqa: F401, I001  # first, for its error

import keras
from keras import ops

from plackett._types import Tensor

__all__ = ["identity", "inverse", "is_greater_equal_1", "letor_discount", "log2_inverse", "pow_minus_1"]

_function = keras.saving.register_keras_serializable("plackett")


@_function
def identity(label: Tensor) -> Tensor:
    """label: the gain of clicks and of linear grades.

    >>> identity(3.0)
    3.0
    """
    return label


@_function
def pow_minus_1(label: Tensor) -> Tensor:
    """2^label - 1: the gain of graded judgements.

    >>> float(pow_minus_1(3.0))
    7.0

    Reference: Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    return ops.power(2.0, label) - 1.0


@_function
def inverse(rank: Tensor) -> Tensor:
    """1 / rank: the discount of reciprocal rank.

    >>> inverse(4.0)
    0.25
    """
    return 1.0 / rank


@_function
def log2_inverse(rank: Tensor) -> Tensor:
    """1 / log2(1 + rank): the discount of DCG.

    >>> round(float(log2_inverse(3.0)), 6)
    0.5

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002.
    """
    return 0.6931471805599453 / ops.log(1.0 + rank)


@_function
def letor_discount(rank: Tensor) -> Tensor:
    """1 at ranks 1 and 2, and 1 / log2(rank) from rank 3 on: the discount of LETOR's evaluation scripts.

    >>> [round(float(letor_discount(float(rank))), 6) for rank in (1, 2, 4)]
    [1.0, 1.0, 0.5]

    Reference: Jarvelin & Kekalainen, "IR evaluation methods for retrieving highly relevant documents", SIGIR 2000, with
    base 2.
    """
    return 0.6931471805599453 / ops.log(ops.maximum(rank, 2.0))


@_function
def is_greater_equal_1(label: Tensor) -> Tensor:
    """label >= 1: which documents are relevant.

    >>> is_greater_equal_1(2.0)
    True
    """
    return label >= 1.0
