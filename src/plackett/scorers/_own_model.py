"""The layers around a Keras model of one's own."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from plackett._types import Tensor
from plackett.registry import register
from plackett.scorers.preprocessing.layers import OfFeatures


@register
class RealDocuments(OfFeatures):
    """Sets the features of padding to 0, and attaches the mask of the documents as their Keras mask."""

    def __init__(self, feature_names: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(feature_names, **kwargs)
        self.supports_masking = True

    def call(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        """([lists, list_size, features], [lists, list_size] bool) -> the features."""
        features, mask = inputs
        return ops.where(mask[..., None], features, ops.zeros_like(features))

    def compute_mask(self, inputs: tuple[Tensor, Tensor], previous_mask: Tensor | None = None) -> Tensor:
        """The mask that came with the features."""
        return inputs[1]


@register
class OwnModel(keras.layers.Layer):
    """A user's model as a layer that takes features with a Keras mask.

    Keras warns when such features reach a model that does not declare support for masking, even if its layers use the
    mask. This layer declares it, only during the call; the model itself stays unchanged.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def build(self, input_shape: Any) -> None:
        """Does nothing: the model builds itself when it is called."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The output of the model."""
        before = self.model.supports_masking
        self.model.supports_masking = True
        try:
            return self.model(inputs, training=training)
        finally:
            self.model.supports_masking = before

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        """The output spec of the model."""
        return self.call(inputs, training=training)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: the scores are masked later."""

    def get_config(self) -> dict:
        """The config of the layer, with the config of the model inside."""
        return super().get_config() | {"model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config: dict) -> "OwnModel":
        """The layer with the model made from its config."""
        return cls(**config | {"model": keras.saving.deserialize_keras_object(config["model"])})
