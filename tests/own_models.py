"""Lists with an id feature, and models of one's own that score them."""

import dataclasses

import keras
import numpy as np
from conftest import made_lists
from keras import ops

import plackett

FEATURES = 5
FILMS = 7


def with_films(lists):
    return dataclasses.replace(lists, ids={"film": (np.arange(len(lists.labels)) % FILMS).astype("int32")})


LISTS, VALIDATION = with_films(made_lists(40, seed=0)), with_films(made_lists(15, seed=1))
OWN = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1}


def of_one_array(*layers):
    x = keras.Input((None, FEATURES))
    hidden = x
    for layer in layers:
        hidden = layer(hidden)
    return keras.Model(x, keras.layers.Dense(1)(hidden))


def with_attention():
    """Layers that take other documents into account, by the mask that reaches them."""
    x = keras.Input((None, FEATURES))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8)(x))
    hidden = keras.layers.MultiHeadAttention(2, 4)(hidden, hidden)
    return keras.Model(x, keras.layers.Dense(1)(hidden))


def of_a_dict():
    inputs = {
        "features": keras.Input((None, FEATURES), name="features"),
        "film": keras.Input((None,), dtype="int32", name="film"),
        "mask": keras.Input((None,), dtype="bool", name="mask"),
    }
    film = keras.layers.Embedding(FILMS, 3)(inputs["film"])
    joined = keras.layers.Concatenate()([inputs["features"], film])
    hidden = keras.layers.BatchNormalization()(joined, mask=inputs["mask"])
    return keras.Model(inputs, keras.layers.Dense(1)(hidden)[..., 0])


@keras.saving.register_keras_serializable("test_doors")
class OfOneArray(keras.Model):
    """A subclassed model of an array of features."""

    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.norm = keras.layers.BatchNormalization()
        self.hidden = keras.layers.Dense(width, "relu")
        self.head = keras.layers.Dense(1)

    def build(self, shape):
        self.norm.build(shape)
        self.hidden.build(shape)
        self.head.build((*shape[:-1], self.width))

    def call(self, features, training=None, mask=None):
        return self.head(self.hidden(self.norm(features, training=training, mask=mask)))

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("test_doors")
class WithoutBuild(keras.Model):
    """A subclassed model of an array of features, whose layers Keras builds."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(8, "relu")
        self.head = keras.layers.Dense(1)

    def call(self, features):
        return self.head(self.hidden(features))


class OfADict(keras.Model):
    """A subclassed model of a dict, which is not registered with Keras."""

    def __init__(self):
        super().__init__()
        self.table = keras.layers.Embedding(FILMS, 3)
        self.head = keras.layers.Dense(1)

    def call(self, inputs):
        x = ops.concatenate([inputs["features"], self.table(inputs["film"])], axis=-1)
        return self.head(ops.where(inputs["mask"][..., None], x, 0.0))


def sequential():
    return keras.Sequential([keras.layers.BatchNormalization(), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])


def built_sequential():
    return keras.Sequential([keras.Input((None, FEATURES)), *sequential().layers])


def sequential_after_build():
    model = sequential()
    model.build((None, None, FEATURES))
    return model


MODELS = {
    "one array": of_one_array,
    "a dict": of_a_dict,
    "subclassed of one array": OfOneArray,
    "subclassed of a dict": OfADict,
    "subclassed without build": WithoutBuild,
    "sequential": sequential,
    "built sequential": built_sequential,
    "sequential after build": sequential_after_build,
}


def registered_objects():
    """One of each kind that config.yaml can hold."""
    return {
        "loss": keras.losses.MeanSquaredError(),
        "metric": plackett.metrics.NDCG(topn=3, name="ndcg@3"),
        "scorer": OfOneArray(4),
        "optimizer": keras.optimizers.SGD(0.1, momentum=0.5),
    }
