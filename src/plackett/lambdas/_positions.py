"""Weights of the positions of a ranking."""

from plackett import backend, gains
from plackett._types import Tensor
from plackett.lambdas._pairs import DocumentWeight
from plackett.registry import register
from plackett.registry.options import Function


@register
class ListMLELambdaWeight(DocumentWeight):
    """The discount of the rank as the weight of a document, for position-aware ListMLE.

    Reference: Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014.
    """

    def __init__(self, rank_discount_fn: Function = gains.log2_inverse):
        self.rank_discount_fn = rank_discount_fn

    def of_documents(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> Tensor:
        return self.rank_discount_fn(backend.maximum(ranks, 1.0))
