"""Training that has gone astray: found at its step, or at the next check of the weights."""

import json
import re

import keras
import numpy as np
import pytest
from test_resume import LISTS, PLAIN, STEPS, VALIDATION, train

from plackett import data
from plackett.losses._base import RankingLoss
from plackett.training import Feed, TrainingDivergedError, _objective, _run
from plackett.training.callbacks import divergence
from plackett.training.callbacks.checkpoints import positions


def poisoned(query):
    """The lists with a label of 200 in one query, the step of the first epoch that has it, and its queries."""
    labels = LISTS.labels.copy()
    labels[LISTS.row_splits[query]] = 200
    feed = Feed(LISTS, PLAIN["batch_size"], seed=0, max_list_size=8)
    step = next(i for i, queries in enumerate(feed.batches.plan) if query in queries)
    return data.RankingLists(**{**vars(LISTS), "labels": labels}), step + 1, feed.batches.plan[step]


def assert_checkpoints_are_finite(folder):
    for path in folder.glob("checkpoints/*/arrays.npz"):
        with np.load(path) as arrays:
            assert all(np.isfinite(arrays[name]).all() for name in arrays)


def test_a_loss_that_is_not_finite_names_its_batch(tmp_path, monkeypatch):
    """2^200 is infinite in float32; this stands for a loss that becomes so after the door has let it pass."""
    monkeypatch.setattr(_run, "check_labels", lambda *_: None)
    lists, step, queries = poisoned(7)
    settings = PLAIN | {"checkpoint_steps": 1, "max_list_size": None}
    with pytest.raises(TrainingDivergedError) as caught:
        train(settings, lists=lists, output=tmp_path / "run")
    error = caught.value
    assert (error.epoch, error.step, error.queries) == (1, step, [f"q{q}" for q in queries])
    rows = np.concatenate([np.arange(lists.row_splits[q], lists.row_splits[q + 1]) for q in queries])
    assert error.ranges["label"] == (0, 200, 0)
    for k in range(5):
        column = lists.features[rows, k]
        assert error.ranges[f"feature {k + 1}"] == (column.min(), column.max(), 0)
    assert f"training stopped in epoch 1, step {step}: the loss is inf; its queries are q" in str(error)
    assert "and 3 more; of 7 ranges the widest are label from 0 to 200, " in str(error)
    assert str(error).endswith(f"; all are in {tmp_path / 'run/divergence.json'}")
    assert "\n" not in str(error)
    told = json.loads((tmp_path / "run/divergence.json").read_text())
    assert (told["epoch"], told["step"], told["queries"]) == (1, step, error.queries)
    assert {name: tuple(given) for name, given in told["ranges"].items()} == error.ranges
    assert positions(tmp_path / "run/checkpoints")[-1:] == ([(0, step - 1)] if step > 1 else [])
    assert_checkpoints_are_finite(tmp_path / "run")


def test_missing_values_are_counted():
    error = TrainingDivergedError("a", 1, 2, ["q"], {"x": (None, None, 3), "y": (0.0, 1.0, 0), "z": (-2.0, 1.0, 1)})
    words = "its queries are q; of 3 ranges the widest are z from -2 to 1, y from 0 to 1; NaN in x (3), z (1)"
    assert str(error) == f"training stopped in epoch 1, step 2: a; {words}"
    assert divergence.range_of(np.array([np.nan, 2, 1, np.nan])) == (1, 2, 2)
    assert divergence.range_of(np.array([np.nan])) == (None, None, 1)


def test_a_gradient_that_is_not_finite_names_its_batch(tmp_path, monkeypatch):
    """The loss of its step is finite; that of the next would not be."""

    def loss(labels, scores, *, mask):
        ops = keras.ops
        nothing = ops.relu(-ops.max(labels))
        root = ops.sqrt(ops.where(ops.max(labels) > 100, scores * nothing, ops.ones_like(scores)))
        return ops.sum(scores**2 + root, axis=-1)

    class Rooted(RankingLoss):
        fn = staticmethod(loss)

    monkeypatch.setattr(_objective.losses, "get", lambda name: Rooted())
    lists, step, queries = poisoned(7)
    with pytest.raises(TrainingDivergedError, match="a weight is no longer finite, although the loss is") as caught:
        train(PLAIN | {"checkpoint_steps": 1}, lists=lists, output=tmp_path / "run")
    assert (caught.value.step, caught.value.queries) == (step, [f"q{q}" for q in queries])
    assert_checkpoints_are_finite(tmp_path / "run")


@keras.saving.register_keras_serializable("test_resume")
class WithSpare(keras.layers.Layer):
    """A layer with a weight that its output does not depend on, as a row of embeddings may be for long."""

    def build(self, shape):
        self.supports_masking = True
        self.spare = self.add_weight(shape=(2,), trainable=False, name="spare")
        super().build(shape)

    def call(self, x):
        return x * 1.0


def train_with_a_weight_that_is_spoilt_in_the_second_step(**arguments):
    model = keras.Sequential([keras.Input((None, 5)), WithSpare(), keras.layers.Dense(1)])

    def spoil(batch, logs):
        if batch == 1:
            (spare,) = (x for x in look.model.non_trainable_variables if x.name == "spare")
            spare.assign([np.nan, 1.0])

    look = keras.callbacks.LambdaCallback(on_train_batch_begin=spoil)
    settings = {"epochs": 1, "checkpoint_steps": None, "scorer_options": {}, "scorer": model}
    return train(PLAIN | settings | arguments, callbacks=[look])


@pytest.mark.parametrize("every, found", [(1, 2), (3, 3), (100, STEPS)])
def test_weights_are_checked_every_so_many_steps_and_at_the_last_of_an_epoch(every, found):
    with pytest.raises(TrainingDivergedError) as caught:
        train_with_a_weight_that_is_spoilt_in_the_second_step(check_weights=every)
    assert caught.value.step == found
    assert "a weight is no longer finite, although the loss is" in caught.value.cause
    assert (f"in one of the last {found} steps (check_weights=1, " in caught.value.cause) == (every > 1)


def test_weights_are_checked_before_a_checkpoint_though_at_no_other_step(tmp_path):
    assert len(train_with_a_weight_that_is_spoilt_in_the_second_step(check_weights=0).history) == 1
    with pytest.raises(TrainingDivergedError) as caught:
        train_with_a_weight_that_is_spoilt_in_the_second_step(
            check_weights=0, checkpoint_steps=4, output=tmp_path / "run"
        )
    assert caught.value.step == 4
    assert positions(tmp_path / "run/checkpoints") == [(0, 0)]


def test_a_loss_that_is_not_finite_may_come_of_a_weight_that_no_check_has_seen(monkeypatch):
    monkeypatch.setattr(_run, "check_labels", lambda *_: None)
    lists, step, _ = poisoned(7)
    assert step > 1
    with pytest.raises(TrainingDivergedError) as caught:
        train(PLAIN | {"max_list_size": None, "checkpoint_steps": None}, lists=lists)
    weight = (
        f"a weight is not finite since one of the last {step} steps (check_weights=1, --check-weights 1, finds which)"
    )
    assert caught.value.cause == f"the loss is inf, or {weight}"


def test_the_step_of_the_model_stays_its_own():
    """Weights are watched beside it, so that it is compiled once."""
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(set(vars(callback.model)))
    )
    model = train(PLAIN | {"check_weights": 1, "weight_average": 0}, callbacks=[callback]).model
    assert len(seen) == 3 * STEPS
    assert not any("train_step" in attributes for attributes in (*seen, vars(model)))
    assert "train_step" not in vars(train(PLAIN).model)  # with an average it is another while the run lasts


def test_scores_of_the_validation_lists_that_overflow_name_their_queries(tmp_path):
    """All weights are finite, and so is the loss of the one step."""
    settings = {
        "learning_rate": 1e30,
        "batch_size": len(LISTS),
        "optimizer": "adam",
        "scorer_options": {"hidden": (4,), "linear": False},
    }
    with pytest.raises(TrainingDivergedError) as caught:
        train(PLAIN | settings, output=tmp_path / "run")
    error = caught.value
    assert re.match(r"\d+ of \d+ scores of the validation lists are NaN or inf: the weights are too", error.cause)
    assert (error.epoch, error.step) == (1, 1)
    assert error.queries
    assert set(error.queries) <= set(VALIDATION.queries)
    assert set(error.ranges) == {"label", "score"}
    assert json.loads((tmp_path / "run/divergence.json").read_text())["queries"] == error.queries
    assert not (tmp_path / "run/model.keras").exists()
