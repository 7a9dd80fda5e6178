"""Networks that score documents: Keras models from the features of a batch of lists to masked scores.

The inputs of a scorer are a dict: `features`, [lists, list_size, features], `mask`, [lists, list_size] bool, and the
id features, each [lists, list_size] int. The output is [lists, list_size], or [lists, list_size, models] with
`models`; it carries `mask` as its Keras mask, so that losses and metrics know who is real.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from plackett.data import RankingLists

_register = keras.saving.register_keras_serializable("plackett")


@_register
class SignedLog1p(keras.layers.Layer):
    """sign(x) log(1 + |x|): tames features that grow over orders of magnitude (Qin et al., ICLR 2021)."""

    def call(self, x):
        """[...] -> [...]."""
        return ops.sign(x) * ops.log1p(ops.abs(x))


@_register
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


def mlp(
    lists: RankingLists,
    *,
    hidden: Sequence[int] = (64, 32),
    log1p: bool = True,
    normalization: str | None = "batch",
    dropout: float = 0.2,
    models: int | None = None,
) -> keras.Model:
    """A multilayer perceptron over dense features.

    The features pass signed log1p and standardisation, both inside the model, so that it takes raw features.

    Args:
        lists: the training lists, which the standardisation is fitted on.
        hidden: the widths of the hidden layers.
        log1p: whether features pass sign(x) log(1 + |x|).
        normalization: "batch", "layer" or None: what stands before each activation.
        dropout: the share of hidden units dropped in training.
        models: how many scores a document gets, for losses that take several. None = one, without an axis of models.

    Returns:
        A model of `features` and `mask`.

    Raises:
        ValueError: the lists have no dense features, or an unknown normalization.
    """
    features, mask = _dense_inputs(lists)
    if features is None:
        raise ValueError("these lists have no dense features, which this scorer is made of")
    scores = _perceptron(_standardised(features, lists, log1p), mask, hidden, normalization, dropout, models)
    return keras.Model({"features": features, "mask": mask}, scores, name="mlp")


def embeddings(
    lists: RankingLists,
    *,
    dimension: int = 16,
    hidden: Sequence[int] = (64, 32),
    normalization: str | None = None,
    dropout: float = 0.0,
    l2: float = 1e-5,
    models: int | None = None,
) -> keras.Model:
    """A multilayer perceptron over embeddings of id features, beside the dense ones.

    Args:
        lists: the training lists: their vocabularies, and the features that the standardisation is fitted on.
        dimension: of each embedding.
        hidden: the widths of the hidden layers.
        normalization: "batch", "layer" or None: what stands before each activation.
        dropout: the share of hidden units dropped in training.
        l2: the weight of the squared embeddings in the loss.
        models: how many scores a document gets, for losses that take several. None = one, without an axis of models.

    Returns:
        A model of `features`, `mask` and the id features by their names.

    Raises:
        ValueError: the lists have no id features, or an unknown normalization.
    """
    if not lists.vocabularies:
        raise ValueError("these lists have no id features, which this scorer is made of")
    features, mask = _dense_inputs(lists)
    ids = {name: keras.Input((None,), dtype="int32", name=name) for name in lists.vocabularies}
    parts = [] if features is None else [_standardised(features, lists, log1p=False)]
    for name, size in lists.vocabularies.items():
        regularizer = keras.regularizers.L2(l2)
        table = keras.layers.Embedding(size, dimension, embeddings_regularizer=regularizer, name=f"{name}_embedding")
        parts.append(table(ids[name]))
    x = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    scores = _perceptron(x, mask, hidden, normalization, dropout, models)
    inputs = {"mask": mask} | ids | ({} if features is None else {"features": features})
    return keras.Model(inputs, scores, name="embeddings")


def _dense_inputs(lists):
    width = lists.features.shape[1]
    features = keras.Input((None, width), name="features") if width else None
    return features, keras.Input((None,), dtype="bool", name="mask")


def _standardised(x, lists, log1p):
    """Features less their training mean, over their training standard deviation."""
    known = lists.features.astype("float64")
    if log1p:
        x = SignedLog1p()(x)
        known = np.sign(known) * np.log1p(np.abs(known))
    return keras.layers.Normalization(mean=known.mean(axis=0).tolist(), variance=known.var(axis=0).tolist())(x)


def _perceptron(x, mask, hidden, normalization, dropout, models):
    for width in hidden:
        x = keras.layers.Dense(width)(x)
        match normalization:
            case "batch":
                x = keras.layers.BatchNormalization()(x, mask=mask)
            case "layer":
                x = keras.layers.LayerNormalization()(x)
            case None:
                pass
            case _:
                raise ValueError(f"normalization must be 'batch', 'layer' or None, but got {normalization!r}")
        x = keras.layers.Activation("relu")(x)
        if dropout:
            x = keras.layers.Dropout(dropout)(x)
    scores = keras.layers.Dense(models or 1)(x)
    return MaskedScores(axis_of_models=models is not None, name="scores")((scores, mask))


SCORERS: Mapping = {"mlp": mlp, "embeddings": embeddings}
