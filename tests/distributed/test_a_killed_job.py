"""A job that is killed leaves no folder that looks whole, and no process."""

import os
import secrets
import signal
import subprocess
import sys

from gates import processes_with, wait_until
from parquet_folders import write_folder

CODE = """
import pathlib
import sys
import time
import plackett
from plackett.data.formats import _parquet_pieces

_parquet_pieces.ROW_GROUP, FIRST = 0, sys.argv[1]


def slow(lists):  # but for the first piece, whichever it is
    try:
        pathlib.Path(FIRST).touch(exist_ok=False)
    except FileExistsError:
        time.sleep(1000)
    return lists.features[:, 0]


plackett.distributed.score(slow, "data", "scores", workers=2)
"""


def files_of(folder):
    return [path for part in folder.glob("plackett-partial-scores-*") for path in part.glob("part-*.parquet")]


def test_a_killed_job_leaves_no_folder_that_looks_whole_and_no_process(tmp_path):
    write_folder(tmp_path / "data", queries=16)
    mark = secrets.token_hex(16)
    environment = os.environ | {"RAY_AUTH_MODE": "disabled", "MARK_OF_TEST": mark}
    job = subprocess.Popen(
        [sys.executable, "-c", CODE, tmp_path / "first"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: job.poll() is not None or files_of(tmp_path))
        assert job.poll() is None
    finally:
        os.kill(job.pid, signal.SIGKILL)
        job.wait()
    assert not (tmp_path / "scores").exists()
    wait_until(lambda: not processes_with(mark))
    assert len(files_of(tmp_path)) < 4
