"""Losses that read exp(score) as a document's odds of being chosen."""

import keras
from keras import ops

from plackett import gains
from plackett.backend import cumulative_logsumexp
from plackett.lambdas import DCGFamily, LambdaWeight, check_weight
from plackett.lists import ascending_order, below_top, clean, count_below, log_softmax, ranks, take
from plackett.losses.base import RankingLoss


def softmax(labels, scores, *, mask=None, weights=None, lambda_weight: LambdaWeight | None = None):
    """Softmax cross-entropy of the labels, which need not sum to 1.

    For one list with labels y and scores s,

        loss = sum_i w_i y_i (log sum_j e^s_j - s_i)

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = all real.
        weights: [..., list_size], the weight w of each document's own term. None = 1.
        lambda_weight: of the DCG family: gain(y_i) discount(rank_i) takes the place of y_i.

    Returns:
        [...], one loss a list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight outside the DCG family.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Reference: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (ListNet);
    Bruch et al., "An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary Relevance",
    ICTIR 2019.
    """
    labels, scores, mask = clean(labels, scores, mask)
    gain = _gain(labels, scores, mask, gains.identity, lambda_weight)
    if weights is not None:
        gain = ops.where(mask, gain * weights, 0.0)
    return -ops.sum(gain * log_softmax(scores, mask), axis=-1)


def unique_softmax(labels, scores, *, mask=None, lambda_weight: LambdaWeight | None = None):
    """Unique softmax: each document against those graded below it.

    For one list with labels y and scores s,

        loss = -sum_i gain(y_i) log(e^s_i / (e^s_i + sum_{j: y_j < y_i} e^s_j)),    gain(y) = 2^y - 1

    so documents of equal label never compete. Sorted by label, the rivals of a document are a prefix: with L_p the
    log-sum-exp of the p lowest graded documents, its term is softplus(L_p - s_i).

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = all real.
        lambda_weight: of the DCG family: its gain(y_i) discount(rank_i) takes the place of 2^y_i - 1.

    Returns:
        [...], one loss a list, in nats; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight outside the DCG family.

    Cost: O(list_size log list_size) time, O(list_size) memory.

    Reference: Zhu & Klabjan, "Listwise Learning to Rank by Exploring Unique Ratings", WSDM 2020,
    https://arxiv.org/abs/2001.01828
    """
    labels, scores, mask = clean(labels, scores, mask)
    gain = _gain(labels, scores, mask, gains.pow_minus_1, lambda_weight)
    scores = below_top(scores, mask)
    log_sums = cumulative_logsumexp(take(scores, ascending_order(labels, mask)))
    rivals = count_below(labels, mask)
    log_odds = take(log_sums, ops.maximum(rivals - 1, 0)) - scores
    return ops.sum(ops.where(rivals > 0, gain * ops.softplus(log_odds), 0.0), axis=-1)


def _gain(labels, scores, mask, gain_fn, lambda_weight):
    """[..., list_size], gain_fn(label), or what the lambda weight puts in its place."""
    if lambda_weight is None:
        return gain_fn(labels)
    check_weight(lambda_weight, DCGFamily)
    return lambda_weight.document_weights(labels, ranks(ops.stop_gradient(scores), mask), mask)


@keras.saving.register_keras_serializable("plackett")
class SoftmaxLoss(RankingLoss):
    """`softmax` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_weight(lambda_weight, DCGFamily)
        super().__init__(
            softmax,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class UniqueSoftmaxLoss(RankingLoss):
    """`unique_softmax` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_weight(lambda_weight, DCGFamily)
        super().__init__(
            unique_softmax, reduction, name, temperature=temperature, ragged=ragged, lambda_weight=lambda_weight
        )
