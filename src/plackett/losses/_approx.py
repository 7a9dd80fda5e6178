"""Losses that approximate a ranking metric by putting soft ranks, or upper bounds of the ranks, in place of ranks."""

import keras
from keras import ops

from plackett import backend
from plackett.kernels.soft_ranks import soft_ranks
from plackett.lambdas import DCGFamily, NDCGLambdaWeight, check_metric, check_none
from plackett.lists import clean, weights_of_documents
from plackett.lists._masking import any_above_0
from plackett.lists._shapes import computable
from plackett.losses._base import RankingLoss
from plackett.losses._sampled import sampled


def approx_ranks(scores, mask=None):
    """Soft ranks: 1 plus, for each other document, how probably it ranks higher.

    For one list with scores s,

        r_i = 1 + sum_{j != i} sigma(s_j - s_i)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller it is, the nearer r is to the true ranks.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size], between 1 and the number of real documents; at padding a finite number without meaning.

    Cost: O(list_size) time and memory; O(list_size^2) time where scores are more than 500 apart, and O(list_size^2)
    memory for second derivatives. See `plackett.kernels.soft_ranks`.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    mask = ops.ones_like(computable(scores), dtype="bool") if mask is None else mask
    _, scores, mask = clean(scores, scores, mask)
    return ranks_of(scores, mask, mask, bound=False)


def bound_ranks(scores, mask=None):
    """Upper bounds of the ranks: 1 plus, for each other document, a hinge where it is not lower by 1.

    For one list with scores s,

        r_i = 1 + sum_{j != i} max(0, 1 + s_j - s_i)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller it is, the lower the bounds where scores differ.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size], at least the rank; at padding 1.

    Cost: O(list_size^2) time and memory.

    Reference: the hinge bound of rax 0.4, `bound_t12n`.
    """
    mask = ops.ones_like(computable(scores), dtype="bool") if mask is None else mask
    _, scores, mask = clean(scores, scores, mask)
    return ranks_of(scores, mask, mask, bound=True)


def ranks_of(scores, mask, wanted, bound):
    """[..., list_size], soft ranks or bounds of the ranks of the wanted documents; elsewhere without meaning."""
    if not bound:
        return soft_ranks(scores, mask, wanted)
    # The document itself is the 1.
    hinges = ops.relu(1.0 + (scores[..., None, :] - scores[..., :, None]))
    return ops.where(mask, ops.sum(ops.where(mask[..., None, :], hinges, 0.0), axis=-1), 1.0)


def approx_ndcg(
    labels, scores, *, mask=None, weights=None, lambda_weight: DCGFamily | None = None, bound: bool = False
):
    """ApproxNDCG: minus the NDCG at soft ranks.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(1 / max DCG) sum_i w_i gain(y_i) discount(r_i),    gain(y) = 2^y - 1,  discount(r) = 1 / log2(1 + r)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxNDCGLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document, of its gain in the ideal DCG too. None = 1.
            `ApproxNDCGLoss` makes a weight of the list of them, as TensorFlow Ranking does.
        lambda_weight: of the DCG family: the metric to approximate, with its gain, discount, normalisation and
            cut-off (a soft rank counts as the integer nearest to it). None = NDCG of the whole list.
        bound: r are the upper bounds of `bound_ranks`, so that minus the loss is at most the NDCG.

    Returns:
        [...], one loss a list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight outside the DCG family.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks` of documents with a gain; that of
    `bound_ranks` with `bound`, and for second derivatives.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: graded judgements, NDCG is what counts; start from scores of about one temperature's spread.

    Reference: Qin et al., Information Retrieval 2010; Bruch et al., "Revisiting Approximate Metric Optimization in
    the Age of Deep Neural Networks", SIGIR 2019.
    """
    check_metric(lambda_weight)
    labels, scores, mask = clean(labels, scores, mask, shared=weights is None)
    weights = None if weights is None else weights_of_documents(weights, labels, mask)
    metric = NDCGLambdaWeight() if lambda_weight is None else lambda_weight
    gain = ops.where(mask, metric.gain(labels, mask, weights), 0.0)
    value = ops.sum(gain * metric.discount(ranks_of(scores, mask, gain != 0, bound)), axis=-1)
    return ops.where(any_above_0(labels), -value, 0.0)


def approx_mrr(labels, scores, *, mask=None, bound: bool = False):
    """ApproxMRR: minus the mean reciprocal of soft ranks, weighted by the labels.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(sum_i y_i / r_i) / sum_i y_i

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxMRRLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        bound: r are the upper bounds of `bound_ranks`, so that minus the loss is at most its value at the ranks.

    Returns:
        [...], one loss a list, between -1 and 0; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not fit.

    Cost: O(list_size) time and memory, by `approx_ranks` of documents with a label; that of `bound_ranks` with `bound`,
    and for second derivatives.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: one relevant document a list, such as an answer or a purchase; with one, it is the reciprocal rank.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010; the form for several relevant documents is that of TensorFlow Ranking 0.5.
    """
    labels, scores, mask = clean(labels, scores, mask, shared=True)
    share = backend.divide_no_nan(labels, ops.sum(labels, axis=-1, keepdims=True))
    value = ops.sum(share / ranks_of(scores, mask, share != 0, bound), axis=-1)
    return ops.where(any_above_0(labels), -value, 0.0)


def gumbel_approx_ndcg(
    labels,
    scores,
    *,
    noise,
    mask=None,
    temperature: float = 0.1,
    gumbel_temperature: float = 1.0,
    lambda_weight: DCGFamily | None = None,
):
    """ApproxNDCG in the mean over sampled rankings: `sampled(approx_ndcg)`.

    For one list with labels y, scores s and uniform noise u,

        g = -log(-log u)
        loss = mean over samples of approx_ndcg(y, (s + g) / (gumbel_temperature temperature))

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], not divided by a temperature; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        temperature: of the soft ranks, > 0.
        gumbel_temperature: of the perturbed scores, > 0.
        lambda_weight: as in `approx_ndcg`.

    Returns:
        [...], one loss a list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not fit, an option is out of range, or a lambda weight outside the DCG family.

    Cost: O(list_size) time and memory a sample, as `approx_ranks`; what depends on labels alone is computed once.
    O(list_size^2) memory a sample for second derivatives.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as `approx_ndcg`; the samples smooth it further and make it robust, for more time a step.

    Reference: Bruch et al., "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    return sampled(approx_ndcg)(
        labels,
        scores,
        noise=noise,
        mask=mask,
        temperature=temperature,
        gumbel_temperature=gumbel_temperature,
        lambda_weight=lambda_weight,
    )


@keras.saving.register_keras_serializable("plackett")
class ApproxNDCGLoss(RankingLoss):
    """`approx_ndcg` as a Keras loss; with `sample_size`, `sampled(approx_ndcg)`."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        lambda_weight=None,
        temperature=0.1,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
        bound=False,
    ):
        check_metric(lambda_weight)
        super().__init__(
            approx_ndcg,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            lambda_weight=lambda_weight,
            bound=bound,
        )


@keras.saving.register_keras_serializable("plackett")
class GumbelApproxNDCGLoss(RankingLoss):
    """`gumbel_approx_ndcg` as a Keras loss, with noise of its own."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        lambda_weight=None,
        temperature=0.1,
        sample_size=8,
        gumbel_temperature=1.0,
        seed=None,
        ragged=False,
    ):
        check_metric(lambda_weight)
        super().__init__(
            approx_ndcg,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class ApproxMRRLoss(RankingLoss):
    """`approx_mrr` as a Keras loss; with `sample_size`, `sampled(approx_mrr)`. It takes no lambda weight."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        lambda_weight=None,
        temperature=0.1,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
        bound=False,
    ):
        check_none(lambda_weight)
        super().__init__(
            approx_mrr,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            bound=bound,
        )
