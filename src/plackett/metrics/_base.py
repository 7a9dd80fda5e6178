"""The one bridge between metric functions of lists and `keras.metrics.Metric`."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import keras
from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.lists import weights_of_documents
from plackett.lists._masking import prepare
from plackett.lists._ragged import padded_weights
from plackett.lists._weights import weights_as_given
from plackett.metrics._ranked import Ranked, sort_by_score
from plackett.registry import Configured, snake_case
from plackett.registry.docs import complete
from plackett.registry.options import Count

Ties = Literal["position", "expected", "trec"]
Empty = Literal[0, 1, "skip"]
Average = Literal["lists", "relevance"]


def binary(labels, mask):
    """[..., list_size] bool: is the label at least 1? The relevance for metrics without grades."""
    return gains.is_greater_equal_1(labels)


def by_label(labels, mask):
    """[..., list_size]: the label as the relevance of a document."""
    return labels


def relevance_by_gain(gain, average, labels, mask):
    """[..., list_size]: the gain as the relevance; its scale is arbitrary where only shares of the list count."""
    return dcg_sums.relative(gain, labels, mask) if average == "lists" else gain(labels)


INPUTS = (
    "An object is called with labels and scores, [lists, list_size] each, and optionally with `sample_weight`, one "
    "weight per list or per document; `result()` is the mean over all lists so far. The Keras mask of the scores "
    "marks padding; without one, a label below 0 does. See `plackett.metrics`."
)


class PerList(NamedTuple):
    """What the lists of a batch contribute to the mean, [...] each.

    Args:
        values: the metric of each list.
        weights: the weight of each list in the mean; 0 where it has no relevant document.
        relevant: bool, does it have a relevant document?
        empty: bool, does it have documents, none of which is relevant? Its value is what `empty` says, with the mean
            weight of the other lists.
    """

    values: Tensor
    weights: Tensor
    relevant: Tensor
    empty: Tensor


class RankingMetric(Configured, keras.metrics.Metric):
    """A metric function of lists as a Keras metric: the weighted mean over all lists seen.

    A subclass describes its function in class attributes, and has a constructor that passes its arguments to this one.
    The function is `fn(lists, *, topn, **options) -> [...]`, one value per list. It gets lists that are clean and
    sorted by descending score, see `Ranked`.

    >>> from keras import ops
    >>> from plackett.metrics import RankingMetric
    >>> class First(RankingMetric):
    ...     "The label of the first document."
    ...     fn = staticmethod(lambda lists, *, topn: lists.or_nan(lists.of_retrieved(lists.labels)[..., 0]))
    >>> float(First()([[2.0, 0.0], [1.0, 0.0]], [[0.6, 0.8], [0.2, 0.1]]))
    0.5

    Args:
        topn: the cut-off. None = the whole list.
        empty: the value of a list without any relevant document: 0 or 1, with the mean weight of the other lists, or
            "skip" to leave it out. If every list is left out, the mean is NaN. A list whose documents are all padding,
            or all of weight 0, never counts.
        ties: the order of documents of equal score, see `plackett.metrics`.
        average: "lists": a list has the weight sum_i w_i rel_i / sum_i rel_i, the mean weight of its relevant
            documents, so that without weights all lists count equally; "relevance": it has the weight sum_i w_i rel_i.
        name: the name of the metric. None = the name of the class and the cut-off, such as "ndcg@10".
        ragged: accept ragged labels, scores and weights.
        options: passed to the function.

    Raises:
        ValueError: an option is out of range.
    """

    # See above. It returns `lists.or_nan(values)`, so that a list with a NaN score has the value NaN.
    fn: ClassVar[Callable[..., Tensor]]
    # The relevance rel of each document, for the weight of its list: a function of labels and mask.
    relevance: Any = staticmethod(binary)
    # The function takes `topn`.
    has_cut_off: ClassVar[bool] = True
    # The labels have a last axis of subtopics.
    subtopics: ClassVar[bool] = False
    # A document that nobody judged is left out. Otherwise it counts as not relevant.
    judged_only: ClassVar[bool] = False
    # A lower value is better.
    less_is_better: ClassVar[bool] = False
    # Keras renames the metrics of a model of several outputs.
    replaceable = ("name",)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        complete(cls, RankingMetric, INPUTS)

    def __init__(
        self,
        topn: Count | Literal["relevant"] | None = None,
        empty: Empty = 0,
        ties: Literal["incorrect", "position", "expected", "trec"] = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
        **options: Any,
    ):
        super().__init__(name=name or default_name(type(self), topn))
        self.empty = empty
        self.ties = ties
        self.average = average
        self.ragged = ragged
        self._options = tuple((options | ({"topn": topn} if self.has_cut_off else {})).items())
        self.total = self.add_weight(name="total", initializer="zeros")
        self.weight = self.add_weight(name="weight", initializer="zeros")
        self.relevant_lists = self.add_weight(name="relevant_lists", initializer="zeros")
        self.empty_lists = self.add_weight(name="empty_lists", initializer="zeros")

    @property
    def options(self) -> dict:
        """A copy of the arguments that the function gets besides the lists."""
        return dict(self._options)

    @property
    def _direction(self):
        """The direction that Keras callbacks with mode="auto" read."""
        return "down" if self.less_is_better else "up"

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, documents: Tensor | None = None
    ) -> None:
        """Adds the lists of one batch.

        Args:
            y_true: labels, numbers or booleans, [..., list_size], or [..., list_size, 1], or [..., list_size,
                subtopics].
            y_pred: scores, [..., list_size], or [..., list_size, models], which are averaged over models; the output of
                `Dense(1)` is one model. For `ClickEMLoss` and `OrdinalLoss` pass `loss.ranking_scores(y_pred)` instead.
                The Keras mask of the scores, or else `label >= 0`, says which documents are real.
            sample_weight: one number for all lists; [...] or [..., 1], one weight per list; or [..., list_size], one
                weight per document (for a single list also [list_size]).
            documents: the document ids, [..., list_size], which only ties="trec" reads.
        """
        labels, scores, mask = prepare(
            y_true, y_pred, ragged=self.ragged, average_models=not self.subtopics, subtopics=self.subtopics
        )
        if sample_weight is not None:
            sample_weight = padded_weights(sample_weight, y_true, ragged=self.ragged)
            sample_weight = weights_as_given(sample_weight, scores)
        weights = weights_of_documents(sample_weight, scores, mask)
        documents = documents if self.ties == "trec" else None
        seen = self.of_ranked(sort_by_score(labels, scores, mask, weights, self.ties, documents))
        self.total.assign_add(self._sum(seen.values * seen.weights))
        self.weight.assign_add(self._sum(seen.weights))
        self.relevant_lists.assign_add(self._sum(seen.relevant))
        self.empty_lists.assign_add(self._sum(seen.empty))

    def of_ranked(self, lists: Ranked) -> PerList:
        """What lists that are already ranked, under the `ties` of this metric, contribute to the mean."""
        relevance = ops.cast(self.relevance(lists.labels, lists.mask), lists.rank.dtype)
        relevance = ops.where(lists.mask, relevance, 0.0)
        relevant = ops.any(relevance > 0, axis=-1)
        weight = ops.sum(lists.weights * relevance, axis=-1)
        if self.average == "lists":
            weight = backend.divide_no_nan(weight, ops.sum(relevance, axis=-1))
        return PerList(self.fn(lists, **self.options), weight, relevant, ops.any(lists.mask, axis=-1) & ~relevant)

    def result(self) -> Tensor:
        sums = (self.total, self.weight, self.relevant_lists, self.empty_lists)
        total, weight, relevant, empty = (ops.convert_to_tensor(x) for x in sums)
        if self.empty == "skip":
            return total / weight  # 0 / 0 is NaN: no list has counted yet
        mean_weight = ops.where(relevant > 0, backend.divide_no_nan(weight, relevant), 1.0)
        others = empty * mean_weight
        return backend.divide_no_nan(total + self.empty * others, weight + others)

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value of this metric is better than the best so far (None before the first). NaN never is."""
        if math.isnan(value):
            return False
        if best is None or math.isnan(best):
            return True
        return value < best if self.less_is_better else value > best

    def _sum(self, x):
        return ops.sum(ops.cast(x, self.dtype))


class CutOffMetric(RankingMetric):
    """Base of the metrics with the most common constructor: only a cut-off and the conventions."""

    def __init__(
        self,
        topn: Count | None = None,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(topn, empty, ties, average, name, ragged)


def default_name(kind, topn):
    """The default name of a metric: the name of its class and its cut-off."""
    from_class = snake_case(kind.__name__)
    return from_class if topn is None else f"{from_class}@{topn if isinstance(topn, str) else int(topn)}"
