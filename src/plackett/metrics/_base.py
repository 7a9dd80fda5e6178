"""The one bridge between a metric function of lists and `keras.metrics.Metric`."""

import math
from collections.abc import Callable

import keras
from keras import ops

from plackett import backend, gains
from plackett.lists import weights_of_documents
from plackett.lists._masking import prepare
from plackett.lists._ragged import padded_weights
from plackett.lists._weights import weights_as_given
from plackett.metrics._options import TIES, check_options
from plackett.registry import Configured, snake_case


class RankingMetric(Configured, keras.metrics.Metric):
    """A metric function of lists as a Keras metric: the weighted mean over all lists seen.

    A subclass writes its constructor, which hands the function and all options to this one.

    Args:
        fn: `fn(labels, scores, *, mask, weights, **options) -> [...]`, one value a list.
        relevance: function of labels and mask, the relevance rel of each document for the weight of its list.
        name: the name of the metric. None = that of the class and its cut-off.
        empty: what a list without any relevant document counts: 0 or 1, with the mean weight of the other lists, or
            "skip": nothing, and where no list counts the mean is NaN. A list whose documents are all padding, or all
            of weight 0, never counts.
        average: "lists": a list weighs sum_i w_i rel_i / sum_i rel_i, the mean weight of its relevant documents, so
            that without weights all lists count alike; "relevance": it weighs sum_i w_i rel_i.
        ragged: accept ragged labels, scores and weights.
        subtopics: the labels have a last axis of subtopics.
        options: handed to `fn`.

    Raises:
        ValueError: an option outside of what is allowed.
    """

    less_is_better = False
    judged_only = False  # whether a document that nobody judged is left out, or else not relevant
    known_ties = TIES

    def __init__(
        self,
        fn: Callable,
        relevance: Callable,
        name: str | None,
        *,
        empty: int | str = 0,
        average: str = "lists",
        ragged: bool = False,
        subtopics: bool = False,
        **options,
    ):
        check_options(self.known_ties, empty=empty, average=average, **options)
        super().__init__(name=name or _default_name(type(self), options.get("topn")))
        self.fn = fn
        self.relevance = relevance
        self.empty = empty
        self.average = average
        self.ragged = ragged
        self.subtopics = subtopics
        self.options = options
        self.total = self.add_weight(name="total", initializer="zeros")
        self.weight = self.add_weight(name="weight", initializer="zeros")
        self.relevant_lists = self.add_weight(name="relevant_lists", initializer="zeros")
        self.empty_lists = self.add_weight(name="empty_lists", initializer="zeros")

    @property
    def _direction(self):
        """What Keras's callbacks with mode="auto" go by."""
        return "down" if self.less_is_better else "up"

    def get_config(self):
        config = super().get_config()
        return config | {"name": self.name} if "name" in config else config

    def update_state(self, y_true, y_pred, sample_weight=None, documents=None):
        """Adds the lists of one batch.

        Args:
            y_true: labels, numbers or booleans, [..., list_size], or [..., list_size, 1], or [..., list_size,
                subtopics].
            y_pred: scores, [..., list_size], or [..., list_size, models], of which the mean over models counts, with
                one model, as from `Dense(1)`, its scores (for `ClickEMLoss` and `OrdinalLoss` hand it
                `loss.ranking_scores(y_pred)` instead); their Keras mask, or else `label >= 0`, says who is real.
            sample_weight: a number for all lists; [...] or [..., 1], a weight a list; or [..., list_size], a weight a
                document, of a single list also [list_size].
            documents: the document ids, [..., list_size], which ties="trec" alone reads.
        """
        labels, scores, mask = prepare(
            y_true, y_pred, ragged=self.ragged, average_models=not self.subtopics, subtopics=self.subtopics
        )
        if sample_weight is not None:
            sample_weight = padded_weights(sample_weight, y_true, ragged=self.ragged)
            sample_weight = weights_as_given(sample_weight, scores)
        weights = weights_of_documents(sample_weight, scores, mask)
        mask = mask & (weights > 0)
        known = {"documents": documents} if self.options.get("ties") == "trec" else {}
        values = self.fn(labels, scores, mask=mask, weights=weights, **known, **self.options)
        relevance = ops.where(mask, ops.cast(self.relevance(labels, mask), scores.dtype), 0.0)
        has_relevance = ops.any(relevance > 0, axis=-1)
        weight = ops.sum(weights * relevance, axis=-1)
        if self.average == "lists":
            weight = backend.divide_no_nan(weight, ops.sum(relevance, axis=-1))
        self.total.assign_add(self._sum(values * weight))
        self.weight.assign_add(self._sum(weight))
        self.relevant_lists.assign_add(self._sum(has_relevance))
        self.empty_lists.assign_add(self._sum(ops.any(mask, axis=-1) & ~has_relevance))

    def result(self):
        sums = (self.total, self.weight, self.relevant_lists, self.empty_lists)
        total, weight, relevant, empty = (ops.convert_to_tensor(x) for x in sums)
        if self.empty == "skip":
            return total / weight  # 0 / 0 is NaN: nothing that counts was seen
        mean_weight = ops.where(relevant > 0, backend.divide_no_nan(weight, relevant), 1.0)
        others = empty * mean_weight
        return backend.divide_no_nan(total + self.empty * others, weight + others)

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value of this metric is better than the best so far, None before the first; NaN never is."""
        if math.isnan(value):
            return False
        first = best is None or math.isnan(best)
        return first or (value < best if self.less_is_better else value > best)

    def _sum(self, x):
        return ops.sum(ops.cast(x, self.dtype))


def _default_name(kind, topn):
    from_class = snake_case(kind.__name__)
    return from_class if topn is None else f"{from_class}_{topn if isinstance(topn, str) else int(topn)}"


def binary(labels, mask):
    """[..., list_size] bool: is the label at least 1? The relevance of metrics that know no grades."""
    return gains.is_greater_equal_1(labels)


def by_label(labels, mask):
    """[..., list_size]: the label as the relevance of a document."""
    return labels


def by_gain(gain: Callable, average: str) -> Callable:
    """The gain of a document as its relevance, of any size where only its share of the list counts."""
    if average == "lists":
        return lambda labels, mask: gains.relative(gain, labels, mask)
    return lambda labels, mask: gain(labels)
