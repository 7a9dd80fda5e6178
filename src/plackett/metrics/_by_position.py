"""Metrics that weigh each position by a function of its rank, and are not divided by an ideal value."""

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.metrics._base import Average, CutOffMetric, Empty, RankingMetric, Ties, by_label, relevance_by_gain
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count, Function, Probability


def rank_biased_precision(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    persistence: Probability = 0.8,
    gain: Function = gains.is_greater_equal_1,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Rank-biased precision: the gain a step of a user who goes on to the next document with a fixed probability.

    For one list with labels y, ranks r by descending score and the persistence p,

        RBP@n = (1 - p) sum_{i: r_i <= n} gain(y_i) p^(r_i - 1)

    Args:
        labels: [..., list_size], relevance grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        persistence: p, between 0 and 1. The user reads 1 / (1 - p) documents on average.
        gain: function of labels, between 0 and 1; `gains.is_greater_equal_1` (relevant or not) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not match, topn < 1, persistence is not between 0 and 1, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: the number of relevant documents is not known. Unjudged documents at rank n + 1 and below can add at most p^n.

    Reference: Moffat & Zobel, "Rank-Biased Precision for Measurement of Retrieval Effectiveness", TOIS 2008.
    """
    check_options(rank_biased_precision, topn=topn, persistence=persistence, gain=gain, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _rank_biased_precision(lists, topn=topn, persistence=persistence, gain=gain)


def _rank_biased_precision(lists, *, topn, persistence, gain):
    gained = ops.where(lists.mask, ops.cast(gain(lists.labels), lists.rank.dtype), 0.0)
    discount = dcg_sums.cut_off(lambda rank: ops.power(persistence, rank - 1.0), topn)
    return lists.or_nan((1.0 - persistence) * ops.sum(lists.of_retrieved(gained) * discount(lists.rank), axis=-1))


@register
class RBP(RankingMetric):
    """Rank-biased precision: the gain a step of a user who goes on to the next document with a fixed probability.

        RBP@n = (1 - p) sum_{i: r_i <= n} gain(y_i) p^(r_i - 1),    p = persistence

    Use it where the number of relevant documents is not known. `rank_biased_precision` is the function.

    >>> metric = RBP(persistence=0.5)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    0.375
    """

    fn = staticmethod(_rank_biased_precision)

    def __init__(
        self,
        topn: Count | None = None,
        persistence: Probability = 0.8,
        gain: Function = gains.is_greater_equal_1,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(topn, empty, ties, average, name, ragged, persistence=persistence, gain=gain)

    def relevance(self, labels: Tensor, mask: Tensor) -> Tensor:
        return relevance_by_gain(self.options["gain"], self.average, labels, mask)


def position_weighted_average(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Position-weighted average: the mean label at the top, in which a place counts by the reciprocal of its rank.

    For one list of m retrieved documents with labels y and ranks r by descending score,

        PWA@n = sum_{i: r_i <= n} y_i / r_i / sum_{r <= min(n, m)} 1 / r

    Args:
        labels: [..., list_size], ratings or grades.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between its lowest and its highest label; 0 for an empty list.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: labels are ratings whose mean at the top has a meaning of its own, such as stars. It is not divided by an
    ideal value.

    Reference: `PWAMetric` of TensorFlow Ranking 0.5.
    """
    check_options(position_weighted_average, topn=topn, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _position_weighted_average(lists, topn=topn)


def _position_weighted_average(lists, *, topn):
    of_places = ops.where(lists.retrieved, dcg_sums.cut_off(gains.inverse, topn)(lists.rank), 0.0)
    total = ops.sum(lists.of_retrieved(lists.labels) * of_places, axis=-1)
    return lists.or_nan(backend.divide_no_nan(total, ops.sum(of_places, axis=-1)))


@register
class PWA(CutOffMetric):
    """Position-weighted average: the mean label at the top, in which a place counts by the reciprocal of its rank.

        PWA@n = sum_{i: r_i <= n} y_i / r_i / sum_{r <= n} 1 / r

    Use it for ratings whose mean at the top has a meaning of its own, such as stars. `position_weighted_average` is
    the function.

    >>> metric = PWA(topn=2)
    >>> round(float(metric([[3, 5, 1]], [[0.6, 0.8, 0.1]])), 6)
    4.333333
    """

    fn = staticmethod(_position_weighted_average)
    relevance = staticmethod(by_label)
