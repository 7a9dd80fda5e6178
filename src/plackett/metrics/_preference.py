"""Metrics of the order of pairs of documents."""

from typing import Literal

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.kernels import dcg_sums, pair_tiles
from plackett.lists import count_below
from plackett.metrics._base import Average, Empty, RankingMetric, Ties, by_label
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count

PairTies = Literal["incorrect", "position", "expected", "trec"]


def average_relevance_position(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Average relevance position: the mean rank of the documents, weighted by their labels.

    For one list with labels y and ranks r by descending score,

        ARP = sum_i w_i y_i r_i / sum_i w_i y_i

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document; at 0 it is left out. None = 1.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, at least 1, where lower is better; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: labels are clicks. It is the mean position of a click and needs no cut-off.

    Reference: Zhu, "Recall, Precision and Average Precision", University of Waterloo, 2004.
    """
    check_options(average_relevance_position, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _average_relevance_position(lists)


def _average_relevance_position(lists):
    gained = lists.labels * lists.weights
    total = ops.sum(lists.mean_of_ties(gained) * lists.rank, axis=-1)
    return lists.or_nan(backend.divide_no_nan(total, ops.sum(gained, axis=-1)))


@register
class ARP(RankingMetric):
    """Average relevance position: the mean rank of the documents, weighted by their labels; lower is better.

        ARP = sum_i y_i r_i / sum_i y_i

    Use it for clicks: it is the mean position of a click and needs no cut-off. `average_relevance_position` is the
    function.

    >>> metric = ARP()
    >>> round(float(metric([[1, 0, 2]], [[0.6, 0.8, 0.1]])), 6)
    2.666667
    """

    fn = staticmethod(_average_relevance_position)
    has_cut_off = False
    relevance = staticmethod(by_label)
    less_is_better = True

    def __init__(
        self,
        empty: Empty = "skip",
        ties: Ties = "position",
        average: Average = "relevance",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(empty=empty, ties=ties, average=average, name=name, ragged=ragged)


def ordered_pair_accuracy(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    ties: PairTies = "incorrect",
    documents: Tensor | None = None,
) -> Tensor:
    """Ordered pair accuracy: the share of preferences that the scores agree with.

    For one list with labels y and scores s,

        OPA = sum_{ij: y_i > y_j} w_i [s_i > s_j] / sum_{ij: y_i > y_j} w_i

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of the preferred document; at 0 it is left out. None = 1.
        ties: the value of a pair of equal scores. "incorrect": 0; "expected": 1/2; "position" and "trec": 1 or 0, by
            the order in the list or by descending document id.
        documents: the ids, for ties="trec"; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where all labels are equal.

    Raises:
        ValueError: the shapes do not match, or `ties` is unknown.

    Cost: O(list_size^2) time, O(list_size) memory.

    When: all pairs count equally, at the top or not. With ties="expected" and binary labels it is the area under the
    ROC curve of a list.

    Reference: Herbrich et al., "Large Margin Rank Boundaries for Ordinal Regression", 2000; with ties="expected" it is
    (1 + Kendall's tau) / 2 where no labels are equal.
    """
    check_options(ordered_pair_accuracy, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _ordered_pair_accuracy(lists)


def _ordered_pair_accuracy(lists):
    place = ops.broadcast_to(lists.rank, ops.shape(lists.labels)) if lists.first is None else lists.first
    same = 0.5 if lists.ties == "expected" else 0.0

    def terms(i, j):
        label_i, place_i, _ = i
        label_j, place_j, real_j = j
        preferred = real_j * ops.relu(ops.sign(label_i - label_j))
        order = ops.sign(place_j - place_i)
        return preferred, preferred * (ops.relu(order) + same * (1.0 - ops.abs(order)))

    real = ops.cast(lists.mask, lists.labels.dtype)
    documents = (lists.labels, ops.cast(place, real.dtype), real)
    preferred, correct = pair_tiles.pair_sums(terms, lists.mask, *documents, by_row=2, higher=lists.labels)
    correct = ops.sum(ops.where(lists.retrieved, lists.weights * correct, 0.0), axis=-1)
    return lists.or_nan(backend.divide_no_nan(correct, ops.sum(lists.weights * preferred, axis=-1)))


@register
class OPA(RankingMetric):
    """Ordered pair accuracy: the share of preferences that the scores agree with.

        OPA = (the number of pairs with y_i > y_j and s_i > s_j) / (the number of pairs with y_i > y_j)

    Use it where all pairs count equally, at the top or not. With `ties="expected"` and binary labels it is the area
    under the ROC curve of a list. `ordered_pair_accuracy` is the function.

    >>> metric = OPA()
    >>> round(float(metric([[1, 0, 2]], [[0.6, 0.7, 0.8]])), 6)
    0.666667
    """

    fn = staticmethod(_ordered_pair_accuracy)
    has_cut_off = False
    relevance = staticmethod(count_below)

    def __init__(
        self,
        empty: Empty = "skip",
        ties: PairTies = "incorrect",
        average: Average = "relevance",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(empty=empty, ties=ties, average=average, name=name, ragged=ragged)


def bpref(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    use_trec_version: bool = True,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Binary preference: how few judged irrelevant documents stand before the relevant ones.

    For one list with R relevant documents (y_i >= 1), N irrelevant ones (y_i < 1) and n_i of these before i,

        bpref = (1 / R) sum_{i: y_i >= 1, r_i <= n} (1 - min(n_i, R) / min(R, N))

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant. The mask leaves out documents that nobody judged.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = a judged document. None = all judged.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        use_trec_version: False = divide by R instead of min(R, N), as in the first publication.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, `ties` is unknown, or ties="expected" with a cut-off.

    Cost: O(list_size log list_size).

    When: judgements are incomplete, such as those of a pool of older rankers.

    Reference: Buckley & Voorhees, "Retrieval Evaluation with Incomplete Information", SIGIR 2004, in the form of
    trec_eval 8 and later.
    """
    check_options(bpref, topn=topn, use_trec_version=use_trec_version, ties=ties)
    _check_whole_list(topn, ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _bpref(lists, topn=topn, use_trec_version=use_trec_version)


def _bpref(lists, *, topn, use_trec_version):
    relevant = lists.relevant()
    irrelevant = ops.cast(lists.mask, relevant.dtype) - relevant
    all_relevant, all_irrelevant = (ops.sum(x, axis=-1, keepdims=True) for x in (relevant, irrelevant))
    before, among = lists.before_ties(irrelevant), lists.among_ties(irrelevant)
    before = _mean_of_minimum(before, among, all_relevant) if lists.first is not None else before
    divisor = backend.minimum(all_relevant, all_irrelevant) if use_trec_version else all_relevant
    value = 1.0 - backend.divide_no_nan(backend.minimum(before, all_relevant), divisor)
    counts = dcg_sums.cut_off(ops.ones_like, topn)(lists.rank)
    total = ops.sum(lists.of_retrieved(relevant) * value * counts, axis=-1)
    return lists.or_nan(backend.divide_no_nan(total, all_relevant[..., 0]))


@register
class BPref(RankingMetric):
    """Binary preference: how few judged irrelevant documents stand before the relevant ones.

        bpref = (1 / R) sum_{i: y_i >= 1} (1 - min(n_i, R) / min(R, N))

    with R relevant and N judged irrelevant documents, n_i of the latter before i. Use it for incomplete judgements,
    such as those of a pool of older rankers. `bpref` is the function.

    >>> metric = BPref()
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.9]])), 6)
    0.5
    """

    fn = staticmethod(_bpref)
    judged_only = True

    def __init__(
        self,
        topn: Count | None = None,
        use_trec_version: bool = True,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        _check_whole_list(topn, ties)
        super().__init__(topn, empty, ties, average, name, ragged, use_trec_version=use_trec_version)


def _check_whole_list(topn, ties):
    if ties == "expected" and topn is not None:
        raise ValueError(f'bpref with ties="expected" needs the whole list: topn must be None, but got topn={topn}')


def _mean_of_minimum(before, among, bound):
    """The mean of min(before + x, bound) over x = 0 ... among, the equally likely numbers of ties before it."""
    below = backend.minimum(ops.relu(bound - before), among + 1.0)
    total = below * before + below * (below - 1.0) / 2.0 + (among + 1.0 - below) * bound
    return total / (among + 1.0)
