"""Ctrl-C while a model is trained."""

import importlib
import os
import random
import signal
import threading
import time

import keras
import numpy as np
import pytest
from conftest import made_lists

import plackett
from plackett.training._interrupt import remember_interrupts
from plackett.training._output_folder import read_history
from plackett.training.callbacks import checkpoints
from plackett.training.callbacks.checkpoints import positions

LISTS, VALIDATION = made_lists(40, seed=0), made_lists(15, seed=1)
QUICK = {"batch_size": 4, "epochs": 10**6, "patience": 10**6, "scorer_options": {"hidden": (4,)}}
# With all that has a state: the noise of a loss, dropout, batch normalisation, moments.
NOISY = QUICK | {"epochs": 4, "loss": "gumbel_approx_ndcg", "scorer_options": {"hidden": (4,), "dropout": 0.3}}


@pytest.fixture(autouse=True)
def default_handler():
    """A shell that starts the tests in the background has told its children to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def train(settings=QUICK, **arguments):
    return plackett.train(LISTS, VALIDATION, **settings | arguments)


def assert_same_run(first, second):
    assert first.history == second.history
    for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def press(*_):
    os.kill(os.getpid(), signal.SIGINT)


def press_later(seconds):
    timer = threading.Timer(seconds, press)
    timer.start()
    return timer


def test_one_within_an_import_comes_when_that_is_over(tmp_path, monkeypatch):
    (tmp_path / "pressed_while_imported.py").write_text("import signal\nsignal.raise_signal(2)\nis_whole = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def imports():
        with remember_interrupts():
            import pressed_while_imported

            assert pressed_while_imported.is_whole
            for _ in range(200):
                time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        imports()


@pytest.mark.parametrize("times", [1, 3])
def test_those_within_an_import_are_forgotten_with_the_handler(tmp_path, monkeypatch, times):
    (tmp_path / f"pressed_{times}.py").write_text("import signal\n" + "signal.raise_signal(2)\n" * times)
    monkeypatch.syspath_prepend(tmp_path)
    with remember_interrupts() as interrupt:
        importlib.import_module(f"pressed_{times}")
    assert interrupt.came
    time.sleep(0.2)


def test_each_of_8_stops_the_training_and_what_is_kept_goes_on(tmp_path):
    train(epochs=1)  # so that nothing is imported any more
    random.seed(0)
    stopped = 0
    for _ in range(8):
        timer = press_later(random.uniform(0.02, 0.5))
        try:
            train(output=tmp_path, resume=True, checkpoint_steps=3)
        except KeyboardInterrupt:
            stopped += 1
        timer.join()
    assert stopped == 8
    epochs = len(read_history(tmp_path)) + 1
    assert_same_run(train(output=tmp_path, resume=True, epochs=epochs), train(epochs=epochs))


class Presses(keras.callbacks.Callback):
    """Presses Ctrl-C at one step, or at the end of an epoch where `step` is None."""

    def __init__(self, epoch, step):
        super().__init__()
        self.moment, self.epoch = (epoch, step), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.moment:
            press()

    def on_epoch_end(self, epoch, logs=None):
        if (epoch, None) == self.moment:
            press()


@pytest.fixture(scope="module")
def undisturbed():
    return train(NOISY)


@pytest.mark.parametrize(
    ("moment", "position"), [((0, 0), (0, 1)), ((1, 3), (1, 4)), ((1, 9), (2, 0)), ((2, None), (3, 0))]
)
def test_a_checkpoint_is_written_of_the_step_that_it_stops_at(tmp_path, undisturbed, moment, position):
    """Of the last step of an epoch once it is measured; from each the run ends as if nothing had been."""
    with pytest.raises(KeyboardInterrupt):
        train(NOISY, output=tmp_path, callbacks=[Presses(*moment)])
    assert positions(tmp_path / "checkpoints") == [position]
    assert len(read_history(tmp_path)) == position[0]
    assert_same_run(train(NOISY, output=tmp_path, resume=True), undisturbed)


def test_a_second_one_while_the_checkpoint_is_written_leaves_what_is_whole(tmp_path, undisturbed, monkeypatch):
    write, written = np.savez, []

    def interrupted(file, **arrays):
        written.append(file)
        if len(written) == 2:
            file.write(b"PK half")
            press()
        write(file, **arrays)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.np, "savez", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(NOISY, output=tmp_path, checkpoint_steps=5, callbacks=[Presses(0, 6)])
    assert positions(tmp_path / "checkpoints") == [(0, 5)]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["0000-000005"]
    assert_same_run(train(NOISY, output=tmp_path, resume=True), undisturbed)


def test_one_that_was_swallowed_before_the_training_stops_it_at_its_beginning(tmp_path):
    with remember_interrupts():
        with pytest.raises(KeyboardInterrupt):
            press()
        with pytest.raises(KeyboardInterrupt):
            train(output=tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_that_comes_in_a_callback_which_swallows_it_stops_too():
    """As callbacks of XLA and of the garbage collector do."""

    class Swallows(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            try:
                press()
                time.sleep(0.01)
            except KeyboardInterrupt:
                pass

    steps = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    with pytest.raises(KeyboardInterrupt):
        train(epochs=1, callbacks=[count, Swallows()])
    assert steps == [0]


def test_one_that_comes_after_the_last_step_is_not_lost():
    with pytest.raises(KeyboardInterrupt):
        train(epochs=1, callbacks=[keras.callbacks.LambdaCallback(on_train_end=press)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_does_not_wait_for_the_step():
    reached = []

    def twice(batch, logs):
        press()
        press()
        reached.append(batch)

    with pytest.raises(KeyboardInterrupt):
        train(epochs=1, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_begin=twice)])
    assert not reached


def test_a_handler_of_the_program_decides():
    heard = []

    def handler(number, frame):
        heard.append(number)

    signal.signal(signal.SIGINT, handler)
    trained = train(epochs=1, callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=press)])
    assert len(trained.history) == 1
    assert heard == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler


def test_another_thread_trains_as_ever():
    trained = []
    thread = threading.Thread(target=lambda: trained.append(train(epochs=1)))
    thread.start()
    thread.join()
    assert len(trained[0].history) == 1


def test_it_stops_a_search_at_the_trial(tmp_path):
    def callbacks(number):
        return [keras.callbacks.LambdaCallback(on_train_end=press)]

    arguments = QUICK | {"epochs": 1, "space": {"batch_size": [4]}, "output": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        plackett.tune(LISTS, VALIDATION, trials=3, callbacks=callbacks, **arguments)
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["0000"]
    assert len(plackett.tune(LISTS, VALIDATION, trials=1, **arguments)) == 1
