"""Training by workers on JAX: a test of PyTorch, in a process of its own."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it is this test that runs it")
def test_workers_on_jax_that_are_killed_change_nothing():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "test_lost_workers.py"]
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
