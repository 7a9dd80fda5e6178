"""Losses that read exp(score) as a document's odds of being chosen."""

import keras
from keras import ops

from plackett import backend, gains
from plackett.lambdas import check_gains, document_weights
from plackett.lists import clean, log_softmax, logsumexp_below, ranks, weights_of_documents
from plackett.losses._base import RankingLoss
from plackett.losses._options import check_options


def softmax(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Softmax cross-entropy of the labels, which need not sum to 1.

    For one list with labels y and scores s,

        loss = sum_i w_i y_i (log sum_j e^s_j - s_i)

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document's own term. None = 1.
        lambda_weight: of the DCG family, or of your own: its weight of a document, gain(y_i) discount(rank_i), takes
            the place of y_i.

    Returns:
        [...], one loss a list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight without weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: clicks or any labels that say how much of the attention a document should get; a strong first choice.

    Reference: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (ListNet);
    Bruch et al., "An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary Relevance",
    ICTIR 2019.
    """
    labels, scores, mask = clean(labels, scores, mask)
    gain = _gain(labels, scores, mask, gains.identity, lambda_weight) * weights_of_documents(weights, labels, mask)
    return -ops.sum(gain * log_softmax(scores, mask), axis=-1)


def calibrated_softmax(labels, scores, *, mask=None, weights=None, virtual_label: float = 0.0, lambda_weight=None):
    """Calibrated softmax: `softmax` with one more document in each list, whose score is 0 and whose label is given.

    For one list with labels y, scores s and the virtual label y_0,

        L = log(1 + sum_j e^s_j)
        loss = sum_i w_i y_i (L - s_i) + y_0 L

    so that the scores have a scale: e^s_i is the odds of document i against none at all.

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document's own term, the virtual one having 1. None = 1.
        virtual_label: y_0 >= 0; the larger, the lower are the scores of lists with little relevance.
        lambda_weight: of the DCG family, or of your own: as in `softmax`, with the virtual document among the ranked.

    Returns:
        [...], one loss a list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, virtual_label < 0, or a lambda weight without weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as `softmax`, where scores must be comparable between lists or be read as probabilities.

    Reference: Yan et al., "Scale Calibration of Deep Ranking Models", KDD 2022.
    """
    check_options(virtual_label=virtual_label)
    labels, scores, mask = clean(labels, scores, mask)
    weights = weights_of_documents(weights, labels, mask)
    real = ops.any(mask, axis=-1, keepdims=True)
    labels = _with_virtual(labels, ops.cast(real, labels.dtype) * virtual_label)
    scores, weights, mask = _with_virtual(scores, 0.0), _with_virtual(weights, 1.0), _with_virtual(mask, real)
    return softmax(labels, scores, mask=mask, weights=weights, lambda_weight=lambda_weight)


def _with_virtual(x, value):
    """[..., list_size] -> [..., list_size + 1], with `value` in the last place."""
    last = ops.cast(ops.broadcast_to(value, (*ops.shape(x)[:-1], 1)), x.dtype)
    return ops.concatenate([x, last], axis=-1)


def poly_one_softmax(labels, scores, *, mask=None, weights=None, epsilon: float = 1.0, lambda_weight=None):
    """Poly-1 softmax: softmax cross-entropy with another first coefficient of its expansion in 1 - p.

    For one list with labels y, scores s and p_i = e^s_i / sum_j e^s_j,

        loss = sum_i w_i y_i (-log p_i + epsilon (1 - p_i))

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document's own term. None = 1.
        epsilon: the coefficient; 0 is `softmax`, below 0 weakens documents that are ranked well already.
        lambda_weight: of the DCG family, or of your own: as in `softmax`.

    Returns:
        [...], one loss a list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight without weights for documents.

    Cost: O(list_size); O(list_size log list_size) with a lambda weight.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as `softmax`; epsilon is tuned on validation lists.

    Reference: Leng et al., "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions", ICLR 2022.
    """
    check_options(epsilon=epsilon)
    labels, scores, mask = clean(labels, scores, mask)
    gain = _gain(labels, scores, mask, gains.identity, lambda_weight) * weights_of_documents(weights, labels, mask)
    log_p = log_softmax(scores, mask)
    return ops.sum(gain * (epsilon * -ops.expm1(log_p) - log_p), axis=-1)


def unique_softmax(labels, scores, *, mask=None, weights=None, lambda_weight=None):
    """Unique softmax: each document against those graded below it.

    For one list with labels y and scores s,

        loss = -sum_i w_i gain(y_i) log(e^s_i / (e^s_i + sum_{j: y_j < y_i} e^s_j)),    gain(y) = 2^y - 1

    so documents of equal label never compete. With L_i the log-sum-exp of the scores below y_i, a term is
    softplus(L_i - s_i), which no score of another document spoils.

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document's own term; its rivals count in full. None = 1.
            `UniqueSoftmaxLoss` makes a weight of the list of them, as TensorFlow Ranking does.
        lambda_weight: of the DCG family, or of your own: its weight of a document, gain(y_i) discount(rank_i), takes
            the place of 2^y_i - 1.

    Returns:
        [...], one loss a list, in nats; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight without weights for documents.

    Cost: O(list_size log list_size) time, O(list_size) memory.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: graded judgements with many ties; long lists.

    Reference: Zhu & Klabjan, "Listwise Learning to Rank by Exploring Unique Ratings", WSDM 2020,
    https://arxiv.org/abs/2001.01828
    """
    labels, scores, mask = clean(labels, scores, mask)
    gain = _gain(labels, scores, mask, gains.pow_minus_1, lambda_weight) * weights_of_documents(weights, labels, mask)
    tops, rest, has_rivals = logsumexp_below(labels, scores, mask)
    return ops.sum(ops.where(has_rivals, gain * backend.softplus((tops - scores) + rest), 0.0), axis=-1)


def _gain(labels, scores, mask, gain_fn, lambda_weight):
    """[..., list_size], gain_fn(label), or what the lambda weight puts in its place."""
    if lambda_weight is None:
        return gain_fn(labels)
    check_gains(lambda_weight)
    return document_weights(lambda_weight, labels, ranks(ops.stop_gradient(scores), mask), mask)


@keras.saving.register_keras_serializable("plackett")
class SoftmaxLoss(RankingLoss):
    """`softmax` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_gains(lambda_weight)
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
class CalibratedSoftmaxLoss(RankingLoss):
    """`calibrated_softmax` as a Keras loss."""

    def __init__(
        self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, virtual_label=0.0, ragged=False
    ):
        check_gains(lambda_weight)
        super().__init__(
            calibrated_softmax,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            virtual_label=virtual_label,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class PolyOneSoftmaxLoss(RankingLoss):
    """`poly_one_softmax` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, epsilon=1.0, temperature=1.0, ragged=False):
        check_gains(lambda_weight)
        super().__init__(
            poly_one_softmax,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            weighs_documents=True,
            epsilon=epsilon,
            lambda_weight=lambda_weight,
        )


@keras.saving.register_keras_serializable("plackett")
class UniqueSoftmaxLoss(RankingLoss):
    """`unique_softmax` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False):
        check_gains(lambda_weight)
        super().__init__(
            unique_softmax, reduction, name, temperature=temperature, ragged=ragged, lambda_weight=lambda_weight
        )
