"""What README.md shows is run, on each backend."""

import doctest

from test_docs import ROOT, run_blocks

README = ROOT / "README.md"


def test_scripts(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_blocks(README, monkeypatch)


def test_examples():
    assert doctest.testfile(str(README), module_relative=False).failed == 0
