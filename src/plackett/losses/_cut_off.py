"""Losses that approximate precision, recall and average precision by soft ranks, or by upper bounds of the ranks."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.kernels.soft_ranks import derivatives_at_soft_ranks
from plackett.lists import clean, count
from plackett.losses._approx import ranks_of
from plackett.losses._base import RankingLoss, Reduction
from plackett.losses._curvature import derivatives_of
from plackett.losses._soft_cut_off import (
    derivatives_inside,
    inside_cut_off,
    is_relevant,
    number_of,
    relevant_and_inside,
    relevant_up_to,
)
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive, Whole


class _CutOffLoss(RankingLoss):
    """Base of the losses with a soft cut-off. They share one constructor."""

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        topn: Count = 10,
        temperature: Positive = 0.1,
        ragged: bool = False,
        sample_size: Count | None = None,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        bound: bool = False,
        rank_temperature: Positive = 1.0,
    ):
        super().__init__(
            reduction,
            name,
            None,
            temperature,
            ragged,
            sample_size,
            gumbel_temperature,
            seed,
            topn=topn,
            bound=bound,
            rank_temperature=rank_temperature,
        )


def approx_precision(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    topn: Count = 10,
    bound: bool = False,
    rank_temperature: Positive = 1.0,
) -> Tensor:
    """ApproxPrecision: minus the share of relevant documents in a soft top of the list.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        in_i = sigma((c - r_i) / rank_temperature)
        loss = -(sum_{i: y_i >= 1} in_i) / sum_i in_i

    where the cut c lies midway between the `topn`-th rank and the next. In a list of at most `topn` documents, every
    in_i is 1.

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxPrecisionLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        topn: the cut-off.
        bound: use a lower bound of the precision. The ranks r are those of `bound_ranks`, in_i is min(1, (c - r_i) /
            rank_temperature), and the divisor is the number of documents above the cut-off.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss per list, between -1 and 0, with `bound` without an upper end; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, or an option is out of range.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks`. With `bound`, and for second
    derivatives, the cost of `bound_ranks`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the first page should hold as many relevant documents as possible, in any order.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. With both temperatures at 1 it is rax's `approx_t12n(precision_metric)` or,
    with `bound`, `bound_t12n`, with three differences. In rax padding moves the cut; no gradient flows through the cut,
    so that a gradient step can raise the loss; and the bound divides by sum_i in_i, which may be below 0.
    """
    check_options(approx_precision, topn=topn, bound=bound, rank_temperature=rank_temperature)
    labels, scores, mask = clean(labels, scores, mask)
    return _approx_precision(labels, scores, mask=mask, topn=topn, bound=bound, rank_temperature=rank_temperature)


def _approx_precision(labels, scores, *, mask, topn, bound, rank_temperature):
    relevant, retrieved = relevant_and_inside(labels, scores, mask, topn, bound, rank_temperature)
    found = ops.cast(backend.minimum(count(mask), int(topn)), retrieved.dtype) if bound else ops.sum(retrieved, axis=-1)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, retrieved, 0.0), axis=-1), found)


def _approx_precision_derivatives(labels, scores, *, mask, topn, **cut):
    found = ops.cast(backend.minimum(count(mask), int(topn)), scores.dtype)
    return derivatives_inside(_approx_precision, found, labels, scores, mask, topn=topn, **cut)


@register
class ApproxPrecisionLoss(_CutOffLoss):
    """ApproxPrecision: minus the share of relevant documents in a soft top of the list.

        loss = -(sum_{i: y_i >= 1} in_i) / sum_i in_i,    in_i = sigma((c - r_i) / rank_temperature)

    with the soft ranks r of the scores divided by the temperature, and c midway between the `topn`-th rank and the
    next. Use it where the first page should hold as many relevant documents as possible, in any order. With a
    `sample_size` it is the mean over scores perturbed by Gumbel noise. With `bound` minus the loss is a lower bound of
    the precision. `approx_precision` is the function.

    >>> loss = ApproxPrecisionLoss(topn=1)
    >>> round(float(loss([[1, 0, 0]], [[0.6, 0.8, 0.1]])), 6)
    -0.342223
    """

    fn = staticmethod(_approx_precision)
    derivatives = staticmethod(_approx_precision_derivatives)


def approx_recall(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    topn: Count = 10,
    bound: bool = False,
    rank_temperature: Positive = 1.0,
) -> Tensor:
    """ApproxRecall: minus the share of the relevant documents that is in a soft top of the list.

    For one list with labels y and in_i, how far document i is inside the cut-off (`approx_precision`),

        loss = -(sum_{i: y_i >= 1} in_i) / (number of i with y_i >= 1)

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxRecallLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        topn: the cut-off.
        bound: use a lower bound of the recall, with the in_i of `approx_precision` with `bound`.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss per list, between -1 and 0, with `bound` without an upper end; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, or an option is out of range.

    Cost: the same as `approx_precision`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the ranker is the first stage of a search, and another ranker orders its top.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. With both temperatures at 1 it is rax's `approx_t12n(recall_metric)` or, with
    `bound`, `bound_t12n`, except for padding and the gradient of the cut, as in `approx_precision`.
    """
    check_options(approx_recall, topn=topn, bound=bound, rank_temperature=rank_temperature)
    labels, scores, mask = clean(labels, scores, mask)
    return _approx_recall(labels, scores, mask=mask, topn=topn, bound=bound, rank_temperature=rank_temperature)


def _approx_recall(labels, scores, *, mask, topn, bound, rank_temperature):
    relevant, retrieved = relevant_and_inside(labels, scores, mask, topn, bound, rank_temperature)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, retrieved, 0.0), axis=-1), number_of(relevant, retrieved))


def _approx_recall_derivatives(labels, scores, *, mask, **cut):
    return derivatives_inside(_approx_recall, number_of(is_relevant(labels, mask), scores), labels, scores, mask, **cut)


@register
class ApproxRecallLoss(_CutOffLoss):
    """ApproxRecall: minus the share of the relevant documents that is in a soft top of the list.

        loss = -(sum_{i: y_i >= 1} in_i) / (number of i with y_i >= 1)

    with in_i, how far document i is inside the cut-off, as in `ApproxPrecisionLoss`. Use it for the first stage of a
    search, where another ranker orders the top. `approx_recall` is the function.

    >>> loss = ApproxRecallLoss(topn=1)
    >>> round(float(loss([[1, 1, 0]], [[0.6, 0.8, 0.1]])), 6)
    -0.5
    """

    fn = staticmethod(_approx_recall)
    derivatives = staticmethod(_approx_recall_derivatives)


def approx_average_precision(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    topn: Count | None = None,
    bound: bool = False,
    rank_temperature: Positive = 1.0,
) -> Tensor:
    """ApproxAP: minus the mean precision at the soft ranks of the relevant documents.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(sum_{i: y_i >= 1} in_i m_i / r_i) / (number of i with y_i >= 1)

    where m_i is the number of relevant documents with a score of at least s_i, including i itself, and in_i is how far
    document i is inside the cut-off (`approx_precision`), or 1 without a cut-off. No gradient flows through m.

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxAveragePrecisionLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        topn: the cut-off. None = the whole list.
        bound: use a lower bound of the average precision. The ranks r are those of `bound_ranks`, and in_i is as in
            `approx_precision` with `bound`.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss per list, at most 0 without a bound; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, or an option is out of range.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks` of the relevant documents, or of
    all documents with a cut-off. With `bound`, and for second derivatives, the cost of `bound_ranks`.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: judgements are binary, a list has several relevant documents, and MAP is what counts.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. With both temperatures at 1 it is rax's `approx_t12n(ap_metric)` or, with
    `bound`, `bound_t12n`, except for padding and the gradient of the cut, as in `approx_precision`.
    """
    check_options(approx_average_precision, topn=topn, bound=bound, rank_temperature=rank_temperature)
    _check_cut_off(topn, rank_temperature)
    labels, scores, mask = clean(labels, scores, mask)
    options = {"topn": topn, "bound": bound, "rank_temperature": rank_temperature}
    return _approx_average_precision(labels, scores, mask=mask, **options)


def _approx_average_precision(labels, scores, *, mask, topn, bound, rank_temperature):
    relevant = is_relevant(labels, mask)
    rank = ranks_of(scores, mask, relevant if topn is None else mask, bound)
    precision = relevant_up_to(scores, mask, relevant) / rank
    if topn is not None:
        precision = precision * inside_cut_off(rank, scores, mask, topn, bound, rank_temperature)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, precision, 0.0), axis=-1), number_of(relevant, rank))


def _approx_average_precision_derivatives(labels, scores, *, mask, topn, bound, rank_temperature):
    if bound or topn is not None:
        options = {"mask": mask, "topn": topn, "bound": bound, "rank_temperature": rank_temperature}
        return derivatives_of(lambda x: _approx_average_precision(labels, x, **options), scores)
    relevant = is_relevant(labels, mask)
    share = backend.divide_no_nan(relevant_up_to(scores, mask, relevant), number_of(relevant, scores)[..., None])
    return derivatives_at_soft_ranks(lambda rank: -share / rank, scores, mask, relevant)


def _check_cut_off(topn, rank_temperature) -> None:
    """Raises a ValueError for a temperature of the cut-off where there is no cut-off."""
    if topn is None and rank_temperature != 1.0:
        raise ValueError("rank_temperature acts on the cut-off only: set topn too")


@register
class ApproxAveragePrecisionLoss(RankingLoss):
    """ApproxAP: minus the mean precision at the soft ranks of the relevant documents.

        loss = -(sum_{i: y_i >= 1} m_i / r_i) / (number of i with y_i >= 1)

    with the soft ranks r of the scores divided by the temperature, and m_i the number of relevant documents with a
    score of at least s_i. Use it for binary judgements with several relevant documents per list, where MAP is what
    counts. `approx_average_precision` is the function.

    >>> loss = ApproxAveragePrecisionLoss()
    >>> round(float(loss([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    -0.599082
    """

    fn = staticmethod(_approx_average_precision)
    derivatives = staticmethod(_approx_average_precision_derivatives)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        topn: Count | None = None,
        temperature: Positive = 0.1,
        ragged: bool = False,
        sample_size: Count | None = None,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        bound: bool = False,
        rank_temperature: Positive = 1.0,
    ):
        _check_cut_off(topn, rank_temperature)
        super().__init__(
            reduction,
            name,
            None,
            temperature,
            ragged,
            sample_size,
            gumbel_temperature,
            seed,
            topn=topn,
            bound=bound,
            rank_temperature=rank_temperature,
        )
