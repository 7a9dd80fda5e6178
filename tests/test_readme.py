"""What README.md and docs/ show is run."""

import doctest
import pathlib
import re

import pytest
from conftest import made_lists

import plackett

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = [
    pytest.param(block, id=f"{page.name}-{i}")
    for page in PAGES
    for i, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script, monkeypatch):
    """MovieLens is stood in for, so that no network is needed."""
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    exec(compile(script, "README", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0
