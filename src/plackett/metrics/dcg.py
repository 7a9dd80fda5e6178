"""Metrics that sum discounted gains."""

from collections.abc import Callable

import keras
from keras import ops

from plackett import gains, lists
from plackett.metrics.base import RankingMetric, topn_name


def ndcg(
    labels,
    scores,
    *,
    mask=None,
    weights=None,
    topn: int | None = None,
    gain: Callable = gains.pow_minus_1,
    discount: Callable = gains.log2_inverse,
):
    """Normalised discounted cumulative gain.

    For one list with labels y and ranks r by falling score, ties by position,

        DCG@n  = sum_{i: r_i <= n} w_i gain(y_i) discount(r_i)
        NDCG@n = DCG@n / (the largest DCG@n that any order has)

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = all real.
        weights: [..., list_size], the weight w of each document's gain. None = 1.
        topn: the cut-off n. None = the whole list.
        gain: function of labels; `gains.pow_minus_1` (2^y - 1), `gains.identity`, or your own.
        discount: function of ranks; `gains.log2_inverse` (1 / log2(1 + r)) or your own.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document has a gain.

    Raises:
        ValueError: the shapes do not fit, or topn < 1.

    Cost: O(list_size log list_size).

    Reference: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002; the exponential
    gain is that of Burges et al., "Learning to Rank using Gradient Descent", ICML 2005.
    """
    gains.check_topn(topn)
    labels, scores, mask = lists.clean(labels, scores, mask)
    gained = gain(labels) * lists.document_weights(weights, labels)
    cut = gains.truncated(discount, topn)
    share = gains.normalized(ops.where(mask, gained, 0.0), cut, mask)
    return ops.sum(share * cut(lists.ranks(scores, mask)), axis=-1)


@keras.saving.register_keras_serializable("plackett")
class NDCG(RankingMetric):
    """`ndcg` as a Keras metric: the mean over lists, a list without gain counting 0."""

    def __init__(
        self,
        topn: int | None = None,
        gain: Callable = gains.pow_minus_1,
        discount: Callable = gains.log2_inverse,
        name: str | None = None,
        ragged: bool = False,
    ):
        gains.check_topn(topn)
        name = name or topn_name("ndcg", topn)
        super().__init__(ndcg, gain, name, ragged=ragged, topn=topn, gain=gain, discount=discount)
