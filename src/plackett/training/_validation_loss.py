"""The loss of the validation lists. It chooses the epoch if nobody judged documents, and there are only clicks."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett.data import Batches, RankingLists
from plackett.data._batches import columns_of_targets
from plackett.data._inputs import columns_as_inputs
from plackett.evaluation._scoring import batch_size_for
from plackett.losses._base import RankingLoss
from plackett.scorers._any_model import column_inputs, inputs_for

DOCUMENTS = 2**16  # about so many are scored at a time


class Part(NamedTuple):
    """The part that one output of a model adds to the loss.

    Args:
        loss: the loss of its scores.
        target: the target of the loss.
        weight: the weight of the loss in the sum.
    """

    loss: RankingLoss
    target: str
    weight: float = 1.0


class ValidationLoss:
    """The mean loss of lists under a model, weighted as in training, without dropout and regularisation.

    It takes the place of a metric. A loss that draws noise draws the same noise each time. As in `Batches`, a list that
    nobody judged adds 0 to a loss of "label" and counts in its mean.

    Args:
        parts: the loss of each task, or {None: the loss}.
        seed: the seed of the noise of losses that have no seed of their own.
    """

    name = "validation_loss"
    less_is_better = True

    def __init__(self, parts: Mapping[str | None, Part], seed: int) -> None:
        self.parts, self.seed = parts, seed

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best so far. None = there is none yet. NaN is never better."""
        return not math.isnan(value) and (best is None or math.isnan(best) or value < best)

    def check(self, model: keras.Model, lists: RankingLists) -> None:
        """Raises a ValueError if the lists lack an input of the model or a target of the loss."""
        columns_as_inputs(lists, column_inputs(model, inputs_for(model, lists)))
        columns_of_targets(lists, [part.target for part in self.parts.values()])

    def __call__(self, model: keras.Model, lists: RankingLists) -> float:
        """Computes the loss of these lists under a scorer.

        Raises:
            ValueError: the lists lack an input of the model, or a target of the loss.
        """
        lists = inputs_for(model, lists)
        losses = {task: _repeatable(part.loss, self.seed) for task, part in self.parts.items()}
        most = min(max(DOCUMENTS // max(int(lists.lengths.max()), 1), 1), 1024)
        size = batch_size_for(lists, most)
        targets = {str(task): part.target for task, part in self.parts.items()}
        batches = Batches(lists, size, targets=targets, inputs=column_inputs(model, lists))
        total = 0.0
        for (inputs, labels, weights), queries in zip(batches, batches.plan, strict=True):
            outputs = model.predict_on_batch(inputs)
            for task, part in self.parts.items():
                scores = ops.convert_to_tensor(outputs if task is None else outputs[task])
                # As in training. Otherwise a list would weigh by its clicks, and a list without clicks nothing.
                backend.set_keras_mask(scores, ops.convert_to_tensor(inputs["mask"]))
                value = losses[task](labels[str(task)], scores, sample_weight=weights[str(task)])
                value = float(np.sum(ops.convert_to_numpy(value)))
                # The weights turn the mean over a batch into the mean over its real lists.
                is_sum = part.loss.reduction in ("sum", "none", None)
                total += part.weight * (value / size if is_sum else value) * len(queries)
        return total / len(lists)


def _repeatable(loss, seed):
    """Returns the loss in a form that draws the same noise each time."""
    if loss.seed_generator is None:
        return loss
    generator = keras.random.SeedGenerator(seed if loss.seed is None else loss.seed)

    def draw_noise(labels, scores):
        *lists, documents = ops.shape(labels)
        return keras.random.uniform((*lists, loss.sample_size, documents), seed=generator)

    loss = loss.copy()
    # TensorFlow would draw from a global generator, whose state nothing restores here.
    loss.draw_noise = draw_noise
    return loss
