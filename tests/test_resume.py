"""Training that is stopped at any moment and goes on as if it had never been."""

import errno
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
from plackett.training.callbacks import best_epoch, checkpoints
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
    (folder / "plackett-partial-model-0123456789abcdef.keras").write_bytes(b"PK half")
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


def test_without_a_checkpoint_it_starts_from_the_beginning_and_says_so(undisturbed, tmp_path, recwarn):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/environment.yaml").write_text("plackett: 0.1.0\n")
    (tmp_path / "run/plackett-partial-config-0123456789abcdef.yaml").write_text("epo")
    killed(STEPS + 2, tmp_path / "run", PLAIN | {"checkpoint_steps": None})
    assert not (tmp_path / "run/checkpoints").exists()
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 2
    assert_same_run(train(output=tmp_path / "run", resume=True), undisturbed)
    (told,) = [warning for warning in recwarn if warning.category is UserWarning]
    words = f"there is no checkpoint in {tmp_path / 'run/checkpoints'}, so the run begins again"
    assert words in str(told.message)
    assert told.filename == __file__


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
        with pytest.raises(ValueError, match=f"cannot be resumed, since it holds another run: {wrong}"):
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
        "features": LISTS.features.shape[1],
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
