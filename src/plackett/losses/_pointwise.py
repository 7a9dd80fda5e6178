"""Losses of single documents, summed over the list."""

from typing import Literal

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.backend.derivatives import Rule, differentiable
from plackett.lists import clean, weights_of_documents
from plackett.lists._shapes import shape_text
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import check_options, register
from plackett.registry.options import Count, CountFrom2, ShareBelow1

Per = Literal["list", "document"]


def cross_entropy(labels, scores):
    """The binary cross-entropy of labels under logits, log(1 + e^s) - y s, exact and without overflow."""

    return differentiable(_CROSS_ENTROPY, (scores,), (labels,))


def cross_entropy_and_slope(variables, constants):
    """(the cross-entropy, (its derivative,)) of ((scores,), (labels,)), in the form of a derivative rule."""
    (scores,), (labels,) = variables, constants
    rest, unlikely = backend.softplus_and_sigmoid(-ops.abs(scores))
    value = labels * ops.relu(-scores) + (1.0 - labels) * ops.relu(scores) + rest
    return value, (ops.where(scores > 0, 1.0 - unlikely, unlikely) - labels,)


def plain_cross_entropy(labels, scores):
    """`cross_entropy` in operations that the backend differentiates."""
    return labels * backend.softplus(-scores) + (1.0 - labels) * backend.softplus(scores)


def _of_variables(variables, constants):
    return plain_cross_entropy(*constants, *variables)


_CROSS_ENTROPY = Rule(cross_entropy_and_slope, lambda *given: [given[-1] * given[-2][0]], _of_variables)


def total(terms, per):
    """The terms of documents, [..., list_size]: unchanged for per="document", summed for per="list"."""
    return terms if per == "document" else ops.sum(terms, axis=-1)


def sigmoid_cross_entropy(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    per: Per = "list",
) -> Tensor:
    """Sigmoid cross-entropy: the label of each document as a probability.

    For one list with labels y and scores s,

        loss = sum_i w_i (log(1 + e^s_i) - y_i s_i)

    Args:
        labels: [..., list_size], between 0 and 1; the formula also applies to other labels.
        scores: [..., list_size], logits.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document. None = 1.
        per: "list", the sum over the documents of a list, or "document", the term of each document.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list. Per document [..., list_size], 0 at padding.

    Raises:
        ValueError: the shapes do not match, or `per` is neither.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: labels are binary, such as clicks, and the score must also be a calibrated probability.

    Reference: He et al., "Practical Lessons from Predicting Clicks on Ads at Facebook", ADKDD 2014. TensorFlow Ranking
    takes the mean over list_size, padding included; its value times list_size is the sum here.
    """
    check_options(sigmoid_cross_entropy, per=per)
    labels, scores, mask = clean(labels, scores, mask)
    return _sigmoid_cross_entropy(labels, scores, mask=mask, weights=weights, per=per)


def _sigmoid_cross_entropy(labels, scores, *, mask, weights, per="list"):
    return total(weights_of_documents(weights, labels, mask) * cross_entropy(labels, scores), per)


def _sigmoid_cross_entropy_curvature(labels, scores, *, mask, weights):
    """w_i sigma(s_i) (1 - sigma(s_i))."""
    return weights_of_documents(weights, labels, mask) * ops.sigmoid(scores) * ops.sigmoid(-scores)


@register
class SigmoidCrossEntropyLoss(RankingLoss):
    """Sigmoid cross-entropy: the label of each document as a probability, with the score as its logit.

        loss = sum_i (log(1 + e^s_i) - y_i s_i)

    Use it for binary labels, such as clicks, where the score must also be a calibrated probability.
    `sigmoid_cross_entropy` is the function.

    >>> loss = SigmoidCrossEntropyLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.608589
    """

    fn = staticmethod(_sigmoid_cross_entropy)
    curvature = staticmethod(_sigmoid_cross_entropy_curvature)
    weighs_documents = True

    def __init__(self, reduction: Reduction = "auto", name: str | None = None, ragged: bool = False):
        super().__init__(reduction, name, ragged=ragged)


def mean_squared(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    per: Per = "list",
) -> Tensor:
    """Squared error: regression of the labels.

    For one list with labels y and scores s,

        loss = sum_i w_i (s_i - y_i)^2

    Args:
        labels: [..., list_size], any numbers.
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document. None = 1.
        per: "list", the sum over the documents of a list, or "document", the term of each document.

    Returns:
        [...], one loss per list; 0 for an empty list. Per document [..., list_size], 0 at padding.

    Raises:
        ValueError: the shapes do not match, or `per` is neither.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the score must predict the label itself.

    Reference: Cossock & Zhang, "Subset Ranking Using Regression", COLT 2006. TensorFlow Ranking takes the mean over
    list_size, padding included; its value times list_size is the sum here.
    """
    check_options(mean_squared, per=per)
    labels, scores, mask = clean(labels, scores, mask)
    return _mean_squared(labels, scores, mask=mask, weights=weights, per=per)


def _mean_squared(labels, scores, *, mask, weights, per="list"):
    return total(weights_of_documents(weights, labels, mask) * ops.square(scores - labels), per)


def _mean_squared_curvature(labels, scores, *, mask, weights):
    """2 w_i."""
    return 2.0 * weights_of_documents(weights, labels, mask)


@register
class MeanSquaredLoss(RankingLoss):
    """Squared error: regression of the labels, summed over a list.

        loss = sum_i (s_i - y_i)^2

    Use it where the score must predict the label itself. `mean_squared` is the function.

    >>> loss = MeanSquaredLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.8
    """

    fn = staticmethod(_mean_squared)
    any_labels = True
    curvature = staticmethod(_mean_squared_curvature)
    weighs_documents = True

    def __init__(self, reduction: Reduction = "auto", name: str | None = None, ragged: bool = False):
        super().__init__(reduction, name, ragged=ragged)


def ordinal(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    ordinal_size: Count | None = None,
    use_fraction_label: bool = False,
    per: Per = "list",
) -> Tensor:
    """Ordinal regression: for each level, is the label at least this high?

    For one list with labels y and, for levels k = 1 ... K, the logits s_ik of y_i >= k,

        loss = sum_i w_i sum_k (log(1 + e^s_ik) - t_ik s_ik),    t_ik = 1 if y_i >= k, else 0

    Args:
        labels: [..., list_size], grades from 0 to K.
        scores: [..., list_size, K], one logit per level.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document. None = 1.
        ordinal_size: K. None = the number of levels of the scores.
        use_fraction_label: t_ik = min(max(y_i - k + 1, 0), 1), so that a label of 1.2 is 0.2 of level 2.
        per: "list", the sum over the documents of a list, or "document", the term of each document.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list. Per document [..., list_size], 0 at padding.

    Raises:
        ValueError: the shapes do not match, the scores do not have `ordinal_size` levels, or `per` is neither.

    Cost: O(list_size K).

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: there are few grades, and the distances between them have no meaning. The sum of the K probabilities is a
    score to rank by.

    Reference: Frank & Hall, "A Simple Approach to Ordinal Classification", ECML 2001; Pobrotyn et al., "Context-Aware
    Learning to Rank with Self-Attention", 2020. TensorFlow Ranking takes the mean over list_size, padding included; its
    value times list_size is the sum here.
    """
    check_options(ordinal, ordinal_size=ordinal_size, use_fraction_label=use_fraction_label, per=per)
    labels, scores, mask = clean(labels, scores, mask, models=True)
    options = {"ordinal_size": ordinal_size, "use_fraction_label": use_fraction_label}
    return _ordinal(labels, scores, mask=mask, weights=weights, **options, per=per)


def _ordinal(labels, scores, *, mask, weights, ordinal_size, use_fraction_label, per="list"):
    _check_size(scores, ordinal_size=ordinal_size)
    level = ops.cast(ops.arange(1, ops.shape(scores)[-1] + 1), scores.dtype)
    if use_fraction_label:
        target = backend.clip(labels[..., None] - level + 1.0, 0.0, 1.0)
    else:
        target = ops.cast(labels[..., None] >= level, scores.dtype)
    by_document = ops.sum(cross_entropy(target, scores), axis=-1)
    return total(weights_of_documents(weights, labels, mask) * by_document, per)


@register
def expected_grade(scores):
    """[..., list_size, K] of `ordinal` -> [..., list_size], the sum of the K probabilities, which ranks."""
    return ops.sum(ops.sigmoid(scores), axis=-1)


@register
class OrdinalLoss(RankingLoss):
    """Ordinal regression: for each grade k, is the label at least this high?

        loss = sum_i sum_k (log(1 + e^s_ik) - [y_i >= k] s_ik)

    The scores are [lists, list_size, ordinal_size], one logit per grade. Documents are ranked by the sum of the
    probabilities. Use it for few grades, where the distances between them have no meaning. `ordinal` is the function.

    >>> loss = OrdinalLoss(ordinal_size=2)
    >>> round(float(loss([[2, 0]], [[[0.6, 0.2], [0.8, -0.1]]])), 6)
    2.851124
    """

    fn = staticmethod(_ordinal)
    weighs_documents = True
    ranking = staticmethod(expected_grade)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        ragged: bool = False,
        ordinal_size: Count | None = 1,
        use_fraction_label: bool = False,
    ):
        super().__init__(
            reduction, name, None, 1.0, ragged, ordinal_size=ordinal_size, use_fraction_label=use_fraction_label
        )

    @property
    def models(self) -> int:
        return self.options["ordinal_size"] or 1


def multi_class(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    num_classes: CountFrom2 | None = None,
    label_smoothing: ShareBelow1 = 0.0,
    per: Per = "list",
) -> Tensor:
    """Multi-class cross-entropy: which of several classes is each document of?

    For one list with labels y, K classes k = 0 ... K - 1 and the logits s_ik,

        loss = sum_i w_i sum_k t_ik (log sum_l e^s_il - s_ik),    t_ik = (1 - a) [y_i = k] + a / K

    Args:
        labels: [..., list_size], classes: whole numbers from 0 to K - 1. Any other number belongs to no class.
        scores: [..., list_size, K], one logit per class.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document. None = 1.
        num_classes: K. None = the number of classes of the scores.
        label_smoothing: a, the share of the label that is spread over all classes, from 0 to 1.
        per: "list", the sum over the documents of a list, or "document", the term of each document.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list. Per document [..., list_size], 0 at padding.

    Raises:
        ValueError: the shapes do not match, the scores do not have `num_classes` classes, or an option is out of range.

    Cost: O(list_size K).

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: grades are classes, and each may depend on the features in its own way. The expected class is a score to rank
    by.

    Reference: Li et al., "McRank: Learning to Rank Using Multiple Classification and Gradient Boosting", NeurIPS 2007.
    TensorFlow Ranking reads the scores as probabilities unless told that they are logits; here they are always logits.
    It takes the mean over list_size, padding included; its value times list_size is the sum here.
    """
    check_options(multi_class, num_classes=num_classes, label_smoothing=label_smoothing, per=per)
    labels, scores, mask = clean(labels, scores, mask, models=True)
    options = {"num_classes": num_classes, "label_smoothing": label_smoothing}
    return _multi_class(labels, scores, mask=mask, weights=weights, **options, per=per)


def _multi_class(labels, scores, *, mask, weights, num_classes, label_smoothing, per="list"):
    _check_size(scores, num_classes=num_classes)
    classes = ops.cast(ops.arange(ops.shape(scores)[-1]), scores.dtype)
    target = ops.cast(labels[..., None] == classes, scores.dtype)
    log_p = ops.log_softmax(scores, axis=-1)
    of_class, of_all = ops.sum(target * log_p, axis=-1), ops.sum(log_p, axis=-1)
    share = label_smoothing / ops.cast(ops.shape(scores)[-1], scores.dtype)
    by_document = -(1.0 - label_smoothing) * of_class - share * of_all
    return total(weights_of_documents(weights, labels, mask) * by_document, per)


@register
def expected_class(scores):
    """[..., list_size, K] of `multi_class` -> [..., list_size], the expected class, by which documents are ranked."""
    probability = ops.softmax(scores, axis=-1)
    return ops.sum(probability * ops.cast(ops.arange(ops.shape(scores)[-1]), probability.dtype), axis=-1)


def _check_size(scores, **size) -> None:
    """Raises a ValueError unless the last axis of the scores has the size that the one option says."""
    ((name, wanted),) = size.items()
    if wanted is not None and scores.shape[-1] not in (wanted, None):
        raise ValueError(
            f"{name}={wanted} needs {wanted} scores per document, but got scores {shape_text(scores.shape)}"
        )


@register
class MultiClassLoss(RankingLoss):
    """Multi-class cross-entropy: which of several classes is each document of?

        loss = sum_i (log sum_l e^s_il - s_ik),    k = y_i

    The scores are [lists, list_size, num_classes], one logit per class. Documents are ranked by the expected class. Use
    it where grades are classes, and each may depend on the features in its own way. `multi_class` is the function.

    >>> loss = MultiClassLoss(num_classes=3)
    >>> round(float(loss([[2, 0]], [[[0.6, 0.3, 0.1], [0.8, -0.1, 0.0]]])), 6)
    1.971655
    """

    fn = staticmethod(_multi_class)
    weighs_documents = True
    ranking = staticmethod(expected_class)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        ragged: bool = False,
        num_classes: CountFrom2 = 2,
        label_smoothing: ShareBelow1 = 0.0,
    ):
        super().__init__(reduction, name, ragged=ragged, num_classes=num_classes, label_smoothing=label_smoothing)

    @property
    def models(self) -> int:
        return self.options["num_classes"]
