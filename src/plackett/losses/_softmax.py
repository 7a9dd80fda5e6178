"""Losses that read exp(score) as a document's odds of being chosen."""

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.lambdas import LambdaWeight
from plackett.lambdas._uses import GAINS, check_lambda_weight, weights_of_ranked_documents
from plackett.lists import clean, log_softmax, logsumexp_below, masked_softmax, ranks, weights_of_documents
from plackett.lists._order import sums_above
from plackett.losses._base import LambdaWeightedLoss, RankingLoss, Reduction
from plackett.registry import check_options, register
from plackett.registry.options import NotNegative, Number, Positive


def softmax(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """Softmax cross-entropy of the labels, which need not sum to 1.

    For one list with labels y and scores s,

        loss = sum_i w_i y_i (log sum_j e^s_j - s_i)

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document's own term. None = 1.
        lambda_weight: a weight of the DCG family, or of your own. Its weight of a document, gain(y_i) discount(rank_i),
            replaces y_i.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not match, or the lambda weight has no weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the labels are clicks, or say how much of the attention a document should get. It is a strong first choice.

    Reference: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (ListNet);
    Bruch et al., "An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary Relevance",
    ICTIR 2019.
    """
    check_lambda_weight(lambda_weight, GAINS)
    labels, scores, mask = clean(labels, scores, mask)
    return _softmax(labels, scores, mask=mask, weights=weights, lambda_weight=lambda_weight)


def _softmax(labels, scores, *, mask, weights, lambda_weight):
    gain = _gain(labels, scores, mask, weights, gains.identity, lambda_weight)
    return -ops.sum(gain * log_softmax(scores, mask), axis=-1)


def _softmax_curvature(labels, scores, *, mask, weights, lambda_weight):
    """(sum_i w_i y_i) p_k (1 - p_k), with p the softmax of the scores."""
    gain = _gain(labels, scores, mask, weights, gains.identity, lambda_weight)
    p = masked_softmax(scores, mask)
    return ops.sum(gain, axis=-1, keepdims=True) * p * share_of_others(p)


def share_of_others(p):
    """1 - p, exact even where it is small; p are [..., n] parts that sum to 1 in each list.

    At most one part is above a half; for it, the sum of the other parts is used.
    """
    large = p > 0.5
    return ops.where(large, ops.sum(ops.where(large, 0.0, p), axis=-1, keepdims=True), 1.0 - p)


@register
class SoftmaxLoss(LambdaWeightedLoss):
    """Softmax cross-entropy: the documents of a list share a probability of 1, and the labels say how.

        loss = sum_i y_i (log sum_j e^s_j - s_i)

    Use it for clicks, and for any labels that say how much of the attention a document should get. It is a strong first
    choice. `softmax` is the function.

    >>> loss = SoftmaxLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.798139
    """

    fn = staticmethod(_softmax)
    curvature = staticmethod(_softmax_curvature)
    lambda_weights = GAINS
    weighs_documents = True


def calibrated_softmax(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    virtual_label: NotNegative = 0.0,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """Calibrated softmax: `softmax` with a virtual document added to each list, which has score 0 and a given label.

    For one list with labels y, scores s and the virtual label y_0,

        L = log(1 + sum_j e^s_j)
        loss = sum_i w_i y_i (L - s_i) + y_0 L

    so that the scores have a scale: e^s_i is the odds of choosing document i against choosing none.

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document's own term; the virtual document has weight 1. None =
            1.
        virtual_label: y_0 >= 0. The larger it is, the lower the scores of lists with little relevance.
        lambda_weight: a weight of the DCG family, or of your own, as in `softmax`. The virtual document is ranked too.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not match, virtual_label < 0, or the lambda weight has no weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: as for `softmax`, where scores must be comparable between lists or be read as probabilities.

    Reference: Yan et al., "Scale Calibration of Deep Ranking Models", KDD 2022.
    """
    check_options(calibrated_softmax, virtual_label=virtual_label)
    check_lambda_weight(lambda_weight, GAINS)
    labels, scores, mask = clean(labels, scores, mask)
    options = {"weights": weights, "virtual_label": virtual_label, "lambda_weight": lambda_weight}
    return _calibrated_softmax(labels, scores, mask=mask, **options)


def _calibrated_softmax(labels, scores, *, mask, weights, virtual_label, lambda_weight):
    return _softmax(**_with_virtual(labels, scores, mask, weights, virtual_label), lambda_weight=lambda_weight)


def _calibrated_softmax_curvature(labels, scores, *, mask, weights, virtual_label, lambda_weight):
    """The curvature of `softmax` with the virtual document, which has no score of its own."""
    lists = _with_virtual(labels, scores, mask, weights, virtual_label)
    return _softmax_curvature(**lists, lambda_weight=lambda_weight)[..., :-1]


def _with_virtual(labels, scores, mask, weights, virtual_label):
    """The arguments of `_softmax`, with the virtual document in the last place of each list."""
    real = ops.any(mask, axis=-1, keepdims=True)
    return {
        "labels": _and(labels, ops.cast(real, labels.dtype) * virtual_label),
        "scores": _and(scores, 0.0),
        "mask": _and(mask, real),
        "weights": _and(weights_of_documents(weights, labels, mask), 1.0),
    }


def _and(x, value):
    """[..., list_size] -> [..., list_size + 1], with `value` in the last place."""
    last = ops.cast(ops.broadcast_to(value, (*ops.shape(x)[:-1], 1)), x.dtype)
    return ops.concatenate([x, last], axis=-1)


@register
class CalibratedSoftmaxLoss(RankingLoss):
    """Calibrated softmax: softmax with a virtual document of score 0 added to each list, so that scores have a scale.

        loss = sum_i y_i (L - s_i) + virtual_label L,    L = log(1 + sum_j e^s_j)

    Use it like `SoftmaxLoss`, where scores must be comparable between lists or be read as log odds against no choice.
    `calibrated_softmax` is the function.

    >>> loss = CalibratedSoftmaxLoss(virtual_label=0.5)
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.828387
    """

    fn = staticmethod(_calibrated_softmax)
    curvature = staticmethod(_calibrated_softmax_curvature)
    lambda_weights = GAINS
    weighs_documents = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        virtual_label: NotNegative = 0.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, virtual_label=virtual_label)


def poly_one_softmax(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    epsilon: Number = 1.0,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """Poly-1 softmax: softmax cross-entropy with another first coefficient of its expansion in 1 - p.

    For one list with labels y, scores s and p_i = e^s_i / sum_j e^s_j,

        loss = sum_i w_i y_i (-log p_i + epsilon (1 - p_i))

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document's own term. None = 1.
        epsilon: the coefficient. 0 gives `softmax`; below 0, documents that already rank well count less.
        lambda_weight: of the DCG family, or of your own: as in `softmax`.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not match, or the lambda weight has no weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: as for `softmax`, with epsilon tuned on validation lists.

    Reference: Leng et al., "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions", ICLR 2022.
    """
    check_options(poly_one_softmax, epsilon=epsilon)
    check_lambda_weight(lambda_weight, GAINS)
    labels, scores, mask = clean(labels, scores, mask)
    return _poly_one_softmax(labels, scores, mask=mask, weights=weights, epsilon=epsilon, lambda_weight=lambda_weight)


def _poly_one_softmax(labels, scores, *, mask, weights, epsilon, lambda_weight):
    gain = _gain(labels, scores, mask, weights, gains.identity, lambda_weight)
    log_p = log_softmax(scores, mask)
    return ops.sum(gain * (epsilon * -ops.expm1(log_p) - log_p), axis=-1)


def _poly_one_softmax_curvature(labels, scores, *, mask, weights, epsilon, lambda_weight):
    """p_k (G (1 - p_k) - epsilon (1 - 2 p_k) (g_k - sum_i g_i p_i)), with g_i = w_i y_i and G their sum."""
    gain = _gain(labels, scores, mask, weights, gains.identity, lambda_weight)
    p = masked_softmax(scores, mask)
    total, expected = ops.sum(gain, axis=-1, keepdims=True), ops.sum(gain * p, axis=-1, keepdims=True)
    others = share_of_others(p)
    return p * (total * others - epsilon * (others - p) * (gain - expected))


@register
class PolyOneSoftmaxLoss(RankingLoss):
    """Poly-1 softmax: softmax cross-entropy with another first coefficient of its expansion in 1 - p.

        loss = sum_i y_i (-log p_i + epsilon (1 - p_i)),    p_i = e^s_i / sum_j e^s_j

    Use it like `SoftmaxLoss`, where you can tune one more number. With an epsilon below 0, documents that already rank
    well count less. `poly_one_softmax` is the function.

    >>> loss = PolyOneSoftmaxLoss(epsilon=2.0)
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.897807
    """

    fn = staticmethod(_poly_one_softmax)
    curvature = staticmethod(_poly_one_softmax_curvature)
    lambda_weights = GAINS
    weighs_documents = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        epsilon: Number = 1.0,
        temperature: Positive = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, epsilon=epsilon)


def unique_softmax(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """Unique softmax: each document competes with those of a lower grade.

    For one list with labels y and scores s,

        loss = -sum_i w_i gain(y_i) log(e^s_i / (e^s_i + sum_{j: y_j < y_i} e^s_j)),    gain(y) = 2^y - 1

    Documents of equal label never compete. With L_i the log-sum-exp of the scores of documents with a label below y_i,
    a term is softplus(L_i - s_i), which stays exact for any scores.

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document's own term; its rivals count in full. None = 1.
            `UniqueSoftmaxLoss` turns them into one weight per list, as TensorFlow Ranking does.
        lambda_weight: of the DCG family, or of your own: its weight of a document, gain(y_i) discount(rank_i), replaces
            2^y_i - 1.

    Returns:
        [...], one loss per list, in nats; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not match, or the lambda weight has no weights for documents.

    Cost: O(list_size log list_size) time, O(list_size) memory.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: judgements are graded with many ties, or lists are long.

    Reference: Zhu & Klabjan, "Listwise Learning to Rank by Exploring Unique Ratings", WSDM 2020,
    https://arxiv.org/abs/2001.01828
    """
    check_lambda_weight(lambda_weight, GAINS)
    labels, scores, mask = clean(labels, scores, mask)
    return _unique_softmax(labels, scores, mask=mask, weights=weights, lambda_weight=lambda_weight)


def _unique_softmax(labels, scores, *, mask, lambda_weight, weights=None):
    gain = _gain(labels, scores, mask, weights, gains.pow_minus_1, lambda_weight)
    tops, rest, has_rivals = logsumexp_below(labels, scores, mask)
    return ops.sum(ops.where(has_rivals, gain * backend.softplus((tops - scores) + rest), 0.0), axis=-1)


def _unique_softmax_derivatives(labels, scores, *, mask, lambda_weight, weights=None):
    """The gradient and the curvature, with g_i = w_i gain(y_i) and sums over the i with y_i > y_k,

        sum_i g_i p_ik - g_k (1 - q_k)    and    sum_i g_i p_ik (1 - p_ik) + g_k q_k (1 - q_k)

    where q_i is the share of document i among itself and the documents graded below it, and p_ik the share of k among
    the same documents.
    """
    gain = _gain(labels, scores, mask, weights, gains.pow_minus_1, lambda_weight)
    tops, rest, has_rivals = logsumexp_below(labels, scores, mask)
    gain, lead = ops.where(has_rivals, gain, 0.0), (scores - tops) - rest
    lost = ops.sigmoid(-lead)
    own, share = gain * lost, lost * ops.exp(-rest)
    sums = sums_above(labels, scores, mask, gain * share, tops)
    squares = sums_above(labels, 2.0 * scores, mask, gain * ops.square(share), 2.0 * tops)
    return sums - own, ops.relu(sums - squares) + own * ops.sigmoid(lead)


def _gain(labels, scores, mask, weights, gain_fn, lambda_weight):
    """[..., list_size], gain_fn(label), or what the lambda weight replaces it with, times the document's weight."""
    if lambda_weight is None:
        gain = gain_fn(labels)
    else:
        gain = weights_of_ranked_documents(lambda_weight, labels, ranks(ops.stop_gradient(scores), mask), mask)
    return gain * weights_of_documents(weights, labels, mask)


@register
class UniqueSoftmaxLoss(LambdaWeightedLoss):
    """Unique softmax: each document competes with those of a lower grade.

        loss = -sum_i (2^y_i - 1) log(e^s_i / (e^s_i + sum_{j: y_j < y_i} e^s_j))

    Use it for graded judgements with many equal grades, and for long lists. `unique_softmax` is the function. The class
    turns weights of documents into one weight per list, as TensorFlow Ranking does.

    >>> loss = UniqueSoftmaxLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.798139
    """

    fn = staticmethod(_unique_softmax)
    derivatives = staticmethod(_unique_softmax_derivatives)
    lambda_weights = GAINS
