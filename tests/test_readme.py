"""What README.md shows is run, on each backend; its links lead somewhere, and it fits on a screen."""

import doctest
import re

from test_docs import ROOT, run_blocks

README = ROOT / "README.md"


def test_scripts(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_blocks(README, monkeypatch)


def test_examples():
    assert doctest.testfile(str(README), module_relative=False).failed == 0


def test_it_is_short():
    assert README.read_text().count("\n") <= 65


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text())
    assert len(links) > 20
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_its_commands_are_in_the_makefile():
    targets = re.findall(r"^    make ([\w-]+)", README.read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
