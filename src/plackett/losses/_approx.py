"""Losses that approximate a ranking metric: soft ranks, or upper bounds of the ranks, replace the ranks."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.kernels.soft_ranks import derivatives_at_soft_ranks, soft_ranks
from plackett.lambdas import DCGFamily, NDCGLambdaWeight
from plackett.lambdas._uses import METRIC, check_lambda_weight
from plackett.lists import clean, weights_of_documents
from plackett.lists._masking import any_above_0
from plackett.lists._shapes import computable
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._curvature import derivatives_of
from plackett.losses._sampled import mean_over_samples
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive, Whole

_NDCG = NDCGLambdaWeight()


def approx_ranks(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Soft ranks: 1 plus the sum, over all other documents, of the probability that each ranks higher.

    For one list with scores s,

        r_i = 1 + sum_{j != i} sigma(s_j - s_i)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller the temperature, the closer r is to the true
            ranks.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size], between 1 and the number of real documents; a finite number without meaning at padding.

    Cost: O(list_size) time and memory; O(list_size^2) time where scores are more than 500 apart, and O(list_size^2)
    memory for second derivatives. See `plackett.kernels.soft_ranks`.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010.
    """
    return _ranks(scores, mask, bound=False)


def bound_ranks(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Upper bounds of the ranks: 1 plus a hinge for each other document that is not lower by at least 1.

    For one list with scores s,

        r_i = 1 + sum_{j != i} max(0, 1 + s_j - s_i)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller it is, the tighter the bounds where scores
            differ.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size], at least the rank of each document; 1 at padding.

    Cost: O(list_size^2) time and memory.

    Reference: the hinge bound of rax 0.4, `bound_t12n`.
    """
    return _ranks(scores, mask, bound=True)


def _ranks(scores, mask, bound):
    mask = ops.ones_like(computable(scores), dtype="bool") if mask is None else mask
    _, scores, mask = clean(scores, scores, mask)
    return ranks_of(scores, mask, mask, bound)


def ranks_of(scores, mask, wanted, bound):
    """[..., list_size], soft ranks or bounds of the ranks of the wanted documents; no meaning elsewhere."""
    if not bound:
        return soft_ranks(scores, mask, wanted)
    # The document itself is the 1.
    hinges = ops.relu(1.0 + (scores[..., None, :] - scores[..., :, None]))
    return ops.where(mask, ops.sum(ops.where(mask[..., None, :], hinges, 0.0), axis=-1), 1.0)


class _ApproxLoss(RankingLoss):
    """Base of the losses at soft ranks of a whole list. They share one constructor."""

    shares_labels = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: DCGFamily | None = None,
        temperature: Positive = 0.1,
        ragged: bool = False,
        sample_size: Count | None = None,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        bound: bool = False,
    ):
        super().__init__(
            reduction, name, lambda_weight, temperature, ragged, sample_size, gumbel_temperature, seed, bound=bound
        )


def approx_ndcg(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: DCGFamily | None = None,
    bound: bool = False,
) -> Tensor:
    """ApproxNDCG: minus the NDCG at soft ranks.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(1 / max DCG) sum_i w_i gain(y_i) discount(r_i),    gain(y) = 2^y - 1,  discount(r) = 1 / log2(1 + r)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxNDCGLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document, which also multiplies its gain in the ideal DCG. None
            = 1. `ApproxNDCGLoss` turns them into one weight per list, as TensorFlow Ranking does.
        lambda_weight: a weight of the DCG family. It is the metric to approximate, with its gain, discount,
            normalisation and cut-off (a soft rank counts as the nearest integer). None = NDCG of the whole list.
        bound: use the upper bounds of `bound_ranks` as r, so that minus the loss is at most the NDCG.

    Returns:
        [...], one loss per list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match, or the lambda weight is outside the DCG family.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks` of the documents with a gain. With
    `bound`, and for second derivatives, the cost of `bound_ranks`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: judgements are graded and NDCG is what counts. Start from scores that spread over about one temperature.

    Reference: Qin et al., Information Retrieval 2010; Bruch et al., "Revisiting Approximate Metric Optimization in
    the Age of Deep Neural Networks", SIGIR 2019.
    """
    check_options(approx_ndcg, bound=bound)
    check_lambda_weight(lambda_weight, METRIC)
    labels, scores, mask = clean(labels, scores, mask, shared=weights is None)
    return _approx_ndcg(labels, scores, mask=mask, weights=weights, lambda_weight=lambda_weight, bound=bound)


def _approx_ndcg(labels, scores, *, mask, lambda_weight, weights=None, bound=False):
    gain, metric = _gain_and_metric(labels, mask, weights, lambda_weight)
    value = ops.sum(gain * metric.discount(ranks_of(scores, mask, gain != 0, bound)), axis=-1)
    return ops.where(any_above_0(labels), -value, 0.0)


def _approx_ndcg_derivatives(labels, scores, *, mask, lambda_weight, bound=False):
    options = {"mask": mask, "lambda_weight": lambda_weight}
    if bound:
        return derivatives_of(lambda x: _approx_ndcg(labels, x, bound=bound, **options), scores)
    gain, metric = _gain_and_metric(labels, mask, None, lambda_weight)
    gain = ops.where(any_above_0(labels)[..., None], gain, 0.0)
    return derivatives_at_soft_ranks(lambda rank: -gain * metric.discount(rank), scores, mask, gain != 0)


def _gain_and_metric(labels, mask, weights, lambda_weight):
    weights = None if weights is None else weights_of_documents(weights, labels, mask)
    metric = _NDCG if lambda_weight is None else lambda_weight
    return ops.where(mask, metric.gain(labels, mask, weights), 0.0), metric


@register
class ApproxNDCGLoss(_ApproxLoss):
    """ApproxNDCG: minus the NDCG at soft ranks.

        loss = -(1 / max DCG) sum_i (2^y_i - 1) / log2(1 + r_i),    r_i = 1 + sum_{j != i} sigma(s_j - s_i)

    with the scores divided by the temperature. Use it for graded judgements where NDCG is what counts. A lambda weight
    makes it another DCG. With a `sample_size` it is the mean over scores perturbed by Gumbel noise. With `bound` the
    ranks are upper bounds. `approx_ndcg` is the function.

    >>> loss = ApproxNDCGLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    -0.655107
    """

    fn = staticmethod(_approx_ndcg)
    derivatives = staticmethod(_approx_ndcg_derivatives)
    lambda_weights = METRIC


def gumbel_approx_ndcg(
    labels: Tensor,
    scores: Tensor,
    *,
    noise: Tensor,
    mask: Tensor | None = None,
    temperature: Positive = 0.1,
    gumbel_temperature: Positive = 1.0,
    lambda_weight: DCGFamily | None = None,
) -> Tensor:
    """ApproxNDCG averaged over sampled rankings: `sampled(approx_ndcg)`.

    For one list with labels y, scores s and uniform noise u,

        g = -log(-log u)
        loss = mean over samples of approx_ndcg(y, (s + g) / (gumbel_temperature temperature))

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], not divided by a temperature; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        temperature: the temperature of the soft ranks, > 0.
        gumbel_temperature: the temperature of the perturbed scores, > 0.
        lambda_weight: as in `approx_ndcg`.

    Returns:
        [...], one loss per list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match, an option is out of range, or the lambda weight is outside the DCG family.

    Cost: O(list_size) time and memory per sample, as for `approx_ranks`. What depends on labels alone is computed once.
    Second derivatives take O(list_size^2) memory per sample.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: as for `approx_ndcg`. Sampling makes the loss smoother and more robust, and each step slower.

    Reference: Bruch et al., "A Stochastic Treatment of Learning to Rank Scoring Functions", WSDM 2020.
    """
    check_options(gumbel_approx_ndcg, temperature=temperature, gumbel_temperature=gumbel_temperature)
    check_lambda_weight(lambda_weight, METRIC)
    labels, scores, mask = clean(labels, scores, mask)
    temperatures = {"temperature": temperature, "gumbel_temperature": gumbel_temperature}
    of_samples = {"noise": noise, "shared": True, **temperatures}
    return mean_over_samples(_approx_ndcg, labels, scores, mask=mask, **of_samples, lambda_weight=lambda_weight)


@register
class GumbelApproxNDCGLoss(RankingLoss):
    """Gumbel ApproxNDCG: ApproxNDCG averaged over rankings sampled from the scores.

        loss = mean over samples of ApproxNDCG(y, (s + g) / (gumbel_temperature temperature)),    g = Gumbel noise

    Use it like `ApproxNDCGLoss`. Sampling makes the loss smoother and more robust, and each step slower. Each step
    draws new noise. `gumbel_approx_ndcg` is the function.

    >>> loss = GumbelApproxNDCGLoss(sample_size=16, seed=42)
    >>> -1 < float(loss([[1, 0]], [[0.6, 0.8]])) < 0
    True
    """

    fn = staticmethod(_approx_ndcg)
    derivatives = staticmethod(_approx_ndcg_derivatives)
    lambda_weights = METRIC
    shares_labels = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: DCGFamily | None = None,
        temperature: Positive = 0.1,
        sample_size: Count = 8,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, sample_size, gumbel_temperature, seed)


def approx_mrr(labels: Tensor, scores: Tensor, *, mask: Tensor | None = None, bound: bool = False) -> Tensor:
    """ApproxMRR: minus the mean reciprocal of soft ranks, weighted by the labels.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(sum_i y_i / r_i) / sum_i y_i

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxMRRLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        bound: use the upper bounds of `bound_ranks` as r, so that minus the loss is at most its value at the true
            ranks.

    Returns:
        [...], one loss per list, between -1 and 0; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match.

    Cost: O(list_size) time and memory, by `approx_ranks` of the documents with a label. With `bound`, and for second
    derivatives, the cost of `bound_ranks`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: each list has one relevant document, such as an answer or a purchase. Minus the loss is then the reciprocal of
    its soft rank.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010; the form for several relevant documents is that of TensorFlow Ranking 0.5.
    """
    check_options(approx_mrr, bound=bound)
    labels, scores, mask = clean(labels, scores, mask, shared=True)
    return _approx_mrr(labels, scores, mask=mask, bound=bound)


def _approx_mrr(labels, scores, *, mask, bound):
    share = _share(labels)
    value = ops.sum(share / ranks_of(scores, mask, share != 0, bound), axis=-1)
    return ops.where(any_above_0(labels), -value, 0.0)


def _approx_mrr_derivatives(labels, scores, *, mask, bound):
    if bound:
        return derivatives_of(lambda x: _approx_mrr(labels, x, mask=mask, bound=bound), scores)
    share = ops.where(any_above_0(labels)[..., None], _share(labels), 0.0)
    return derivatives_at_soft_ranks(lambda rank: -share / rank, scores, mask, share != 0)


def _share(labels):
    return backend.divide_no_nan(labels, ops.sum(labels, axis=-1, keepdims=True))


@register
class ApproxMRRLoss(_ApproxLoss):
    """ApproxMRR: minus the mean reciprocal of soft ranks, weighted by the labels.

        loss = -(sum_i y_i / r_i) / sum_i y_i,    r_i = 1 + sum_{j != i} sigma(s_j - s_i)

    with the scores divided by the temperature. Use it where each list has one relevant document, such as an answer or a
    purchase. It takes no lambda weight. `sample_size` and `bound` act as in `ApproxNDCGLoss`. `approx_mrr` is the
    function.

    >>> loss = ApproxMRRLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    -0.531689
    """

    fn = staticmethod(_approx_mrr)
    derivatives = staticmethod(_approx_mrr_derivatives)
