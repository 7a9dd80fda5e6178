"""Metrics of documents that are relevant to some of several subtopics of a query."""

import dataclasses
from collections.abc import Callable

import keras
from keras import ops

from plackett import backend, gains
from plackett.lists import count
from plackett.metrics._base import RankingMetric
from plackett.metrics._cascade import cascade
from plackett.metrics._options import check_options
from plackett.metrics._ranked import ranked


def alpha_dcg(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    alpha: float = 0.5,
    discount: Callable = gains.log2_inverse,
    ties: str = "position",
    documents=None,
):
    """Alpha-DCG: DCG whose gain falls with each document that covered a subtopic before.

    For one list with labels y_it of document i for subtopic t and ranks r by falling score,

        alpha-DCG@n = sum_{i: r_i <= n} (w_i / w) discount(r_i) sum_t y_it (1 - alpha)^(sum_{j: r_j < r_i} y_jt)

    with w the mean of w_i over the documents that are relevant to any subtopic.

    Args:
        labels: [..., list_size, subtopics], 1 where a document covers a subtopic, else 0; below 0 counts as 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w_i of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        alpha: how probably a document that covers a subtopic leaves nothing to want of it, between 0 and 1.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, of at least 0; 0 where no document covers a subtopic.

    Raises:
        ValueError: the shapes do not fit, topn < 1, alpha is not between 0 and 1, or an unknown `ties`.

    Cost: O(list_size (log list_size + subtopics)); with ties="expected" O(list_size^2 subtopics) time.

    When: a query means several things, and the top of the list should serve them all.

    Reference: Clarke et al., "Novelty and Diversity in Information Retrieval Evaluation", SIGIR 2008.
    """
    check_options(topn=topn, alpha=alpha, discount=discount)
    lists = ranked(labels, scores, mask, weights, ties, documents, subtopics=True)
    covers = ops.any(lists.labels >= 1, axis=-1)
    covering = ops.cast(covers, lists.weights.dtype)
    mean_weight = backend.divide_no_nan(ops.sum(lists.weights * covering, axis=-1), ops.sum(covering, axis=-1))
    worth = ops.where(lists.retrieved[..., None], lists.labels * lists.weights[..., None], 0.0)
    by_subtopic = cascade(
        _for_each_subtopic(lists),
        ops.moveaxis(worth, -1, -2),
        ops.power(1.0 - alpha, ops.moveaxis(lists.labels, -1, -2)),
        gains.truncated(discount, topn),
    )
    return lists.known(backend.divide_no_nan(ops.sum(by_subtopic, axis=-1), mean_weight))


def _for_each_subtopic(lists):
    """The ties of `lists` once for each subtopic: [..., subtopics, list_size]."""
    if lists.first is None:
        return lists
    shape = ops.shape(ops.moveaxis(lists.labels, -1, -2))
    first = ops.broadcast_to(lists.first[..., None, :], shape)
    return dataclasses.replace(lists, first=first)


def precision_ia(
    labels, scores, *, mask=None, weights=None, topn: int | None = None, ties: str = "position", documents=None
):
    """Intent-aware precision: precision at the top in the mean over subtopics.

    For one list with labels y_it of document i for subtopic t, ranks r by falling score and T subtopics that any
    document covers,

        P-IA@n = (the number of i, t with y_it >= 1 and r_i <= n) / (T min(n, the number of retrieved documents))

    Args:
        labels: [..., list_size, subtopics], at least 1 where a document covers a subtopic; below 0 counts as 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document covers a subtopic.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size (log list_size + subtopics)).

    When: a query means several things that are all equally probable.

    Reference: Agrawal et al., "Diversifying Search Results", WSDM 2009; Clarke et al., "Overview of the TREC 2009 Web
    Track", TREC 2009.
    """
    check_options(topn=topn)
    lists = ranked(labels, scores, mask, weights, ties, documents, subtopics=True)
    covers = ops.cast(lists.labels >= 1, lists.weights.dtype)
    subtopics = ops.sum(ops.cast(ops.any(covers > 0, axis=-2), covers.dtype), axis=-1)
    found = gains.truncated(ops.ones_like, topn)(lists.rank) * lists.found(ops.sum(covers, axis=-1))
    read = ops.cast(count(lists.retrieved), subtopics.dtype)
    read = read if topn is None else backend.minimum(read, topn)
    return lists.known(backend.divide_no_nan(ops.sum(found, axis=-1), subtopics * read))


def _covers(labels, mask):
    """[..., list_size] bool: does the document cover any subtopic?"""
    return ops.any(labels >= 1, axis=-1)


@keras.saving.register_keras_serializable("plackett")
class AlphaDCG(RankingMetric):
    """`alpha_dcg` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        alpha: float = 0.5,
        discount: Callable = gains.log2_inverse,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(
            alpha_dcg,
            _covers,
            name,
            empty=empty,
            average=average,
            ragged=ragged,
            subtopics=True,
            topn=topn,
            alpha=alpha,
            discount=discount,
            ties=ties,
        )


@keras.saving.register_keras_serializable("plackett")
class PrecisionIA(RankingMetric):
    """`precision_ia` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(
            precision_ia,
            _covers,
            name,
            empty=empty,
            average=average,
            ragged=ragged,
            subtopics=True,
            topn=topn,
            ties=ties,
        )
