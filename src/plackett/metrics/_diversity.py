"""Metrics for queries with several subtopics, where a document is relevant to some of them."""

import dataclasses

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.lists import count
from plackett.metrics._base import Average, CutOffMetric, Empty, RankingMetric, Ties
from plackett.metrics._cascade import cascade
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count, Function, Share


def _covers(labels, mask):
    """[..., list_size] bool: does the document cover any subtopic?"""
    return ops.any(labels >= 1, axis=-1)


def alpha_dcg(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    alpha: Share = 0.5,
    discount: Function = gains.log2_inverse,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Alpha-DCG: DCG whose gain falls with each document that covered a subtopic before.

    For one list with labels y_it of document i for subtopic t and ranks r by descending score,

        alpha-DCG@n = sum_{i: r_i <= n} (w_i / w) discount(r_i) sum_t y_it (1 - alpha)^(sum_{j: r_j < r_i} y_jt)

    with w the mean of w_i over the documents that are relevant to any subtopic.

    Args:
        labels: [..., list_size, subtopics], 1 where a document covers a subtopic, else 0; below 0 counts as 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w_i of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        alpha: the probability that a document which covers a subtopic satisfies it, between 0 and 1.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, at least 0; 0 where no document covers a subtopic.

    Raises:
        ValueError: the shapes do not match, topn < 1, alpha is not between 0 and 1, or `ties` is unknown.

    Cost: O(list_size (log list_size + subtopics)); with ties="expected" O(list_size^2 subtopics) time.

    When: a query means several things, and the top of the list should serve them all.

    Reference: Clarke et al., "Novelty and Diversity in Information Retrieval Evaluation", SIGIR 2008.
    """
    check_options(alpha_dcg, topn=topn, alpha=alpha, discount=discount, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents, subtopics=True)
    return _alpha_dcg(lists, topn=topn, alpha=alpha, discount=discount)


def _alpha_dcg(lists, *, topn, alpha, discount):
    covers = ops.any(lists.labels >= 1, axis=-1)
    covering = ops.cast(covers, lists.weights.dtype)
    mean_weight = backend.divide_no_nan(ops.sum(lists.weights * covering, axis=-1), ops.sum(covering, axis=-1))
    worth = ops.where(lists.retrieved[..., None], lists.labels * lists.weights[..., None], 0.0)
    by_subtopic = cascade(
        _for_each_subtopic(lists),
        ops.moveaxis(worth, -1, -2),
        ops.power(1.0 - alpha, ops.moveaxis(lists.labels, -1, -2)),
        dcg_sums.cut_off(discount, topn),
    )
    return lists.or_nan(backend.divide_no_nan(ops.sum(by_subtopic, axis=-1), mean_weight))


@register
class AlphaDCG(RankingMetric):
    """Alpha-DCG: DCG whose gain falls with each document that covered a subtopic before.

        alpha-DCG@n = sum_{i: r_i <= n} discount(r_i) sum_t y_it (1 - alpha)^(sum_{j: r_j < r_i} y_jt)

    The labels are [lists, list_size, subtopics]. Use it where a query means several things, and the top of the list
    should serve them all. `alpha_dcg` is the function.

    >>> metric = AlphaDCG(topn=2)
    >>> round(float(metric([[[1, 0], [1, 0], [0, 1]]], [[0.6, 0.8, 0.1]])), 6)
    1.315465
    """

    fn = staticmethod(_alpha_dcg)
    relevance = staticmethod(_covers)
    subtopics = True

    def __init__(
        self,
        topn: Count | None = None,
        alpha: Share = 0.5,
        discount: Function = gains.log2_inverse,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(topn, empty, ties, average, name, ragged, alpha=alpha, discount=discount)


def _for_each_subtopic(lists):
    """The ties of `lists`, repeated for each subtopic: [..., subtopics, list_size]."""
    if lists.first is None:
        return lists
    shape = ops.shape(ops.moveaxis(lists.labels, -1, -2))
    first = ops.broadcast_to(lists.first[..., None, :], shape)
    return dataclasses.replace(lists, first=first)


def precision_ia(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Intent-aware precision: precision at the top, averaged over subtopics.

    For one list with labels y_it of document i for subtopic t, ranks r by descending score and T subtopics that any
    document covers,

        P-IA@n = (the number of i, t with y_it >= 1 and r_i <= n) / (T min(n, the number of retrieved documents))

    Args:
        labels: [..., list_size, subtopics], at least 1 where a document covers a subtopic; below 0 counts as 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document covers a subtopic.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `ties` is unknown.

    Cost: O(list_size (log list_size + subtopics)).

    When: a query means several things that are equally probable.

    Reference: Agrawal et al., "Diversifying Search Results", WSDM 2009; Clarke et al., "Overview of the TREC 2009 Web
    Track", TREC 2009.
    """
    check_options(precision_ia, topn=topn, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents, subtopics=True)
    return _precision_ia(lists, topn=topn)


def _precision_ia(lists, *, topn):
    covers = ops.cast(lists.labels >= 1, lists.weights.dtype)
    subtopics = ops.sum(ops.cast(ops.any(covers > 0, axis=-2), covers.dtype), axis=-1)
    found = dcg_sums.cut_off(ops.ones_like, topn)(lists.rank) * lists.of_retrieved(ops.sum(covers, axis=-1))
    read = ops.cast(count(lists.retrieved), subtopics.dtype)
    read = read if topn is None else backend.minimum(read, topn)
    return lists.or_nan(backend.divide_no_nan(ops.sum(found, axis=-1), subtopics * read))


@register
class PrecisionIA(CutOffMetric):
    """Intent-aware precision: precision at the top, averaged over the subtopics that any document covers.

        P-IA@n = (the number of i, t with y_it >= 1 and r_i <= n) / (n times the number of subtopics)

    The labels are [lists, list_size, subtopics]. Use it where a query means several things that are equally probable.
    `precision_ia` is the function.

    >>> metric = PrecisionIA(topn=2)
    >>> round(float(metric([[[1, 0], [1, 0], [0, 1]]], [[0.6, 0.8, 0.1]])), 6)
    0.5
    """

    fn = staticmethod(_precision_ia)
    relevance = staticmethod(_covers)
    subtopics = True
