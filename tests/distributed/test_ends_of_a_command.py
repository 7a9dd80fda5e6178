"""How `plackett train --workers` may end early, and that nothing of it goes on, or stays, then."""

import contextlib
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from gates import LIMIT, processes_with, wait_until

from plackett.training._output_folder import read_history

LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
# A shell that starts the tests in the background has told its children to ignore Ctrl-C.
CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import plackett.cli
plackett.cli.main()
"""


@pytest.fixture
def temporary():
    """A folder for temporary files whose name is short enough for sockets."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pr", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def is_of_ray(process):
    """Whether a process is none of the workers, of whom the first listens to all by the store of PyTorch."""
    with contextlib.suppress(OSError):
        return b"RayTrainWorker" not in pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def addresses_of(processes):
    """Where these listen, as Linux writes the addresses."""
    sockets = set()
    for process in processes:
        for path in pathlib.Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(path))
    rows = [
        row.split() for kind in ("tcp", "tcp6") for row in pathlib.Path(f"/proc/net/{kind}").read_text().splitlines()
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def start(files, temporary, mark):
    """A training of two workers that has told of an epoch, and would go on for long."""
    command = [sys.executable, "-c", CODE, "train", "train.txt", "--output", "run", "--workers", "2"]
    command += ["--epochs", "1000000", "--patience", "1000000", "--batch-size", "16", "--checkpoint-steps", "1"]
    environment = os.environ | {"TMPDIR": str(temporary), "MARK_OF_TEST": mark, "RAY_AUTH_MODE": "disabled"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=files, env=environment, **pipes)
    try:
        wait_until(lambda: process.poll() is not None or read_history(files / "run"))
        assert process.poll() is None, process.communicate()[0]
    except BaseException:
        process.kill()
        raise
    return process


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT] * 2])
def test_nothing_goes_on_after_it_and_the_run_does(files, temporary, signals):
    mark = secrets.token_hex(16)
    process = start(files, temporary, mark)
    try:
        assert len(processes := processes_with(mark)) > 3
        assert addresses_of(filter(is_of_ray, processes)) <= LOOPBACK
        for number in signals:
            process.send_signal(number)
            time.sleep(0.1)
        output, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    wait_until(lambda: not processes_with(mark))
    assert process.returncode == 130, output
    assert "--resume continues from the last checkpoint" in " ".join(output.split()), output
    left = [path.name for path in temporary.iterdir()]
    # Workers that are ended as they are leave what libraries of theirs had open.
    assert not (left if len(signals) == 1 else [name for name in left if name.startswith("plackett")])
    done = len(read_history(files / "run"))
    command = [sys.executable, "-m", "plackett", "train", "train.txt", "--output", "run", "--resume"]
    command += ["--epochs", str(done + 1), "--patience", "1000000", "--batch-size", "16"]
    again = subprocess.run(command, cwd=files, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert len(read_history(files / "run")) == done + 1
