"""Losses of pairs of documents: a function of the difference of their scores, summed over the pairs of a list."""

from functools import lru_cache, partial
from typing import Literal

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lambdas import LambdaWeight
from plackett.lambdas._uses import PAIRS, check_lambda_weight
from plackett.lists import clean, count, mean, weights_of_documents
from plackett.lists._order import from_median
from plackett.losses._base import LambdaWeightedLoss
from plackett.losses._pairs import derivatives_over_pairs, sum_over_pairs
from plackett.losses._phi import HINGE, LOGISTIC, SOFT_ZERO_ONE, SQUARED_ERROR, SQUARED_HINGE, Phi
from plackett.registry import check_options, register
from plackett.registry.options import Function

Per = Literal["list", "document", "pair"]


def pairwise(
    phi: Function,
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    preferred: bool = True,
    per: Per = "list",
) -> Tensor:
    """The sum over pairs of documents of a function phi of the difference of their scores.

    For one list with labels y, scores s and weights w of documents,

        loss = sum_ij w_i lambda_ij phi(s_i - s_j, y_i - y_j)    over the pairs with y_i > y_j

    >>> import keras
    >>> softplus = lambda scores, labels: keras.ops.softplus(-scores)
    >>> round(float(pairwise(softplus, [1.0, 0.0], [0.6, 0.8])), 6)
    0.798139

    Args:
        phi: an elementwise function of s_i - s_j and y_i - y_j.
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        lambda_weight: the weight lambda of each pair, at the ranks of the scores; see `plackett.lambdas`. None = 1.
        preferred: True = sum over the pairs with y_i > y_j; False = over all pairs of two documents.
        per: "list" = the sum over the pairs of a list; "document" = for each document i the sum over its pairs (i, j);
            "pair" = the terms themselves.

    Returns:
        [...], one loss per list; 0 where there is no pair. Per document [..., list_size], per pair [..., list_size,
        list_size], with document i in the row and 0 where (i, j) is not a pair.

    Raises:
        ValueError: the shapes do not match, the lambda weight has no weights for pairs, or `per` is unknown.

    Cost: at most O(list_size^2) time. The loss visits the pairs of two grades or, where these are many and have a
    weight of the DCG family, half of all pairs. With `topn` in `DCGLambdaWeight` or `NDCGLambdaWeight` it visits only
    the pairs that contain one of the first `topn` ranks. `pairwise_logistic` and `pairwise_soft_zero_one` take less
    time on long lists. Memory is O(list_size), unless a lambda weight of your own makes a matrix of all pairs. The
    gradient is computed with the loss, in the same pass over the pairs. Second derivatives and forward mode take a
    matrix of all pairs.
    """
    check_options(pairwise, phi=phi, preferred=preferred)
    return _over_pairs(_with_slope(phi), labels, scores, mask, weights, lambda_weight, per, preferred)


def _over_pairs(phi, labels, scores, mask, weights, lambda_weight, per, preferred=True):
    """`sum_over_pairs` of a caller's arguments."""
    check_options(pairwise, per=per)
    check_lambda_weight(lambda_weight, PAIRS)
    labels, scores, mask = clean(labels, scores, mask)
    options = {"weights": weights, "lambda_weight": lambda_weight, "preferred": preferred, "per": per}
    return sum_over_pairs(phi, labels, scores, mask=mask, **options)


@lru_cache(maxsize=64)  # the same function for the same phi, so that what is compiled for it is reused
def _with_slope(phi):
    return Phi(phi, partial(backend.value_and_slope, phi))


def pairwise_hinge(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    per: Per = "list",
) -> Tensor:
    """Pairwise hinge: a preferred document must score higher by 1.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: the same as `pairwise`. On long lists of at most 16 grades, without a lambda weight: a sort, and O(list_size)
    per grade.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the labels are graded judgements or clicks, and pairs that are well apart should no longer matter.

    Reference: Joachims, "Optimizing Search Engines using Clickthrough Data", KDD 2002 (RankSVM).
    """
    return _over_pairs(HINGE, labels, scores, mask, weights, lambda_weight, per)


@register
class PairwiseHingeLoss(LambdaWeightedLoss):
    """Pairwise hinge: a preferred document must score higher by 1.

        loss = sum_ij max(0, 1 - (s_i - s_j))    over the pairs with y_i > y_j

    Use it for graded judgements or clicks, where pairs that are well apart should no longer matter. A lambda weight
    multiplies the terms of pairs. `pairwise_hinge` is the function.

    >>> loss = PairwiseHingeLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.2
    """

    fn = staticmethod(partial(sum_over_pairs, HINGE))
    derivatives = staticmethod(partial(derivatives_over_pairs, HINGE))
    by_order = True
    lambda_weights = PAIRS
    weighs_documents = True


def pairwise_squared_hinge(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    per: Per = "list",
) -> Tensor:
    """Pairwise squared hinge: a preferred document must score higher by 1, and what it lacks counts squared.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))^2    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: as for `pairwise_hinge`. The gradient has no jump where a pair is 1 apart, and pairs far in the wrong order
    pull harder.

    Reference: Chapelle & Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval 2010.
    """
    return _over_pairs(SQUARED_HINGE, labels, scores, mask, weights, lambda_weight, per)


@register
class PairwiseSquaredHingeLoss(LambdaWeightedLoss):
    """Pairwise squared hinge: a preferred document must score higher by 1, and what it lacks counts squared.

        loss = sum_ij max(0, 1 - (s_i - s_j))^2    over the pairs with y_i > y_j

    Use it like `PairwiseHingeLoss`. Pairs far in the wrong order pull harder. `pairwise_squared_hinge` is the function.

    >>> loss = PairwiseSquaredHingeLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.44
    """

    fn = staticmethod(partial(sum_over_pairs, SQUARED_HINGE))
    derivatives = staticmethod(partial(derivatives_over_pairs, SQUARED_HINGE))
    by_order = True
    lambda_weights = PAIRS
    weighs_documents = True


def pairwise_logistic(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    per: Per = "list",
) -> Tensor:
    """Pairwise logistic: the likelihood of each preference (RankNet); with an NDCG weight LambdaRank.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij log(1 + e^-(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`; the loss is in nats.

    Cost: the same as `pairwise`. On long lists of at most 16 grades it takes O(list_size) per grade without a lambda
    weight, and O(list_size log list_size) per grade with a weight of the DCG family, in float32. The latter needs a
    discount of `plackett.gains`, one gain for all documents of a grade, and `topn=None` (except for V2 weights). It
    holds about 200 numbers per document.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the labels are graded judgements or clicks. Where NDCG is what counts, add `NDCGLambdaWeight` or
    `NDCGLambdaWeightV2`.

    Reference: Burges et al., "Learning to Rank using Gradient Descent", ICML 2005; Burges, "From RankNet to
    LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82; Wang et al., "The LambdaLoss Framework for Ranking Metric
    Optimization", CIKM 2018.
    """
    return _over_pairs(LOGISTIC, labels, scores, mask, weights, lambda_weight, per)


@register
class PairwiseLogisticLoss(LambdaWeightedLoss):
    """Pairwise logistic: the likelihood of each preference (RankNet); with an NDCG weight LambdaRank.

        loss = sum_ij lambda_ij log(1 + e^-(s_i - s_j))    over the pairs with y_i > y_j

    Use it for graded judgements or clicks. Where NDCG is what counts, add `NDCGLambdaWeight` or `NDCGLambdaWeightV2`.
    `pairwise_logistic` is the function.

    >>> from plackett.losses import NDCGLambdaWeight
    >>> loss = PairwiseLogisticLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.798139
    >>> loss = PairwiseLogisticLoss(lambda_weight=NDCGLambdaWeight(topn=10, smooth_fraction=0.5))
    >>> round(float(loss([[2, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    1.213543
    """

    fn = staticmethod(partial(sum_over_pairs, LOGISTIC))
    derivatives = staticmethod(partial(derivatives_over_pairs, LOGISTIC))
    by_order = True
    lambda_weights = PAIRS
    weighs_documents = True


def pairwise_soft_zero_one(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    per: Per = "list",
) -> Tensor:
    """Pairwise soft 0-1: the smoothed number of pairs in the wrong order.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij / (1 + e^(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: the same as `pairwise_logistic`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the labels are noisy. A pair far in the wrong order counts no more than 1.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    return _over_pairs(SOFT_ZERO_ONE, labels, scores, mask, weights, lambda_weight, per)


@register
class PairwiseSoftZeroOneLoss(LambdaWeightedLoss):
    """Pairwise soft 0-1: the smoothed number of pairs in the wrong order.

        loss = sum_ij 1 / (1 + e^(s_i - s_j))    over the pairs with y_i > y_j

    Use it for noisy labels: a pair far in the wrong order counts no more than 1. `pairwise_soft_zero_one` is the
    function.

    >>> loss = PairwiseSoftZeroOneLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.549834
    """

    fn = staticmethod(partial(sum_over_pairs, SOFT_ZERO_ONE))
    derivatives = staticmethod(partial(derivatives_over_pairs, SOFT_ZERO_ONE))
    by_order = True
    lambda_weights = PAIRS
    weighs_documents = True


def pairwise_mse(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
    per: Per = "list",
) -> Tensor:
    """Pairwise squared error: the differences of scores must be those of labels.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2    over all pairs i != j

    Args, Returns and Raises are those of `pairwise`; pairs of equal labels count too.

    Cost: O(list_size). With e_i = s_i - y_i minus its mean over the n documents, sum_j (e_i - e_j)^2 is n e_i^2 + sum_j
    e_j^2. With a lambda weight, the same as `pairwise`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the differences of labels matter, as with a teacher's scores (of any sign, under a mask) or prices. A constant
    added to a list changes nothing.

    Reference: the pairwise squared error of TensorFlow Ranking 0.5, `PairwiseMSELoss`.
    """
    check_options(pairwise_mse, per=per)
    check_lambda_weight(lambda_weight, PAIRS)
    labels, scores, mask = clean(labels, scores, mask)
    return _pairwise_mse(labels, scores, mask=mask, weights=weights, lambda_weight=lambda_weight, per=per)


def _pairwise_mse(labels, scores, *, mask, weights, lambda_weight, per="list"):
    if lambda_weight is not None or per == "pair":
        options = {"weights": weights, "lambda_weight": lambda_weight, "preferred": False, "per": per}
        return sum_over_pairs(SQUARED_ERROR, labels, scores, mask=mask, **options)
    weights = weights_of_documents(weights, labels, mask)
    error = from_median(scores, mask) - from_median(labels, mask)
    error = ops.where(mask, error - mean(error, mask)[..., None], 0.0)
    documents = ops.cast(count(mask), error.dtype)[..., None]
    by_document = weights * (documents * error**2 + ops.sum(error**2, axis=-1, keepdims=True))
    return by_document if per == "document" else ops.sum(by_document, axis=-1)


def _pairwise_mse_derivatives(labels, scores, *, mask, weights=None, lambda_weight=None):
    """Without a lambda weight the curvature is 2 sum_{j != i} (w_i + w_j)."""
    options = {"mask": mask, "weights": weights, "lambda_weight": lambda_weight}
    if lambda_weight is not None:
        return derivatives_over_pairs(SQUARED_ERROR, labels, scores, preferred=False, **options)
    _, gradient = backend.value_and_slope(lambda x: _pairwise_mse(labels, x, **options), scores)
    weights = weights_of_documents(weights, labels, mask)
    others = ops.cast(count(mask), weights.dtype)[..., None] - 2.0
    curvature = 2.0 * (others * weights + ops.sum(weights, axis=-1, keepdims=True))
    return gradient, ops.where(mask, curvature, 0.0)


@register
class PairwiseMSELoss(LambdaWeightedLoss):
    """Pairwise squared error: the differences of scores must be those of labels.

        loss = sum_ij ((s_i - s_j) - (y_i - y_j))^2    over all pairs i != j

    Use it where the differences of labels matter, as with a teacher's scores (of any sign, under a mask) or prices. A
    constant added to a list changes nothing. `pairwise_mse` is the function.

    >>> loss = PairwiseMSELoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    2.88
    """

    fn = staticmethod(_pairwise_mse)
    any_labels = True
    derivatives = staticmethod(_pairwise_mse_derivatives)
    lambda_weights = PAIRS
    weighs_documents = True
