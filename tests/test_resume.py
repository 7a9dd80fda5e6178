"""Training that is stopped at any moment and goes on as if it had never been."""

import errno
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND
from conftest import made_lists

import plackett
from plackett import backend, data
from plackett.losses._base import RankingLoss
from plackett.training import Feed, TrainingDivergedError, _loop, _objective
from plackett.training.callbacks import best_epoch, checkpoints, divergence
from plackett.training.callbacks.checkpoints import positions

QUICK = {"epochs": 3, "batch_size": 8, "max_list_size": 8, "patience": 9, "checkpoint_steps": 2}
# What has no state but its weights.
PLAIN = QUICK | {"optimizer": "sgd", "scorer_options": {"hidden": (), "transform": None}}
# All that has one: the noise of a loss, dropout, batch normalisation, moments, a schedule, several running means.
NOISY = QUICK | {
    "tasks": {
        "grade": {"loss": "list_mle"},
        "seen": {"target": "click", "loss": "softmax", "weight": 0.5},
    },
    "scorer_options": {"hidden": (4,), "dropout": 0.3},
    "learning_rate": 0.03,
    "learning_rate_schedule": "cosine",
}


class KilledError(Exception):
    """Stands for a process that ends."""


class KillAfter(keras.callbacks.Callback):
    """Ends the run at the given moment, the first being 0: steps and ends of epochs are counted in one."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment

    def on_train_batch_end(self, batch, logs=None):
        self.count()

    def on_epoch_end(self, epoch, logs=None):
        self.count()

    def count(self):
        if self.moment == 0:
            raise KilledError
        self.moment -= 1


def with_clicks(lists):
    return data.RankingLists(**{**vars(lists), "columns": {"click": (lists.labels > 0).astype("float32")}})


OF_A_RUN = {"config.yaml", "environment.yaml", "model.keras", "metrics.json", "history.csv", ".lock"}
LISTS, VALIDATION = with_clicks(made_lists(40, seed=0)), made_lists(15, seed=1)
STEPS = 5


def train(settings=PLAIN, *, lists=LISTS, **arguments):
    return plackett.train(lists, VALIDATION, **settings, **arguments)


def killed(moment, output, settings=PLAIN, **arguments):
    with pytest.raises(KilledError):
        train(settings, output=output, resume=True, callbacks=[KillAfter(moment)], **arguments)


def assert_same_run(first, second):
    assert first.history == second.history
    assert first.best == second.best
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def undisturbed():
    return train()


@pytest.fixture(scope="module")
def noisy():
    """An undisturbed run, and the states of Python's and NumPy's generators after each of its steps."""
    states = []

    def look(batch, logs):
        states.append((random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]))

    return train(NOISY, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=look)]), states


def test_a_run_that_is_killed_ends_as_an_undisturbed_one(undisturbed, tmp_path):
    """What it had half written is passed over and taken away."""
    folder = tmp_path / "run"
    killed(random.Random(BACKEND).randrange(STEPS, 2 * STEPS), folder)
    last = positions(folder / "checkpoints")[-1]
    for name in (f"partial-{last[0]:04d}-{last[1] + 1:06d}", "partial-0000-000002"):
        (folder / "checkpoints" / name).mkdir()
        (folder / "checkpoints" / name / "arrays.npz").write_bytes(b"PK half")
    (folder / "partial-model.keras").write_bytes(b"PK half")
    assert_same_run(train(output=folder, resume=True), undisturbed)
    files = {path.name for path in folder.iterdir()}
    assert files == {*OF_A_RUN, "checkpoints"}
    assert positions(folder / "checkpoints") == [(3, 0)]
    # A finished run is given back as it is.
    again = train(output=folder, resume=True, callbacks=[KillAfter(0)])
    assert_same_run(again, undisturbed)


def test_all_states_are_kept_from_one_epoch_to_the_next(noisy, tmp_path):
    killed(2 * (STEPS + 1), tmp_path / "run", NOISY)
    assert positions(tmp_path / "run/checkpoints")[-1] == (2, 0)
    resumed = train(NOISY, output=tmp_path / "run", resume=True)
    assert_same_run(resumed, noisy[0])
    assert {"grade_loss", "seen_loss"} <= set(resumed.history[0])


def test_nothing_draws_from_the_generators_of_python_and_numpy(noisy):
    """So that they need not be kept."""
    _, states = noisy
    assert all(state == states[0] for state in states)


def test_without_a_checkpoint_it_starts_from_the_beginning(undisturbed, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/environment.yaml").write_text("plackett: 0.1.0\n")
    (tmp_path / "run/partial-config.yaml").write_text("epo")
    killed(STEPS + 2, tmp_path / "run", PLAIN | {"checkpoint_steps": None})
    assert not (tmp_path / "run/checkpoints").exists()
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 2
    assert_same_run(train(output=tmp_path / "run", resume=True), undisturbed)


def test_between_the_files_of_an_epoch(undisturbed, tmp_path, monkeypatch):
    write = best_epoch.write_whole

    def killed_before(path, text):
        if path.name == "history.csv":
            raise KilledError
        write(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(best_epoch, "write_whole", killed_before)
        with pytest.raises(KilledError):
            train(output=tmp_path / "run")
    assert (tmp_path / "run/metrics.json").exists()
    assert not (tmp_path / "run/history.csv").exists()
    assert_same_run(train(output=tmp_path / "run", resume=True), undisturbed)


def test_killed_for_good_while_a_checkpoint_is_written(noisy, tmp_path):
    """A process of its own, which SIGKILL ends in the middle of writing its third checkpoint.

    It goes on from the middle of an epoch, with all states.
    """
    code = """
        import os, signal, sys
        import numpy as np
        from test_resume import NOISY, LISTS, VALIDATION, plackett, checkpoints

        write, written = np.savez, []

        def half(file, **arrays):
            written.append(file)
            write(file, **arrays)
            if len(written) == 3:
                file.truncate(file.tell() // 2)
                file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        checkpoints.np.savez = half
        plackett.train(LISTS, VALIDATION, output=sys.argv[1], resume=True, **NOISY)
    """
    environment = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "KERAS_BACKEND": BACKEND}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), tmp_path / "run"],
        cwd=pathlib.Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert positions(tmp_path / "run/checkpoints") == [(0, 2), (0, 4)]
    assert list((tmp_path / "run/checkpoints").glob("partial-*"))
    assert_same_run(train(NOISY, output=tmp_path / "run", resume=True), noisy[0])


def test_the_last_checkpoints_are_kept_and_are_whole(tmp_path):
    seen = []

    def look(batch, logs):
        seen.append(positions(tmp_path / "run/checkpoints"))

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    train(PLAIN | {"epochs": 2, "keep_checkpoints": 3}, output=tmp_path / "run", callbacks=[callback])
    places = [(0, 2), (0, 4), (1, 1), (1, 3)]
    assert seen[1] == places[:1]
    assert seen[4] == places[:2]
    assert seen[-2] == places[1:]
    # The last step of an epoch: its checkpoint is written with what was measured after it.
    assert seen[-1] == places[1:]


def test_checkpoints_by_time(tmp_path):
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(positions(tmp_path / "run/checkpoints"))
    )
    settings = PLAIN | {"epochs": 1, "checkpoint_steps": None, "checkpoint_minutes": 1e-9}
    train(settings, output=tmp_path / "run", callbacks=[look])
    assert [places[-1] for places in seen[:-1]] == [(0, step) for step in range(1, STEPS)]


def test_another_run_is_not_resumed(tmp_path):
    killed(0, tmp_path / "run")
    for changed, wrong in (
        ({"seed": 4, "loss": "softmax"}, "loss was 'unique_softmax' and is 'softmax'; seed was 0 and is 4"),
        ({"scorer_options": {"hidden": (5,)}}, "scorer_options was {'hidden': \\[\\], 'transform': None} and is"),
    ):
        with pytest.raises(ValueError, match=f"cannot be resumed, it holds another run: {wrong}"):
            train(PLAIN | changed, output=tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match=r"it holds another run: training_lists was '[0-9a-f]{16}' and is"):
        train(output=tmp_path / "run", resume=True, lists=made_lists(40, seed=2))
    with pytest.raises(
        ValueError, match=r"To train anew, replace it \(overwrite, --overwrite\) or choose another output"
    ):
        train(PLAIN | {"seed": 4}, output=tmp_path / "run", resume=True)
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        train(output=tmp_path / "run")


@pytest.mark.skipif(BACKEND != "torch", reason="Keras draws from no other generators of a backend")
def test_a_run_goes_on_on_a_machine_with_another_number_of_gpus(monkeypatch):
    import torch

    class Gpus:
        """The generators of so many GPUs, of which the last one is in use."""

        def __init__(self, count):
            self.states = [torch.full((8,), 10 * count + i, dtype=torch.uint8) for i in range(count)]
            monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
            for name in ("get_rng_state", "set_rng_state", "get_rng_state_all", "set_rng_state_all"):
                monkeypatch.setattr(torch.cuda, name, getattr(self, name))

        def get_rng_state(self):
            return self.states[-1]

        def set_rng_state(self, state):
            self.states[-1] = state

        def get_rng_state_all(self):
            return list(self.states)

        def set_rng_state_all(self, states):
            self.states = list(states)

    def numbers(gpus):
        return [int(state[0]) for state in gpus.states]

    before = torch.get_rng_state()
    Gpus(2)
    of_two = backend.generator_states()
    for count, then in ((0, []), (1, [21]), (3, [30, 31, 21])):
        gpus = Gpus(count)
        with backend.keep_generators():
            backend.set_generator_states(of_two)
            assert numbers(gpus) == then
        assert numbers(gpus) == [10 * count + i for i in range(count)]
    Gpus(0)
    of_none = backend.generator_states()
    gpus = Gpus(1)
    backend.set_generator_states(of_none)
    assert numbers(gpus) == [10]
    assert torch.equal(torch.get_rng_state(), before)


def test_a_full_disk(undisturbed, tmp_path, monkeypatch):
    write, written = np.savez, []

    def full(file, **arrays):
        written.append(file)
        if len(written) == 3:
            file.write(b"PK half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.np, "savez", full)
        with pytest.raises(OSError, match=r"0001-000001 could not be written: No space left on device"):
            train(output=tmp_path / "run")
    assert positions(tmp_path / "run/checkpoints") == [(0, 2), (0, 4)]
    assert not list((tmp_path / "run/checkpoints").glob("partial-*"))
    assert_same_run(train(output=tmp_path / "run", resume=True), undisturbed)


def test_a_full_disk_while_an_epoch_is_written_down_and_the_environment(tmp_path, monkeypatch):
    def full(self, path):
        path.write_bytes(b"PK half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(OSError, match=r"model.keras could not be written: No space left on device"):
        train(output=tmp_path / "run")
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"config.yaml", "environment.yaml", "checkpoints", ".lock"}
    surroundings = yaml.safe_load((tmp_path / "run/environment.yaml").read_text())
    assert surroundings["data"] == {
        "training_lists": LISTS.fingerprint(),
        "validation_lists": VALIDATION.fingerprint(),
    }
    assert (surroundings["backend"]["name"], surroundings["keras"]) == (BACKEND, keras.__version__)
    assert set(surroundings) == {
        *("plackett", "keras", "backend", "numpy", "python", "platform", "git_commit", "data"),
    }


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OSError, match="file/run could not be written: Not a directory"):
        train(output=tmp_path / "file/run")
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        train(output=tmp_path / "file", resume=True)
    assert (tmp_path / "file").read_text() == "precious"


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
    monkeypatch.setattr(_loop, "check_labels", lambda *_: None)
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
    with pytest.raises(TrainingDivergedError, match="a weight is not finite any more, though the loss is") as caught:
        train(PLAIN | {"checkpoint_steps": 1}, lists=lists, output=tmp_path / "run")
    assert (caught.value.step, caught.value.queries) == (step, [f"q{q}" for q in queries])
    assert_checkpoints_are_finite(tmp_path / "run")


@keras.saving.register_keras_serializable("test_resume")
class WithSpare(keras.layers.Layer):
    """A layer with a weight that its output does not depend on, as a row of embeddings may be for long."""

    def build(self, shape):
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
    assert "a weight is not finite any more, though the loss is" in caught.value.cause
    assert (f"in one of the last {found} steps (check_weights=1, " in caught.value.cause) == (every > 1)


def test_weights_are_checked_before_a_checkpoint_though_at_no_other_step(tmp_path):
    assert len(train_with_a_weight_that_is_spoilt_in_the_second_step(check_weights=None).history) == 1
    with pytest.raises(TrainingDivergedError) as caught:
        train_with_a_weight_that_is_spoilt_in_the_second_step(
            check_weights=None, checkpoint_steps=4, output=tmp_path / "run"
        )
    assert caught.value.step == 4
    assert positions(tmp_path / "run/checkpoints") == [(0, 0)]


def test_a_loss_that_is_not_finite_may_come_of_a_weight_that_no_check_has_seen(monkeypatch):
    monkeypatch.setattr(_loop, "check_labels", lambda *_: None)
    lists, step, _ = poisoned(7)
    assert step > 1
    with pytest.raises(TrainingDivergedError) as caught:
        train(PLAIN | {"max_list_size": None, "checkpoint_steps": None}, lists=lists)
    weight = (
        f"a weight is not finite since one of the last {step} steps (check_weights=1, --check-weights 1, finds which)"
    )
    assert caught.value.cause == f"the loss is inf, or {weight}"


def test_the_step_of_the_model_stays_its_own(undisturbed):
    """Weights are watched beside it, so that it is compiled once."""
    seen = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(set(vars(callback.model)))
    )
    model = train(PLAIN | {"check_weights": 1}, callbacks=[callback]).model
    assert len(seen) == 3 * STEPS
    assert not any("train_step" in attributes for attributes in (*seen, vars(model)))
