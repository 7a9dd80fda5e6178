"""Metrics that sum discounted gains."""

from collections.abc import Callable

import keras
from keras import ops

from plackett import backend, gains
from plackett.metrics._base import RankingMetric, by_gain
from plackett.metrics._options import check_options
from plackett.metrics._ranked import ranked


def dcg(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    gain: Callable = gains.pow_minus_1,
    discount: Callable = gains.log2_inverse,
    ties: str = "position",
    documents=None,
):
    """Discounted cumulative gain.

    For one list with labels y and ranks r by falling score,

        DCG@n = sum_{i: r_i <= n} (w_i / w) gain(y_i) discount(r_i),    w = sum_i w_i gain(y_i) / sum_i gain(y_i)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w_i of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        gain: function of labels; `gains.pow_minus_1` (2^y - 1), `gains.identity`, or your own.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, of at least 0; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: lists with more to gain shall count more; otherwise `ndcg`.

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; the exponential
    gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    check_options(topn=topn, gain=gain, discount=discount)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    gained = ops.where(lists.mask, ops.cast(gain(lists.labels), lists.rank.dtype), 0.0)
    mean_weight = backend.divide_no_nan(ops.sum(gained * lists.weights, axis=-1), ops.sum(gained, axis=-1))
    return lists.known(backend.divide_no_nan(_sum(lists, gained * lists.weights, topn, discount), mean_weight))


def ndcg(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    gain: Callable = gains.pow_minus_1,
    discount: Callable = gains.log2_inverse,
    ties: str = "position",
    documents=None,
):
    """Normalised discounted cumulative gain.

    For one list with labels y and ranks r by falling score,

        DCG@n  = sum_{i: r_i <= n} w_i gain(y_i) discount(r_i)
        NDCG@n = DCG@n / (the largest DCG@n that any order has)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        weights: [..., list_size], the weight w of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        gain: function of labels; `gains.pow_minus_1` (2^y - 1), `gains.identity` (trec_eval), or your own.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, topn < 1, or an unknown `ties`.

    Cost: O(list_size log list_size).

    When: graded judgements; the usual choice.

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; the exponential
    gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    check_options(topn=topn, gain=gain, discount=discount)
    lists = ranked(labels, scores, mask, weights, ties, documents)
    gained = ops.cast(gains.relative(gain, lists.labels, lists.mask), lists.rank.dtype)
    gained = ops.where(lists.mask, gained * lists.weights, 0.0)
    share = gains.normalized(gained, gains.truncated(discount, topn), lists.mask)
    return lists.known(_sum(lists, share, topn, discount))


def _sum(lists, gained, topn, discount):
    """[...], sum of discounted gains down to rank `topn`."""
    return ops.sum(lists.found(gained) * gains.truncated(discount, topn)(lists.rank), axis=-1)


@keras.saving.register_keras_serializable("plackett")
class DCG(RankingMetric):
    """`dcg` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        gain: Callable = gains.pow_minus_1,
        discount: Callable = gains.log2_inverse,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        options = {"topn": topn, "gain": gain, "discount": discount, "ties": ties}
        super().__init__(dcg, by_gain(gain, average), name, empty=empty, average=average, ragged=ragged, **options)


@keras.saving.register_keras_serializable("plackett")
class NDCG(RankingMetric):
    """`ndcg` as a Keras metric."""

    def __init__(
        self,
        topn: int | None = None,
        gain: Callable = gains.pow_minus_1,
        discount: Callable = gains.log2_inverse,
        empty: int | str = 0,
        ties: str = "position",
        average: str = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        options = {"topn": topn, "gain": gain, "discount": discount, "ties": ties}
        super().__init__(ndcg, by_gain(gain, average), name, empty=empty, average=average, ragged=ragged, **options)
