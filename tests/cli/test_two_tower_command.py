"""Two towers on the command line: an epoch chosen by clicks, and rankings of files without positions."""

import csv
import dataclasses

import numpy as np
import pytest
import yaml
from command_line import run, words
from conftest import made_lists

import plackett

OPTIONS = ["--target", "click", "--loss", "click_em", "--scorer", "two_tower", "--metric", "validation_loss"]
OPTIONS += ["--scorer-option", "relevance_options={hidden: [4]}"]


@pytest.fixture
def folder(tmp_path):
    """Clicks of 30 queries, and the same documents without their positions and clicks."""
    lists = made_lists(30, seed=0)
    random = np.random.default_rng(0)
    position = np.concatenate([1 + random.permutation(n) for n in lists.lengths]).astype("float32")
    click = ((random.random(len(position)) < 1 / position) & (lists.labels > 0)).astype("float32")
    plackett.data.write_parquet(
        dataclasses.replace(lists, columns={"position": position, "click": click}), tmp_path / "clicks.parquet"
    )
    plackett.data.write_parquet(lists, tmp_path / "judged.parquet")
    return tmp_path


def trained(folder, *options):
    return run("train", folder / "clicks.parquet", "--output", folder / "run", *OPTIONS, "--epochs", 2, *options)


def test_a_run_on_clicks_ranks_files_without_positions(folder):
    done = trained(folder)
    assert done.exit_code == 0, done.output
    with (folder / "run/history.csv").open() as file:
        values = [float(row["validation_loss"]) for row in csv.DictReader(file)]
    assert f"validation_loss {values[-1]:.4f} best {min(values):.4f}" in done.output
    done = run("evaluate", folder / "run", folder / "judged.parquet", "--metric", "ndcg@10")
    assert done.exit_code == 0, done.output
    for model in ("run", "run/whole_model.keras"):
        output = folder / f"{model.replace('/', '-')}.csv"
        done = run("score", folder / model, folder / "judged.parquet", "--output", output)
        assert done.exit_code == 0, done.output
    assert (folder / "run.csv").read_text() == (folder / "run-whole_model.keras.csv").read_text()
    done = run("train", "--config", folder / "run/config.yaml", "--output", folder / "run", "--resume", "--epochs", 3)
    assert done.exit_code == 0, done.output


def test_a_loss_that_needs_positions_says_so(folder):
    done = run(
        "train", folder / "clicks.parquet", "--output", folder / "run", "--loss", "click_em", "--target", "click"
    )
    assert done.exit_code == 2
    assert "click_em needs the position at which each document was shown" in words(done)
    assert "--scorer two_tower" in words(done)


def test_a_search_and_a_cross_validation_choose_by_the_loss(folder):
    (folder / "space.yaml").write_text("learning_rate: [0.01, 0.1]\n")
    search = ["--trials", 2, "--space", folder / "space.yaml", "--output", folder / "search", "--epochs", 1]
    done = run("tune", folder / "clicks.parquet", *OPTIONS, *search)
    assert done.exit_code == 0, done.output
    assert "trial 0: validation_loss" in words(done)
    assert not list((folder / "search").glob("trials/*/*.keras"))
    assert yaml.safe_load((folder / "search/config.yaml").read_text())["metric"] == "validation_loss"
    cut = [
        "--scorer-option",
        "positions=12",
        "--folds",
        3,
        "--seeds",
        1,
        "--epochs",
        1,
        "--output",
        folder / "crossval",
    ]
    done = run("crossval", folder / "clicks.parquet", *OPTIONS, *cut)
    assert done.exit_code == 0, done.output
    assert "ndcg@10" in words(done)


def test_the_loss_of_validation_lists_measures_no_ranking(folder):
    done = run("evaluate", folder / "run", folder / "judged.parquet", "--metric", "validation_loss")
    assert done.exit_code == 2
