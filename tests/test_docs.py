"""What docs/ shows is run."""

import doctest
import pathlib
import re
import runpy

import pytest
from conftest import made_lists

import plackett

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {page.name: page for page in sorted((ROOT / "docs").glob("*.md"))}


def run_blocks(page, monkeypatch):
    """The Python of a page, one block after the other. MovieLens is stood in for, so that no network is needed."""
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    exec(compile("\n".join(blocks), page.name, "exec"), {})


@pytest.mark.parametrize("name", PAGES)
def test_scripts(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run_blocks(PAGES[name], monkeypatch)


@pytest.mark.parametrize("name", PAGES)
def test_examples(name):
    assert doctest.testfile(str(PAGES[name]), module_relative=False).failed == 0


def test_the_catalogue_is_that_of_the_docstrings():
    """`make docs` writes it."""
    page = runpy.run_path(str(ROOT / "docs/make_catalogue.py"))["page"]()
    assert (ROOT / "docs/catalogue.md").read_text() == page


def test_the_catalogue_holds_all_and_says_when_to_use_it():
    page = (ROOT / "docs/catalogue.md").read_text()
    losses = [name for name in plackett.losses.__all__ if name.endswith("Loss") and name != "RankingLoss"]
    metrics = [name for name in plackett.metrics.__all__ if not name[0].islower() and not name.startswith("Rank")]
    for name in losses + metrics:
        _, found, rest = page.partition(f"### `{name}`, `")
        assert found
        entry = rest.partition("\n### ")[0]
        assert "*When*: " in entry
        assert "*Reference*: " in entry
        assert "\n    " in entry
    assert page.count("LambdaWeight`\n") + page.count("LambdaWeightV2`\n") == 8
