"""Losses of pairs of documents: one function of the difference of their scores, summed over the pairs of a list."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import keras
from keras import ops

from plackett import backend, grades, tiles
from plackett.derivatives import Rule, differentiable
from plackett.lambdas import YetiDCGLambdaWeight, check_pairs, of_gains_and_ranks, weights_of_pairs
from plackett.lists import both, clean, count, count_below, from_median, mean, ranks, weights_of_documents
from plackett.losses.base import RankingLoss
from plackett.losses.options import PER, check_per
from plackett.losses.sampled import sampled
from plackett.shapes import as_rows

DEAR = 1.5  # the time of a pair of two grades with a weight of its ranks, in that of a pair of two ranks


class _Phi(NamedTuple):
    """A function of the differences of scores and of labels, number by number.

    Args:
        plain: the function, for the backend to differentiate.
        with_slope: the function and its derivative by the difference of scores.
    """

    plain: Callable
    with_slope: Callable


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
    return _pairwise(_with_slope(phi), labels, scores, mask, weights, lambda_weight, preferred, per)


@lru_cache(maxsize=64)  # the same function for the same phi: what is compiled for it is found again
def _with_slope(phi):
    return _Phi(phi, partial(backend.value_and_slope, phi))


def _pairwise(phi, labels, scores, mask, weights, lambda_weight, preferred=True, per="list"):
    """`pairwise` for a `_Phi`."""
    check_pairs(lambda_weight)
    check_per(per, (*PER, "pair"))
    labels, scores, mask = clean(labels, scores, mask)
    known = weights_of_documents(weights, labels, mask)
    if per == "pair":
        return known[..., None] * _matrix(phi, lambda_weight, preferred, labels, scores, mask, known)
    rule = Rule(_value, _pull, _plain, (phi, lambda_weight, preferred, per))
    return differentiable(rule, (scores,) if weights is None else (scores, known), (labels, mask, known))


def _unpacked(variables, constants):
    """(labels, scores, mask, weights, the same as a constant, which lambda weights read)."""
    labels, mask, known = constants
    return labels, variables[0], mask, variables[1] if len(variables) == 2 else known, known


def _value(phi, lambda_weight, preferred, per, variables, constants):
    *documents, weights, known = _unpacked(variables, constants)
    apart = per == "document" or len(variables) == 2
    by_document, gradient = _sums(phi, lambda_weight, preferred, apart, *documents, weights, known)
    value = weights * by_document if apart else by_document
    return (value if per == "document" else ops.sum(value, axis=-1)), (by_document, gradient)


def _pull(phi, lambda_weight, preferred, per, variables, constants, held, upstream):
    by_document, gradient = held
    if per == "list":
        upstream = upstream[..., None]
        of_scores = upstream * gradient
    else:
        *documents, weights, known = _unpacked(variables, constants)
        of_scores = _sums(phi, lambda_weight, preferred, True, *documents, weights * upstream, known)[1]
    return (of_scores, upstream * by_document)[: len(variables)]


def _plain(phi, lambda_weight, preferred, per, variables, constants):
    *documents, weights, known = _unpacked(variables, constants)
    value = weights * ops.sum(_matrix(phi, lambda_weight, preferred, *documents, known), axis=-1)
    return value if per == "document" else ops.sum(value, axis=-1)


def _matrix(phi, lambda_weight, preferred, labels, scores, mask, known):
    """[..., list_size, list_size], lambda_ij phi(s_i - s_j, y_i - y_j) for each pair that counts; 0 elsewhere."""
    at = ranks(ops.stop_gradient(scores), mask)
    values, lambda_of_pair = weights_of_pairs(lambda_weight, labels, at, mask, known)
    rows = [x if len(x.shape) > len(labels.shape) else x[..., :, None] for x in values]
    columns = [None if len(x.shape) > len(labels.shape) else x[..., None, :] for x in values]
    preference = labels[..., :, None] - labels[..., None, :]
    place = ops.arange(ops.shape(labels)[-1])
    counts = both(mask) & ((preference > 0) if preferred else (place[:, None] != place))
    difference = ops.where(counts, scores[..., :, None] - scores[..., None, :], 0.0)
    return ops.where(counts, lambda_of_pair(rows, columns) * phi.plain(difference, preference), 0.0)


def _sums(phi, lambda_weight, preferred, apart, *documents):
    """(by_document, gradient) of any leading axes.

    Args:
        apart: whether `by_document` is, for each document i, the sum over its pairs without its weight. Else the
            weighted sums of all documents add up to the loss of the list, and which document has which is not said.
    """
    shape = ops.shape(documents[0])
    sums = _sums_of_lists(phi.with_slope, lambda_weight, preferred, apart, *map(as_rows, documents))
    return tuple(ops.reshape(x, shape) for x in sums)


def _sums_of_lists(phi, lambda_weight, preferred, apart, labels, scores, mask, weights, known):
    """`_sums` of [lists, list_size], in the way that is the fastest for long lists."""
    documents = labels, scores, mask, weights

    def told_apart(fn, *given):
        by_document, gradient = fn(*given)
        return (by_document if apart else weights * by_document), gradient

    by_pairs = partial(told_apart, _by_pairs, phi, lambda_weight, preferred, *documents, known)
    if not (preferred and tiles.needs_loop(scores.shape) and ops.dtype(scores) == "float32"):
        return by_pairs()
    if lambda_weight is None and phi in _BY_GRADES:
        return ops.cond(grades.pays(*documents[:3]), partial(told_apart, _BY_GRADES[phi], *documents), by_pairs)
    if None in scores.shape or not of_gains_and_ranks(lambda_weight):
        return by_pairs()
    by_ranks = partial(_by_ranks, phi, lambda_weight, apart, *documents, known)
    return by_ranks() if lambda_weight.reach else ops.cond(_ranks_pay(labels, mask), by_ranks, by_pairs)


def _ranks_pay(labels, mask):
    """[] bool: are there so many pairs of two grades that all pairs of two ranks are no more work?"""
    pairs = ops.sum(ops.cast(count_below(labels, mask), "float32"))
    return DEAR * pairs > ops.sum(ops.cast(count(mask), "float32") ** 2) / 2.0


def _by_pairs(phi, lambda_weight, preferred, labels, scores, mask, weights, known):
    values, lambda_of_pair = weights_of_pairs(lambda_weight, labels, ranks(scores, mask), mask, known)
    place = ops.broadcast_to(ops.arange(ops.shape(labels)[-1], dtype=labels.dtype), ops.shape(labels))

    def terms(i, j):
        label_i, weight_i, _, place_i, score_i, *values_i = i
        label_j, _, real_j, place_j, score_j, *values_j = j
        preference = label_i - label_j
        # Numbers in place of truths: 1 for a pair that counts, 0 for another.
        counts = real_j * (ops.relu(ops.sign(preference)) if preferred else ops.abs(ops.sign(place_i - place_j)))
        value, slope = phi(counts * (score_i - score_j), preference)
        weight = counts * lambda_of_pair(values_i, values_j)
        pull = weight * weight_i * slope
        return weight * value, pull, pull

    documents = (labels, weights, ops.cast(mask, labels.dtype), place, scores, *values)
    higher = labels if preferred else None
    by_document, pull, push = tiles.pair_sums(terms, mask, *documents, by_row=2, by_column=1, higher=higher)
    return by_document, pull - push


def _by_ranks(phi, lambda_weight, apart, labels, scores, mask, weights, known):
    """`_by_pairs` over the pairs of a higher and a lower rank, either of which may be the preferred document.

    What a weight makes of two ranks is computed once for all lists.
    """
    gain = lambda_weight.gain_of_pairs(labels, mask, known)
    documents = (labels, weights, ops.cast(mask, labels.dtype), scores, gain)

    def terms(i, j, of_ranks):
        label_i, weight_i, _, score_i, gain_i = i
        label_j, weight_j, real_j, score_j, gain_j = j
        preference = label_i - label_j
        sign = real_j * ops.sign(preference)
        upper, lower = ops.relu(sign), ops.relu(-sign)  # which of the two is preferred
        value, slope = phi(sign * (score_i - score_j), ops.abs(preference))
        weight, lambda_of_pair = upper * weight_i + lower * weight_j, ops.abs(gain_i - gain_j) * of_ranks
        pull = sign * weight * lambda_of_pair * slope
        if apart:
            value = lambda_of_pair * value
            return upper * value, pull, lower * value, pull
        return weight * lambda_of_pair * value, pull, pull

    of_ranks = lambda_weight.of_ranks(ops.shape(labels)[-1], labels.dtype)
    ranked = of_ranks, ranks(scores, mask), count(mask)[:, None]
    by_upper, pull, *by_lower, push = tiles.ranked_pair_sums(
        terms, *ranked, *documents, by_row=2, by_column=1 + apart, reach=lambda_weight.reach
    )
    return sum(by_lower, by_upper), pull - push


def pairwise_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise hinge: a preferred document must score higher by 1.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`; without a lambda weight, on long lists of at most 16 grades, O(list_size) a grade and a
    sort.

    When: graded judgements or clicks, where pairs that are well apart shall no longer matter.

    Reference: Joachims, "Optimizing Search Engines using Clickthrough Data", KDD 2002 (RankSVM).
    """
    return _pairwise(_HINGE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_squared_hinge(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise squared hinge: a preferred document must score higher by 1, and what it lacks counts squared.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij max(0, 1 - (s_i - s_j))^2    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise`.

    When: as `pairwise_hinge`; the gradient has no jump where a pair is 1 apart, and pairs far in the wrong order pull
    the more.

    Reference: Chapelle & Keerthi, "Efficient algorithms for ranking with SVMs", Information Retrieval 2010.
    """
    return _pairwise(_SQUARED_HINGE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_logistic(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
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
    return _pairwise(_LOGISTIC, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_soft_zero_one(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise soft 0-1: the smoothed number of pairs in the wrong order.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij / (1 + e^(s_i - s_j))    over the pairs with y_i > y_j

    Args, Returns and Raises are those of `pairwise`.

    Cost: that of `pairwise_logistic`.

    When: noisy labels: a pair that is far in the wrong order counts no more than 1.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    return _pairwise(_SOFT_ZERO_ONE, labels, scores, mask, weights, lambda_weight, per=per)


def pairwise_mse(labels, scores, *, mask=None, weights=None, lambda_weight=None, per: str = "list"):
    """Pairwise squared error: the differences of scores must be those of labels.

    For one list with labels y and scores s,

        loss = sum_ij w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2    over all pairs i != j

    Args, Returns and Raises are those of `pairwise`, over pairs of equal labels too.

    Cost: O(list_size): with e_i = s_i - y_i less its mean over the n documents, sum_j (e_i - e_j)^2 is n e_i^2 +
    sum_j e_j^2. With a lambda weight that of `pairwise`.

    When: labels whose distances count, such as a teacher's scores or prices, up to a constant a list.

    Reference: the pairwise squared error of TensorFlow Ranking 0.5, `PairwiseMSELoss`.
    """
    if lambda_weight is not None or per == "pair":
        return _pairwise(_SQUARED_ERROR, labels, scores, mask, weights, lambda_weight, preferred=False, per=per)
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


_HINGE = _Phi(lambda scores, labels: ops.relu(1.0 - scores), _hinge)
_SQUARED_HINGE = _Phi(lambda scores, labels: ops.relu(1.0 - scores) ** 2, _squared_hinge)
_LOGISTIC = _Phi(lambda scores, labels: backend.softplus(-scores), _logistic)
_SOFT_ZERO_ONE = _Phi(lambda scores, labels: ops.sigmoid(-scores), _soft_zero_one)
_SQUARED_ERROR = _Phi(lambda scores, labels: (scores - labels) ** 2, _squared_error)
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
