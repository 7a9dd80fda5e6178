"""Metrics of how much of the top is relevant."""

from collections.abc import Callable

import keras
from keras import ops

from plackett import backend, gains
from plackett.lists import count
from plackett.metrics._base import RankingMetric, binary, by_gain, by_label
from plackett.metrics._options import check_options
from plackett.metrics._ranked import ranked


def precision(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | str | None = None,
    divide_by: str = "documents",
    ties: str = "position",
    documents=None,
):
    """Precision: the share of relevant documents at the top.

    For one list with labels y and ranks r by falling score,

        P@n = (the number of i with y_i >= 1 and r_i <= n) / n

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n; "relevant" = the number of relevant documents of the list (R-precision). None = the
            whole list.
        divide_by: in a list of fewer than n retrieved documents, "documents" divides by their number instead of n,
            and "topn" by n, as trec_eval does.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `divide_by` or `ties`.

    Cost: O(list_size log list_size).

    When: binary judgements, and the user sees the first n documents in any order.

    Reference: Manning et al., "Introduction to Information Retrieval", 2008, section 8.4.
    """
    check_options(topn=topn, divide_by=divide_by)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    relevant = lists.relevant()
    retrieved = ops.cast(count(lists.retrieved), relevant.dtype)
    if topn is None:
        cut = retrieved
    elif topn == "relevant":
        cut = ops.sum(relevant, axis=-1)
    else:
        cut = backend.minimum(retrieved, topn) if divide_by == "documents" else ops.full_like(retrieved, topn)
    found = ops.where(lists.rank <= cut[..., None], lists.found(relevant), 0.0)
    return lists.known(backend.divide_no_nan(ops.sum(found, axis=-1), cut))


def recall(labels, scores, *, mask=None, weights=None, topn=None, ties: str = "position", documents=None):
    """Recall: the share of the relevant documents that stand at the top.

    For one list with labels y and ranks r by falling score,

        R@n = (the number of i with y_i >= 1 and r_i <= n) / (the number of i with y_i >= 1)

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: the top documents go on to another ranker, which can only rank what it is given.

    Reference: Manning et al., "Introduction to Information Retrieval", 2008, section 8.3.
    """
    check_options(topn=topn)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    relevant = lists.relevant()
    found = ops.sum(gains.truncated(ops.ones_like, topn)(lists.rank) * lists.found(relevant), axis=-1)
    return lists.known(backend.divide_no_nan(found, ops.sum(relevant, axis=-1)))


def average_precision(labels, scores, *, mask=None, weights=None, topn=None, ties: str = "position", documents=None):
    """Average precision: the precision at each relevant document, in the mean over all relevant documents.

    For one list with labels y and ranks r by falling score,

        AP@n = sum_{i: y_i >= 1, r_i <= n} w_i P@r_i / sum_{i: y_i >= 1} w_i

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each relevant document; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: binary judgements, and all relevant documents are wanted, the first ones most.

    Reference: Buckley & Voorhees, "Evaluating Evaluation Measure Stability", SIGIR 2000; with ties McSherry & Najork,
    ECIR 2008: a relevant one among m tied documents has k / (m - 1) of the other relevant ones before it at its k-th
    place.
    """
    check_options(topn=topn)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    relevant = lists.relevant()
    others = lists.offset() * backend.divide_no_nan(lists.among_ties(relevant) - 1.0, lists.tied() - 1.0)
    so_far = lists.before_ties(relevant) + others + 1.0
    cut = gains.truncated(gains.inverse, topn)
    total = ops.sum(lists.found(relevant * lists.weights) * so_far * cut(lists.rank), axis=-1)
    return lists.known(backend.divide_no_nan(total, ops.sum(relevant * lists.weights, axis=-1)))


def rank_biased_precision(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    persistence: float = 0.8,
    gain: Callable = gains.is_greater_equal_1,
    ties: str = "position",
    documents=None,
):
    """Rank-biased precision: the gain a step of a user who goes on to the next document with a fixed probability.

    For one list with labels y, ranks r by falling score and the persistence p,

        RBP@n = (1 - p) sum_{i: r_i <= n} gain(y_i) p^(r_i - 1)

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        persistence: p, between 0 and 1; the user reads 1 / (1 - p) documents in the mean.
        gain: function of labels, between 0 and 1; `gains.is_greater_equal_1` (relevant or not) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, topn < 1, persistence is not between 0 and 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: the number of relevant documents is not known; what is not judged can only add p^n at rank n + 1 and below.

    Reference: Moffat & Zobel, "Rank-Biased Precision for Measurement of Retrieval Effectiveness", TOIS 2008.
    """
    check_options(topn=topn, persistence=persistence, gain=gain)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    gained = ops.where(lists.mask, ops.cast(gain(lists.labels), lists.rank.dtype), 0.0)
    discount = gains.truncated(lambda rank: ops.power(persistence, rank - 1.0), topn)
    return lists.known((1.0 - persistence) * ops.sum(lists.found(gained) * discount(lists.rank), axis=-1))


def position_weighted_average(
    labels, scores, *, mask=None, weights=None, topn: int | None = None, ties: str = "position", documents=None
):
    """Position-weighted average: the mean label at the top, in which a place counts by the reciprocal of its rank.

    For one list of m retrieved documents with labels y and ranks r by falling score,

        PWA@n = sum_{i: r_i <= n} y_i / r_i / sum_{r <= min(n, m)} 1 / r

    Args:
        labels: [..., list_size], ratings or grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between its lowest and its highest label; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: ratings whose mean at the top has a meaning of its own, such as stars; it is not divided by an ideal.

    Reference: `PWAMetric` of TensorFlow Ranking 0.5.
    """
    check_options(topn=topn)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    of_places = ops.where(lists.retrieved, gains.truncated(gains.inverse, topn)(lists.rank), 0.0)
    total = ops.sum(lists.found(lists.labels) * of_places, axis=-1)
    return lists.known(backend.divide_no_nan(total, ops.sum(of_places, axis=-1)))


@keras.saving.register_keras_serializable("plackett")
class Precision(RankingMetric):
    """`precision` as a Keras metric."""

    def __init__(
        self,
        topn: int | str | None = None,
        divide_by: str = "documents",
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        options = {"topn": topn, "divide_by": divide_by, "ties": ties}
        super().__init__(precision, binary, name, empty=empty, average=average, ragged=ragged, **options)


@keras.saving.register_keras_serializable("plackett")
class Recall(RankingMetric):
    """`recall` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(recall, binary, name, empty=empty, average=average, ragged=ragged, topn=topn, ties=ties)


@keras.saving.register_keras_serializable("plackett")
class MAP(RankingMetric):
    """`average_precision` as a Keras metric."""

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
            average_precision, binary, name, empty=empty, average=average, ragged=ragged, topn=topn, ties=ties
        )


@keras.saving.register_keras_serializable("plackett")
class RBP(RankingMetric):
    """`rank_biased_precision` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        persistence: float = 0.8,
        gain: Callable = gains.is_greater_equal_1,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        options = {"topn": topn, "persistence": persistence, "gain": gain, "ties": ties}
        super().__init__(
            rank_biased_precision,
            by_gain(gain, average),
            name,
            empty=empty,
            average=average,
            ragged=ragged,
            **options,
        )


@keras.saving.register_keras_serializable("plackett")
class PWA(RankingMetric):
    """`position_weighted_average` as a Keras metric."""

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
            position_weighted_average, by_label, name, empty=empty, average=average, ragged=ragged, topn=topn, ties=ties
        )
