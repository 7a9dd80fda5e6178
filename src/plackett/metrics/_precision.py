"""Metrics of how much of the top is relevant."""

from typing import Literal

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.lists import count
from plackett.metrics._base import Average, CutOffMetric, Empty, RankingMetric, Ties
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count

DivideBy = Literal["documents", "topn"]
DivideRelevantBy = Literal["relevant", "topn"]


def precision(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | Literal["relevant"] | None = None,
    divide_by: DivideBy = "documents",
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Precision: the share of relevant documents at the top.

    For one list with labels y and ranks r by descending score,

        P@n = (the number of i with y_i >= 1 and r_i <= n) / n

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n; "relevant" = the number of relevant documents of the list (R-precision). None = the
            whole list.
        divide_by: the divisor for a list with fewer than n retrieved documents. "documents" divides by their number,
            "topn" by n, as in trec_eval.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `divide_by` or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: judgements are binary, and the user sees the first n documents in any order.

    Reference: Manning et al., "Introduction to Information Retrieval", 2008, section 8.4.
    """
    check_options(precision, topn=topn, divide_by=divide_by, ties=ties)
    _check_divisor(topn, divide_by)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _precision(lists, topn=topn, divide_by=divide_by)


def _precision(lists, *, topn, divide_by):
    relevant = lists.relevant()
    retrieved = ops.cast(count(lists.retrieved), relevant.dtype)
    if topn is None:
        cut = retrieved
    elif topn == "relevant":
        cut = ops.sum(relevant, axis=-1)
    else:
        cut = backend.minimum(retrieved, topn) if divide_by == "documents" else ops.full_like(retrieved, topn)
    found = ops.where(lists.rank <= cut[..., None], lists.of_retrieved(relevant), 0.0)
    return lists.or_nan(backend.divide_no_nan(ops.sum(found, axis=-1), cut))


@register
class Precision(RankingMetric):
    """Precision: the share of relevant documents at the top.

        P@n = (the number of i with y_i >= 1 and r_i <= n) / n

    Use it for binary judgements where the user sees the first n documents in any order. `topn="relevant"` is
    R-precision; `divide_by="topn"` divides by n in short lists too, as in trec_eval. `precision` is the function.

    >>> metric = Precision(topn=2)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    0.5
    """

    fn = staticmethod(_precision)

    def __init__(
        self,
        topn: Count | Literal["relevant"] | None = None,
        divide_by: DivideBy = "documents",
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        _check_divisor(topn, divide_by)
        super().__init__(topn, empty, ties, average, name, ragged, divide_by=divide_by)


def _check_divisor(topn, divide_by):
    """Raises a ValueError for divide_by="topn" where the cut-off is not a number."""
    if divide_by == "topn" and topn in (None, "relevant"):
        raise ValueError(f'divide_by="topn" needs a number for topn, but got topn={topn!r}')


def recall(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Recall: the share of the relevant documents that stand at the top.

    For one list with labels y and ranks r by descending score,

        R@n = (the number of i with y_i >= 1 and r_i <= n) / (the number of i with y_i >= 1)

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: the top documents go on to another ranker, which can only rank what it is given.

    Reference: Manning et al., "Introduction to Information Retrieval", 2008, section 8.3.
    """
    check_options(recall, topn=topn, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _recall(lists, topn=topn)


def _recall(lists, *, topn):
    relevant = lists.relevant()
    found = ops.sum(dcg_sums.cut_off(ops.ones_like, topn)(lists.rank) * lists.of_retrieved(relevant), axis=-1)
    return lists.or_nan(backend.divide_no_nan(found, ops.sum(relevant, axis=-1)))


@register
class Recall(CutOffMetric):
    """Recall: the share of the relevant documents that stand at the top.

        R@n = (the number of i with y_i >= 1 and r_i <= n) / (the number of i with y_i >= 1)

    Use it where the top documents go on to another ranker, which can only rank what it is given. `recall` is the
    function.

    >>> metric = Recall(topn=2)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    0.5
    """

    fn = staticmethod(_recall)


def average_precision(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
    divide_by: DivideRelevantBy = "relevant",
) -> Tensor:
    """Average precision: the precision at each relevant document, averaged over all relevant documents.

    For one list with labels y and ranks r by descending score,

        AP@n = sum_{i: y_i >= 1, r_i <= n} w_i P@r_i / sum_{i: y_i >= 1} w_i

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each relevant document; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.
        divide_by: "relevant" divides by all R relevant documents, so that a cut-off below R never reaches 1; "topn"
            divides by min(R, n) times the mean of their weights, as in LightGBM and XGBoost, so that the best order
            reaches 1.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, `ties` is unknown, or divide_by="topn" without a cut-off.

    Cost: O(list_size log list_size).

    When: judgements are binary, and all relevant documents matter, the first ones most.

    Reference: Buckley & Voorhees, "Evaluating Evaluation Measure Stability", SIGIR 2000; for ties, McSherry & Najork,
    ECIR 2008: a relevant document at the k-th place (from 0) of m tied documents has on average k / (m - 1) of the
    other relevant ones before it.
    """
    check_options(average_precision, topn=topn, ties=ties, divide_by=divide_by)
    _check_divisor(topn, divide_by)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _average_precision(lists, topn=topn, divide_by=divide_by)


def _average_precision(lists, *, topn, divide_by):
    relevant = lists.relevant()
    others = lists.offset() * backend.divide_no_nan(lists.among_ties(relevant) - 1.0, lists.number_of_ties() - 1.0)
    so_far = lists.before_ties(relevant) + others + 1.0
    cut = dcg_sums.cut_off(gains.inverse, topn)
    total = ops.sum(lists.of_retrieved(relevant * lists.weights) * so_far * cut(lists.rank), axis=-1)
    divisor = ops.sum(relevant * lists.weights, axis=-1)
    if divide_by == "topn":
        number = ops.sum(relevant, axis=-1)
        divisor = divisor * backend.divide_no_nan(backend.minimum(number, topn), number)
    return lists.or_nan(backend.divide_no_nan(total, divisor))


@register
class MAP(RankingMetric):
    """Mean average precision: the precision at each relevant document, averaged over all relevant documents.

        AP@n = sum_{i: y_i >= 1, r_i <= n} P@r_i / (the number of i with y_i >= 1)

    Use it for binary judgements where all relevant documents matter, the first ones most. `divide_by="topn"` divides by
    n where more documents are relevant. `average_precision` is the function.

    >>> metric = MAP(topn=2)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    0.25
    """

    fn = staticmethod(_average_precision)

    def __init__(
        self,
        topn: Count | None = None,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
        divide_by: DivideRelevantBy = "relevant",
    ):
        _check_divisor(topn, divide_by)
        super().__init__(topn, empty, ties, average, name, ragged, divide_by=divide_by)
