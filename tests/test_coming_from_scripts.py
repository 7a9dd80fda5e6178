"""The scripts of docs/from_*.md, after the move to plackett, end where those of the old libraries did."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
KNOWN = json.loads((ROOT / "tests/golden/coming_from.json").read_text())


def printed(side, library):
    """What a script prints, by name."""
    script = ROOT / "benchmarks" / side / f"from_{library}.py"
    settings = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, script], env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: float(number) for name, number in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("library", sorted(KNOWN.keys() - {"lightgbm"}))
def test_the_script_after_the_move_ends_where_the_old_one_does(library):
    before = KNOWN[library]["before"]
    found = printed("after", library)
    assert found
    for name, value in found.items():
        assert value == pytest.approx(before[name], rel=1e-4), name


def test_lightgbm():
    """Other models: each ranks far better than chance, and the trees before as they were recorded."""
    before = printed("before", "lightgbm")["ndcg@10"]
    assert before == pytest.approx(KNOWN["lightgbm"]["before"]["ndcg@10"], abs=0.01)
    found = printed("after", "lightgbm")
    assert len(found) == 2
    for name, value in found.items():
        assert value > before - 0.05, name
