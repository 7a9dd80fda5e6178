"""The notebook of the start page is the one that docs/make_notebook.py makes, and its cells run."""

import json
import runpy

from conftest import made_lists
from test_docs import ROOT

import plackett

NOTEBOOK = ROOT / "examples/start.ipynb"


def test_it_is_the_start_page():
    assert NOTEBOOK.read_text() == runpy.run_path(str(ROOT / "docs/make_notebook.py"))["notebook"]()


def test_its_cells_run(monkeypatch, tmp_path):
    """One after the other, in one namespace. MovieLens is stood in for, so that no network is needed."""
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: tuple(made_lists(70, seed) for seed in range(3)))
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 4
    names: dict = {}
    for number, cell in enumerate(cells):
        assert cell["outputs"] == []
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert names["shop"].feature_names == ("price", "stars")
    assert names["scores"].ndim == 1
    assert names["ranker"].best
