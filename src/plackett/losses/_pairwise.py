"""Losses of pairs of documents: one function of the difference of their scores, summed over the pairs of a list."""

from collections.abc import Callable
from functools import lru_cache, partial

import keras
from keras import ops

from plackett import backend
from plackett.kernels import by_grade
from plackett.lambdas import YetiDCGLambdaWeight, check_pairs
from plackett.lists import clean, count, mean, weights_of_documents
from plackett.lists._order import from_median
from plackett.losses._base import RankingLoss
from plackett.losses._options import PER, check_per
from plackett.losses._pairs import Phi, sum_over_pairs
from plackett.losses._sampled import sampled


def pairwise(
    phi: Callable,
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    lambda_weight=None,
    preferred: bool = True,
    per: str = "list",
):
    """The sum over pairs of documents of a function phi of the difference of their scores.

    For one list with labels y, scores s and weights w of documents,

        loss = sum_ij w_i lambda_ij phi(s_i - s_j, y_i - y_j)    over the pairs with y_i > y_j

    >>> import keras
    >>> softplus = lambda scores, labels: keras.ops.softplus(-scores)
    >>> round(float(pairwise(softplus, [1.0, 0.0], [0.6, 0.8])), 6)
    0.798139

    Args:
        phi: function of s_i - s_j and y_i - y_j, number by number.
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        lambda_weight: the weight lambda of each pair, at the ranks of the scores; see `plackett.lambdas`. None = 1.
        preferred: over the pairs with y_i > y_j; False = over all pairs of two documents.
        per: "list" = the sum over the pairs of a list; "document" = for each document i the sum over its pairs (i, j);
            "pair" = the terms themselves.

    Returns:
        [...], one loss a list; 0 where there is no pair. Per document [..., list_size], per pair [..., list_size,
        list_size], with document i in the row and 0 where (i, j) is no pair.

    Raises:
        ValueError: the shapes do not fit, a lambda weight without weights for pairs, or an unknown `per`.

    Cost: O(list_size^2) time at most: the pairs of two grades, or, where they are many and have a weight of the DCG
    family, half of all pairs. O(list_size) memory, unless a lambda weight of your own makes a matrix of all pairs. The
    gradient is computed with the loss, in the same pass over the pairs; second derivatives and forward mode take a
    matrix of all pairs.
    """
    return sum_over_pairs(_with_slope(phi), labels, scores, mask, weights, lambda_weight, preferred, per)


@lru_cache(maxsize=64)  # the same function for the same phi: what is compiled for it is found again
def _with_slope(phi):
    return Phi(phi, partial(backend.value_and_slope, phi))


def pairwise_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise hinge: a preferred document must score higher by 1.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`; without a lambda weight, on long lists of at most 16 grades, O(list_size) a grade and a
    sort.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: graded judgements or clicks, where pairs that are well apart shall no longer matter.

    Reference: Joachims, "Optimizing Search Engines using Clickthrough Data", KDD 2002 (RankSVM).
    """
    return sum_over_pairs(_HINGE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_squared_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise squared hinge: a preferred document must score higher by 1, and what it lacks counts squared.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))^2    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as `pairwise_hinge`; the gradient has no jump where a pair is 1 apart, and pairs far in the wrong order pull
    the more.

    Reference: Chapelle & Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval 2010.
    """
    return sum_over_pairs(_SQUARED_HINGE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_logistic(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise logistic: the likelihood of each preference (RankNet); with an NDCG weight LambdaRank.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij log(1 + e^-(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`; the loss is in nats.

    Cost: that of `pairwise`; without a lambda weight, on long lists of at most 16 grades, O(list_size) a grade.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: graded judgements or clicks; with `NDCGLambdaWeight` or `NDCGLambdaWeightV2` where NDCG is what counts.

    Reference: Burges et al., "Learning to Rank using Gradient Descent", ICML 2005; Burges, "From RankNet to
    LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82; Wang et al., "The LambdaLoss Framework for Ranking Metric
    Optimization", CIKM 2018.
    """
    return sum_over_pairs(_LOGISTIC, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_soft_zero_one(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise soft 0-1: the smoothed number of pairs in the wrong order.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij / (1 + e^(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise_logistic`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: noisy labels: a pair that is far in the wrong order counts no more than 1.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    return sum_over_pairs(_SOFT_ZERO_ONE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_mse(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise squared error: the differences of scores must be those of labels.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2    over all pairs i != j

    Args, Returns and Raises are those of `pairwise`, over pairs of equal labels too.

    Cost: O(list_size): with e_i = s_i - y_i less its mean over the n documents, sum_j (e_i - e_j)^2 is n e_i^2 +
    sum_j e_j^2. With a lambda weight that of `pairwise`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: labels whose distances count, such as a teacher's scores or prices, up to a constant a list.

    Reference: the pairwise squared error of TensorFlow Ranking 0.5, `PairwiseMSELoss`.
    """
    if lambda_weight is not None or per == "pair":
        return sum_over_pairs(_SQUARED_ERROR, labels, scores, mask, weights, lambda_weight, preferred=False, per=per)
    check_per(per, (*PER, "pair"))
    labels, scores, mask = clean(labels, scores, mask)
    weights = weights_of_documents(weights, labels, mask)
    error = from_median(scores, mask) - labels
    error = ops.where(mask, error - mean(error, mask)[..., None], 0.0)
    documents = ops.cast(count(mask), error.dtype)[..., None]
    by_document = weights * (documents * error**2 + ops.sum(error**2, axis=-1, keepdims=True))
    return by_document if per == "document" else ops.sum(by_document, axis=-1)


def yeti_logistic(
    labels,
    scores,
    *,
    noise,
    mask=None,
    weights=None,
    temperature: float = 1.0,
    gumbel_temperature: float = 1.0,
    lambda_weight=None,
):
    """YetiRank: pairwise logistic between neighbours of rankings that are sampled from the scores.

    For one list with labels y, scores s and uniform noise u,

        z = (s - log(-log u)) / (gumbel_temperature temperature)
        loss = mean over samples of sum_ij w_i lambda_ij log(1 + e^-(z_i - z_j))    over the pairs with y_i > y_j

    where lambda, `YetiDCGLambdaWeight()` at the ranks of z, is 0 but for neighbours.

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size], not divided by a temperature; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        temperature: of the pairwise logistic loss, > 0.
        gumbel_temperature: of the perturbed scores, > 0.
        lambda_weight: another weight of pairs. None = `YetiDCGLambdaWeight()`.

    Returns:
        [...], one loss a list, in nats; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not fit, an option is out of range, or a lambda weight without weights for pairs.

    Cost: that of a sort a sample; with another weight than one of neighbours that of `pairwise`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: graded judgements, DCG at the top of the list; noise in the labels is averaged out by sampling.

    Reference: Lyzhin et al., "Which Tricks Are Important for Learning to Rank?", ICML 2023.
    """
    return sampled(_yeti)(
        labels,
        scores,
        noise=noise,
        mask=mask,
        weights=weights,
        temperature=temperature,
        gumbel_temperature=gumbel_temperature,
        lambda_weight=lambda_weight,
    )


def _yeti(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    weight = YetiDCGLambdaWeight() if lambda_weight is None else lambda_weight
    return pairwise_logistic(labels, scores, mask=mask, weights=weights, lambda_weight=weight)


def _hinge(scores, labels):
    return ops.relu(1.0 - scores), -ops.relu(ops.sign(1.0 - scores))


def _squared_hinge(scores, labels):
    lacks = ops.relu(1.0 - scores)
    return lacks * lacks, -2.0 * lacks


def _logistic(scores, labels):
    value, slope = backend.softplus_and_sigmoid(-scores)
    return value, -slope


def _soft_zero_one(scores, labels):
    wrong = ops.sigmoid(-scores)
    return wrong, -wrong * (1.0 - wrong)


def _squared_error(scores, labels):
    error = scores - labels
    return error * error, 2.0 * error


_HINGE = Phi(lambda scores, labels: ops.relu(1.0 - scores), _hinge, by_grade.hinge)
_SQUARED_HINGE = Phi(lambda scores, labels: ops.relu(1.0 - scores) ** 2, _squared_hinge)
_LOGISTIC = Phi(lambda scores, labels: backend.softplus(-scores), _logistic, by_grade.logistic)
_SOFT_ZERO_ONE = Phi(lambda scores, labels: ops.sigmoid(-scores), _soft_zero_one, by_grade.soft_zero_one)
_SQUARED_ERROR = Phi(lambda scores, labels: (scores - labels) ** 2, _squared_error)


@keras.saving.register_keras_serializable("plackett")
class PairwiseHingeLoss(RankingLoss):
    """`pairwise_hinge` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_pairs(lambda_weight)
        super().__init__(
            pairwise_hinge,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class PairwiseSquaredHingeLoss(RankingLoss):
    """`pairwise_squared_hinge` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_pairs(lambda_weight)
        super().__init__(
            pairwise_squared_hinge,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class PairwiseLogisticLoss(RankingLoss):
    """`pairwise_logistic` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_pairs(lambda_weight)
        super().__init__(
            pairwise_logistic,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class PairwiseSoftZeroOneLoss(RankingLoss):
    """`pairwise_soft_zero_one` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_pairs(lambda_weight)
        super().__init__(
            pairwise_soft_zero_one,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class PairwiseMSELoss(RankingLoss):
    """`pairwise_mse` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_pairs(lambda_weight)
        super().__init__(
            pairwise_mse,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class YetiLogisticLoss(RankingLoss):
    """`yeti_logistic` as a Keras loss, with noise of its own."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        lambda_weight=None,
        temperature=1.0,
        sample_size=8,
        gumbel_temperature=1.0,
        seed=None,
        ragged=False,
    ):
        check_pairs(lambda_weight)
        super().__init__(
            _yeti,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )
