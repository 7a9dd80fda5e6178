"""Losses of pairs of documents: one function of the difference of their scores, summed over the pairs of a list."""

from collections.abc import Callable
from functools import lru_cache, partial

import keras
from keras import ops

from plackett import backend, grades, tiles
from plackett.lambdas import YetiDCGLambdaWeight, check_pairs, of_gains_and_ranks, weights_of_pairs
from plackett.lists import clean, count, count_below, mean, ranks, weights_of_documents
from plackett.losses.base import RankingLoss
from plackett.losses.sampled import sampled
from plackett.shapes import as_rows

DEAR = 1.5  # the time of a pair of two grades with a weight of its ranks, in that of a pair of two ranks


def pairwise(phi: Callable, labels, scores, *, mask=None, weights=None, lambda_weight=None, preferred: bool = True):
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
        mask: [..., list_size] bool, True = real document. None = all real.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        lambda_weight: the weight lambda of each pair, at the ranks of the scores; see `plackett.lambdas`. None = 1.
        preferred: over the pairs with y_i > y_j; False = over all pairs of two documents.

    Returns:
        [...], one loss a list; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight without weights for pairs.

    Cost: O(list_size^2) time at most: the pairs of two grades, or, where they are many and have a weight of the DCG
    family, half of all pairs. O(list_size) memory, unless a lambda weight of your own makes a matrix of all pairs. The
    gradient is computed with the loss, in the same pass over the pairs.
    """
    return _pairwise(_with_slope(phi), labels, scores, mask, weights, lambda_weight, preferred)


@lru_cache(maxsize=64)  # the same function for the same phi: what is compiled for it is found again
def _with_slope(phi):
    return partial(backend.value_and_slope, phi)


def _pairwise(phi, labels, scores, mask, weights, lambda_weight, preferred=True):
    """`pairwise` for a function that returns phi and its derivative by the difference of the scores."""
    check_pairs(lambda_weight)
    labels, scores, mask = clean(labels, scores, mask)
    weights = weights_of_documents(weights, labels, mask)

    def loss_and_gradient(scores):
        documents = [as_rows(x) for x in (labels, scores, mask, weights)]
        of_lists = _compiled_loss_and_gradient if tiles.needs_loop(labels.shape) else _loss_and_gradient
        losses, gradient = of_lists(phi, lambda_weight, preferred, *documents)
        gradient = ops.reshape(gradient, ops.shape(scores))
        return ops.reshape(losses, ops.shape(scores)[:-1]), lambda upstream: upstream[..., None] * gradient

    return backend.with_gradient(loss_and_gradient, scores)


def _loss_and_gradient(phi, lambda_weight, preferred, labels, scores, mask, weights):
    """(losses, gradient), in the way that is the fastest for long lists."""
    documents = labels, scores, mask, weights
    by_pairs = partial(_by_pairs, phi, lambda_weight, preferred, *documents)
    if not (preferred and tiles.needs_loop(scores.shape) and ops.dtype(scores) == "float32"):
        return by_pairs()
    if lambda_weight is None and phi in _BY_GRADES:
        return ops.cond(grades.pays(*documents[:3]), partial(_BY_GRADES[phi], *documents), by_pairs)
    if None in scores.shape or not of_gains_and_ranks(lambda_weight):
        return by_pairs()
    by_ranks = partial(_by_ranks, phi, lambda_weight, *documents)
    return by_ranks() if lambda_weight.reach else ops.cond(_ranks_pay(labels, mask), by_ranks, by_pairs)


def _ranks_pay(labels, mask):
    """[] bool: are there so many pairs of two grades that all pairs of two ranks are no more work?"""
    pairs = ops.sum(ops.cast(count_below(labels, mask), "float32"))
    return DEAR * pairs > ops.sum(ops.cast(count(mask), "float32") ** 2) / 2.0


def _by_pairs(phi, lambda_weight, preferred, labels, scores, mask, weights):
    values, lambda_of_pair = weights_of_pairs(lambda_weight, labels, ranks(scores, mask), mask, weights)
    place = ops.broadcast_to(ops.arange(ops.shape(labels)[-1], dtype=labels.dtype), ops.shape(labels))

    def terms(i, j):
        label_i, weight_i, _, place_i, score_i, *values_i = i
        label_j, _, real_j, place_j, score_j, *values_j = j
        preference = label_i - label_j
        # Numbers in place of truths: 1 for a pair that counts, 0 for another.
        counts = real_j * (ops.relu(ops.sign(preference)) if preferred else ops.abs(ops.sign(place_i - place_j)))
        value, slope = phi(counts * (score_i - score_j), preference)
        weight = counts * weight_i * lambda_of_pair(values_i, values_j)
        pull = weight * slope
        return weight * value, pull, pull

    documents = (labels, weights, ops.cast(mask, labels.dtype), place, scores, *values)
    higher = labels if preferred else None
    by_document, pull, push = tiles.pair_sums(terms, mask, *documents, by_row=2, by_column=1, higher=higher)
    return ops.sum(by_document, axis=-1), pull - push


def _by_ranks(phi, lambda_weight, labels, scores, mask, weights):
    """`_by_pairs` over the pairs of a higher and a lower rank, either of which may be the preferred document.

    What a weight makes of two ranks is computed once for all lists.
    """
    gain = lambda_weight.gain_of_pairs(labels, mask, weights)
    documents = (labels, weights, ops.cast(mask, labels.dtype), scores, gain)

    def terms(i, j, of_ranks):
        label_i, weight_i, _, score_i, gain_i = i
        label_j, weight_j, real_j, score_j, gain_j = j
        preference = label_i - label_j
        sign = real_j * ops.sign(preference)
        value, slope = phi(sign * (score_i - score_j), ops.abs(preference))
        weight = ops.relu(sign) * weight_i + ops.relu(-sign) * weight_j
        weight = weight * ops.abs(gain_i - gain_j) * of_ranks
        pull = sign * weight * slope
        return weight * value, pull, pull

    of_ranks = lambda_weight.of_ranks(ops.shape(labels)[-1], labels.dtype)
    ranked = of_ranks, ranks(scores, mask), count(mask)[:, None]
    by_document, pull, push = tiles.ranked_pair_sums(
        terms, *ranked, *documents, by_row=2, by_column=1, reach=lambda_weight.reach
    )
    return ops.sum(by_document, axis=-1), pull - push


_compiled_loss_and_gradient = backend.compiled_once("phi", "lambda_weight", "preferred")(_loss_and_gradient)


def pairwise_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Pairwise hinge: a preferred document must score higher by 1.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`; without a lambda weight, on long lists of at most 16 grades, O(list_size) a grade and a
    sort.

    When: graded judgements or clicks, where pairs that are well apart shall no longer matter.

    Reference: Joachims, "Optimizing Search Engines using Clickthrough Data", KDD 2002 (RankSVM).
    """
    return _pairwise(_hinge, labels, scores, mask, weights, lambda_weight)


def pairwise_squared_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Pairwise squared hinge: a preferred document must score higher by 1, and what it lacks counts squared.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))^2    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`.

    When: as `pairwise_hinge`; the gradient has no jump where a pair is 1 apart, and pairs far in the wrong order pull
    the more.

    Reference: Chapelle & Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval 2010.
    """
    return _pairwise(_squared_hinge, labels, scores, mask, weights, lambda_weight)


def pairwise_logistic(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Pairwise logistic: the likelihood of each preference (RankNet); with an NDCG weight LambdaRank.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij log(1 + e^-(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`; the loss is in nats.

    Cost: that of `pairwise`; without a lambda weight, on long lists of at most 16 grades, O(list_size) a grade.

    When: graded judgements or clicks; with `NDCGLambdaWeight` or `NDCGLambdaWeightV2` where NDCG is what counts.

    Reference: Burges et al., "Learning to Rank using Gradient Descent", ICML 2005; Burges, "From RankNet to
    LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82; Wang et al., "The LambdaLoss Framework for Ranking Metric
    Optimization", CIKM 2018.
    """
    return _pairwise(_logistic, labels, scores, mask, weights, lambda_weight)


def pairwise_soft_zero_one(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Pairwise soft 0-1: the smoothed number of pairs in the wrong order.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij / (1 + e^(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise_logistic`.

    When: noisy labels: a pair that is far in the wrong order counts no more than 1.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    return _pairwise(_soft_zero_one, labels, scores, mask, weights, lambda_weight)


def pairwise_mse(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Pairwise squared error: the differences of scores must be those of labels.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2    over all pairs i != j

    Args, Returns and Raises are those of `pairwise`, over pairs of equal labels too.

    Cost: O(list_size): with e_i = s_i - y_i less its mean over the n documents, sum_j (e_i - e_j)^2 is n e_i^2 +
    sum_j e_j^2. With a lambda weight that of `pairwise`.

    When: labels whose distances count, such as a teacher's scores or prices, up to a constant a list.

    Reference: the pairwise squared error of TensorFlow Ranking 0.5, `PairwiseMSELoss`.
    """
    if lambda_weight is not None:
        return _pairwise(_squared_error, labels, scores, mask, weights, lambda_weight, preferred=False)
    labels, scores, mask = clean(labels, scores, mask)
    weights = weights_of_documents(weights, labels, mask)
    error = scores - labels
    error = ops.where(mask, error - mean(error, mask)[..., None], 0.0)
    documents = ops.cast(count(mask), error.dtype)[..., None]
    return ops.sum(weights * (documents * error**2 + ops.sum(error**2, axis=-1, keepdims=True)), axis=-1)


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
        mask: [..., list_size] bool, True = real document. None = all real.
        weights: [..., list_size], the weight w of the preferred document of each pair. None = 1.
        temperature: of the pairwise logistic loss, > 0.
        gumbel_temperature: of the perturbed scores, > 0.
        lambda_weight: another weight of pairs. None = `YetiDCGLambdaWeight()`.

    Returns:
        [...], one loss a list, in nats; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not fit, an option is out of range, or a lambda weight without weights for pairs.

    Cost: that of a sort a sample; with another weight than one of neighbours that of `pairwise`.

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


_BY_GRADES = {_hinge: grades.hinge, _logistic: grades.logistic, _soft_zero_one: grades.soft_zero_one}


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
