"""Losses of similarities from 0 to 1."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import clean, logsumexp_below
from plackett.lists._order import sums_above
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import check_options, register
from plackett.registry.options import Number, Positive


def circle(
    labels: Tensor, scores: Tensor, *, mask: Tensor | None = None, gamma: Positive = 64.0, margin: Number = 0.25
) -> Tensor:
    """Circle loss: each pair in the wrong order, weighed by how far both documents are from where they should be.

    For one list with labels y and scores s, clipped to [0, 1], and with no gradient through a and b,

        a_i = max(0, 1 + margin - s_i),    b_j = max(0, s_j + margin)
        loss = log(1 + sum_ij e^(gamma (a_i (1 - margin - s_i) + b_j (s_j - margin))))    over the pairs with y_i > y_j

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size], similarities. Those outside [0, 1] are clipped and get no gradient.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        gamma: the scale of the exponents, > 0.
        margin: similarities within this distance of their target, 1 or 0, count as good enough.

    Returns:
        [...], one loss per list, in nats; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not match, or an option is out of range.

    Cost: O(list_size log list_size) time and O(list_size) memory, since the exponent of a pair is a sum over its two
    documents.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the scores are cosine similarities of embeddings.

    Reference: Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020, eq. 6.
    """
    check_options(circle, gamma=gamma, margin=margin)
    labels, scores, mask = clean(labels, scores, mask)
    return _circle(labels, scores, mask=mask, gamma=gamma, margin=margin)


def _circle(labels, scores, *, mask, gamma, margin):
    return ops.logsumexp(_exponents(labels, backend.clip(scores, 0.0, 1.0), mask, gamma, margin)[0], axis=-1)


def _circle_curvature(labels, scores, *, mask, gamma, margin):
    """gamma^2 (a_k^2 p_k (1 - p_k) + b_k^2 q_k (1 - q_k) + 2 a_k b_k p_k q_k), 0 where the score is clipped.

    p_k is the share in e^loss of the pairs in which k has the higher grade; q_k, of those in which it has the lower.
    """
    inside = mask & (scores >= 0.0) & (scores <= 1.0)
    scores = backend.clip(scores, 0.0, 1.0)
    exponents, other, tops, rest = _exponents(labels, scores, mask, gamma, margin)
    higher = ops.softmax(exponents, axis=-1)[..., :-1]
    lower = backend.minimum(sums_above(labels, other, mask, higher * ops.exp(-rest), tops), 1.0)
    a, b = gamma * ops.relu(1.0 + margin - scores), gamma * ops.relu(scores + margin)
    squares = ops.square(a) * higher * (1.0 - higher) + ops.square(b) * lower * (1.0 - lower)
    return ops.where(inside, squares + 2.0 * a * b * higher * lower, 0.0)


def _exponents(labels, scores, mask, gamma, margin):
    """(the log of the terms of each document's pairs, and 0 for no pair; what is below, as `logsumexp_below` has it).

    These are [..., list_size + 1], and, [..., list_size] each, the b_j (s_j - margin) and the two parts of the log of
    their sum.
    """
    own = gamma * ops.stop_gradient(ops.relu(1.0 + margin - scores)) * (1.0 - margin - scores)
    other = gamma * ops.stop_gradient(ops.relu(scores + margin)) * (scores - margin)
    tops, rest, has_below = logsumexp_below(labels, other, mask)
    exponents = ops.where(has_below, own + tops + rest, -float("inf"))
    none = ops.zeros((*ops.shape(exponents)[:-1], 1), exponents.dtype)
    return ops.concatenate([exponents, none], axis=-1), other, tops, rest


@register
class CircleLoss(RankingLoss):
    """Circle loss: each pair in the wrong order, weighed by how far both documents are from where they should be.

        loss = log(1 + sum_ij e^(gamma (a_i (1 - margin - s_i) + b_j (s_j - margin))))    over the pairs with y_i > y_j
        a_i = max(0, 1 + margin - s_i),    b_j = max(0, s_j + margin)

    Use it where the scores are cosine similarities of embeddings. `circle` is the function.

    >>> loss = CircleLoss(gamma=2.0)
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.580508
    """

    fn = staticmethod(_circle)
    curvature = staticmethod(_circle_curvature)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        gamma: Positive = 64.0,
        margin: Number = 0.25,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, ragged=ragged, gamma=gamma, margin=margin)
