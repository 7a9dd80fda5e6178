"""Metrics of the first relevant document."""

import keras
from keras import ops

from plackett import gains, lists
from plackett.metrics.base import RankingMetric, topn_name


def reciprocal_rank(labels, scores, *, mask=None, weights=None, topn: int | None = None):
    """The reciprocal of the rank of the first relevant document.

    For one list with labels y and ranks r by falling score, ties by position,

        RR@n = max_{i: y_i >= 1, r_i <= n} 1 / r_i

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = all real.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.

    Returns:
        [...], one value a list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not fit, or topn < 1.

    Cost: O(list_size log list_size).

    Reference: Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
    """
    gains.check_topn(topn)
    labels, scores, mask = lists.clean(labels, scores, mask)
    mask = mask & (lists.document_weights(weights, labels) > 0)
    relevant = mask & gains.is_greater_equal_1(labels)
    value = gains.truncated(gains.inverse, topn)(lists.ranks(scores, mask))
    return ops.max(ops.where(relevant, value, 0.0), axis=-1)


@keras.saving.register_keras_serializable("plackett")
class MRR(RankingMetric):
    """`reciprocal_rank` as a Keras metric: the mean over lists, a list without a relevant document counting 0."""

    def __init__(self, topn: int | None = None, name: str | None = None, ragged: bool = False):
        gains.check_topn(topn)
        name = name or topn_name("mrr", topn)
        super().__init__(reciprocal_rank, gains.is_greater_equal_1, name, ragged=ragged, topn=topn)
