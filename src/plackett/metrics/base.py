"""The one bridge between a metric function of lists and `keras.metrics.Metric`."""

import keras
from keras import ops

from plackett import lists
from plackett.configured import Configured


class RankingMetric(Configured, keras.metrics.Metric):
    """A metric function of lists as a Keras metric: the weighted mean over all lists seen.

    With `sample_weight`, a weight a list or a document, a list weighs sum_i w_i rel_i / sum_i rel_i over its real
    documents. A list without any relevant document has value 0 and the mean weight of the other lists; a list whose
    documents are all padding, or all of weight 0, does not count.

    A subclass writes its constructor, which hands the function and all options to this one.

    Args:
        fn: `fn(labels, scores, *, mask, weights, **options) -> [...]`, one value a list.
        relevance: function of labels, rel above.
        name: the name of the metric.
        ragged: accept ragged labels, scores and weights.
        options: handed to `fn`.
    """

    def __init__(self, fn, relevance, name, *, ragged=False, **options):
        super().__init__(name=name)
        self.fn = fn
        self.relevance = relevance
        self.ragged = ragged
        self.options = options
        self.total = self.add_weight(name="total", initializer="zeros")
        self.weight = self.add_weight(name="weight", initializer="zeros")
        self.relevant = self.add_weight(name="relevant", initializer="zeros")
        self.irrelevant = self.add_weight(name="irrelevant", initializer="zeros")

    def get_config(self):
        return super().get_config() | {"name": self.name}

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds the lists of one batch.

        Args:
            y_true: labels, [..., list_size].
            y_pred: scores, [..., list_size], or [..., list_size, models], of which the mean over models counts;
                their Keras mask, or else `label >= 0`, says who is real.
            sample_weight: [...] or [..., 1], a weight a list, or [..., list_size], a weight a document.
        """
        labels, scores, mask = lists.prepare(y_true, lists.mean_of_models(y_pred, y_true), ragged=self.ragged)
        weights = lists.document_weights(sample_weight, labels)
        mask = mask & (weights > 0)
        values = self.fn(labels, scores, mask=mask, weights=weights, **self.options)
        relevance = ops.where(mask, ops.cast(self.relevance(labels), scores.dtype), 0.0)
        has_relevance = ops.sum(relevance, axis=-1) > 0
        weight = lists.list_weights(weights, relevance, mask, plain=False)
        self.total.assign_add(self._sum(values * weight))
        self.weight.assign_add(self._sum(weight))
        self.relevant.assign_add(self._sum(has_relevance))
        self.irrelevant.assign_add(self._sum(ops.any(mask, axis=-1) & ~has_relevance))

    def result(self):
        mean_weight = ops.divide_no_nan(self.weight, self.relevant)
        return ops.divide_no_nan(self.total, self.weight + self.irrelevant * mean_weight)

    def _sum(self, x):
        return ops.sum(ops.cast(x, self.dtype))


def topn_name(metric: str, topn: int | None) -> str:
    """The default name of a metric: "ndcg" or "ndcg_10"."""
    return metric if topn is None else f"{metric}_{topn}"
