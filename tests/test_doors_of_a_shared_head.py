"""Every way into training takes tasks that share a head: scorers, searches, cross-validation, the command line."""

import keras
import numpy as np
import yaml
from cli.command_line import run
from conftest import made_lists
from test_shared_head import LISTS, QUICK, TASKS, VALIDATION, train

import plackett
from plackett.data import RankingLists


def own_model(lists):
    x = keras.Input((None, lists.features.shape[1]))
    return keras.Model(x, keras.layers.Dense(1, name="teacher")(x))


def test_any_scorer_shares_its_head():
    ids = {"item": np.arange(len(LISTS.labels), dtype="int32") % 7}
    of_ids = RankingLists(**{**vars(LISTS), "ids": ids})
    for lists, scorer in ((LISTS, own_model), (LISTS, own_model(LISTS)), (of_ids, "embeddings"), (LISTS, "additive")):
        validation = lists if scorer == "embeddings" else VALIDATION
        trained = train(lists, validation, scorer=scorer, scorer_options={}, epochs=1)
        assert trained.ranker.output.shape == (None, None)


def test_a_search_and_a_cross_validation_train_such_rankers(tmp_path):
    settings = {"tasks": TASKS, "shared_head": True} | QUICK | {"epochs": 1}
    search = {"output": tmp_path / "search", "trials": 1, "space": {"batch_size": [4]}}
    (trial,) = plackett.tune(LISTS, VALIDATION, **search, **settings)
    assert 0 < trial.value <= 1
    assert len(plackett.crossval(LISTS, {"shared": settings}, folds=3, seeds=[0]).runs) == 3


def test_the_command_line_trains_and_measures_such_a_ranker(tmp_path):
    tasks = {"grade": {"loss": "softmax"}, "square": {"loss": "mean_squared", "weight": 0.1}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"tasks": tasks, "epochs": 1}, sort_keys=False))
    plackett.data.write_parquet(made_lists(20, seed=0), tmp_path / "lists.parquet")
    given = ["train", tmp_path / "lists.parquet", "--config", tmp_path / "config.yaml", "--shared-head"]
    done = run(*given, "--output", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["shared_head"] is True
    for command in (["evaluate"], ["score", "--output", tmp_path / "scores.csv"]):
        done = run(command[0], tmp_path / "run", tmp_path / "lists.parquet", *command[1:])
        assert done.exit_code == 0, done.output
    assert keras.models.load_model(tmp_path / "run/model.keras").output.shape == (None, None)
