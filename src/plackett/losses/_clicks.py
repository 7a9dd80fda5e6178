"""Losses of clicks."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.backend.derivatives import Rule, differentiable
from plackett.kernels import pair_tiles
from plackett.lambdas import LambdaWeight
from plackett.lambdas._uses import PAIRS, check_lambda_weight, weights_of_pairs
from plackett.lists import clean, mean, ranks, weights_of_documents
from plackett.lists._masking import any_above_0
from plackett.lists._shapes import shape_text
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._pointwise import Per, cross_entropy, cross_entropy_and_slope, plain_cross_entropy, total
from plackett.registry import check_options, register
from plackett.registry.options import NotNegative, Positive


def mixture_em(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    alpha: NotNegative = 1.0,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """Mixture EM: each list belongs to one of several models, with a probability called its responsibility.

    For one list with clicks y and the logits s_im of M models,

        L_m = sum_i w_i (log(1 + e^s_im) - y_i s_im)
        r_m = e^(-alpha L_m) / sum_m' e^(-alpha L_m')
        loss = sum_m r_m L_m

    The responsibilities r are the E step, and no gradient flows through them. The gradient of the loss is the M step.
    Without a lambda weight the weights w are 1.

    Args:
        labels: [..., list_size], clicks, 0 or 1.
        scores: [..., list_size, models], the logit of a click under each model.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        alpha: how sharply a list chooses its model, >= 0. With 0, all models have the same responsibility.
        lambda_weight: w_i is the sum of the pair weights of document i, at the ranks of the models' mean score, scaled
            to mean 1 over the list (1 where all are 0). A document then counts by how much it can change the metric.
            None = 1.

    Returns:
        [...], one loss per list, in nats; 0 where nothing was clicked.

    Raises:
        ValueError: the shapes do not match, alpha < 0, or the lambda weight has no weights for pairs.

    Cost: O(list_size models) time and memory; O(list_size^2) time with a lambda weight.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the clicks come from users who read lists in a few different ways, for example by device or by intent.

    Reference: Yan et al., "Revisiting Two-Tower Models for Unbiased Learning to Rank", SIGIR 2022.
    """
    check_options(mixture_em, alpha=alpha)
    check_lambda_weight(lambda_weight, PAIRS)
    labels, scores, mask = clean(labels, scores, mask, models=True)
    return _mixture_em(labels, scores, mask=mask, alpha=alpha, lambda_weight=lambda_weight)


def _mixture_em(labels, scores, *, mask, alpha, lambda_weight):
    weights = _movable(lambda_weight, labels, scores, mask)
    return differentiable(Rule(_mixture, _pull, _plain_mixture, (alpha,)), (scores,), (labels, weights))


def _mixture(alpha, variables, constants):
    (scores,), (labels, weights) = variables, constants
    labels, weights = labels[..., None, :], weights[..., None, :]
    of_documents, (slope,) = cross_entropy_and_slope((_by_model(scores),), (labels,))
    by_model = ops.sum(weights * of_documents, axis=-1)
    responsibility = _responsibility(alpha, by_model, labels)
    return ops.sum(responsibility * by_model, axis=-1), (responsibility[..., None] * (weights * slope),)


def _pull(alpha, variables, constants, held, upstream):
    (slope,) = held
    return (_by_model(upstream[..., None, None] * slope),)


def _plain_mixture(alpha, variables, constants):
    (scores,), (labels, weights) = variables, constants
    labels, weights = labels[..., None, :], weights[..., None, :]
    by_model = ops.sum(weights * plain_cross_entropy(labels, _by_model(scores)), axis=-1)
    return ops.sum(ops.stop_gradient(_responsibility(alpha, by_model, labels)) * by_model, axis=-1)


def _by_model(scores):
    """[..., list_size, models] -> [..., models, list_size], or back, for contiguous memory."""
    return ops.swapaxes(scores, -1, -2)


def _responsibility(alpha, by_model, labels):
    """[..., models], 0 where nothing was clicked."""
    return ops.where(any_above_0(labels), ops.softmax(-alpha * by_model, axis=-1), 0.0)


def _movable(lambda_weight, labels, scores, mask):
    """[..., list_size], how much each document can change the metric: mean 1 over the list, 0 at padding."""
    real = ops.cast(mask, labels.dtype)
    if lambda_weight is None:
        return real
    order = ranks(ops.stop_gradient(backend.mean(scores, axis=-1)), mask)
    values, of_pair = weights_of_pairs(lambda_weight, labels, order, mask)

    def terms(i, j):
        return [ops.where(i[1] & j[1], of_pair(i[2:], j[2:]), 0.0)]

    (total,) = pair_tiles.pair_sums(terms, mask, labels, mask, *values, by_row=1)
    average = mean(total, mask)[..., None]
    return ops.where(average > 0, backend.divide_no_nan(total, average), real)


@register
class MixtureEMLoss(RankingLoss):
    """Mixture EM: each list of clicks belongs to one of several models, with a probability called its responsibility.

        loss = sum_m r_m L_m,    r = softmax_m(-alpha L_m),    L_m = the cross-entropy of the clicks under model m

    The scores have an axis of models, [lists, list_size, models]. Documents are ranked by the mean of their scores. Use
    it for clicks of users who read lists in a few different ways, for example by device or by intent. `mixture_em` is
    the function.

    >>> loss = MixtureEMLoss()
    >>> round(float(loss([[1, 0]], [[[0.6, 0.9], [0.8, 0.2]]])), 5)
    1.31987
    """

    fn = staticmethod(_mixture_em)
    lambda_weights = PAIRS
    models = 2
    needs_positions = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        alpha: NotNegative = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, alpha=alpha)


def click_em(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    exam_loss_weight: NotNegative = 1.0,
    rel_loss_weight: NotNegative = 1.0,
    per: Per = "list",
) -> Tensor:
    """Click EM: a click needs a document that is both seen and relevant, each with a probability of its own.

    For one list with clicks y, examination logits a and relevance logits b,

        e_i = 1 if y_i >= 1, else P(seen | no click) = sigma(a_i - log(1 + e^b_i))
        r_i = 1 if y_i >= 1, else P(relevant | no click) = sigma(b_i - log(1 + e^a_i))
        loss = sum_i w_i (exam_loss_weight CE(e_i, a_i) + rel_loss_weight CE(r_i, b_i))

    with CE(p, x) = log(1 + e^x) - p x. The numbers e and r are the E step, and no gradient flows through them.

    Args:
        labels: [..., list_size], clicks; a label of at least 1 is a click.
        scores: [..., list_size, 2], first the logit of examination, then the logit of relevance.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document. None = 1.
        exam_loss_weight: the weight of the cross-entropy of examination, >= 0.
        rel_loss_weight: the weight of the cross-entropy of relevance, >= 0.
        per: "list", the sum over the documents of a list, or "document", the term of each document.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list. Per document [..., list_size], 0 at padding.

    Raises:
        ValueError: the shapes do not match, the last axis is not 2, or an option is out of range.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: clicks have position bias. The examination logits depend on the position, the relevance logits on the
    document. Documents are ranked by the relevance logits.

    Reference: Wang et al., "Position Bias Estimation for Unbiased Learning to Rank in Personal Search", WSDM 2018.
    TensorFlow Ranking takes the mean over list_size, padding included; its value times list_size is the sum here.
    """
    check_options(click_em, exam_loss_weight=exam_loss_weight, rel_loss_weight=rel_loss_weight, per=per)
    labels, scores, mask = clean(labels, scores, mask, models=True)
    options = {"exam_loss_weight": exam_loss_weight, "rel_loss_weight": rel_loss_weight}
    return _click_em(labels, scores, mask=mask, weights=weights, **options, per=per)


def _click_em(labels, scores, *, mask, weights, exam_loss_weight, rel_loss_weight, per="list"):
    if scores.shape[-1] not in (2, None):
        raise ValueError(
            "click_em takes 2 scores per document, examination and relevance, but got scores "
            f"{shape_text(scores.shape)}"
        )
    examination, relevance = scores[..., 0], scores[..., 1]
    clicked = labels >= 1
    seen = _posterior(clicked, examination, relevance)
    relevant = _posterior(clicked, relevance, examination)
    by_document = exam_loss_weight * cross_entropy(seen, examination)
    by_document = by_document + rel_loss_weight * cross_entropy(relevant, relevance)
    return total(weights_of_documents(weights, labels, mask) * by_document, per)


def _posterior(clicked, logit, other):
    """The probability of the cause with this logit, given a click or no click; a click needs the other cause too."""
    return ops.stop_gradient(ops.where(clicked, 1.0, ops.sigmoid(logit - ops.softplus(other))))


@register
def relevance_logits(scores):
    """[..., list_size, 2] of `click_em` -> [..., list_size], the logits of relevance, by which documents are ranked."""
    return scores[..., 1]


@register
class ClickEMLoss(RankingLoss):
    """Click EM: a click needs a document that is both seen and relevant, each with a probability of its own.

        loss = sum_i (exam_loss_weight CE(e_i, a_i) + rel_loss_weight CE(r_i, b_i))

    with the logits a of examination and b of relevance, and their probabilities e and r given a click or no click. The
    scores are [lists, list_size, 2], a and then b; documents are ranked by b. Use it for clicks with position bias: a
    depends on the position, b on the document. `click_em` is the function.

    >>> loss = ClickEMLoss()
    >>> round(float(loss([[1, 0]], [[[0.6, 0.9], [0.8, 0.2]]])), 6)
    2.292577
    """

    fn = staticmethod(_click_em)
    weighs_documents = True
    models = 2
    of_positions = ("examination",)
    ranking = staticmethod(relevance_logits)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        exam_loss_weight: NotNegative = 1.0,
        rel_loss_weight: NotNegative = 1.0,
        ragged: bool = False,
    ):
        super().__init__(
            reduction,
            name,
            None,
            1.0,
            ragged,
            exam_loss_weight=exam_loss_weight,
            rel_loss_weight=rel_loss_weight,
        )
