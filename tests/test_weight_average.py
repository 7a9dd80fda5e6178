"""The average of the weights that a run is measured by."""

import warnings

import keras
import numpy as np
import pytest
from conftest import made_lists

import plackett

LISTS, VALIDATION = made_lists(24, seed=0), made_lists(8, seed=1)
SMALL = {"epochs": 1, "batch_size": 4, "scorer_options": {"hidden": (4,), "dropout": 0.0}}
STEPS = 6


class Look(keras.callbacks.Callback):
    """Remembers the weights at the beginning and after each step."""

    def on_train_begin(self, logs=None):
        self.weights = [self.now()]

    def on_train_batch_end(self, batch, logs=None):
        self.weights.append(self.now())

    def now(self):
        return values_of(self.model)


def values_of(model):
    """Of all floating weights: the moving means and variances of batch normalisation too."""
    floats = [x for x in model.weights if x.dtype == "float32"]
    return [np.array(keras.ops.convert_to_numpy(x)) for x in floats]


def average_of(weights, most):
    """The average by a loop over the steps."""
    average = [x.astype("float64") for x in weights[0]]
    for t, after in enumerate(weights[1:]):
        kept = min(most, (1 + t) / (10 + t))
        average = [kept * a + (1 - kept) * w for a, w in zip(average, after, strict=True)]
    return average


def trained_and_seen(**settings):
    look = Look()
    trained = plackett.train(LISTS, VALIDATION, callbacks=[look], **SMALL | settings)
    assert len(look.weights) == 1 + STEPS * settings.get("epochs", 1)
    return trained, look.weights


def assert_weights(model, expected):
    for value, other in zip(values_of(model), expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-6)


OPTIMIZERS = {
    "adam": lambda: "adam",
    "an object": lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    "one that scales the loss": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
    "one that sums up gradients": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_model_has_the_average_of_a_loop_over_the_steps(name):
    trained, weights = trained_and_seen(optimizer=OPTIMIZERS[name](), weight_average=0.3)
    assert_weights(trained.model, average_of(weights, 0.3))
    assert np.abs(values_of(trained.model)[0] - weights[-1][0]).max() > 1e-5


def test_without_an_average_it_has_the_weights_of_the_last_step():
    trained, weights = trained_and_seen(weight_average=0)
    assert_weights(trained.model, weights[-1])


def test_the_steps_go_on_from_the_weights_and_not_from_their_average():
    """So the weights of a run do not depend on whether they are averaged."""
    _, weights = trained_and_seen(epochs=2)
    _, alone = trained_and_seen(epochs=2, weight_average=0)
    for with_average, without in zip(weights[-1], alone[-1], strict=True):
        np.testing.assert_allclose(with_average, without, rtol=1e-5, atol=1e-7)


def test_epochs_are_measured_with_the_average(tmp_path):
    trained = plackett.train(LISTS, VALIDATION, output=tmp_path / "run", **SMALL | {"epochs": 3, "patience": 9})
    for model in (trained.model, plackett.load(tmp_path / "run")):
        assert plackett.evaluate(model, VALIDATION, ["ndcg@10"])["ndcg@10"] == pytest.approx(trained.best["ndcg@10"])


def test_a_callback_that_puts_weights_back_does_not_replace_the_average(tmp_path):
    """As `EarlyStopping` does, which has seen the weights of the steps alone."""
    back = keras.callbacks.EarlyStopping(monitor="ndcg@10", mode="max", patience=9, restore_best_weights=True)
    trained = plackett.train(LISTS, VALIDATION, output=tmp_path / "run", callbacks=[back], **SMALL | {"epochs": 2})
    assert_weights(plackett.load(tmp_path / "run"), values_of(trained.model))


def test_the_optimizer_is_left_without_it():
    """Also after a second run with it, and where Keras goes on."""
    optimizer = keras.optimizers.Adam(0.01)
    scorer = plackett.scorers.mlp(LISTS, **SMALL["scorer_options"])
    settings = {"scorer": scorer, "scorer_options": {}, "optimizer": optimizer}
    for _ in range(2):
        trained, _ = trained_and_seen(**settings)
    number = len(optimizer.variables)
    assert number == 2 + 2 * len(scorer.trainable_variables)
    x, y = np.zeros((4, 3, 5), "float32"), np.zeros((4, 3), "float32")
    trained.model.fit({"features": x, "mask": np.ones((4, 3), bool)}, y, verbose=0)
    assert len(optimizer.variables) == number


def test_a_model_file_holds_the_optimizer_without_it(tmp_path):
    plackett.train(LISTS, VALIDATION, output=tmp_path / "run", **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # as Keras warns of an optimizer of other variables
        model = keras.models.load_model(tmp_path / "run/model.keras")
    assert int(model.optimizer.iterations) == STEPS
