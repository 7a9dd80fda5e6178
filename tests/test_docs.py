"""What docs/ shows is run."""

import doctest
import pathlib
import re

import pytest
from conftest import made_lists

import plackett

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {str(page.relative_to(ROOT / "docs")): page for page in sorted((ROOT / "docs").rglob("*.md"))}
PAGES = {name: page for name, page in PAGES.items() if not name.startswith("_build/")}


def run_blocks(page, monkeypatch):
    """The Python of a page, one block after the other. MovieLens is stood in for, so that no network is needed."""
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    exec(compile("\n".join(blocks), page.name, "exec"), {})


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if "```python\n" in page.read_text()])
def test_scripts(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_blocks(PAGES[name], monkeypatch)


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if ">>> " in page.read_text()])
def test_examples(name):
    assert doctest.testfile(str(PAGES[name]), module_relative=False).failed == 0
