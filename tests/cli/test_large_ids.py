"""Ids beyond int32 among new data, where training saw small ones alone."""

from pathlib import Path

import numpy as np
import polars as pl
from command_line import quick, run, words

import plackett
from plackett.scorers import unseen_ids

LARGE = 99_999_999_999
ROLES = ["--ids", "shop"]


def table(path, shops, kind="shop"):
    """100 queries of four documents with these shops."""
    place = np.arange(400)
    pl.DataFrame(
        {"query": place // 4, "label": place % 3 % 2, "price": place % 7 * 1.5, kind: np.resize(shops, 400)}
    ).write_csv(path)


def test_one_number_beyond_int32_is_unseen_to_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shops = np.resize(np.arange(1, 10), 400)
    table("train.csv", shops)
    shops[17] = LARGE
    table("new.csv", shops)
    shops[17] = 12
    table("small.csv", shops)
    done = run("train", "train.csv", *ROLES, "--scorer", "embeddings", "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output
    for name in ("new", "small"):
        done = run("score", "run", f"{name}.csv", "-o", f"{name}_scores.csv")
        example = LARGE if name == "new" else 12
        assert f"shop: 1 of 400 documents have one of 1 values that training did not see, such as {example}" in words(
            done
        )
    assert pl.read_csv("new_scores.csv").equals(pl.read_csv("small_scores.csv"))
    tables = [words(run("evaluate", "run", f"{name}.csv")).replace(str(LARGE), "12") for name in ("new", "small")]
    assert tables[0] == tables[1]

    model, lists = plackett.load("run"), plackett.data.read("new.csv", ids=["shop"])
    assert unseen_ids(model, lists) == {"shop": (1, 1, LARGE)}
    np.testing.assert_allclose(plackett.score(model, lists), pl.read_csv("new_scores.csv")["score"], rtol=1e-6)


def test_text_where_numbers_are_known_is_told_with_the_flag(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table("train.csv", np.arange(1, 10))
    for trained, given in (("--ids", "--categorical"), ("--categorical", "--ids")):
        run("train", "train.csv", trained, "shop", "--scorer", "embeddings", "--output", f"run{trained}", *quick(1))
        model = Path(f"run{trained}", "model.keras").rename(f"{trained}.keras")  # which a run reads as it did itself
        done = run("score", model.absolute(), "train.csv", given, "shop", "-o", "scores.csv")
        assert done.exit_code == 2
        assert f"({trained} shop)" in words(done)
        assert "keras.Input" not in done.output
