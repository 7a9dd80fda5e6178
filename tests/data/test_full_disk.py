"""What a full disk does to files of scores."""

import subprocess
import sys

import pytest

SCRIPT = """
import pathlib, resource, signal, sys
import numpy as np
from plackett.data import RankingLists, write_scores
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
documents = [f"d{row}" for row in range(2000)]
lists = RankingLists.from_arrays(np.zeros((2000, 1)), query=np.zeros(2000, int), documents=documents)
write_scores(lists, np.random.default_rng(0).random(2000), sys.argv[1])
"""


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv", "scores.run"])
def test_scores_for_which_there_is_no_room_are_an_error_of_writing(tmp_path, name):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / name)], capture_output=True, text=True)
    assert f"OSError: {tmp_path / name} could not be written: " in done.stderr
    assert not list(tmp_path.iterdir())
