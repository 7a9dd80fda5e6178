"""Losses of Keras, and functions, as losses of lists."""

import re

import keras
import numpy as np
import pytest
from backends import value_and_grad
from keras import ops
from own_models import LISTS, VALIDATION

import plackett
from plackett import losses
from plackett.losses import as_ranking_loss

# Plain, so that it is compiled in no time.
QUICK = {"epochs": 2, "batch_size": 8, "scorer": "mlp", "scorer_options": {"hidden": (), "transform": None}}


def alone(loss, labels, scores):
    """The mean over lists of a loss of Keras on each list by itself, without padding."""
    return np.mean(
        [
            float(ops.mean(loss(ops.convert_to_tensor(y[None, y >= 0]), ops.convert_to_tensor(s[None, y >= 0]))))
            for y, s in zip(labels, scores, strict=True)
            if (y >= 0).any()
        ]
    )


KERAS_LOSSES = {
    "mean_squared_error": keras.losses.MeanSquaredError(),
    "huber_loss": keras.losses.Huber(0.5),
    "binary_crossentropy": keras.losses.BinaryCrossentropy(from_logits=True),
    "kl_divergence": keras.losses.KLDivergence(),
    "squared_hinge": keras.losses.SquaredHinge(),
    "mean_absolute_error": keras.losses.mean_absolute_error,
    "own": lambda labels, scores: ops.sum(labels * ops.log(1.0 + scores**2), axis=-1),
}


@pytest.mark.parametrize("name", KERAS_LOSSES)
def test_a_loss_of_keras_does_not_see_padding(name):
    """Its value is the mean of that of each list alone, and its gradient is 0 at padding, whatever stands there."""
    loss = as_ranking_loss(KERAS_LOSSES[name])
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (4, 6)).astype("float32")
    scores = rng.uniform(0.1, 0.9, (4, 6)).astype("float32")
    labels[1, 4:] = labels[2, 1:] = -1
    expected = alone(KERAS_LOSSES[name], labels, scores)
    scores[labels < 0] = np.nan
    assert float(loss(labels, scores)) == pytest.approx(expected, rel=1e-5)
    _, gradient = value_and_grad(lambda s: loss(labels, s), scores)
    assert np.isfinite(gradient).all()
    assert not gradient[labels < 0].any()
    assert (gradient[labels == 1] != 0).all()


def test_weights_and_the_reduction_of_a_loss_of_keras_act():
    labels, scores = np.array([[1.0, 0.0, -1.0], [1.0, 1.0, 0.0]]), np.array([[0.5, 0.1, 9.0], [0.2, 0.3, 0.4]])
    errors = (labels - scores) ** 2
    summed = as_ranking_loss(keras.losses.MeanSquaredError(reduction="sum"))
    assert float(summed(labels, scores)) == pytest.approx(errors[0, :2].mean() + errors[1].mean(), rel=1e-5)
    assert float(summed(labels, scores, [1.0, 0.0])) == pytest.approx(errors[0, :2].mean(), rel=1e-5)
    weights = np.array([[1.0, 2.0, 7.0], [0.0, 1.0, 3.0]])
    expected = (weights * errors)[0, :2].sum() / 2 + (weights * errors)[1].sum() / 3
    assert float(summed(labels, scores, weights)) == pytest.approx(expected, rel=1e-5)


def test_a_function_of_lists_is_handed_the_mask():
    loss = as_ranking_loss(losses.unique_softmax)
    labels, scores = [[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]], [[0.6, 0.8, 9.0], [0.1, 0.2, 0.3]]
    assert float(loss(labels, scores)) == pytest.approx(float(losses.UniqueSoftmaxLoss()(labels, scores)), rel=1e-6)


@pytest.mark.parametrize(
    "loss, wrong",
    [
        (
            keras.losses.CategoricalCrossentropy(from_logits=True),
            "categorical_crossentropy is not a mean or sum over the",
        ),
        (keras.losses.CosineSimilarity(), "cosine_similarity is not a mean or sum over the documents of a list"),
        (lambda labels, scores: ops.mean((labels - scores) ** 2), "<lambda> is not a mean or sum over the documents"),
        (lambda labels, scores: labels @ scores, "<lambda> cannot take labels and scores of shape [lists, list_size]"),
        (
            lambda labels, scores, *, mask: ops.sum(scores),
            "<lambda> must return one loss per list, [lists], but for one",
        ),
        (
            keras.losses.MeanSquaredError,
            "loss must be an object, MeanSquaredError(...), but got the class MeanSquaredError",
        ),
        (3, "loss must be a name or a dict or an object, but got 3"),
    ],
)
def test_a_loss_that_would_count_padding_is_refused(loss, wrong):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        plackett.train(LISTS, VALIDATION, loss=loss, **QUICK)


@pytest.mark.parametrize("loss", [keras.losses.MeanSquaredError(), losses.softmax])
def test_training_with_a_loss_of_ones_own(loss):
    trained = plackett.train(LISTS, VALIDATION, loss=loss, learning_rate=0.05, **QUICK | {"epochs": 12})
    assert trained.best["ndcg@10"] > 0.8
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_a_registered_loss_of_keras_goes_by_its_name():
    @keras.saving.register_keras_serializable("test_own_losses")
    class Cubic(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

    by_name = plackett.train(LISTS, VALIDATION, loss="test_own_losses>Cubic", **QUICK).history
    assert by_name == plackett.train(LISTS, VALIDATION, loss=Cubic(), **QUICK).history
