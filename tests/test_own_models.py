"""Models of one's own: functional, sequential and subclassed, of a dict or of one array."""

import dataclasses
import logging
import re
import warnings

import keras
import numpy as np
import pytest
from keras import ops
from own_models import (
    FEATURES,
    LISTS,
    OWN,
    VALIDATION,
    OfOneArray,
    WithoutBuild,
    of_a_dict,
    of_one_array,
    registered_objects,
    sequential,
)

import plackett
from plackett import scorers
from plackett.scorers import as_scorer


def test_what_is_given_stays_as_it_is():
    for make in (sequential, WithoutBuild):
        model = make()
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*mask")
            plackett.train(LISTS, VALIDATION, scorer=model, **OWN | {"epochs": 1})
        assert not model.supports_masking


def test_a_model_that_is_tried_twice_is_silent(capfd):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=UserWarning)
        plackett.train(LISTS, VALIDATION, scorer=WithoutBuild(), **OWN | {"epochs": 1})
    assert capfd.readouterr() == ("", "")
    assert not logging.root.manager.disable


class Multiplies(keras.Model):
    """A model of the wrong number of features, which fails within Keras and the backend."""

    def call(self, x):
        return ops.matmul(x, ops.ones((3, 1)))


@pytest.mark.parametrize("make", [Multiplies, lambda: keras.Sequential([Multiplies()])])
def test_what_fails_within_keras_is_told_in_plain_words(make):
    with pytest.raises(
        ValueError, match=r"one array of features, which fails with: |the model fails on these lists: "
    ) as caught:
        plackett.train(LISTS, VALIDATION, scorer=make(), **OWN)
    words = str(caught.value)
    assert not re.search(r"\x1b|Traceback|File \"|Arguments received|\n", words)
    assert "Exception encountered" not in words
    assert "automatically infer" not in words
    assert "3" in words


def test_a_scorer_of_plackett_stays_as_it_is():
    model = scorers.mlp(LISTS, hidden=(4,))
    assert as_scorer(model, LISTS) is model
    assert plackett.train(LISTS, VALIDATION, scorer=model, **OWN | {"epochs": 1}).model is model


def test_a_function_makes_a_scorer_and_is_handed_its_options():
    seen = []

    def make(lists, **options):
        seen.append((len(lists), options))
        return of_one_array(keras.layers.Dense(options.get("width", 2)))

    plain = {"epochs": 1, "batch_size": 8}
    assert plackett.train(LISTS, VALIDATION, scorer=make, scorer_options={"width": 3}, **plain).history
    assert seen == [(40, {"width": 3})]
    with pytest.raises(
        ValueError, match=r"a scorer must return a Keras model for the lists, but <function .*> returned 3"
    ):
        plackett.train(LISTS, VALIDATION, scorer=lambda lists: 3, **plain)


def test_a_model_with_an_axis_of_models_and_one_of_several_tasks():
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    trained = plackett.train(LISTS, VALIDATION, loss="click_em", scorer=model, **OWN | {"epochs": 1})
    assert trained.model.output.shape == (None, None, 2)
    relevance = np.concatenate(
        [
            ops.convert_to_numpy(model(one.features[None]))[0, :, 1]
            for one in map(VALIDATION.select, np.arange(15)[:, None])
        ]
    )
    np.testing.assert_allclose(plackett.score(trained.model, VALIDATION), relevance, rtol=1e-4, atol=1e-5)
    heads = {"a": keras.layers.Dense(1)(x), "b": keras.layers.Dense(1)(x)}
    tasks = {"a": {}, "b": {"loss": "mean_squared"}}
    trained = plackett.train(LISTS, VALIDATION, scorer=keras.Model(x, heads), tasks=tasks, **OWN | {"epochs": 1})
    assert set(trained.history[0]) == {"epoch", "loss", "a_loss", "b_loss", "ndcg@10"}


class OfAnError(keras.Model):
    """A model that fails on anything."""

    def call(self, inputs):
        return inputs["nothing"]


def wrong_model(kind):
    x, other = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
    user, narrow, short = keras.Input((None,), name="user"), keras.Input((None, 3)), keras.Input((9, FEATURES))
    head = keras.layers.Dense(1)
    return {
        "lists of 9": lambda: keras.Model(short, head(short)),
        "3 features": lambda: keras.Model(narrow, head(narrow)),
        "two inputs": lambda: keras.Model([x, other], head(x + other)),
        "another id": lambda: keras.Model({"user": user}, user),
        "4 scores": lambda: keras.Model(x, keras.layers.Dense(4)(x)),
        "one score per list": lambda: keras.Model(x, head(ops.max(x, axis=1))[:, 0]),
        "two outputs": lambda: keras.Model(x, {"a": head(x), "b": keras.layers.Dense(1)(x)}),
        "an error": OfAnError,
    }[kind]()


@pytest.mark.parametrize(
    "kind, wrong",
    [
        ("lists of 9", "the model takes lists of exactly 9 documents as features: make that axis None, as in"),
        ("3 features", "the model takes 3 features, but these lists have 5"),
        ("two inputs", "the model takes 2 inputs: make them a dict of some of mask, features, film"),
        ("another id", "the model takes user, but these lists have mask, features, film"),
        ("4 scores", "the scores of the model must be [lists, list_size] or [lists, list_size, 1], but their shape is"),
        (
            "one score per list",
            "the scores of the model must be [lists, list_size] or [lists, list_size, 1], but their",
        ),
        ("two outputs", "the scorer must have one output, as tasks says, but has the outputs a, b"),
        ("an error", "the model takes neither a dict of mask, features, film, which fails with: "),
    ],
)
def test_a_model_that_does_not_fit_is_refused(kind, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        plackett.train(LISTS, VALIDATION, scorer=wrong_model(kind), **OWN)


def test_scoring_lists_that_lack_something():
    model = of_a_dict()
    with pytest.raises(ValueError, match="the model takes film, but these lists have mask, features"):
        plackett.score(model, VALIDATION.with_ids(()))
    scorer = as_scorer(model, LISTS)
    bare = dataclasses.replace(VALIDATION, features=VALIDATION.features[:, :0])
    with pytest.raises(ValueError, match="the model takes features, but these lists have mask, film"):
        plackett.score(scorer, bare)
    narrow = dataclasses.replace(VALIDATION, features=VALIDATION.features[:, :3])
    with pytest.raises(ValueError, match="the model has 5 features, but these lists have 3"):
        plackett.score(scorer, narrow)


class KilledError(Exception):
    """Stands for a process that ends."""


def kill_at(step):
    def count(batch, logs, left=[step]):  # noqa: B006
        left[0] -= 1
        if left[0] < 0:
            raise KilledError

    return keras.callbacks.LambdaCallback(on_train_batch_end=count)


def test_objects_are_written_and_resumed(tmp_path):
    """From the weights that the given model had, though in between it was trained, or made anew."""
    settings = {"epochs": 3, "batch_size": 8, "checkpoint_minutes": 1e9}
    keras.utils.set_random_seed(3)
    undisturbed = plackett.train(LISTS, VALIDATION, output=tmp_path / "a", **registered_objects(), **settings)
    for again in ("the same", "another"):
        keras.utils.set_random_seed(3)
        objects = registered_objects()
        for step in (4, 2):
            arguments = {"output": tmp_path / again, "resume": True, "callbacks": [kill_at(step)]}
            with pytest.raises(KilledError):
                plackett.train(LISTS, VALIDATION, **arguments, **objects, **settings)
        objects = objects if again == "the same" else registered_objects()
        resumed = plackett.train(LISTS, VALIDATION, output=tmp_path / again, resume=True, **objects, **settings)
        assert resumed.history == undisturbed.history
        for first, second in zip(resumed.model.get_weights(), undisturbed.model.get_weights(), strict=True):
            np.testing.assert_array_equal(first, second)
    changed = registered_objects() | {"scorer": OfOneArray(5)}
    with pytest.raises(
        ValueError, match=r"another run: scorer was OfOneArray\(width=4\) and is OfOneArray\(width=5\)\."
    ):
        plackett.train(LISTS, VALIDATION, output=tmp_path / "a", resume=True, **changed, **settings)
    loaded = keras.models.load_model(tmp_path / "a/model.keras")
    np.testing.assert_allclose(
        plackett.score(loaded, VALIDATION), plackett.score(undisturbed.model, VALIDATION), rtol=1e-5, atol=1e-6
    )
