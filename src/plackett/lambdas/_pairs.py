"""Weights of pairs of documents."""

import inspect
from collections.abc import Callable
from typing import TypeAlias

from keras import ops

from plackett import gains
from plackett._types import Tensor
from plackett.lists import clean, weights_of_documents
from plackett.lists._pairs import both
from plackett.registry import Configured, register
from plackett.registry.options import Count, Function

# Values of documents, and the weight of a pair as a function of the values of both documents.
ValuesOfPairs: TypeAlias = tuple[list[Tensor], Callable[[list[Tensor], list[Tensor]], Tensor]]


class LambdaWeight(Configured):
    """Base of all lambda weights, and of your own. Every constructor argument is in the config, and objects are frozen.

    >>> from plackett.lambdas import NDCGLambdaWeight
    >>> NDCGLambdaWeight(topn=10) == NDCGLambdaWeight(topn=10)
    True
    """

    def __init__(self):
        """Without options."""


class DocumentWeight(LambdaWeight):
    """A weight of single documents, by their labels and ranks.

    >>> from plackett.losses import SoftmaxLoss
    >>> class First(DocumentWeight):
    ...     def of_documents(self, labels, ranks, mask):
    ...         return labels / ranks
    >>> loss = SoftmaxLoss(lambda_weight=First())
    >>> round(float(loss([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
    0.550971
    """

    def of_documents(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> Tensor:
        """[..., list_size], the weight of each document of clean lists; any number at padding."""
        raise NotImplementedError

    def document_weights(self, labels: Tensor, ranks: Tensor, mask: Tensor | None = None) -> Tensor:
        """[..., list_size], the weight of each real document; 0 elsewhere."""
        labels, ranks, mask = clean(labels, ranks, mask)
        return ops.where(mask, self.of_documents(labels, ranks, mask), 0.0)


class PairWeight(LambdaWeight):
    """A weight of pairs that is a function of values of the two documents, so that no matrix of all pairs is needed.

    >>> from plackett.losses import PairwiseLogisticLoss
    >>> class TopWeight(PairWeight):
    ...     def of_pairs(self, labels, ranks, mask):
    ...         return [ranks], lambda i, j: 1.0 / ops.minimum(i[0], j[0])
    >>> loss = PairwiseLogisticLoss(lambda_weight=TopWeight())
    >>> round(float(loss([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
    1.066595
    """

    def of_pairs(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> ValuesOfPairs:
        """(values, fn): values of documents, [..., list_size] each, and the function for the weight of a pair (i, j).

        fn takes the values of i and the values of j, two lists of tensors that broadcast against each other.
        """
        raise NotImplementedError

    def pair_weights(
        self, labels: Tensor, ranks: Tensor, mask: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """[..., list_size, list_size], the weight of each pair of real documents; 0 elsewhere.

        `weights`, [..., list_size], are the weights of the documents. The DCG family reads them if it is `weighted`.
        """
        labels, ranks, mask = clean(labels, ranks, mask)
        values, of_pair = values_of_pairs(self, labels, ranks, mask, weights_of_documents(weights, labels, mask))
        matrix = of_pair([x[..., :, None] for x in values], [x[..., None, :] for x in values])
        return ops.where(both(mask), matrix, 0.0)


def values_of_pairs(weight, labels, ranks, mask, weights):
    """What `of_pairs` of a weight returns. It gets the weights of documents if it has a parameter for them."""
    reads = "weights" in inspect.signature(weight.of_pairs).parameters
    return weight.of_pairs(labels, ranks, mask, **({"weights": weights} if reads else {}))


@register
class LabelDiffLambdaWeight(PairWeight):
    """|y_i - y_j| for each pair of documents.

    >>> LabelDiffLambdaWeight().pair_weights([2.0, 0.0], [1.0, 2.0]).shape == (2, 2)
    True
    """

    def of_pairs(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> ValuesOfPairs:
        return [labels], lambda i, j: ops.abs(i[0] - j[0])


@register
class PrecisionLambdaWeight(PairWeight):
    """1 for a relevant and an irrelevant document on two sides of the cut-off, whose swap changes precision; else 0.

    Args:
        topn: the cut-off. None = the number of relevant documents of the list (R-precision).
        positive_fn: function of labels, True for a relevant document.

    >>> from plackett.losses import PairwiseLogisticLoss
    >>> loss = PairwiseLogisticLoss(lambda_weight=PrecisionLambdaWeight(topn=1))
    >>> round(float(loss([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
    0.744397
    """

    def __init__(self, topn: Count | None = None, positive_fn: Function = gains.is_greater_equal_1):
        self.topn = topn
        self.positive_fn = positive_fn

    def of_pairs(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> ValuesOfPairs:
        positive = ops.cast(self.positive_fn(labels) & mask, labels.dtype)
        topn = ops.sum(positive, axis=-1, keepdims=True) if self.topn is None else self.topn
        inside = ops.cast(ranks <= topn, labels.dtype)
        return [positive, inside], lambda i, j: ops.abs(i[0] - j[0]) * ops.abs(i[1] - j[1])
