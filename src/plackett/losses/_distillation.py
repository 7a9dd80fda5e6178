"""Losses that teach a student the rankings of a teacher."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import (
    ascending_order,
    clean,
    count,
    gumbel,
    log_softmax,
    masked_softmax,
    mean,
    places,
    take,
    weights_of_documents,
)
from plackett.lists._order import end_of_equals, first_of_equals, from_median, padding_behind, sum_before
from plackett.lists._samples import per_sample
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._listmle import choices, derivatives_of_choices, positions_of
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive, Whole


def coupled_rank_distil(
    labels: Tensor, scores: Tensor, *, noise: Tensor, mask: Tensor | None = None, topk: Count | None = None
) -> Tensor:
    """Coupled RankDistil: the likelihood of the teacher's sampled rankings under the student's Plackett-Luce model.

    For one list with teacher scores y, student scores s and uniform noise u,

        g = -log(-log u)
        pi = the order of descending y + g
        loss = mean over samples of sum_{i <= k} (log sum_{j >= i} e^s_pi(j) - s_pi(i))

    Args:
        labels: [..., list_size], the teacher's scores.
        scores: [..., list_size], the student's scores; higher ranks first.
        noise: [..., samples, list_size], uniform on [0, 1).
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        topk: k, the number of positions that count, from the top; clipped to the list size. None = all.

    Returns:
        [...], one loss per list, in nats; 0 where every teacher score is 0.

    Raises:
        ValueError: the shapes do not match, or topk < 1.

    Cost: O(list_size log list_size) time and O(list_size) memory per sample.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the scores of a better ranker are available, and a smaller or faster one should rank the same way.

    Reference: Reddi et al., "RankDistil: Knowledge Distillation for Ranking", AISTATS 2021.
    """
    check_options(coupled_rank_distil, topk=topk)
    labels, scores, mask = clean(labels, scores, mask)
    return _coupled_rank_distil(labels, scores, mask=mask, noise=noise, topk=topk)


def _coupled_rank_distil(labels, scores, *, mask, noise, topk):
    scores, real, order = _rankings(labels, scores, mask, noise)
    surprisals, positions = choices(scores, order, real)
    losses = ops.sum(ops.where(_counts(positions, topk), surprisals, 0.0), axis=-1)
    return ops.where(ops.any(labels != 0, axis=-1), backend.mean(losses, axis=-1), 0.0)


def _coupled_rank_distil_derivatives(labels, scores, *, mask, noise, topk):
    scores, real, order = _rankings(labels, scores, mask, noise)
    weights = ops.cast(_counts(positions_of(order, real), topk), scores.dtype)
    teaches = ops.any(labels != 0, axis=-1, keepdims=True)
    found = derivatives_of_choices(scores, order, real, weights)
    return [ops.where(teaches, backend.mean(x, axis=-2), 0.0) for x in found]


def _rankings(labels, scores, mask, noise):
    """(scores, mask, order) of each sample, [..., samples, list_size] each; the teacher's ranking, bottom first."""
    teacher = from_median(labels, mask)[..., None, :] + gumbel(noise, scores)
    real = per_sample(mask, teacher)
    return per_sample(scores, teacher), real, ascending_order(teacher, real)


def _counts(positions, topk):
    return positions >= 1 if topk is None else (positions >= 1) & (positions <= topk)


@register
class CoupledRankDistilLoss(RankingLoss):
    """Coupled RankDistil: the likelihood, under the student's scores, of rankings sampled from a teacher's scores.

        loss = mean over samples of sum_{i <= topk} (log sum_{j >= i} e^s_pi(j) - s_pi(i))
        pi = the order of descending y + Gumbel noise

    Use it where the scores of a better ranker are available, and a smaller or faster one should rank the same way. The
    teacher's scores are the labels. Each step draws new noise. `coupled_rank_distil` is the function.

    >>> loss = CoupledRankDistilLoss(topk=2)
    >>> teacher, student = [[9.0, 5.0, 0.0]], [[2.0, 1.0, 0.0]]
    >>> float(loss(teacher, student)) < float(loss(teacher, [[0.0, 1.0, 2.0]]))
    True
    """

    fn = staticmethod(_coupled_rank_distil)
    any_labels = True
    derivatives = staticmethod(_coupled_rank_distil_derivatives)
    takes_noise = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        ragged: bool = False,
        sample_size: Count = 8,
        topk: Count | None = None,
        temperature: Positive = 1.0,
        seed: Whole | None = 37,
    ):
        super().__init__(reduction, name, None, temperature, ragged, sample_size, seed=seed, topk=topk)


def list_net(labels: Tensor, scores: Tensor, *, mask: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """ListNet: the cross-entropy of the softmax of the labels and that of the scores.

    For one list with labels y and scores s,

        loss = -sum_i w_i p_i log q_i,    p = softmax(y),    q = softmax(s)

    Args:
        labels: [..., list_size], relevance or the scores of a teacher. Any numbers; only their differences count.
        scores: [..., list_size], logits; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding, so that labels of both
            signs need a mask.
        weights: [..., list_size], the weight w of each document's own term. None = 1.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list. Equal labels ask for equal scores.

    Raises:
        ValueError: the shapes do not match.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: a teacher's scores say how much better one document is than another, or judgements are graded.

    Reference: Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007, with the
    probability of the first place (k = 1) and phi = exp.
    """
    labels, scores, mask = clean(labels, scores, mask)
    return _list_net(labels, scores, mask=mask, weights=weights)


def _list_net(labels, scores, *, mask, weights):
    wanted = weights_of_documents(weights, labels, mask) * masked_softmax(labels, mask)
    return -ops.sum(wanted * log_softmax(scores, mask), axis=-1)


def _list_net_curvature(labels, scores, *, mask, weights):
    """q_i (1 - q_i) sum_j w_j p_j."""
    wanted = weights_of_documents(weights, labels, mask) * masked_softmax(labels, mask)
    chance = masked_softmax(scores, mask)
    return ops.sum(wanted, axis=-1, keepdims=True) * chance * (1.0 - chance)


@register
class ListNetLoss(RankingLoss):
    """ListNet: the cross-entropy of the softmax of the labels and that of the scores.

        loss = -sum_i p_i log q_i,    p = softmax(y),    q = softmax(s)

    Use it where a teacher's scores say how much better one document is than another, and for graded judgements. Divide
    the teacher's scores by a temperature to make p flatter. `list_net` is the function.

    >>> loss = ListNetLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.744351
    """

    fn = staticmethod(_list_net)
    any_labels = True
    curvature = staticmethod(_list_net_curvature)
    weighs_documents = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, temperature=temperature, ragged=ragged)


def margin_mse(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topk: Count | None = 1,
) -> Tensor:
    """Margin-MSE: the differences of the teacher's best documents to those below them must be those of its scores.

    For one list with teacher scores y and student scores s,

        loss = sum_ij w_i ((s_i - s_j) - (y_i - y_j))^2
        over the pairs of which i is among the topk best of the teacher and y_i > y_j

    A pair of equal teacher scores counts once, with the mean of its two weights. A document is among the topk best if
    fewer than topk documents have a higher teacher score, so that documents of equal score are in or out together.

    Args:
        labels: [..., list_size], the teacher's scores.
        scores: [..., list_size], the student's scores; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of the better document of each pair. None = 1.
        topk: how many of the teacher's best documents are compared with the others. None = all; the loss is then half
            of `pairwise_mse`.

    Returns:
        [...], one loss per list; 0 where there is no pair.

    Raises:
        ValueError: the shapes do not match, or topk < 1.

    Cost: O(list_size log list_size) time and O(list_size) memory. After sorting by y, the documents above another are a
    prefix, and sums of w, w e and w e^2 over it are enough, where e = s - y.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the distances between a teacher's scores matter, most of all for its best documents.

    Reference: Hofstaetter et al., "Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge
    Distillation", 2020, https://arxiv.org/abs/2010.02666, where each pair has one relevant and one other document, and
    the loss is the mean over the pairs.
    """
    check_options(margin_mse, topk=topk)
    labels, scores, mask = clean(labels, scores, mask)
    return _margin_mse(labels, scores, mask=mask, weights=weights, topk=topk)


def _margin_mse(labels, scores, *, mask, weights, topk):
    order, first, end, best = _best_of_teacher(labels, mask, weights, topk)
    error = from_median(scores, mask) - from_median(labels, mask)
    error = take(ops.where(mask, error - mean(error, mask)[..., None], 0.0), order)
    total, of_errors, of_squares = (_sum_above(best * x, first, end) for x in (ops.ones_like(error), error, error**2))
    losses = total * error**2 - 2.0 * error * of_errors + of_squares
    return ops.sum(ops.where(take(mask, order), losses, 0.0), axis=-1)


def _best_of_teacher(labels, mask, weights, topk):
    """The documents by descending label, and the weights of the best ones.

    Returns:
        (order, first, end, best), [..., list_size] each. `first` and `end` are in that order: where documents of equal
        label begin and end. `best` is the weight of each document that is among the best, and 0 for the others.
    """
    order = ascending_order(-labels, mask)
    keys = take(padding_behind(-labels, mask), order)
    first, end = first_of_equals(keys), end_of_equals(keys)
    counts = take(mask, order) if topk is None else take(mask, order) & (first < topk)
    return order, first, end, ops.where(counts, take(weights_of_documents(weights, labels, mask), order), 0.0)


def _sum_above(x, first, end):
    """The sum of x over the documents above each, plus half the sum over those of equal label, including itself."""
    return 0.5 * (sum_before(x, first) + sum_before(x, end))


def _margin_mse_curvature(labels, scores, *, mask, weights, topk):
    """2 sum_j w_j over the best j above i, plus 2 w_i for each document below i where i is among the best."""
    order, first, end, best = _best_of_teacher(labels, mask, weights, topk)
    below = count(mask)[..., None] - end
    beside = ops.cast(end - first - 1, best.dtype) / 2.0
    pairs = _sum_above(best, first, end) - best / 2.0 + best * (ops.cast(below, best.dtype) + beside)
    return ops.where(mask, take(2.0 * pairs, places(order)), 0.0)


@register
class MarginMSELoss(RankingLoss):
    """Margin-MSE: the differences of the teacher's best documents to those below them must be those of its scores.

        loss = sum_ij ((s_i - s_j) - (y_i - y_j))^2
        over the pairs of which i is among the topk best of the teacher and y_i > y_j

    A pair of equal teacher scores counts once. Use it where the distances between a teacher's scores matter, most of
    all for its best documents. With topk=None all pairs count, as in `PairwiseMSELoss`. `margin_mse` is the function.

    >>> loss = MarginMSELoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    1.44
    """

    fn = staticmethod(_margin_mse)
    any_labels = True
    curvature = staticmethod(_margin_mse_curvature)
    weighs_documents = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        topk: Count | None = 1,
        temperature: Positive = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, temperature=temperature, ragged=ragged, topk=topk)
