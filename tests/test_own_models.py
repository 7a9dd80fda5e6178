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
    FILMS,
    LISTS,
    MODELS,
    VALIDATION,
    OfADict,
    OfOneArray,
    WithoutBuild,
    of_a_dict,
    of_one_array,
    registered_objects,
    sequential,
    with_attention,
)

import plackett
from plackett import losses, scorers
from plackett.data import Batches
from plackett.scorers import as_scorer
from plackett.scorers._neighbours import check_padding, looks_at_neighbours

OWN = {"epochs": 2, "batch_size": 8, "learning_rate": 0.1}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_of_ones_own_is_trained_in_place(kind, tmp_path):
    keras.utils.set_random_seed(1)
    model = MODELS[kind]()
    trained = plackett.train(LISTS, VALIDATION, scorer=model, **OWN | {"epochs": 6})
    assert trained.best["ndcg@10"] > 0.8
    scores = plackett.score(model, VALIDATION)
    np.testing.assert_allclose(scores, plackett.score(trained.model, VALIDATION), rtol=1e-5, atol=1e-6)
    if not isinstance(model, OfADict):  # which is not registered
        trained.model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(plackett.score(loaded, VALIDATION), scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [*MODELS, "attention"])
def test_padding_changes_nothing_in_a_model_of_ones_own(kind):
    keras.utils.set_random_seed(1)
    scorer = as_scorer(with_attention() if kind == "attention" else MODELS[kind](), LISTS)
    inputs, labels, _ = Batches(LISTS, 8)[0]
    inputs = {name: inputs[name] for name in scorer.input}
    wider = {name: np.pad(x, ((0, 0), (0, 3), *[(0, 0)] * (x.ndim - 2))) for name, x in inputs.items()}
    wider["features"][~wider["mask"]] = np.nan
    batches = [(inputs, labels), (wider, np.pad(labels, ((0, 0), (0, 3)), constant_values=-1))]
    scorer.compile("sgd", losses.SoftmaxLoss())
    before, after = scorer.get_weights(), []
    for x, y in batches:
        scorer.set_weights(before)
        loss = scorer.train_on_batch(x, y)
        scores = ops.convert_to_numpy(scorer(x))
        assert not scores[~x["mask"]].any()
        after.append([np.float32(loss), scores[x["mask"]], *scorer.get_weights()])
    for first, second in zip(*after, strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-4, atol=1e-5)


def test_a_model_that_counts_padding_is_refused():
    """Keras loses the mask at an Embedding, and a mean over documents has none."""

    def without_mask():
        inputs = {name: x for name, x in of_a_dict().input.items() if name != "mask"}
        film = keras.layers.Embedding(FILMS, 3)(inputs["film"])
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.BatchNormalization()(film)))

    def with_the_mean(dropout):
        x = keras.Input((None, FEATURES))
        hidden = keras.layers.Dropout(dropout)(x)
        return keras.Model(x, keras.layers.Dense(1)(hidden - ops.mean(hidden, axis=1, keepdims=True)))

    model = without_mask()
    before = [ops.convert_to_numpy(variable.value) for variable in model.variables]
    with pytest.raises(ValueError, match="padding changes the scores of the model in training: one of its layers"):
        plackett.train(LISTS, VALIDATION, scorer=model, **OWN)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable.value), value)
    for dropout, where in ((0.0, " in training"), (0.5, "")):
        with pytest.raises(ValueError, match=f"padding changes the scores of the model{where}: one of its layers"):
            plackett.train(LISTS, VALIDATION, scorer=with_the_mean(dropout), **OWN)


def gated(x):
    """A mean over documents behind a gate that starts at 0."""
    gate = keras.layers.Dense(FEATURES, kernel_initializer="zeros")(ops.mean(ops.abs(x), axis=1, keepdims=True))
    return keras.layers.Dense(1)(ops.tanh(x * (1 + gate)))


def offset(x):
    """A mean that moves all scores of a list, beside which a large number stands."""
    return keras.layers.Dense(1)(x) + 100 + ops.mean(x, axis=(1, 2), keepdims=True)


def counting(x):
    """Scores that grow a little with the places of a list."""
    places = ops.sum(ops.ones_like(x[..., :1]), axis=1, keepdims=True)
    return keras.layers.Dense(1)(x) * (1 + 0.0005 * places)


@pytest.mark.parametrize("function", [gated, offset, counting])
def test_padding_that_changes_little_at_first_is_found(function):
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, function(x))
    before = [ops.convert_to_numpy(variable.value) for variable in model.variables]
    with pytest.raises(ValueError, match="padding changes the scores of the model"):
        plackett.train(LISTS, VALIDATION, scorer=model, **OWN)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable.value), value)
    scorer = as_scorer(model, LISTS)
    assert looks_at_neighbours(scorer, LISTS)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_rounding_is_no_padding(policy, seed):
    """Not that of 16 bits, of large numbers in float32, nor of scores far from 0."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((None, FEATURES))
    hidden = keras.layers.BatchNormalization(dtype=policy)(x)
    hidden = keras.layers.Dense(64, "relu", dtype=policy)(hidden)
    hidden = keras.layers.MultiHeadAttention(2, 8, dtype=policy)(hidden, hidden)
    scores = keras.layers.Dense(1, dtype=policy)(hidden)
    scorer = as_scorer(keras.Model(x, scores + 1000 if policy == "float32" else scores), LISTS)
    check_padding(scorer, LISTS)
    check_padding(scorer, dataclasses.replace(LISTS, features=LISTS.features + 1e4))
    assert looks_at_neighbours(scorer, LISTS)
    scorer = as_scorer(of_one_array(keras.layers.Dense(64, "relu", dtype=policy)), LISTS)
    assert not looks_at_neighbours(scorer, LISTS)


def test_padding_is_found_among_large_features_too():
    """Where rounding is large, what a layer does is larger."""
    x = keras.Input((None, FEATURES))
    model = keras.Model(x, keras.layers.Dense(1)(x - ops.mean(x, axis=1, keepdims=True)))
    large = dataclasses.replace(LISTS, features=LISTS.features + 1e4)
    with pytest.raises(ValueError, match="padding changes the scores of the model in training"):
        check_padding(as_scorer(model, large), large)


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


def test_dropout_is_no_padding():
    model = of_one_array(keras.layers.Dropout(0.5), keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.2))
    assert plackett.train(LISTS, VALIDATION, scorer=model, **OWN | {"epochs": 1}).history


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
