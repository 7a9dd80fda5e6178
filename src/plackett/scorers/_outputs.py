"""From the network of a scorer to its outputs: masked scores, per document, model and task."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register


def outputs(tasks: Sequence[str] | None, make: Callable[[str, str], Tensor]) -> Tensor | dict[str, Tensor]:
    """`make(name, prefix)` for the one output of a model, or a dict with one per task."""
    if tasks is None:
        return make("scores", "")
    return {task: make(task, f"{task}_") for task in tasks}


def linear_heads(
    x: Tensor, mask: Tensor, tasks: Sequence[str] | None, models: int | None, *, beside: Tensor | None = None
) -> Tensor | dict[str, Tensor]:
    """A linear head for each output.

    Args:
        x: [lists, list_size, width], the output of the network for each document.
        mask: [lists, list_size] bool.
        tasks: the names of the outputs. None = one output.
        models: the number of scores per document. None = one, without an axis of models.
        beside: [lists, list_size, features]. A linear function of it is added to each output. The head of the network
            starts at 0, so that the nonlinear part is learnt on top of the linear part. The linear function starts at 0
            too, unless there are several models, which would then stay equal. None = nothing is added.

    Returns:
        The scores, or a dict of them.
    """

    def score(name, prefix):
        width = models or 1
        if beside is None:
            scores = keras.layers.Dense(width, name=f"{prefix}head")(x)
        else:
            deep = keras.layers.Dense(width, kernel_initializer="zeros", name=f"{prefix}head")(x)
            start = "zeros" if models is None else "glorot_uniform"
            linear = keras.layers.Dense(width, kernel_initializer=start, use_bias=False, name=f"{prefix}linear")(beside)
            scores = keras.layers.Add(name=f"{prefix}sum")([linear, deep])
        return mask_scores(scores, mask, name, models)

    return outputs(tasks, score)


def share_head(scorer: keras.Model, tasks: Iterable[str]) -> keras.Model:
    """A scorer that gives the scores of a one-output scorer to each task, so that each task may have its own loss.

    Args:
        scorer: a scorer with one output. The new one shares its weights and adds none.
        tasks: the names of the outputs.

    Raises:
        ValueError: a layer of the scorer has the name of a task.
    """
    if taken := {layer.name for layer in scorer.layers} & set(tasks):
        raise ValueError(f"the task {min(taken)} has the name of a layer of the scorer: give the task another name")
    layer, scores, mask = scorer.output._keras_history.operation, scorer.output, scorer.input["mask"]
    options = {"axis_of_models": layer.axis_of_models, "ranking": layer.ranking, "dtype": layer.dtype_policy}
    return keras.Model(scorer.input, {task: MaskedScores(name=task, **options)((scores, mask)) for task in tasks})


def mask_scores(scores: Tensor, mask: Tensor, name: str, models: int | None) -> Tensor:
    """[lists, list_size, models or 1] -> the output of this name; in float32 under any dtype policy."""
    return MaskedScores(axis_of_models=models is not None, name=name, dtype="float32")((scores, mask))


@register
class MaskedScores(keras.layers.Layer):
    """Zeroes the scores of padding and attaches their Keras mask; knows how several scores rank a document.

    >>> import numpy as np
    >>> scores, mask = np.array([[[1.0], [2.0], [9.0]]], "float32"), np.array([[True, True, False]])
    >>> [float(x) for x in MaskedScores()((scores, mask))[0]]
    [1.0, 2.0, 0.0]

    Args:
        axis_of_models: whether the scores keep their last axis.
        ranking: with an axis of models, the function from the scores, [..., list_size, models], to the scores to rank
            by, [..., list_size]. It must be registered with Keras if the model is to be saved. None = their mean.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(
        self, axis_of_models: bool = False, ranking: Callable[[Tensor], Tensor] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis_of_models = axis_of_models
        self.ranking = ranking
        self.supports_masking = True

    def get_config(self) -> dict:
        """The constructor's arguments."""
        written = keras.saving.serialize_keras_object(self.ranking)
        return super().get_config() | {"axis_of_models": self.axis_of_models, "ranking": written}

    @classmethod
    def from_config(cls, config: dict) -> "MaskedScores":
        """The layer from the output of `get_config`."""
        return cls(**config | {"ranking": keras.saving.deserialize_keras_object(config.get("ranking"))})

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """([lists, list_size, models] or [lists, list_size], [lists, list_size] bool) -> the scores."""
        scores, mask = inputs
        if len(scores.shape) == 2:
            return ops.where(mask, scores, ops.zeros_like(scores))
        scores = ops.where(mask[..., None], scores, ops.zeros_like(scores))
        return scores if self.axis_of_models else ops.squeeze(scores, axis=-1)

    def ranking_scores(self, scores: Tensor) -> Tensor:
        """[..., list_size]: the output of this layer, reduced to one score per document where there are several."""
        if not self.axis_of_models:
            return scores
        return backend.mean(scores, axis=-1) if self.ranking is None else self.ranking(scores)

    def compute_mask(self, inputs: tuple[Tensor, Tensor], previous_mask: Tensor | None = None) -> Tensor:
        """The mask that came with the scores."""
        return inputs[1]

    def compute_output_shape(self, shapes: tuple) -> tuple:
        """The shape of the scores."""
        return shapes[0] if self.axis_of_models or len(shapes[0]) == 2 else shapes[0][:-1]
