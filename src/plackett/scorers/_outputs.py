"""From the network of a scorer to its outputs: masked scores, one a document, a model and a task."""

from collections.abc import Callable, Sequence

import keras
from keras import ops


def outputs(tasks: Sequence[str] | None, made: Callable):
    """`made(name, prefix)` for the one output of a model, or a dict of it for each task."""
    if tasks is None:
        return made("scores", "")
    return {task: made(task, f"{task}_") for task in tasks}


def linear_heads(x, mask, tasks: Sequence[str] | None, models: int | None):
    """A linear head for each output.

    Args:
        x: [lists, list_size, width], what the network made of each document.
        mask: [lists, list_size] bool.
        tasks: names of the outputs. None = one.
        models: how many scores a document gets. None = one, without an axis of models.

    Returns:
        The scores, or a dict of them.
    """
    return outputs(
        tasks, lambda name, prefix: masked(keras.layers.Dense(models or 1, name=f"{prefix}head")(x), mask, name, models)
    )


def masked(scores, mask, name: str, models: int | None):
    """[lists, list_size, models or 1] -> the output of this name; in float32 under any dtype policy."""
    return MaskedScores(axis_of_models=models is not None, name=name, dtype="float32")((scores, mask))


@keras.saving.register_keras_serializable("plackett")
class MaskedScores(keras.layers.Layer):
    """Zeroes the scores of padding and gives the scores their Keras mask.

    Args:
        axis_of_models: whether the scores keep their last axis.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, axis_of_models: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.axis_of_models = axis_of_models
        self.supports_masking = True

    def get_config(self):
        """The constructor's arguments."""
        return super().get_config() | {"axis_of_models": self.axis_of_models}

    def call(self, inputs):
        """([lists, list_size, models], [lists, list_size] bool) -> the scores."""
        scores, mask = inputs
        scores = ops.where(mask[..., None], scores, ops.zeros_like(scores))
        return scores if self.axis_of_models else ops.squeeze(scores, axis=-1)

    def compute_mask(self, inputs, previous_mask=None):
        """The mask that came with the scores."""
        return inputs[1]

    def compute_output_shape(self, shapes):
        """The shape of the scores."""
        return shapes[0] if self.axis_of_models else shapes[0][:-1]
