"""Runs that are finished, and go on with more epochs or more patience."""

import keras
import numpy as np
import pytest
import yaml
from conftest import made_lists

import plackett
from plackett.training import Settings
from plackett.training._optimizers import make_optimizer
from plackett.training._same_run import schedule_over_all_epochs
from plackett.training.callbacks.checkpoints import positions

LISTS, VALIDATION = made_lists(40, seed=0), made_lists(15, seed=1)
QUICK = {"batch_size": 8, "patience": 9, "scorer_options": {"hidden": (4,), "dropout": 0.3}, "learning_rate": 0.03}
# No epoch is better than the first.
STILL = {"hidden": (4,), "normalization": None, "linear": False}
FROZEN = QUICK | {"learning_rate": 1e-30, "scorer_options": STILL}


def train(settings=QUICK, **arguments):
    return plackett.train(LISTS, VALIDATION, **settings | arguments)


def assert_same_run(first, second):
    assert first.history == second.history
    assert first.best == second.best
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_goes_on_with_more_epochs_as_if_it_had_never_ended(tmp_path):
    train(output=tmp_path, epochs=2, loss="gumbel_approx_ndcg")
    assert positions(tmp_path / "checkpoints") == [(2, 0)]
    seen = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    longer = train(output=tmp_path, epochs=4, loss="gumbel_approx_ndcg", resume=True, callbacks=[count])
    assert seen == [2, 3]
    assert_same_run(longer, train(epochs=4, loss="gumbel_approx_ndcg"))
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["epochs"] == 4
    assert positions(tmp_path / "checkpoints") == [(4, 0)]


def test_a_finished_run_of_a_model_that_was_given_goes_on_too(tmp_path):
    def run(**arguments):
        keras.utils.set_random_seed(1)
        layers = keras.layers
        model = keras.Sequential([keras.Input((None, 5)), layers.Dense(4, "relu"), layers.Dense(1)])
        return train(QUICK | {"scorer_options": {}}, scorer=model, **arguments)

    run(output=tmp_path, epochs=1)
    assert_same_run(run(output=tmp_path, epochs=2, resume=True), run(epochs=2))


def test_a_run_ends_sooner_but_not_before_what_is_done(tmp_path):
    def stop(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=stop)]
    with pytest.raises(KeyboardInterrupt):
        train(output=tmp_path, epochs=9, callbacks=callbacks, checkpoint_steps=5)
    with pytest.raises(
        ValueError, match=r"cannot be resumed with epochs=1: 2 are done. Give at least 2; to train anew"
    ):
        train(output=tmp_path, epochs=1, resume=True)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["epochs"] == 9
    assert_same_run(train(output=tmp_path, epochs=3, resume=True), train(epochs=3))


@pytest.mark.parametrize("schedule", ["cosine", {"warmup_cosine": {"decay_steps": 9}}, "exponential"])
def test_other_epochs_are_refused_where_the_learning_rate_depends_on_them(tmp_path, schedule):
    train(output=tmp_path, epochs=1, learning_rate_schedule=schedule)
    words = "epochs was 1 and is 2, and the learning rate schedule [a-z_]+ spans all epochs"
    with pytest.raises(ValueError, match=words):
        train(output=tmp_path, epochs=2, learning_rate_schedule=schedule, resume=True)


def test_a_schedule_of_so_many_steps_does_not_depend_on_the_epochs(tmp_path):
    schedule = {"cosine": {"decay_steps": 12}}
    train(output=tmp_path, epochs=1, learning_rate_schedule=schedule)
    longer = train(output=tmp_path, epochs=2, learning_rate_schedule=schedule, resume=True)
    assert_same_run(longer, train(epochs=2, learning_rate_schedule=schedule))


@pytest.mark.parametrize("name", ["cosine", "warmup_cosine", "exponential"])
def test_which_schedules_depend_on_the_epochs_is_known(name):
    """Those whose optimizer is another one for more steps."""
    for options in ({}, {"decay_steps": 9}, {"decay_steps": 9, "warmup_steps": 3, "warmup_target": 0.1}):
        if name != "exponential" or "warmup_steps" not in options:
            settings = Settings(learning_rate_schedule={name: options})
            few, many = (make_optimizer(settings, steps).get_config()["learning_rate"] for steps in (40, 4000))
            assert (few != many) == (schedule_over_all_epochs({"learning_rate_schedule": {name: options}}) is not None)


def test_a_run_that_patience_ended_goes_on_with_more_of_it_alone(tmp_path):
    first = train(FROZEN, output=tmp_path, epochs=9, patience=2)
    assert len(first.history) == 3
    assert_same_run(train(FROZEN, output=tmp_path, epochs=12, patience=2, resume=True), first)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert (config["epochs"], config["patience"]) == (12, 2)
    longer = train(FROZEN, output=tmp_path, epochs=12, patience=4, resume=True)
    assert_same_run(longer, train(FROZEN, epochs=12, patience=4))
    with pytest.raises(ValueError, match="patience=1: with it the run would have ended after epoch 2, but 5 are done"):
        train(FROZEN, output=tmp_path, epochs=12, patience=1, resume=True)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["patience"] == 4
