"""The one bridge between loss functions of lists and `keras.losses.Loss`."""

import functools
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lambdas import LambdaWeight
from plackett.lambdas._uses import NOTHING, Use, check_lambda_weight
from plackett.lists import any_relevant, weights_of_documents
from plackett.lists._masking import prepare
from plackett.lists._ragged import padded_weights
from plackett.lists._weights import is_a_document, list_weights, weights_as_given
from plackett.losses._sampled import mean_over_samples
from plackett.registry import Configured, snake_case
from plackett.registry.docs import complete
from plackett.registry.options import Count, Positive, Whole

Reduction = Literal["auto", "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


INPUTS = (
    "An object is called with labels and scores, [lists, list_size] each, and optionally with `sample_weight`, one "
    "weight per list or per document. Scores are [lists, list_size, models] where a document has several. The Keras "
    "mask of the scores marks padding; without one, a label below 0 does. See `plackett.losses`."
)


class RankingLoss(Configured, keras.losses.Loss):
    """A loss function of lists as a Keras loss: masks, ragged input, weights, noise, reduction and config.

    A subclass describes its function in class attributes, and has a constructor that passes its arguments to this one.
    A call

    1. pads ragged input, finds the real documents (by the Keras mask on the scores, or else by `label >= 0`), and
    cleans;
    2. draws the noise of a stochastic function, and divides the scores by `temperature`;
    3. computes one loss per list, multiplies it by `sample_weight` and reduces.

    >>> from keras import ops
    >>> from plackett.losses import RankingLoss
    >>> class AbsoluteLoss(RankingLoss):
    ...     "The sum of absolute errors."
    ...     fn = staticmethod(lambda labels, scores, *, mask: ops.sum(ops.abs(scores - labels), axis=-1))
    >>> float(AbsoluteLoss(reduction="sum")([[1.0, 0.0, -1.0]], [[0.5, 0.25, 3.0]]))
    0.75

    Args:
        reduction: "auto", "sum_over_batch_size" or "mean", the mean over lists; "sum"; "none" or None, one number per
            list; "mean_with_sample_weight", the weighted mean over the lists that have a relevant document.
        name: the name of the loss. None = the name of the class in lower case.
        lambda_weight: a lambda weight. `plackett.lambdas` says which losses take which; other combinations raise an
            error. None = no lambda weight.
        temperature: the scores are divided by it.
        ragged: accept ragged labels, scores and weights, in any form that `plackett.losses` lists.
        sample_size: the number of noise samples per list. None = no noise.
        gumbel_temperature: the perturbed scores are divided by it.
        seed: the seed of the noise. None = a new one each time, which `keras.utils.set_random_seed` makes repeatable.
        options: passed to the function.

    Raises:
        ValueError: an option is out of range, the loss does not take this lambda weight, or `seed` or
            `gumbel_temperature` is given without `sample_size`.
    """

    # `fn(labels, scores, *, mask, **options) -> [...]`, one loss per list. Its input is clean: shapes agree, and at
    # padding, where the mask is False, labels, scores and weights are 0.
    fn: ClassVar[Callable[..., Tensor]]
    # Which lambda weights the function takes: one of `plackett.lambdas._uses`.
    lambda_weights: ClassVar[Use] = NOTHING
    # The function takes `weights`, [..., list_size], and multiplies each document's own term by it. Otherwise document
    # weights become one weight of their list.
    weighs_documents: ClassVar[bool] = False
    # The function takes `noise`, [..., samples, list_size]. Otherwise a loss with a `sample_size` is the mean of the
    # function over scores perturbed by the noise.
    takes_noise: ClassVar[bool] = False
    # The function takes labels and a mask that all samples share, [..., 1, list_size].
    shares_labels: ClassVar[bool] = False
    # `curvature(labels, scores, *, mask, **options) -> [..., list_size]`, called like `fn`. `plackett.boosting` divides
    # by it. It is the second derivative of `fn` with respect to each score or, where that is 0 almost everywhere or
    # where `fn` is steepest, a substitute, see docs/boosting.md. None = the second derivative, document by document,
    # which is slow.
    curvature: ClassVar[Callable[..., Tensor] | None] = None
    # Labels may have any sign, such as a teacher's scores or regression targets. Otherwise they are grades or clicks,
    # >= 0.
    any_labels: ClassVar[bool] = False
    # The loss depends only on the order of the labels, so that a teacher's scores may replace them.
    by_order: ClassVar[bool] = False
    # `derivatives(labels, scores, *, mask, **options) -> (gradient, curvature)`, instead of `curvature`, for a function
    # whose gradient is cheap to compute along with it. None = the gradient that the backend computes, and `curvature`.
    derivatives: ClassVar[Callable[..., tuple[Tensor, Tensor]] | None] = None
    # What the docstring of a class says about calling it.
    inputs: ClassVar[str] = INPUTS
    replaceable = ("draw_noise",)
    # The scores have a last axis of models, of this size unless the scorer is given another. None = no such axis.
    models: Any = None
    # For a click loss whose score columns differ: the names of the columns that are the same for all documents, which
    # come first, and the names of those that depend on the position. The other columns depend on the document. None =
    # all columns depend on both.
    constants: Any = ()
    of_positions: Any = None
    # The logits that training starts from, by column; the others start from 0. Where two sets of parameters explain the
    # clicks equally well, the start decides which one is found.
    start: Any = MappingProxyType({})
    # For a click loss without such columns: its scores depend on positions all the same.
    needs_positions: ClassVar[bool] = False
    # A function that turns the scores of several models, [..., list_size, models], into the scores to rank by, [...,
    # list_size]. None = their mean.
    ranking: Any = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "fn" in vars(cls):
            for name in {"curvature", "derivatives"} - set(vars(cls)):
                setattr(cls, name, None)  # the base's belongs to another function
        complete(cls, RankingLoss, cls.inputs)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
        sample_size: Count | None = None,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
        **options: Any,
    ):
        check_lambda_weight(lambda_weight, self.lambda_weights)
        if sample_size is None and (seed is not None or gumbel_temperature != 1.0):
            raise ValueError("seed and gumbel_temperature act on samples only: set sample_size too")
        # Keras would number the names, and two equal losses would differ.
        name = name or snake_case(type(self).__name__)
        keras.losses.Loss.__init__(
            self, name=name, reduction="sum_over_batch_size" if reduction == "auto" else reduction
        )
        self.temperature = temperature
        self.ragged = ragged
        self.sample_size = sample_size
        self.gumbel_temperature = gumbel_temperature
        self.seed = seed
        self.seed_generator = None if sample_size is None else keras.random.SeedGenerator(seed)
        weight = {} if self.lambda_weights is NOTHING else {"lambda_weight": lambda_weight}
        self._options = tuple((options | weight).items())

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        with keras.name_scope(self.name):
            labels, scores, mask = self._lists(y_true, y_pred)
            parts = backend.parts_of_batch()
            own = type(self).call is not RankingLoss.call
            counts = functools.partial(any_relevant, labels, mask)
            if sample_weight is None:
                losses = self.call(y_true, y_pred) if own else self._losses(labels, scores, mask)
                return self._reduce(losses, None, counts, parts)
            weights = weights_as_given(padded_weights(sample_weight, y_true, ragged=self.ragged), labels)
            weights = ops.cast(weights, scores.dtype)
            by_list = list_weights(weights, labels, mask, plain=backend.keras_mask(y_pred) is not None)
            if own:
                losses = by_list * self.call(y_true, y_pred)
            elif self.weighs_documents and is_a_document(weights, labels):
                losses = self._losses(labels, scores, mask, weights_of_documents(weights, labels, mask))
            else:
                losses = by_list * self._losses(labels, scores, mask)
            return self._reduce(losses, by_list, counts, parts)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """[...], one loss per list, before weights and reduction."""
        return self._losses(*self._lists(y_true, y_pred))

    def ranking_scores(self, scores: Tensor) -> Tensor:
        """[..., list_size], the scores to rank by, from the scores of a model trained with this loss."""
        if self.models is None:
            return scores
        return backend.mean(scores, axis=-1) if self.ranking is None else self.ranking(scores)

    @property
    def options(self) -> dict:
        """A copy of the arguments that the function gets besides labels, scores and mask."""
        return dict(self._options)

    def draw_noise(self, labels: Tensor, scores: Tensor) -> Tensor:
        """[..., sample_size, list_size], uniform on [0, 1). The one method that draws; tests may replace it."""
        shape = ops.shape(labels)
        return backend.uniform((*shape[:-1], self.sample_size, shape[-1]), self.seed, self.seed_generator, scores)

    def _lists(self, y_true, y_pred):
        """Cleaned (labels, scores, mask)."""
        backend.keep_keras_mask(y_pred)
        return prepare(y_true, y_pred, ragged=self.ragged, models=self.models is not None)

    def _losses(self, labels, scores, mask, weights=None):
        options = self.options | ({"weights": weights} if self.weighs_documents else {})
        if self.sample_size is not None:
            options |= {"noise": self.draw_noise(labels, scores)}
            if not self.takes_noise:
                options |= {"temperature": self.temperature, "gumbel_temperature": self.gumbel_temperature}
                return mean_over_samples(self.fn, labels, scores, mask=mask, shared=self.shares_labels, **options)
        if self.temperature != 1.0:
            scores = scores / self.temperature
        return self.fn(labels, scores, mask=mask, **options)

    def _reduce(self, losses, weights, counts, parts):
        """The loss of the batch. Where several processes hold `parts` of it, it is the mean of what they return.

        `counts` is a function without arguments. It says over which lists "mean_with_sample_weight" averages.
        """
        if self.reduction in ("none", None):
            return losses
        if self.reduction == "sum":
            return ops.sum(losses) if parts == 1 else ops.sum(losses) * parts
        number = ops.cast(ops.size(losses), losses.dtype)
        if self.reduction == "mean_with_sample_weight":
            which = counts()
            losses = ops.where(which, losses, 0.0)
            number = ops.sum(ops.where(which, ops.ones_like(losses) if weights is None else weights, 0.0))
            number = backend.mean_over_processes(number)
        return backend.divide_no_nan(ops.sum(losses), number * backend.replicas())


class LambdaWeightedLoss(RankingLoss):
    """Base of the losses with the most common constructor: only a lambda weight and a temperature."""

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged)
