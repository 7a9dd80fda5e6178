"""The one bridge between a metric function of lists and `keras.metrics.Metric`."""

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
    """[..., list_size] bool: is the label at least 1? The relevance of metrics that know no grades."""
    return gains.is_greater_equal_1(labels)


def by_label(labels, mask):
    """[..., list_size]: the label as the relevance of a document."""
    return labels


def relevance_by_gain(gain, average, labels, mask):
    """[..., list_size]: the gain as the relevance, of any size where only its share of the list counts."""
    return dcg_sums.relative(gain, labels, mask) if average == "lists" else gain(labels)


INPUTS = (
    "An object is called with labels and scores, [lists, list_size] each, and with `sample_weight`, a weight a list or "
    "a document; `result()` is the mean over all lists so far. The Keras mask of the scores, or else a label below 0, "
    "marks padding. See `plackett.metrics`."
)


class PerList(NamedTuple):
    """What the lists of a batch count, each [...].

    Args:
        values: the metric of each list.
        weights: the weight of each in the mean; 0 where it has no relevant document.
        relevant: bool, does it have a relevant document?
        empty: bool, does it have documents, none of which is relevant? It counts what `empty` says, and weighs as the
            others do in the mean.
    """

    values: Tensor
    weights: Tensor
    relevant: Tensor
    empty: Tensor


class RankingMetric(Configured, keras.metrics.Metric):
    """A metric function of lists as a Keras metric: the weighted mean over all lists seen.

    A subclass says what is true of its function in class attributes, and writes a constructor that hands its arguments
    to this one. Its function is `fn(lists, *, topn, **options) -> [...]`, one value a list, of lists that are cleaned
    and sorted by falling score, see `Ranked`.

    >>> from keras import ops
    >>> from plackett.metrics import RankingMetric
    >>> class First(RankingMetric):
    ...     "The label of the first document."
    ...     fn = staticmethod(lambda lists, *, topn: lists.or_nan(lists.of_retrieved(lists.labels)[..., 0]))
    >>> float(First()([[2.0, 0.0], [1.0, 0.0]], [[0.6, 0.8], [0.2, 0.1]]))
    0.5

    Args:
        topn: the cut-off. None = the whole list.
        empty: what a list without any relevant document counts: 0 or 1, with the mean weight of the other lists, or
            "skip": nothing, and where no list counts the mean is NaN. A list whose documents are all padding, or all
            of weight 0, never counts.
        ties: the order of documents of equal score, see `plackett.metrics`.
        average: "lists": a list weighs sum_i w_i rel_i / sum_i rel_i, the mean weight of its relevant documents, so
            that without weights all lists count alike; "relevance": it weighs sum_i w_i rel_i.
        name: the name of the metric. None = that of the class and its cut-off, such as "ndcg@10".
        ragged: accept ragged labels, scores and weights.
        options: handed to the function.

    Raises:
        ValueError: an option outside of what is allowed.
    """

    # See above; its values are those of `lists.or_nan`, so that a list with a score of NaN has none.
    fn: ClassVar[Callable[..., Tensor]]
    # The relevance rel of each document for the weight of its list: function of labels and mask.
    relevance: Any = staticmethod(binary)
    # The function takes `topn`.
    has_cut_off: ClassVar[bool] = True
    # The labels have a last axis of subtopics.
    subtopics: ClassVar[bool] = False
    # A document that nobody judged is left out. Else it is not relevant.
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
        """What the function is told besides the lists; a copy."""
        return dict(self._options)

    @property
    def _direction(self):
        """What Keras's callbacks with mode="auto" go by."""
        return "down" if self.less_is_better else "up"

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None, documents: Tensor | None = None
    ) -> None:
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
        documents = documents if self.ties == "trec" else None
        seen = self.of_ranked(sort_by_score(labels, scores, mask, weights, self.ties, documents))
        self.total.assign_add(self._sum(seen.values * seen.weights))
        self.weight.assign_add(self._sum(seen.weights))
        self.relevant_lists.assign_add(self._sum(seen.relevant))
        self.empty_lists.assign_add(self._sum(seen.empty))

    def of_ranked(self, lists: Ranked) -> PerList:
        """What each of some lists counts that are ranked already, under the `ties` of this metric."""
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
            return total / weight  # 0 / 0 is NaN: nothing that counts was seen
        mean_weight = ops.where(relevant > 0, backend.divide_no_nan(weight, relevant), 1.0)
        others = empty * mean_weight
        return backend.divide_no_nan(total + self.empty * others, weight + others)

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value of this metric is better than the best so far, None before the first; NaN never is."""
        if math.isnan(value):
            return False
        if best is None or math.isnan(best):
            return True
        return value < best if self.less_is_better else value > best

    def _sum(self, x):
        return ops.sum(ops.cast(x, self.dtype))


class CutOffMetric(RankingMetric):
    """Base of the metrics with the constructor that most have: of a cut-off and the conventions alone."""

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
    """The name of a metric that is given none: that of its class and its cut-off."""
    from_class = snake_case(kind.__name__)
    return from_class if topn is None else f"{from_class}@{topn if isinstance(topn, str) else int(topn)}"
