"""What README.md and docs/ show is run."""

import doctest
import pathlib
import re
import runpy

import pytest
from conftest import made_lists

import plackett

pytestmark = pytest.mark.usefixtures("quick_compile")

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = {page.name: "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)) for page in PAGES}


@pytest.mark.parametrize("page", [name for name, script in SCRIPTS.items() if script])
def test_scripts(page, monkeypatch, tmp_path):
    """The blocks of a page, one after the other. MovieLens is stood in for, so that no network is needed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    exec(compile(SCRIPTS[page], page, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_the_catalogue_is_that_of_the_docstrings():
    """`make docs` writes it."""
    page = runpy.run_path(str(ROOT / "docs/make_catalogue.py"))["page"]()
    assert (ROOT / "docs/catalogue.md").read_text() == page


def test_the_catalogue_holds_all_and_says_when_to_use_it():
    page = (ROOT / "docs/catalogue.md").read_text()
    losses = [name for name in plackett.losses.__all__ if name.endswith("Loss")]
    metrics = [name for name in plackett.metrics.__all__ if not name[0].islower()]
    for name in losses + metrics:
        _, found, rest = page.partition(f"### `{name}`, `")
        assert found
        entry = rest.partition("\n### ")[0]
        assert "*When*: " in entry
        assert "*Reference*: " in entry
        assert "\n    " in entry
    assert page.count("LambdaWeight`\n") + page.count("LambdaWeightV2`\n") == 7
