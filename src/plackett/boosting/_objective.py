"""A loss of lists as an objective: the gradient and the curvature for each document, from which trees are grown."""

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

# A Newton step of one document is at most 1 / LEAST. A loss that is not convex has curvature 0 where its slope is
# steepest, and a leaf with few documents would jump there.
LEAST = 1e-3


class Objective:
    """A loss of lists in the form that gradient boosting needs: from labels, scores and groups to derivatives.

        gradient_i = dL/ds_i,    curvature_i = max(|d^2L/ds_i^2|, |gradient_i| / 1000)

    of the sum L of the losses of all lists, each times its weight. A `reduction` of the loss has no effect. Ranks in
    lambda weights are held fixed. The second derivative is exact, except for losses that are piecewise linear or nearly
    flat where they are steepest: docs/boosting.md says what replaces it there.

    Use `lightgbm_objective`, `xgboost_objective` or `catboost_objective` for these libraries, and this class for
    others.

    >>> objective = Objective("softmax")
    >>> gradient, curvature = objective([1, 0, 0, 1], [0.0, 0.0, 0.0, 0.0], group=[2, 2])
    >>> gradient.tolist(), curvature.tolist()
    ([-0.5, 0.5, 0.5, -0.5], [0.25, 0.25, 0.25, 0.25])

    A loss that draws noise draws it anew in each round. The noise is a function of the loss's seed and of the scores.
    So a seed repeats a training bit for bit, and a training that continues from `init_model` continues as if it had not
    stopped.

    The lists of a dataset are padded and moved to the device of the backend once. Those of the last 16 datasets are
    kept. Copies and unpickled objects start without them.

    Args:
        loss: the name of a loss, see `plackett.losses.get`, a loss of one score per document, or another loss or
            function, see `plackett.losses.as_ranking_loss`.
        options: the arguments of a loss that is given by its name.

    Raises:
        ValueError: an unknown name or option, options beside an object, or a loss that trees cannot learn from.
    """

    def __init__(self, loss: str | Callable, **options: Any):
        self.loss = _loss_of_scores(loss, options)
        # For a loss without a seed: drawn once, so that all rounds of one objective use the same.
        self._seed = secrets.randbits(32) if self.loss.seed is None else int(self.loss.seed)
        self._per_dataset = PerDataset[Buckets]()

    def __call__(
        self,
        labels: npt.ArrayLike,
        scores: npt.ArrayLike,
        group: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the gradient and the curvature, [documents] float32 each.

        Args:
            labels: [documents], with the documents of a list next to each other.
            scores: [documents], the scores of the trees so far.
            group: [lists], the number of documents of each list; 0 is allowed.
            weights: [documents] or [lists]. None = 1. Weights of documents have the same effect as `sample_weight` of
                the loss: they weight its terms or, if it has no terms of single documents, their mean weights the list.

        Raises:
            ValueError: arrays do not fit, groups do not add up, scores or derivatives are not finite, or labels or
                weights are out of range; the message names the row and the list.
        """
        scores = check_scores(scores)
        labels = check_numbers(labels, "labels")
        buckets = self._buckets(labels, group, weights)
        if len(scores) != buckets.documents:
            raise ValueError(
                f"there must be one score per document, but got {len(scores)} scores for {buckets.documents} documents"
            )
        gradient, curvature = buckets.derivatives(scores, self._seed)
        check_derivatives(gradient, curvature, labels, np.asarray(group, "int64"), self.loss.name)
        return gradient, np.maximum(np.abs(curvature), LEAST * np.abs(gradient))

    def __deepcopy__(self, memo: dict) -> "Objective":
        """Copies the objective but keeps the loss, which does not change: Keras cannot copy a loss of an unnamed
        function.

        LightGBM copies its params in each training.
        """
        copied = copy.copy(self)
        copied._per_dataset = PerDataset[Buckets]()
        return copied

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.loss!r})"

    def _buckets(self, labels, group, weights):
        """The lists of this dataset, from an earlier round or made now."""

        def lay_out():
            lengths = check_groups(group, len(labels))
            checked = check_labels(labels, lengths, self.loss)
            return Buckets(self.loss, checked, lengths, check_weights(weights, checked, lengths))

        return self._per_dataset.of((labels, group, weights), lay_out)


def _loss_of_scores(loss, options) -> RankingLoss:
    if isinstance(loss, str):
        made = losses.as_ranking_loss(losses.get(loss, **options))
    elif options:
        raise ValueError(
            f"{', '.join(options)} goes with the name of a loss, but {loss!r} is an object with its own options"
        )
    else:
        made = losses.as_ranking_loss(loss)
    why = None
    if isinstance(made, InBatchLoss):
        why = "takes similarities of rows"
    elif made.models is not None:
        why = "takes several scores per document"
    elif type(made).call is not RankingLoss.call or type(made).__call__ is not RankingLoss.__call__:
        why = "has a `call` of its own, which is not told which documents are padding (give its class `fn`)"
    if why is not None:
        raise ValueError(f"trees give one score per document, but {made!r} {why}")
    return made
