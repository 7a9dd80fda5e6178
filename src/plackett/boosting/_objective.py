"""A loss of lists as an objective: the gradient and the curvature of each document, by which trees are grown."""

import copy
import secrets
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett import losses
from plackett.boosting._buckets import Buckets
from plackett.boosting._checks import (
    check_derivatives,
    check_groups,
    check_labels,
    check_numbers,
    check_scores,
    check_weights,
)
from plackett.boosting._per_dataset import PerDataset
from plackett.losses._base import RankingLoss
from plackett.losses._in_batch_loss import InBatchLoss

# A step of Newton's method for one document is at most 1 / LEAST: where a loss is not convex its curvature is 0 at the
# places of its steepest slopes, and a leaf of few documents would jump.
LEAST = 1e-3


class Objective:
    """A loss of lists as what gradient boosting asks for: arrays of labels, scores and groups in, derivatives out.

        gradient_i = dL/ds_i,    curvature_i = max(|d^2L/ds_i^2|, |gradient_i| / 1000)

    of the sum L of the losses of all lists, each times its weight; a `reduction` of the loss has no part in it. Ranks
    in lambda weights are held fixed. The second derivative is exact, but for the losses that are linear in pieces or
    hardly bent where they are steepest: docs/boosting.md says what stands for it there.

    Use `lightgbm_objective`, `xgboost_objective` or `catboost_objective` for these libraries, and this for others.

    >>> objective = Objective("softmax")
    >>> gradient, curvature = objective([1, 0, 0, 1], [0.0, 0.0, 0.0, 0.0], group=[2, 2])
    >>> gradient.tolist(), curvature.tolist()
    ([-0.5, 0.5, 0.5, -0.5], [0.25, 0.25, 0.25, 0.25])

    A loss that draws noise draws it anew at each round. The noise is a function of the loss's seed and of the scores:
    a seed repeats a training to the bit, and what `init_model` goes on from goes on as if it had not stopped.

    The lists of a dataset are padded and moved to the device of the backend once; those of the last 16 datasets are
    kept. Copies, and what is pickled, start without them.

    Args:
        loss: the name of a loss as `plackett.losses.get` takes it, a loss of one score a document, or another loss or
            function as `plackett.losses.as_ranking_loss` takes it.
        options: arguments of the loss of this name.

    Raises:
        ValueError: an unknown name or option, options beside an object, or a loss that trees cannot learn by.
    """

    def __init__(self, loss: str | Callable, **options: Any):
        self.loss = _loss_of_scores(loss, options)
        # Of a loss without a seed: drawn once, so that all rounds of one objective have the same.
        self._seed = secrets.randbits(32) if self.loss.seed is None else int(self.loss.seed)
        self._per_dataset = PerDataset[Buckets]()

    def __call__(
        self,
        labels: npt.ArrayLike,
        scores: npt.ArrayLike,
        group: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient and the curvature, [documents] float32 each.

        Args:
            labels: [documents], the documents of a list behind each other.
            scores: [documents], of the trees so far.
            group: [lists], how many documents each list has; 0 is allowed.
            weights: [documents] or [lists]. None = 1. Those of documents mean what `sample_weight` means for the loss:
                they weigh its terms or, where it has none of single documents, their mean weighs the list.

        Raises:
            ValueError: arrays that do not fit, groups that do not add up, scores or derivatives that are not finite,
                labels or weights that have no meaning; says of which row and list.
        """
        scores = check_scores(scores)
        labels = check_numbers(labels, "labels")
        buckets = self._buckets(labels, group, weights)
        if len(scores) != buckets.documents:
            raise ValueError(f"there must be one score a document, but got {len(scores)} of {buckets.documents}")
        gradient, curvature = buckets.derivatives(scores, self._seed)
        check_derivatives(gradient, curvature, labels, np.asarray(group, "int64"), self.loss.name)
        return gradient, np.maximum(np.abs(curvature), LEAST * np.abs(gradient))

    def __deepcopy__(self, memo: dict) -> "Objective":
        """With the loss itself, which does not change: Keras cannot copy one of a function without a name.

        LightGBM copies its params at each training.
        """
        copied = copy.copy(self)
        copied._per_dataset = PerDataset[Buckets]()
        return copied

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.loss!r})"

    def _buckets(self, labels, group, weights):
        """The lists of this dataset, kept from an earlier round or laid out now."""

        def lay_out():
            lengths = check_groups(group, len(labels))
            checked = check_labels(labels, lengths, self.loss)
            return Buckets(self.loss, checked, lengths, check_weights(weights, checked, lengths))

        return self._per_dataset.of((labels, group, weights), lay_out)


def _loss_of_scores(loss, options) -> RankingLoss:
    if isinstance(loss, str):
        made = losses.as_ranking_loss(losses.get(loss, **options))
    elif options:
        raise ValueError(f"{', '.join(options)} goes with the name of a loss, but {loss!r} has its own options")
    else:
        made = losses.as_ranking_loss(loss)
    why = None
    if isinstance(made, InBatchLoss):
        why = "is of similarities of rows"
    elif made.models is not None:
        why = "has several scores a document"
    elif type(made).call is not RankingLoss.call or type(made).__call__ is not RankingLoss.__call__:
        why = "has a `call` of its own, which is not told which documents are padding (give its class `fn`)"
    if why is not None:
        raise ValueError(f"trees give one score a document, but {made!r} {why}")
    return made
