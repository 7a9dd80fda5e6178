"""How losses use a lambda weight, and which weights each use allows."""

import inspect
from typing import NamedTuple

from keras import ops

from plackett.kernels.rank_decays import DISCOUNTS, RankTerm
from plackett.lambdas._dcg import (
    DCGFamily,
    DCGLambdaWeight,
    DCGLambdaWeightV2,
    NDCGLambdaWeight,
    NDCGLambdaWeightV2,
    YetiDCGLambdaWeight,
)
from plackett.lambdas._pairs import (
    DocumentWeight,
    LabelDiffLambdaWeight,
    LambdaWeight,
    PairWeight,
    PrecisionLambdaWeight,
    values_of_pairs,
)
from plackett.lambdas._positions import ListMLELambdaWeight
from plackett.lists._pairs import both
from plackett.registry.refusals import unfit_lambda_weight

OWN: tuple[type[LambdaWeight], ...] = (
    LabelDiffLambdaWeight,
    DCGLambdaWeight,
    NDCGLambdaWeight,
    DCGLambdaWeightV2,
    NDCGLambdaWeightV2,
    YetiDCGLambdaWeight,
    PrecisionLambdaWeight,
    ListMLELambdaWeight,
)


class Use(NamedTuple):
    """What a loss uses a lambda weight for.

    Args:
        allowed: the classes of plackett's own weights that it allows.
        method: the method that any other weight must have. None = no other weight is allowed.
    """

    allowed: tuple[type, ...]
    method: str | None


PAIRS = Use((PairWeight,), "pair_weights")  # a weight of pairs of documents
GAINS = Use((DCGFamily,), "document_weights")  # instead of the gain of a document
POSITIONS = Use((ListMLELambdaWeight,), "document_weights")  # a weight of the positions of a ranking
METRIC = Use((DCGFamily,), None)  # the metric to approximate: gain, discount, cut-off, normalisation
NOTHING = Use((), None)


def check_lambda_weight(weight, use: Use) -> None:
    """Raises a ValueError unless the weight is None or is allowed for this use."""
    if weight is None:
        return
    its_own = not isinstance(weight, OWN) and use.method is not None and callable(getattr(weight, use.method, None))
    if isinstance(weight, type) or not (isinstance(weight, use.allowed) or its_own):
        names = [kind.__name__ for kind in OWN if issubclass(kind, use.allowed)]
        raise unfit_lambda_weight(names, use.method, repr(weight))


def reads_grades(weight, use: Use) -> bool:
    """Whether a weight turns labels into gains, or may do so; labels below 0 have no gain."""
    return weight is not None and use is not POSITIONS and not isinstance(weight, LabelDiffLambdaWeight)


def weights_of_pairs(weight, labels, ranks, mask, weights=None):
    """The weight of pairs of real documents in the form that `pair_tiles.pair_sums` reads.

    Args:
        weights: [..., list_size], the weights of documents, for a lambda weight that reads them. None = 1.

    Returns:
        (values, of_pair): values of documents, and the weight of a pair (i, j) as a function of the values of i and of
        j. For a weight that has no such form, the values include a matrix of all pairs.
    """
    if weight is None:
        return [], lambda i, j: 1.0
    if isinstance(weight, PairWeight) and type(weight).pair_weights is PairWeight.pair_weights:
        values, of_pair = values_of_pairs(weight, labels, ranks, mask, weights)
        return [ops.stop_gradient(x) for x in values], of_pair
    matrix = ops.where(both(mask), _call(weight.pair_weights, labels, ranks, mask), 0.0)
    return [matrix], lambda i, j: i[0]


def of_gains_and_ranks(weight) -> bool:
    """Is the weight of a pair |gain_i - gain_j| of_ranks(r_i, r_j), with a symmetric rank term of plackett's own?"""
    if not isinstance(weight, DCGFamily):
        return False
    ours = {kind.rank_term for kind in OWN if issubclass(kind, DCGFamily)}
    methods = ("pair_weights", "of_pairs", "of_ranks", "gain_of_pairs", "neighbour_term")
    unchanged = all(getattr(type(weight), name) is getattr(DCGFamily, name) for name in methods)
    return unchanged and type(weight).rank_term in ours


def rank_term_of(weight) -> RankTerm | None:
    """The `RankTerm` of a weight for which `of_gains_and_ranks` is true; None where it has no such form."""
    kind, discount = type(weight), weight.rank_discount_fn
    if discount not in DISCOUNTS or kind.discount is not DCGFamily.discount:
        return None
    if kind.rank_term is DCGLambdaWeightV2.rank_term:
        return RankTerm(discount, 1.0, 0.0, None if weight.topn is None else int(weight.topn))
    if kind.rank_term is DCGLambdaWeight.rank_term and weight.topn is None:
        return RankTerm(discount, 1.0 - weight.smooth_fraction, weight.smooth_fraction)
    return None


def weights_of_ranked_documents(weight, labels, ranks, mask):
    """[..., list_size], the weight of each real document of clean lists; 0 elsewhere."""
    ours = isinstance(weight, DocumentWeight) and type(weight).document_weights is DocumentWeight.document_weights
    method = weight.of_documents if ours else weight.document_weights
    return ops.where(mask, _call(method, labels, ranks, mask), 0.0)


def _call(method, labels, ranks, mask):
    """What a method of a weight returns. It gets the mask if it has a parameter for it."""
    takes_mask = "mask" in inspect.signature(method).parameters
    return ops.stop_gradient(method(labels, ranks, mask) if takes_mask else method(labels, ranks))
