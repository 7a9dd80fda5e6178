"""A run draws from its own seed, and the global generators do not hear of it."""

import contextlib
import dataclasses
import random

import keras
import numpy as np
import pytest
from backends import BACKEND
from own_models import LISTS, VALIDATION, of_one_array

import plackett
from plackett.data import Batches
from plackett.losses import CoupledRankDistilLoss, GumbelApproxNDCGLoss
from plackett.training._objective import make_losses
from plackett.training._settings import Settings

# What a model of one array takes.
PLAIN = dataclasses.replace(LISTS, ids={})
# Noise of a loss, dropout, and initial weights.
NOISY = {
    "epochs": 1,
    "batch_size": 20,
    "scorer": "mlp",
    "scorer_options": {"hidden": (3,), "dropout": 0.3, "transform": None},
    "loss": "gumbel_approx_ndcg",
}


class KilledError(Exception):
    """Stands for a process that ends."""


def draws():
    """The next number of each global generator."""
    numbers = [random.random(), np.random.random(), float(keras.random.uniform(()))]
    if BACKEND == "torch":
        import torch

        numbers.append(float(torch.rand(())))
    return numbers


@pytest.mark.parametrize("fails", [False, True])
def test_the_global_generators_go_on_as_if_nothing_had_been(fails):
    def draw(batch, logs):
        draws()
        if fails:
            raise KilledError

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=draw)]
    keras.utils.set_random_seed(7)
    before, expected = draws(), draws()
    keras.utils.set_random_seed(7)
    assert draws() == before
    with pytest.raises(KilledError) if fails else contextlib.nullcontext():
        plackett.train(LISTS, VALIDATION, callbacks=callbacks, **NOISY)
    assert draws() == expected


def test_a_run_does_not_depend_on_the_global_generators():
    keras.utils.set_random_seed(1)
    first = plackett.train(LISTS, VALIDATION, **NOISY).history
    keras.utils.set_random_seed(2)
    assert plackett.train(LISTS, VALIDATION, **NOISY).history == first


def train_without_learning(loss):
    """(the loss of each step, what was trained), of weights that do not change and lists that are all alike."""
    steps = []
    recorded = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: steps.append(float(logs["loss"])))
    alike = PLAIN.select(np.zeros(4, "int64"))
    settings = {"scorer": of_one_array(), "loss": loss, "optimizer": keras.optimizers.SGD(0.0), "batch_size": 2}
    trained = plackett.train(alike, VALIDATION, epochs=3, callbacks=[recorded], **settings)
    steps = np.reshape(steps, (3, 2))  # Keras gives the mean of the steps so far
    return np.stack([steps[:, 0], 2 * steps[:, 1] - steps[:, 0]], axis=1).ravel(), trained


@pytest.mark.skipif(BACKEND == "tensorflow", reason="which draws eagerly from a generator of its own")
@pytest.mark.parametrize("loss", [GumbelApproxNDCGLoss(seed=5), CoupledRankDistilLoss()])
def test_a_step_draws_what_the_loss_draws_where_nothing_is_compiled(loss):
    steps, trained = train_without_learning(loss)
    inputs, labels, weights = Batches(PLAIN.select(np.zeros(2, "int64")), 2)[0]
    scores, loss = trained.model(inputs), loss.copy()
    eager = [keras.ops.convert_to_numpy(loss(labels, scores, sample_weight=weights)) for _ in range(6)]
    np.testing.assert_allclose(steps, eager, rtol=1e-5)


def test_a_trained_model_has_no_variable_of_its_losses_and_learns_on(tmp_path):
    model = of_one_array(keras.layers.Dropout(0.3))
    variables = len(model.variables)
    for loss in ("gumbel_approx_ndcg", "list_mle"):
        trained = plackett.train(LISTS, VALIDATION, scorer=model, loss=loss, epochs=2, batch_size=20)
        assert len(model.variables) == variables
    trained.model.save(tmp_path / "model.keras")
    assert len(keras.models.load_model(tmp_path / "model.keras").variables) == len(trained.model.variables)
    feed = Batches(PLAIN, 20)
    values = [trained.model.train_on_batch(*feed[0]) for _ in range(2)]
    assert np.isfinite(values).all()
    assert values[0] != values[1]


def test_a_checkpoint_holds_the_noise_beside_the_model(tmp_path):
    trained = plackett.train(LISTS, VALIDATION, output=tmp_path / "run", **NOISY)
    (path,) = (tmp_path / "run" / "checkpoints").glob("*/arrays.npz")
    groups = [name.partition("/")[0] for name in np.load(path).files]
    assert groups.count("model") == len(trained.model.variables)
    assert groups.count("noise") == 1


def test_tasks_whose_losses_have_one_seed_draw_numbers_of_their_own():
    task = {"loss": "gumbel_approx_ndcg", "loss_options": {"seed": 5}}
    settings = Settings.from_dict({"tasks": {"first": task, "second": task, "third": task}})

    def draws():
        return [float(keras.random.uniform((), seed=x.seed_generator)) for x in make_losses(settings).values()]

    drawn = draws()
    assert len(set(drawn)) == 3
    assert drawn == draws()
    alone = make_losses(Settings.from_dict(task))[None]
    assert float(keras.random.uniform((), seed=alone.seed_generator)) == drawn[0]
