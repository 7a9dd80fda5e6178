"""The one bridge between a loss function of lists and `keras.losses.Loss`."""

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
    "An object is called with labels and scores, [lists, list_size] each, or [lists, list_size, models] scores where a "
    "document has several, and with `sample_weight`, a weight a list or a document. The Keras mask of the scores, or "
    "else a label below 0, marks padding. See `plackett.losses`."
)


class RankingLoss(Configured, keras.losses.Loss):
    """A loss function of lists as a Keras loss: masks, ragged input, weights, noise, reduction and config.

    A subclass says what is true of its function in class attributes, and writes a constructor that hands its arguments
    to this one. A call

    1. pads ragged input, finds out who is real, the Keras mask on the scores or else `label >= 0`, and cleans;
    2. draws the noise of a stochastic function, and divides the scores by `temperature`;
    3. computes one loss a list, weighs it by `sample_weight` and reduces.

    >>> from keras import ops
    >>> from plackett.losses import RankingLoss
    >>> class AbsoluteLoss(RankingLoss):
    ...     "The sum of absolute errors."
    ...     fn = staticmethod(lambda labels, scores, *, mask: ops.sum(ops.abs(scores - labels), axis=-1))
    >>> float(AbsoluteLoss(reduction="sum")([[1.0, 0.0, -1.0]], [[0.5, 0.25, 3.0]]))
    0.75

    Args:
        reduction: "auto", "sum_over_batch_size" or "mean", the mean over lists; "sum"; "none" or None, one number a
            list; "mean_with_sample_weight", the weighted mean over the lists that have a relevant document.
        name: the name of the loss. None = from the class.
        lambda_weight: see `plackett.lambdas`, which says where it has a meaning; elsewhere it is refused. None = none.
        temperature: the scores are divided by it.
        ragged: accept ragged labels, scores and weights, of all forms that `plackett.losses` names.
        sample_size: how many samples of noise a list gets. None = no noise.
        gumbel_temperature: of the scores that noise perturbs.
        seed: of the noise. None = another one each time, which `keras.utils.set_random_seed` repeats.
        options: handed to the function.

    Raises:
        ValueError: an option out of range, a lambda weight that has no meaning, or an option of samples without them.
    """

    # `fn(labels, scores, *, mask, **options) -> [...]`, one loss a list. What it gets is clean: shapes agree, and at
    # padding, where the mask is False, labels, scores and weights are 0.
    fn: ClassVar[Callable[..., Tensor]]
    # Which lambda weights the function takes, one of `plackett.lambdas._uses`.
    lambda_weights: ClassVar[Use] = NOTHING
    # The function takes `weights`, [..., list_size], and weighs each document's own term by it; otherwise weights of
    # documents are made into a weight of their list.
    weighs_documents: ClassVar[bool] = False
    # The function takes `noise`, [..., samples, list_size]. Otherwise the loss with a `sample_size` is its mean over
    # scores that the noise perturbs.
    takes_noise: ClassVar[bool] = False
    # The function takes labels and a mask that all samples share, [..., 1, list_size].
    shares_labels: ClassVar[bool] = False
    # `curvature(labels, scores, *, mask, **options) -> [..., list_size]`, by which `plackett.boosting` divides, told
    # what `fn` is told: the second derivative of `fn` by each score or, where that is 0 almost everywhere or where `fn`
    # is steepest, what stands for it, see docs/boosting.md. None = the second derivative, document by document, which
    # is slow.
    curvature: ClassVar[Callable[..., Tensor] | None] = None
    # Labels of any sign have a meaning, as a teacher's scores or numbers to come near have; else they are grades or
    # clicks, >= 0.
    any_labels: ClassVar[bool] = False
    # The order of the labels is all that it reads, so that a teacher's scores may stand in their place.
    by_order: ClassVar[bool] = False
    # `derivatives(labels, scores, *, mask, **options) -> (gradient, curvature)`, in the place of `curvature`, of a
    # function whose gradient is little work beside it. None = the gradient as the backend computes it, and `curvature`.
    derivatives: ClassVar[Callable[..., tuple[Tensor, Tensor]] | None] = None
    # What its docstring says that an object is called with.
    inputs: ClassVar[str] = INPUTS
    replaceable = ("draw_noise",)
    # The scores have a last axis of models, of this size unless the scorer is told another. None = no such axis.
    models: Any = None
    # Of a loss of clicks whose columns differ: the names of those that are the same for all documents, which stand
    # first, and then of those that depend on the position; the others depend on the document. None = all on both.
    constants: Any = ()
    of_positions: Any = None
    # The logits that training starts from, by column; 0 of the others. Where two readings of the parameters explain
    # clicks as well as each other, they say which is meant.
    start: Any = MappingProxyType({})
    # Of a loss of clicks without such columns: its scores depend on positions nevertheless.
    needs_positions: ClassVar[bool] = False
    # Function of the scores of several models, [..., list_size, models], that makes of them the scores to rank by,
    # [..., list_size]. None = their mean.
    ranking: Any = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "fn" in vars(cls):
            for name in {"curvature", "derivatives"} - set(vars(cls)):
                setattr(cls, name, None)  # that of the base is of another function
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
            raise ValueError("seed and gumbel_temperature act on samples: set sample_size too")
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
        """[...], one loss a list, before weights and reduction."""
        return self._losses(*self._lists(y_true, y_pred))

    def ranking_scores(self, scores: Tensor) -> Tensor:
        """[..., list_size], the scores to rank by: those of a model that was trained with this loss."""
        if self.models is None:
            return scores
        return backend.mean(scores, axis=-1) if self.ranking is None else self.ranking(scores)

    @property
    def options(self) -> dict:
        """What the function is told besides labels, scores and mask; a copy."""
        return dict(self._options)

    def draw_noise(self, labels: Tensor, scores: Tensor) -> Tensor:
        """[..., sample_size, list_size], uniform on [0, 1). The one method that draws, which tests may replace."""
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
        """The loss of the batch, as the mean over processes of what each returns, where they have `parts` of it.

        `counts` is a function without arguments: which lists "mean_with_sample_weight" is a mean of.
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
    """Base of the losses with the constructor that most have: of a lambda weight and a temperature alone."""

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged)
