"""Metrics that sum discounted gains."""

from typing import Literal

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.lists import count
from plackett.metrics._base import Average, Empty, RankingMetric, Ties, relevance_by_gain
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count, Function

Short = Literal["end", 0]


def dcg(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    gain: Function = gains.pow_minus_1,
    discount: Function = gains.log2_inverse,
    ties: Ties = "position",
    documents: Tensor | None = None,
    short: Short = "end",
) -> Tensor:
    """Discounted cumulative gain.

    For one list with labels y and ranks r by descending score,

        DCG@n = sum_{i: r_i <= n} (w_i / w) gain(y_i) discount(r_i),    w = sum_i w_i gain(y_i) / sum_i gain(y_i)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w_i of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        gain: function of labels; `gains.pow_minus_1` (2^y - 1), `gains.identity`, or your own.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.
        short: the value of a list with fewer than n documents. "end": the sum ends with the list; 0: the value is 0, as
            in the evaluation script of LETOR 4.0.

    Returns:
        [...], one value per list, at least 0; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not match, topn < 1, `ties` is unknown, or short=0 without a cut-off.

    Cost: O(list_size log list_size).

    When: lists with more to gain should count more. Otherwise use `ndcg`.

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; the exponential
    gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    check_options(dcg, topn=topn, gain=gain, discount=discount, ties=ties, short=short)
    _check_short(topn, short)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _dcg(lists, topn=topn, gain=gain, discount=discount, short=short)


def _dcg(lists, *, topn, gain, discount, short):
    gained = ops.where(lists.mask, ops.cast(gain(lists.labels), lists.rank.dtype), 0.0)
    mean_weight = backend.divide_no_nan(ops.sum(gained * lists.weights, axis=-1), ops.sum(gained, axis=-1))
    total = _sum(lists, gained * lists.weights, topn, discount, short)
    return lists.or_nan(backend.divide_no_nan(total, mean_weight))


class GainMetric(RankingMetric):
    """Base of the metrics of a gain and a discount. They share one constructor."""

    def __init__(
        self,
        topn: Count | None = None,
        gain: Function = gains.pow_minus_1,
        discount: Function = gains.log2_inverse,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
        short: Short = "end",
    ):
        _check_short(topn, short)
        super().__init__(topn, empty, ties, average, name, ragged, gain=gain, discount=discount, short=short)

    def relevance(self, labels: Tensor, mask: Tensor) -> Tensor:
        return relevance_by_gain(self.options["gain"], self.average, labels, mask)


@register
class DCG(GainMetric):
    """Discounted cumulative gain at the cut-off `topn`, averaged over lists.

        DCG@n = sum_{i: r_i <= n} gain(y_i) discount(r_i),    gain(y) = 2^y - 1,  discount(r) = 1 / log2(1 + r)

    Use it where lists with more to gain should count more; otherwise use `NDCG`. `short` sets the value of a list with
    fewer than n documents. `dcg` is the function.

    >>> metric = DCG(topn=2)
    >>> round(float(metric([[1, 0, 2]], [[0.6, 0.8, 0.1]])), 6)
    0.63093
    """

    fn = staticmethod(_dcg)


def ndcg(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    gain: Function = gains.pow_minus_1,
    discount: Function = gains.log2_inverse,
    ties: Ties = "position",
    documents: Tensor | None = None,
    short: Short = "end",
) -> Tensor:
    """Normalised discounted cumulative gain.

    For one list with labels y and ranks r by descending score,

        DCG@n  = sum_{i: r_i <= n} w_i gain(y_i) discount(r_i) NDCG@n = DCG@n / (the largest DCG@n of any order)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size], the weight w of each document's gain; at 0 it is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        gain: function of labels; `gains.pow_minus_1` (2^y - 1), `gains.identity` (trec_eval), or your own.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.
        ties, documents: the order of equal scores; see `plackett.metrics`.
        short: the value of a list with fewer than n documents. "end": both sums end with the list; 0: the value is 0,
            as in the evaluation script of LETOR 4.0.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not match, topn < 1, `ties` is unknown, or short=0 without a cut-off.

    Cost: O(list_size log list_size).

    When: judgements are graded. It is the usual choice.

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; the exponential
    gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    check_options(ndcg, topn=topn, gain=gain, discount=discount, ties=ties, short=short)
    _check_short(topn, short)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _ndcg(lists, topn=topn, gain=gain, discount=discount, short=short)


def _ndcg(lists, *, topn, gain, discount, short):
    gained = ops.cast(dcg_sums.relative(gain, lists.labels, lists.mask), lists.rank.dtype)
    gained = ops.where(lists.mask, gained * lists.weights, 0.0)
    share = dcg_sums.normalize(gained, dcg_sums.cut_off(discount, topn), lists.mask)
    return lists.or_nan(_sum(lists, share, topn, discount, short))


@register
class NDCG(GainMetric):
    """DCG divided by the DCG of the best order, so that 1 is the best value; averaged over lists.

        NDCG@n = DCG@n / max DCG@n,    DCG@n = sum_{i: r_i <= n} gain(y_i) discount(r_i)

    with the gain 2^y - 1 and the discount 1 / log2(1 + r), unless others are given. Use it for graded judgements; it is
    the usual choice. `short` sets the value of a list with fewer than n documents. `ndcg` is the function.

    >>> metric = NDCG(topn=10)
    >>> round(float(metric([[1, 0, 2]], [[0.6, 0.8, 0.1]])), 6)
    0.586883
    >>> metric.name
    'ndcg@10'
    """

    fn = staticmethod(_ndcg)


def _sum(lists, gained, topn, discount, short):
    """[...], the sum of discounted gains down to rank `topn`."""
    total = ops.sum(lists.of_retrieved(gained) * dcg_sums.cut_off(discount, topn)(lists.rank), axis=-1)
    return total if short == "end" else ops.where(count(lists.mask) < topn, 0.0, total)


def _check_short(topn, short):
    """Raises a ValueError for short=0 without a cut-off."""
    if short == 0 and topn is None:
        raise ValueError("short=0 needs a number for topn, but got topn=None")
