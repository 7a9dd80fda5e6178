"""The one bridge between a loss function of lists and `keras.losses.Loss`."""

import math
import numbers

import keras
from keras import ops

from plackett import backend, lists
from plackett.configured import Configured

REDUCTIONS = ("auto", "sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def _number(x):
    return isinstance(x, numbers.Real) and math.isfinite(x)


def _whole(x):
    return _number(x) and x == int(x)


_RULES = {
    "temperature": (lambda x: _number(x) and x > 0, "a number greater than 0"),
    "gumbel_temperature": (lambda x: _number(x) and x > 0, "a number greater than 0"),
    "alpha": (lambda x: _number(x) and x >= 0, "a number of at least 0"),
    "sample_size": (lambda x: _whole(x) and x >= 1, "a whole number of at least 1"),
    "topk": (lambda x: x is None or (_whole(x) and x >= 1), "a whole number of at least 1, or None for the whole list"),
    "reduction": (lambda x: x in REDUCTIONS, f"one of {REDUCTIONS}"),
}


def check_options(**options) -> None:
    """Raises ValueError for an option of a loss outside of what is allowed; tensors pass."""
    for name, value in options.items():
        allowed, wording = _RULES.get(name, (None, None))
        if allowed and not keras.ops.is_tensor(value) and not allowed(value):
            raise ValueError(f"{name} must be {wording}, but got {name}={value!r}")


class RankingLoss(Configured, keras.losses.Loss):
    """A loss function of lists as a Keras loss: masks, ragged input, weights, noise, reduction and config.

    A subclass writes its constructor, which hands the function and all options to this one. A call

    1. pads ragged input and finds out who is real: the Keras mask on the scores decides, else `label >= 0`;
    2. divides the scores by `temperature` and draws the noise of a stochastic function;
    3. computes one loss a list, weighs it by `sample_weight` and reduces.

    Args:
        fn: `fn(labels, scores, *, mask, **options) -> [...]`, one loss a list.
        reduction: one of `REDUCTIONS`; see `plackett.losses`.
        name: the name of the loss; None = from the class.
        temperature: the scores are divided by it, unless `takes_temperature`.
        ragged: accept ragged labels, scores and weights.
        sample_size: how many samples of noise a list gets. None = `fn` takes no noise.
        seed: of the noise. None = another one each time, which `keras.utils.set_random_seed` repeats.
        models: the scores have a last axis of models.
        takes_temperature: `fn` takes the temperature itself.
        weighs_documents: `fn` takes `weights`, [..., list_size], and weighs each document's own term by it; otherwise
            weights of documents are made into a weight of their list.
        classes: the labels are classes and the scores similarities of rows: nothing is padding.
        options: handed to `fn`.
    """

    def __init__(
        self,
        fn,
        reduction,
        name,
        *,
        temperature=1.0,
        ragged=False,
        sample_size=None,
        seed=None,
        models=False,
        takes_temperature=False,
        weighs_documents=False,
        classes=False,
        **options,
    ):
        check_options(**self._arguments)
        super().__init__(name=name, reduction="sum_over_batch_size" if reduction == "auto" else reduction)
        self.fn = fn
        self.temperature = temperature
        self.ragged = ragged
        self.sample_size = sample_size
        self.seed = seed
        self.seed_generator = None if sample_size is None else keras.random.SeedGenerator(seed)
        self.models = models
        self.takes_temperature = takes_temperature
        self.weighs_documents = weighs_documents
        self.classes = classes
        self.options = options

    def get_config(self):
        return super().get_config() | {"name": self.name}

    def __call__(self, y_true, y_pred, sample_weight=None):
        with keras.name_scope(self.name):
            labels, scores, mask = self._lists(y_true, y_pred)
            if sample_weight is None:
                return self._reduced(self._losses(labels, scores, mask), None, labels, mask)
            weights = ops.cast(lists.dense(sample_weight), scores.dtype)
            weighed = ops.cast(labels, scores.dtype)[..., None] if self.classes else labels
            by_list = lists.list_weights(weights, weighed, mask, plain=backend.keras_mask(y_pred) is not None)
            if self.weighs_documents and lists.is_a_document(weights, weighed):
                losses = self._losses(labels, scores, mask, weights=weights)
            else:
                losses = by_list * self._losses(labels, scores, mask)
            return self._reduced(losses, by_list, labels, mask)

    def call(self, y_true, y_pred):
        """[...], one loss a list, before weights and reduction."""
        return self._losses(*self._lists(y_true, y_pred))

    def draw_noise(self, labels, scores):
        """[..., sample_size, list_size], uniform on [0, 1). The one method that draws; tests replace it."""
        shape = ops.shape(labels)
        return backend.uniform((*shape[:-1], self.sample_size, shape[-1]), self.seed, self.seed_generator, scores)

    def _lists(self, y_true, y_pred):
        """Cleaned (labels, scores, mask); for classes, as they are, with mask None."""
        if not self.classes:
            return lists.prepare(y_true, y_pred, ragged=self.ragged, models=self.models)
        return lists.squeeze_column(ops.convert_to_tensor(y_true)), lists.computable(y_pred), None

    def _losses(self, labels, scores, mask, **weights):
        options = self.options | weights
        if self.sample_size is not None:
            options["noise"] = self.draw_noise(labels, scores)
        if self.takes_temperature:
            return self.fn(labels, scores, mask=mask, temperature=self.temperature, **options)
        return self.fn(labels, scores / self.temperature, mask=mask, **options)

    def _reduced(self, losses, weights, labels, mask):
        if self.reduction in ("none", None):
            return losses
        total = ops.sum(losses)
        if self.reduction == "sum":
            return total
        if self.reduction == "mean_with_sample_weight":
            counting = ops.ones_like(losses) if weights is None else weights
            number = ops.sum(ops.where(lists.any_relevant(labels, mask), counting, 0.0))
        else:
            number = ops.cast(ops.size(losses), losses.dtype)
        return ops.divide_no_nan(total, number * backend.replicas())
