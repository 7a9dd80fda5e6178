"""Losses of Keras, and plain functions, as losses of lists: each list has the value that it has alone and unpadded."""

import inspect
import warnings
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett.backend.curvature import hessian_diagonal
from plackett.lists import weights_of_documents
from plackett.lists._masking import count
from plackett.lists._shapes import shape_text
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import register

# Labels and scores of one list, which every usual loss can take: clicks and probabilities.
EXAMPLE = (np.array([[1.0, 0.0, 0.0]], "float32"), np.array([[0.7, 0.2, 0.4]], "float32"))


def as_ranking_loss(loss: Callable) -> RankingLoss:
    """Turns a loss of Keras, or a function, into a loss of lists that padding does not change.

    >>> import keras
    >>> mean_squared = as_ranking_loss(keras.losses.MeanSquaredError())
    >>> float(mean_squared([[1.0, 0.0, -1.0]], [[0.5, 0.5, 9.0]]))  # a label below 0 marks padding
    0.25

    Args:
        loss: one of these.

            A loss of plackett, which is returned unchanged.

            A function of (labels, scores, *, mask) that returns one loss per list, like those of `plackett.losses`.

            Any other loss of Keras, or a function of (labels, scores). It is called on each real document by itself.
            The loss of a list is the mean or the sum of these values, as in the given loss. Document weights multiply
            them.

    Raises:
        ValueError: the loss is of another kind, or its value for a document depends on the other documents, so that it
            would count padding.
    """
    if isinstance(loss, RankingLoss):
        return loss
    if inspect.isclass(loss):
        raise ValueError(f"loss must be an object, {loss.__name__}(...), but got the class {loss.__name__}")
    if not callable(loss):
        raise ValueError(f"loss must be a loss of Keras or a function of labels and scores, but got {loss!r}")
    if not isinstance(loss, keras.losses.Loss) and "mask" in inspect.signature(loss).parameters:
        return _LossOfLists(loss, name=getattr(loss, "__name__", None))
    return _LossOfDocuments(loss, name=getattr(loss, "name", None) or getattr(loss, "__name__", None))


@register
class _LossOfLists(RankingLoss):
    """A function of (labels, scores, *, mask)."""

    any_labels = True

    def __init__(self, function: Callable, name: str | None = None):
        super().__init__(name=name)
        self.function = function
        mask = ops.convert_to_tensor(np.ones((1, 3), bool))
        shape = _try(lambda labels, scores: function(labels, scores, mask=mask), EXAMPLE, self.name).shape
        if shape != (1,):
            raise ValueError(
                f"{self.name} must return one loss per list, [lists], but for one list of three documents it returns "
                f"{shape_text(shape)}: sum over the documents, axis=-1"
            )

    def fn(self, labels, scores, *, mask):
        return self.function(labels, scores, mask=mask)


@register
class _LossOfDocuments(RankingLoss):
    """A loss of Keras, or a function, that is a mean or sum over documents."""

    any_labels = True
    weighs_documents = True

    def __init__(self, loss: Callable, name: str | None = None):
        reduction: Reduction = loss.reduction if isinstance(loss, keras.losses.Loss) else "auto"
        super().__init__(reduction, name)
        self.loss = loss.call if isinstance(loss, keras.losses.Loss) else loss
        self.is_sum = _is_sum(self.loss, self.name)

    def fn(self, labels, scores, *, mask, weights=None):
        labels, scores = _without_padding(labels, scores, mask)
        losses = self._of_documents(ops.reshape(labels, (-1, 1)), ops.reshape(scores, (-1, 1)))
        losses = ops.where(mask, ops.reshape(losses, ops.shape(labels)), 0.0)
        return ops.sum(losses * self._shares(labels, mask, weights), axis=-1)

    def curvature(self, labels, scores, *, mask, weights=None):
        """The second derivative of the loss of each document by its score."""
        labels, scores = _without_padding(labels, scores, mask)
        column = ops.reshape(labels, (-1, 1))
        curvature = hessian_diagonal(lambda x: self._of_documents(column, x), ops.reshape(scores, (-1, 1)))
        return ops.where(mask, ops.reshape(curvature, ops.shape(labels)), 0.0) * self._shares(labels, mask, weights)

    def _of_documents(self, labels, scores):
        """[documents], of [documents, 1] each."""
        return ops.cast(ops.reshape(self.loss(labels, scores), (-1,)), scores.dtype)

    def _shares(self, labels, mask, weights):
        """[..., list_size], how much the loss of a document counts in the loss of its list."""
        weights = weights_of_documents(weights, labels, mask)
        return (
            weights if self.is_sum else backend.divide_no_nan(weights, ops.cast(count(mask), weights.dtype)[..., None])
        )


def _without_padding(labels, scores, mask):
    """Fill padding with numbers at which no usual loss is infinite; an infinite loss would have a NaN gradient."""
    return ops.where(mask, labels, 1.0), ops.where(mask, scores, 0.5)


def _is_sum(loss, name):
    """Whether the loss of a list is the sum of the losses of its single documents; otherwise it is their mean.

    Raises:
        ValueError: it is neither.
    """
    alone, whole = _try(loss, [x.T for x in EXAMPLE], name), _try(loss, EXAMPLE, name)
    if alone.size == 3 and whole.size == 3 and whole.ndim > 0 and np.allclose(whole.ravel(), alone.ravel()):
        return False
    if alone.size == 3 and whole.shape in ((1,), (1, 1)):
        for is_sum, expected in ((False, alone.mean()), (True, alone.sum())):
            if np.allclose(whole, expected):
                return is_sum
    raise ValueError(
        f"{name} is not a mean or sum over the documents of a list, so it would count padding: write it as a function "
        "of (labels, scores, *, mask) that returns one loss per list, or as a subclass of plackett.losses.RankingLoss"
    )


def _try(loss, example, name):
    """What a loss returns for an example, as a NumPy array."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ops.convert_to_numpy(loss(*map(ops.convert_to_tensor, example)))
    except Exception as error:
        raise ValueError(f"{name} cannot take labels and scores of shape [lists, list_size]: {error}") from error
