"""Training by workers on JAX: what tests of PyTorch say of it, in a process of its own."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent


def check(tests, *names):
    """Runs tests of this folder on JAX."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / tests, "-k", " or ".join(names)]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it is this test that runs them")
@pytest.mark.parametrize(
    "tests, name",
    [
        ("test_train.py", "test_four_workers_train_as_one_process_does"),
        ("test_lost_workers.py", "test_the_first_worker_is_killed"),
    ],
)
def test_workers_on_jax_do_as_those_on_pytorch(tests, name):
    check(tests, name)
