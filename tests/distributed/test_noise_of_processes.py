"""On JAX the noise of processes that train together is that of one process."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest
from clusters import NOISY

import plackett

SCRIPT = pathlib.Path(__file__).with_name("noisy_process.py")
PATHS = [str(pathlib.Path(plackett.__file__).parents[1]), str(SCRIPT.parent)]


def train_together(size, folder):
    """The history of each run by so many processes."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    with contextlib.ExitStack() as stack:
        group = []
        for number in range(size):
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            command = [sys.executable, SCRIPT, str(number), str(size), port, folder]
            group.append(stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log)))
            stack.callback(group[-1].kill)
        codes = [process.wait(timeout=300) for process in group]
    assert not any(codes), "\n".join((folder / f"{number}.log").read_text()[-3000:] for number in range(size))
    return json.loads((folder / "histories.json").read_text())


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    """Those of one process, and of two."""
    folder = tmp_path_factory.mktemp("noise")
    return [train_together(size, folder / str(size)) for size in (1, 2)]


@pytest.mark.parametrize("name", NOISY)
def test_two_processes_draw_the_noise_of_one(histories, name):
    alone, together = (one[name] for one in histories)
    assert len(together) == len(alone)
    for ours, expected in zip(together, alone, strict=True):
        assert ours == pytest.approx(expected, rel=1e-5)
