"""`plackett demo`."""

import numpy as np
from command_line import run
from conftest import made_lists

from plackett import data
from plackett.data._suffixes import MOVIELENS


def test_demo(tmp_path, monkeypatch):
    """The demo's path on a small stand-in for MovieLens."""
    parts = []
    for seed in range(3):
        lists = made_lists(30, seed)
        ids = {"film": (np.arange(len(lists.labels)) % 9).astype("int32")}
        parts.append(data.RankingLists(**{**vars(lists), "ids": ids}))
    monkeypatch.setattr(data, "movielens_100k", lambda: tuple(parts))
    done = run("demo", "--output", tmp_path / "demo", "--epochs", "1")
    assert done.exit_code == 0, done.output
    for row in ("random order", "popularity order", "unique_softmax", "gumbel_approx_ndcg", "softmax"):
        assert row in done.output
    losses = {"unique_softmax", "gumbel_approx_ndcg", "softmax"}
    assert {path.name for path in (tmp_path / "demo").iterdir()} == losses | {"report.html"}
    assert (tmp_path / "demo/report.html").as_uri() in done.output.replace("\n", "")
    done = run("evaluate", tmp_path / "demo/softmax", MOVIELENS)
    assert done.exit_code == 0, done.output
    run("demo", "--output", tmp_path / "demo", "--epochs", "1")
    assert (tmp_path / "demo-2/softmax/model.keras").is_file()
