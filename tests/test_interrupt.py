"""Ctrl-C while a model is trained, on each backend, whose compiled code and callbacks it may come in."""

import random
import signal
import threading
import time

import keras
import pytest
from interrupts import assert_same_run, default_handler, press, train  # noqa: F401

from plackett.training._output_folder import read_history


def press_later(seconds):
    timer = threading.Timer(seconds, press)
    timer.start()
    return timer


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
