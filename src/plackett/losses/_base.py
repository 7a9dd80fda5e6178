"""The one bridge between a loss function of lists and `keras.losses.Loss`."""

import keras
from keras import ops

from plackett import backend
from plackett.lists import any_relevant
from plackett.lists._masking import prepare
from plackett.lists._ragged import padded_weights
from plackett.lists._shapes import computable
from plackett.lists._weights import is_a_document, list_weights, weights_as_given
from plackett.losses._options import check_options
from plackett.losses._sampled import sampled
from plackett.registry import Configured


class RankingLoss(Configured, keras.losses.Loss):
    """A loss function of lists as a Keras loss: masks, ragged input, weights, noise, reduction and config.

    A subclass writes its constructor, which hands the function and all options to this one. A call

    1. pads ragged input and finds out who is real: the Keras mask on the scores decides, else `label >= 0`;
    2. draws the noise of a stochastic function, and divides the scores by `temperature`;
    3. computes one loss a list, weighs it by `sample_weight` and reduces.

    Args:
        fn: `fn(labels, scores, *, mask, **options) -> [...]`, one loss a list.
        reduction: see `plackett.losses`.
        name: the name of the loss; None = from the class.
        temperature: the scores are divided by it.
        ragged: accept ragged labels, scores and weights.
        sample_size: how many samples of noise a list gets. None = no noise.
        gumbel_temperature: with `sample_size`, `sampled(fn)` takes the place of `fn`, at this temperature.
            None = the noise is handed to `fn`.
        seed: of the noise. None = another one each time, which `keras.utils.set_random_seed` repeats.
        models: the scores have a last axis of models, of this size unless the scorer is told another.
        weighs_documents: `fn` takes `weights`, [..., list_size], and weighs each document's own term by it; otherwise
            weights of documents are made into a weight of their list.
        ranking: function of the scores of several models, [..., list_size, models], that makes of them the scores to
            rank by, [..., list_size]. None = their mean.
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
        gumbel_temperature=None,
        seed=None,
        models=None,
        weighs_documents=False,
        ranking=None,
        classes=False,
        **options,
    ):
        check_options(reduction=reduction, temperature=temperature, **options)
        check_options(**self.not_default())
        if sample_size is None and (seed is not None or gumbel_temperature not in (None, 1.0)):
            raise ValueError("seed and gumbel_temperature act on samples: set sample_size too")
        super().__init__(name=name, reduction="sum_over_batch_size" if reduction == "auto" else reduction)
        self._sampled = sample_size is not None and gumbel_temperature is not None
        self.fn = sampled(fn) if self._sampled else fn
        self.temperature = temperature
        self.ragged = ragged
        self.sample_size = sample_size
        self.seed = seed
        self.seed_generator = None if sample_size is None else keras.random.SeedGenerator(seed)
        self.models = models
        self.weighs_documents = weighs_documents
        self.ranking = ranking
        self.classes = classes
        self.options = options
        if self._sampled:
            self.options |= {"temperature": temperature, "gumbel_temperature": gumbel_temperature}

    def get_config(self):
        return super().get_config() | {"name": self.name}

    def __call__(self, y_true, y_pred, sample_weight=None):
        with keras.name_scope(self.name):
            labels, scores, mask = self._lists(y_true, y_pred)
            if sample_weight is None:
                return self._reduced(self._losses(labels, scores, mask), None, labels, mask)
            weighed = scores[..., :1] if self.classes else labels
            weights = weights_as_given(padded_weights(sample_weight, y_true, ragged=self.ragged), weighed)
            weights = ops.cast(weights, scores.dtype)
            by_list = list_weights(weights, weighed, mask, plain=backend.keras_mask(y_pred) is not None)
            if self.weighs_documents and is_a_document(weights, weighed):
                losses = self._losses(labels, scores, mask, weights=weights)
            else:
                losses = by_list * self._losses(labels, scores, mask)
            return self._reduced(losses, by_list, labels, mask)

    def call(self, y_true, y_pred):
        """[...], one loss a list, before weights and reduction."""
        return self._losses(*self._lists(y_true, y_pred))

    def ranking_scores(self, scores):
        """[..., list_size], the scores to rank by: those of a model that was trained with this loss."""
        if self.models is None:
            return scores
        return backend.mean(scores, axis=-1) if self.ranking is None else self.ranking(scores)

    def draw_noise(self, labels, scores):
        """[..., sample_size, list_size], uniform on [0, 1). The one method that draws; tests replace it."""
        shape = ops.shape(labels)
        return backend.uniform((*shape[:-1], self.sample_size, shape[-1]), self.seed, self.seed_generator, scores)

    def _lists(self, y_true, y_pred):
        """Cleaned (labels, scores, mask); for classes, as they are, with mask None."""
        if not self.classes:
            backend.keep_keras_mask(y_pred)
            return prepare(y_true, y_pred, ragged=self.ragged, models=self.models is not None)
        return ops.convert_to_tensor(y_true, sparse=False), computable(y_pred), None

    def _losses(self, labels, scores, mask, **weights):
        options = self.options | weights
        if self.sample_size is not None:
            options["noise"] = self.draw_noise(labels, scores)
        if not self._sampled and self.temperature != 1.0:
            scores = scores / self.temperature
        return self.fn(labels, scores, mask=mask, **options)

    def _reduced(self, losses, weights, labels, mask):
        if self.reduction in ("none", None):
            return losses
        if self.reduction == "sum":
            return ops.sum(losses)
        number = ops.cast(ops.size(losses), losses.dtype)
        if self.reduction == "mean_with_sample_weight":
            counts = any_relevant(labels, mask)
            losses = ops.where(counts, losses, 0.0)
            number = ops.sum(ops.where(counts, ops.ones_like(losses) if weights is None else weights, 0.0))
        return backend.divide_no_nan(ops.sum(losses), number * backend.replicas())
