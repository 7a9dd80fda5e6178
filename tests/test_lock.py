"""One process at a time in an output folder."""

import os
import pathlib
import signal
import socket
import subprocess
import sys

import keras
import pytest
from conftest import made_lists

import plackett

LISTS, VALIDATION = made_lists(12, seed=0), made_lists(6, seed=1)
QUICK = {"epochs": 1, "scorer_options": {"hidden": []}}
HOLD = """
import pathlib, sys
from plackett.training._lock import hold

with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def train(output, **arguments):
    return plackett.train(LISTS, VALIDATION, output=output, **QUICK | arguments)


def tune(output, **arguments):
    return plackett.tune(LISTS, VALIDATION, output=output, trials=1, space={"batch_size": [4]}, **QUICK | arguments)


@pytest.fixture
def holder(tmp_path):
    """A process of its own that holds the folder run."""
    command = [sys.executable, "-c", HOLD, tmp_path / "run"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("write", [train, tune])
def test_a_folder_that_another_process_holds_is_refused_until_it_is_dead(tmp_path, holder, write):
    folder = tmp_path / "run"
    with pytest.raises(BlockingIOError) as caught:
        write(folder)
    who = f"process {holder.pid} on {socket.gethostname()}, since 20"
    assert f"{folder} is in use by {who}" in str(caught.value)
    assert "wait until it ends, stop it, or choose another output folder" in str(caught.value)
    assert {path.name for path in folder.iterdir()} == {".lock", ".lock.json"}
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    write(folder)
    assert not (folder / ".lock.json").exists()


def test_a_run_holds_its_folder_to_its_end(tmp_path):
    refused = []

    def again(*_):
        with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()} on "):
            train(tmp_path, overwrite=True)
        refused.append(True)

    train(tmp_path, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=again, on_train_end=again)])
    assert len(refused) == 2
    train(tmp_path, overwrite=True)


def test_a_search_holds_its_folder_to_its_end_and_trains_in_folders_below(tmp_path):
    refused = []

    def again(trial):
        with pytest.raises(BlockingIOError, match=f"in use by process {os.getpid()} on "):
            tune(tmp_path)
        refused.append(trial.number)

    tune(tmp_path, after=again)
    assert refused == [0]
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["0000"]


def test_a_process_that_has_not_said_who_it_is_holds_the_folder_too(tmp_path, holder):
    pathlib.Path(tmp_path / "run/.lock.json").unlink()
    with pytest.raises(BlockingIOError, match="run is in use by another process"):
        train(tmp_path / "run")


@pytest.mark.parametrize("write", [train, tune])
def test_what_a_killed_process_left_beside_the_lock_is_taken_away(tmp_path, write):
    names = [".lock-0123456789abcdef.json", *(["search-0123456789abcdef.yaml"] if write is tune else [])]
    for name in names:
        (tmp_path / f"plackett-partial-{name}").write_text("{")
    write(tmp_path)
    assert not list(tmp_path.glob("plackett-partial-*"))
