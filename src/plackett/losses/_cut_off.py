"""Losses that approximate precision, recall and average precision by soft ranks, or by upper bounds of the ranks."""

import keras
from keras import ops

from plackett import backend
from plackett.gains import check_topn
from plackett.lists import ascending_order, clean, count, places, take
from plackett.lists._order import end_of_equals, first_of_equals, padding_behind, sum_before
from plackett.losses._approx import ranks_of
from plackett.losses._base import RankingLoss
from plackett.losses._options import check_options


def approx_precision(labels, scores, *, mask=None, topn: int = 10, bound: bool = False, rank_temperature: float = 1.0):
    """ApproxPrecision: minus the share of relevant documents in a soft top of the list.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        in_i = sigma((c - r_i) / rank_temperature)
        loss = -(sum_{i: y_i >= 1} in_i) / sum_i in_i

    where the cut c lies in the middle of the `topn`-th rank and the next; in_i is 1 in a list of at most `topn`
    documents.

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxPrecisionLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        topn: the cut-off.
        bound: a lower bound of the precision: r are those of `bound_ranks`, in_i is min(1, (c - r_i) /
            rank_temperature), and the divisor is the number of documents down to the cut-off.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss a list, between -1 and 0, with `bound` without an upper end; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, or an option is out of range.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks`; with `bound`, and for
    second derivatives, that of `bound_ranks`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as many relevant documents as possible on a first page, whatever their order.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. It is rax's `approx_t12n(precision_metric)`, with `bound` `bound_t12n`, where
    both temperatures are 1. There padding moves the cut; no gradient passes through the cut, so that a step along it
    can raise the loss; and the bound divides by sum_i in_i, which may be below 0.
    """
    relevant, retrieved, mask = _relevant_and_retrieved(labels, scores, mask, topn, bound, rank_temperature)
    found = ops.cast(backend.minimum(count(mask), int(topn)), retrieved.dtype) if bound else ops.sum(retrieved, axis=-1)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, retrieved, 0.0), axis=-1), found)


def approx_recall(labels, scores, *, mask=None, topn: int = 10, bound: bool = False, rank_temperature: float = 1.0):
    """ApproxRecall: minus the share of the relevant documents that is in a soft top of the list.

    For one list with labels y and in_i, how far document i is inside the cut-off (`approx_precision`),

        loss = -(sum_{i: y_i >= 1} in_i) / (number of i with y_i >= 1)

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxRecallLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        topn: the cut-off.
        bound: a lower bound of the recall, by the in_i of `approx_precision` with `bound`.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss a list, between -1 and 0, with `bound` without an upper end; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, or an option is out of range.

    Cost: that of `approx_precision`.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: the first stage of a search, whose top another ranker orders.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. It is rax's `approx_t12n(recall_metric)`, with `bound` `bound_t12n`, where
    both temperatures are 1, but for padding and the gradient of the cut, as in `approx_precision`.
    """
    relevant, retrieved, _ = _relevant_and_retrieved(labels, scores, mask, topn, bound, rank_temperature)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, retrieved, 0.0), axis=-1), _number(relevant, retrieved))


def approx_average_precision(
    labels, scores, *, mask=None, topn: int | None = None, bound: bool = False, rank_temperature: float = 1.0
):
    """ApproxAP: minus the mean precision at the soft ranks of the relevant documents.

    For one list with labels y, scores s and their soft ranks r (`approx_ranks`),

        loss = -(sum_{i: y_i >= 1} in_i m_i / r_i) / (number of i with y_i >= 1)

    where m_i is the number of relevant documents that score at least s_i, itself among them, and in_i how far document
    i is inside the cut-off (`approx_precision`), 1 without one. No gradient passes through m.

    Args:
        labels: [..., list_size]; at least 1 is relevant.
        scores: [..., list_size], divided by a temperature (0.1 in `ApproxAveragePrecisionLoss`); higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        topn: the cut-off. None = the whole list.
        bound: a lower bound of the average precision: r are those of `bound_ranks`, and in_i as in `approx_precision`.
        rank_temperature: how soft the cut-off is, in ranks, > 0.

    Returns:
        [...], one loss a list, at most 0 without a bound; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, or an option is out of range.

    Cost: O(list_size log list_size) time and O(list_size) memory, by `approx_ranks` of the relevant documents, with a
    cut-off of all; that of `bound_ranks` with `bound`, and for second derivatives.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: binary judgements with several relevant documents a list, MAP is what counts.

    Reference: Qin et al., "A general approximation framework for direct optimization of information retrieval
    measures", Information Retrieval 2010. It is rax's `approx_t12n(ap_metric)`, with `bound` `bound_t12n`, where both
    temperatures are 1, but for padding and the gradient of the cut, as in `approx_precision`.
    """
    _check_cut_off(topn, rank_temperature, whole_list=True)
    labels, scores, mask = clean(labels, scores, mask)
    relevant = _relevant(labels, mask)
    rank = ranks_of(scores, mask, relevant if topn is None else mask, bound)
    precision = _relevant_up_to(scores, mask, relevant) / rank
    if topn is not None:
        precision = precision * _retrieved(rank, scores, mask, topn, bound, rank_temperature)
    return -backend.divide_no_nan(ops.sum(ops.where(relevant, precision, 0.0), axis=-1), _number(relevant, rank))


def _relevant_and_retrieved(labels, scores, mask, topn, bound, rank_temperature):
    _check_cut_off(topn, rank_temperature)
    labels, scores, mask = clean(labels, scores, mask)
    retrieved = _retrieved(ranks_of(scores, mask, mask, bound), scores, mask, topn, bound, rank_temperature)
    return _relevant(labels, mask), retrieved, mask


def _relevant(labels, mask):
    """[..., list_size] bool: is the label at least 1? NaN is, so that the loss of its list is not 0 but NaN."""
    return mask & ~(labels < 1.0)


def _check_cut_off(topn, rank_temperature, whole_list: bool = False) -> None:
    """Raises ValueError for a cut-off out of range, and for None unless it means the whole list."""
    check_topn(topn)
    check_options(rank_temperature=rank_temperature)
    if topn is None and not whole_list:
        raise ValueError("topn must be a whole number of at least 1: no order changes what a whole list holds")
    if topn is None and rank_temperature != 1.0:
        raise ValueError("rank_temperature acts on the cut-off: set topn too")


def _retrieved(rank, scores, mask, topn, bound, rank_temperature):
    """[..., list_size], how far inside the cut-off each document is: 1 well inside, 0 at padding."""
    inside = (_cut(rank, scores, mask, int(topn)) - rank) / rank_temperature
    step = 1.0 - ops.relu(1.0 - inside) if bound else ops.sigmoid(inside)
    all_inside = (count(mask)[..., None] <= int(topn)) & ~ops.isnan(step)
    return ops.where(mask, ops.where(all_inside, 1.0, step), 0.0)


def _cut(rank, scores, mask, topn):
    """[..., 1], the middle of the `topn`-th rank and the next; documents of equal score have the same part in it."""
    order, first, end = _falling(scores, mask)
    part = ops.relu(backend.minimum(end, topn + 1) - backend.maximum(first, topn - 1))
    part = ops.cast(part, rank.dtype) / ops.cast(end - first, rank.dtype)
    return ops.sum(part * take(rank, order), axis=-1, keepdims=True) / 2.0


def _relevant_up_to(scores, mask, relevant):
    """[..., list_size], how many relevant documents score at least as high as each."""
    order, _, end = _falling(scores, mask)
    return take(sum_before(ops.cast(take(relevant, order), scores.dtype), end), places(order))


def _falling(scores, mask):
    """(order, first, end): the order by falling score, and where documents of equal score begin and end in it."""
    keys = padding_behind(-ops.stop_gradient(scores), mask)
    order = ascending_order(keys, mask)
    keys = take(keys, order)
    return order, first_of_equals(keys), end_of_equals(keys)


def _number(relevant, like):
    """[...], how many documents are relevant, in the dtype of `like`."""
    return ops.cast(count(relevant), like.dtype)


@keras.saving.register_keras_serializable("plackett")
class ApproxPrecisionLoss(RankingLoss):
    """`approx_precision` as a Keras loss; with `sample_size`, `sampled(approx_precision)`."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        topn=10,
        temperature=0.1,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
        bound=False,
        rank_temperature=1.0,
    ):
        _check_cut_off(topn, rank_temperature)
        super().__init__(
            approx_precision,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            topn=topn,
            bound=bound,
            rank_temperature=rank_temperature,
        )


@keras.saving.register_keras_serializable("plackett")
class ApproxRecallLoss(RankingLoss):
    """`approx_recall` as a Keras loss; with `sample_size`, `sampled(approx_recall)`."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        topn=10,
        temperature=0.1,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
        bound=False,
        rank_temperature=1.0,
    ):
        _check_cut_off(topn, rank_temperature)
        super().__init__(
            approx_recall,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            topn=topn,
            bound=bound,
            rank_temperature=rank_temperature,
        )


@keras.saving.register_keras_serializable("plackett")
class ApproxAveragePrecisionLoss(RankingLoss):
    """`approx_average_precision` as a Keras loss; with `sample_size`, `sampled(approx_average_precision)`."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        topn=None,
        temperature=0.1,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
        bound=False,
        rank_temperature=1.0,
    ):
        _check_cut_off(topn, rank_temperature, whole_list=True)
        super().__init__(
            approx_average_precision,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            topn=topn,
            bound=bound,
            rank_temperature=rank_temperature,
        )
