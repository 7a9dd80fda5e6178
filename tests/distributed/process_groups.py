"""Groups of processes on this machine that train together."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys

import plackett

HERE = pathlib.Path(__file__).parent
PATHS = [str(pathlib.Path(plackett.__file__).parents[1]), str(HERE), os.environ["PYTHONPATH"]]


def run_group(script, backend, size, folder, *arguments):
    """Runs `python script NUMBER SIZE PORT FOLDER *arguments` so many times at once, in a new folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    folder.mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS), "KERAS_BACKEND": backend}
    with contextlib.ExitStack() as stack:
        group = []
        for number in range(size):
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            command = [sys.executable, HERE / script, str(number), str(size), port, folder, *arguments]
            group.append(stack.enter_context(subprocess.Popen(command, env=environment, stdout=log, stderr=log)))
            stack.callback(group[-1].kill)
        codes = [process.wait(timeout=300) for process in group]
    assert not any(codes), "\n".join((folder / f"{number}.log").read_text()[-3000:] for number in range(size))
