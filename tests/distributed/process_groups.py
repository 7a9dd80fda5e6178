"""Groups of processes on this machine that run `processes_steps`."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np

import plackett

SCRIPT = pathlib.Path(__file__).with_name("processes_steps.py")
PATHS = [str(pathlib.Path(plackett.__file__).parents[1]), str(SCRIPT.parent)]


def run_group(backend, processes, cases, folder):
    """What each process found of these cases, a dict of arrays each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    with contextlib.ExitStack() as stack:
        group = []
        for number in range(processes):
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            command = [sys.executable, SCRIPT, backend, str(number), str(processes), str(port), folder, *cases]
            group.append(stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log)))
            stack.callback(group[-1].kill)
        codes = [process.wait(timeout=300) for process in group]
    logs = [(folder / f"{number}.log").read_text()[-2000:] for number in range(processes)]
    assert not any(codes), "\n".join(logs)
    return [dict(np.load(folder / f"{number}.npz")) for number in range(processes)]
