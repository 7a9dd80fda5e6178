"""A job that is killed leaves no folder that looks whole, and no process."""

import os
import secrets
import signal
import subprocess
import sys
import time

from gates import processes_with, wait_until
from parquet_folders import write_folder

CODE = """
import time
import plackett
from plackett.data.formats import _parquet_pieces

_parquet_pieces.ROW_GROUP = 0


def slow(lists):
    time.sleep(0 if lists.queries[0] == "f0q0" else 1000)
    return lists.features[:, 0]


plackett.distributed.score(slow, "data", "scores", workers=2)
"""


def files_of(folder):
    return [path for part in folder.glob("plackett-partial-scores-*") for path in part.glob("part-*.parquet")]


def test_a_killed_job_leaves_no_folder_that_looks_whole_and_no_process(tmp_path):
    write_folder(tmp_path / "data", queries=16)
    mark = secrets.token_hex(16)
    environment = os.environ | {"RAY_AUTH_MODE": "disabled", "MARK_OF_TEST": mark}
    job = subprocess.Popen([sys.executable, "-c", CODE], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    try:
        while not files_of(tmp_path):
            assert job.poll() is None
            time.sleep(0.1)
    finally:
        os.kill(job.pid, signal.SIGKILL)
        job.wait()
    assert not (tmp_path / "scores").exists()
    wait_until(lambda: not processes_with(mark))
    assert len(files_of(tmp_path)) < 4
