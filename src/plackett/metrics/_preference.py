"""Metrics of which documents stand before which."""

import keras
from keras import ops

from plackett import backend, gains
from plackett.kernels import pair_tiles
from plackett.lists import count_below
from plackett.metrics._base import RankingMetric, binary, by_label
from plackett.metrics._options import TIES, check_options
from plackett.metrics._ranked import ranked

PAIR_TIES = ("incorrect", *TIES)


def average_relevance_position(labels, scores, *, mask=None, weights=None, ties: str = "position", documents=None):
    """Average relevance position: the mean rank of the documents, weighted by their labels.

    For one list with labels y and ranks r by falling score,

        ARP = sum_i w_i y_i r_i / sum_i w_i y_i

    Args:
        labels: [..., list_size], relevance >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document; at 0 it is left out. None = 1.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, of at least 1, less is better; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not fit, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: clicks: the mean position of a click, which needs no cut-off.

    Reference: Zhu, "Recall, Precision and Average Precision", University of Waterloo, 2004.
    """
    lists = ranked(labels, scores, mask, weights, ties, documents)
    gained = lists.labels * lists.weights
    total = ops.sum(lists.shared(gained) * lists.rank, axis=-1)
    return lists.known(backend.divide_no_nan(total, ops.sum(gained, axis=-1)))


def ordered_pair_accuracy(labels, scores, *, mask=None, weights=None, ties: str = "incorrect", documents=None):
    """Ordered pair accuracy: the share of preferences that the scores agree with.

    For one list with labels y and scores s,

        OPA = sum_{ij: y_i > y_j} w_i [s_i > s_j] / sum_{ij: y_i > y_j} w_i

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of the preferred document; at 0 it is left out. None = 1.
        ties: what a pair of equal scores counts: "incorrect": 0; "expected": 1/2; "position" and "trec": as they
            stand in the list, or by falling document id.
        documents: for ties="trec" the ids; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where all labels are equal.

    Raises:
        ValueError: the shapes do not fit, or an unknown `ties`.

    Cost: O(list_size^2) time, O(list_size) memory.

    When: all pairs count alike, at the top or not; with ties="expected" and binary labels it is the area under the
        ROC curve of a list.

    Reference: Herbrich et al., "Large Margin Rank Boundaries for Ordinal Regression", 2000; with ties="expected" it is
    (1 + Kendall's tau) / 2 where no labels are equal.
    """
    check_options(PAIR_TIES, ties=ties)
    lists = ranked(labels, scores, mask, weights, "expected" if ties == "incorrect" else ties, documents)
    place = ops.broadcast_to(lists.rank, ops.shape(lists.labels)) if lists.first is None else lists.first
    same = 0.5 if ties == "expected" else 0.0

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
    return lists.known(backend.divide_no_nan(correct, ops.sum(lists.weights * preferred, axis=-1)))


def bpref(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    use_trec_version: bool = True,
    ties: str = "position",
    documents=None,
):
    """Binary preference: how few judged irrelevant documents stand before the relevant ones.

    For one list with R relevant documents (y_i >= 1), N irrelevant ones (y_i < 1) and n_i of these before i,

        bpref = (1 / R) sum_{i: y_i >= 1, r_i <= n} (1 - min(n_i, R) / min(R, N))

    Args:
        labels: [..., list_size]; at least 1 is relevant; documents that nobody judged are left out by the mask.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = a judged document. None = all judged.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        use_trec_version: False = divide by R in place of min(R, N), as the metric was published first.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, topn < 1, an unknown `ties`, or ties="expected" with a cut-off.

    Cost: O(list_size log list_size).

    When: incomplete judgements, such as those of a pool of older rankers.

    Reference: Buckley & Voorhees, "Retrieval Evaluation with Incomplete Information", SIGIR 2004, in the form of
    trec_eval 8 and later.
    """
    _check_whole_list(topn, ties)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    relevant = lists.relevant()
    irrelevant = ops.cast(lists.mask, relevant.dtype) - relevant
    all_relevant, all_irrelevant = (ops.sum(x, axis=-1, keepdims=True) for x in (relevant, irrelevant))
    before, among = lists.before_ties(irrelevant), lists.among_ties(irrelevant)
    before = _mean_of_minimum(before, among, all_relevant) if lists.first is not None else before
    divisor = backend.minimum(all_relevant, all_irrelevant) if use_trec_version else all_relevant
    value = 1.0 - backend.divide_no_nan(backend.minimum(before, all_relevant), divisor)
    counts = gains.truncated(ops.ones_like, topn)(lists.rank)
    total = ops.sum(lists.found(relevant) * value * counts, axis=-1)
    return lists.known(backend.divide_no_nan(total, all_relevant[..., 0]))


def _check_whole_list(topn, ties):
    check_options(topn=topn, ties=ties)
    if ties == "expected" and topn is not None:
        raise ValueError(f'ties="expected" of bpref is that of the whole list: topn must be None, but got topn={topn}')


def _mean_of_minimum(before, among, bound):
    """The mean of min(before + x, bound) over x = 0 ... among: any x of the tied ones stand before it alike."""
    below = backend.minimum(ops.relu(bound - before), among + 1.0)
    total = below * before + below * (below - 1.0) / 2.0 + (among + 1.0 - below) * bound
    return total / (among + 1.0)


@keras.saving.register_keras_serializable("plackett")
class ARP(RankingMetric):
    """`average_relevance_position` as a Keras metric; by default over all relevance, not over lists."""

    less_is_better = True

    def __init__(
        self,
        empty: int | str = "skip",
        ties: str = "position",
        average: str = "relevance",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(
            average_relevance_position, by_label, name, empty=empty, average=average, ragged=ragged, ties=ties
        )


@keras.saving.register_keras_serializable("plackett")
class OPA(RankingMetric):
    """`ordered_pair_accuracy` as a Keras metric; by default over all pairs, not over lists."""

    known_ties = PAIR_TIES

    def __init__(
        self,
        empty: int | str = "skip",
        ties: str = "incorrect",
        average: str = "relevance",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(
            ordered_pair_accuracy, count_below, name, empty=empty, average=average, ragged=ragged, ties=ties
        )


@keras.saving.register_keras_serializable("plackett")
class BPref(RankingMetric):
    """`bpref` as a Keras metric."""

    judged_only = True

    def __init__(
        self,
        topn: int | None = None,
        use_trec_version: bool = True,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        _check_whole_list(topn, ties)
        options = {"topn": topn, "use_trec_version": use_trec_version, "ties": ties}
        super().__init__(bpref, binary, name, empty=empty, average=average, ragged=ragged, **options)
