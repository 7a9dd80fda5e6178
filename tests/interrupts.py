"""Ctrl-C in tests: pressed by the process itself, in trainings that are short but for it."""

import os
import signal

import numpy as np
import pytest
from conftest import made_lists

import plackett

LISTS, VALIDATION = made_lists(40, seed=0), made_lists(15, seed=1)
QUICK = {"batch_size": 4, "epochs": 10**6, "patience": 10**6, "scorer_options": {"hidden": (4,)}}


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
