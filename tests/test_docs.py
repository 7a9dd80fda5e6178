"""What docs/ shows is run."""

import doctest
import pathlib
import re

import keras
import pytest
from conftest import made_lists

import plackett

PYTHON = r"```python\n(.*?)```"
ROOT = pathlib.Path(__file__).parents[1]
PAGES = {str(page.relative_to(ROOT / "docs")): page for page in sorted((ROOT / "docs").rglob("*.md"))}
PAGES = {name: page for name, page in PAGES.items() if not name.startswith("_build/")}


def run_blocks(page, monkeypatch):
    """The Python of a page, one block after the other. MovieLens is stood in for, so that no network is needed."""
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    known = keras.saving.get_custom_objects()
    before = dict(known)
    try:
        exec(compile("\n".join(re.findall(PYTHON, page.read_text(), re.DOTALL)), page.name, "exec"), {})
    finally:
        for name in known.keys() - before.keys():  # classes of the page, which other tests define too
            del known[name]


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if "```python\n" in page.read_text()])
def test_scripts(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_blocks(PAGES[name], monkeypatch)


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if ">>> " in page.read_text()])
def test_examples(name):
    text = re.sub(PYTHON, "", PAGES[name].read_text(), flags=re.DOTALL)  # in it, docstrings may have examples
    test = doctest.DocTestParser().get_doctest(text, {}, name, str(PAGES[name]), 0)
    assert doctest.DocTestRunner().run(test).failed == 0
