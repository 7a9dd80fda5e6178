"""A run draws from its own seed, and the global generators do not hear of it."""

import contextlib
import random

import keras
import numpy as np
import pytest
from backends import BACKEND
from own_models import LISTS, VALIDATION

import plackett

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
