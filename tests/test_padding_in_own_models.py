"""Models of one's own on each backend: trained in place, and whether padding changes what they give."""

import dataclasses

import keras
import numpy as np
import pytest
from backends import BACKEND
from keras import ops
from own_models import (
    FEATURES,
    FILMS,
    LISTS,
    MODELS,
    OWN,
    VALIDATION,
    OfADict,
    of_a_dict,
    of_one_array,
    with_attention,
)

import plackett
from plackett import losses
from plackett.data import Batches
from plackett.scorers import as_scorer
from plackett.scorers._neighbours import check_padding, looks_at_neighbours

# Programs are compiled for each kind, and for each dtype and seed: where they are, some stand for all.
KINDS = MODELS if BACKEND == "torch" else ["a dict", "subclassed of one array", "built sequential"]
SEEDS = range(5) if BACKEND == "torch" else [0]


@pytest.mark.parametrize("kind", KINDS)
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


@pytest.mark.parametrize("seed", SEEDS)
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


def test_dropout_is_no_padding():
    model = of_one_array(keras.layers.Dropout(0.5), keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.2))
    assert plackett.train(LISTS, VALIDATION, scorer=model, **OWN | {"epochs": 1}).history
