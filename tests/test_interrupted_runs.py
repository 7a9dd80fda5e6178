"""What is kept of a run that Ctrl-C ends, and who hears of it."""

import importlib
import signal
import threading
import time

import keras
import numpy as np
import pytest
from interrupts import LISTS, QUICK, VALIDATION, assert_same_run, default_handler, press, train  # noqa: F401

import plackett
from plackett.training._interrupt import remember_interrupts
from plackett.training._output_folder import read_history
from plackett.training.callbacks import checkpoints
from plackett.training.callbacks.checkpoints import positions

# With all that has a state: the noise of a loss, dropout, batch normalisation, moments.
NOISY = QUICK | {"epochs": 4, "loss": "gumbel_approx_ndcg", "scorer_options": {"hidden": (4,), "dropout": 0.3}}


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
