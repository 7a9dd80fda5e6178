"""`plackett evaluate`."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import yaml
from backends import BACKEND
from command_line import OTHER, quick, run, words
from conftest import made_lists

from plackett import data, evaluation, metrics
from plackett.cli import evaluate
from plackett.data._suffixes import MOVIELENS


def test_evaluate_states_its_conventions(files):
    assert run("train", files / "train.txt", "--output", files / "run", *quick(1)).exit_code == 0
    arguments = ["evaluate", files / "run", files / "test.txt", "--metric", "ndcg@10", "--metric", "arp"]
    done = run(*arguments)
    assert "ndcg@10[exp2, empty=0, ties=position]" in done.output
    assert "arp[empty=skip, ties=position]" in done.output
    done = run(*arguments, "--empty", "1", "--ties", "trec")
    assert "ndcg@10[exp2, empty=1, ties=trec]" in done.output
    assert "arp[empty=1, ties=trec]" in done.output
    done = run(*arguments, "--empty", "2")
    assert done.exit_code == 2
    assert "--empty must be one of 0, 1, skip, but got '2'" in words(done)


def test_evaluate_over_all_judged_queries(files):
    """Of two alike halves of the queries, one has no documents: what was found is halved."""
    assert run("train", files / "train.txt", "--output", files / "run", *quick(1)).exit_code == 0
    lists = data.read_letor(files / "test.txt")
    none = lists.take(np.zeros(0, "int64"), np.zeros(len(lists), "int64"), np.arange(len(lists)))
    parts = [lists, dataclasses.replace(none, queries=np.char.add("other ", lists.queries.tolist()))]
    grades = (np.zeros(0, "float32"), np.ones(len(lists), "float32"))
    parts = [
        dataclasses.replace(part, missed=data.Missed(x, np.linspace(0, len(x), len(lists) + 1).astype("int64")))
        for part, x in zip(parts, grades, strict=True)
    ]
    data.write_parquet(data.concatenate(parts), files / "both.parquet")
    found = []
    for options in ([files / "test.txt"], [files / "both.parquet"], [files / "both.parquet", "--queries", "judged"]):
        done = run("evaluate", files / "run", *options, "--metric", "mrr")
        found.append(float(re.search(r"\b[01]\.\d+", done.output)[0]))
    assert found == pytest.approx([found[0], found[0], found[0] / 2], abs=1e-4)
    done = run("evaluate", files / "run", files / "test.txt", "--queries", "all")
    assert "--queries must be one of run, judged, answered, but got 'all'" in words(done)


def test_evaluate_refuses(files, monkeypatch):
    assert f"there is no file {files / 'none'}" in words(run("evaluate", files / "none", files / "test.txt"))
    done = run("evaluate", files, files / "test.txt")
    assert f"there is no run of plackett train in {files}: it has no file model.keras" in words(done)
    monkeypatch.chdir(files)
    assert f"there is no run of plackett train in {files}: it has" in words(run("evaluate", ".", "test.txt"))
    (files / "model.keras").write_text("not a model")
    done = run("evaluate", files, files / "test.txt", "--backend", OTHER)
    assert done.exit_code == 2
    assert f"already runs on {BACKEND}" in words(done)


def test_evaluate_refuses_what_is_no_model(files):
    (files / "model.keras").write_text("not a model")
    done = run("evaluate", files, files / "test.txt")
    assert done.exit_code == 2
    assert "model.keras is no model that Keras can load: " in words(done)
    assert "Traceback" not in done.output


def test_evaluate_refuses_a_model_of_another_kind(files):
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(1)(x)).save(files / "other.keras")
    done = run("evaluate", files / "other.keras", files / "test.txt")
    assert done.exit_code == 2
    assert "the model takes lists of exactly 3 documents as features: let that axis be None" in words(done)


def test_a_model_needs_the_features_it_was_trained_on(files):
    assert run("train", files / "train.txt", "--output", files / "run", *quick(1)).exit_code == 0
    data.write_parquet(made_lists(9, seed=0, features=7), files / "wide.parquet")
    done = run("evaluate", files / "run", files / "wide.parquet")
    assert done.exit_code == 2
    assert "the model has 5 features, but these lists have 7" in words(done)


def test_a_model_of_ids_needs_ids(files, tmp_path, monkeypatch):
    lists = made_lists(20, 0)
    ids = {"film": np.zeros(len(lists.labels), "int32")}
    with_ids = data.RankingLists(**{**vars(lists), "ids": ids})
    monkeypatch.setattr(data, "movielens_100k", lambda: (with_ids, with_ids, with_ids))
    assert run("train", MOVIELENS, "--output", tmp_path / "ids", "--epochs", 1).exit_code == 0
    done = run("evaluate", tmp_path / "ids", files / "test.txt")
    assert done.exit_code == 2
    assert "the model takes film, but these lists have mask, features" in words(done)


def test_a_ranker_of_several_tasks_is_measured_by_the_first(files):
    tasks = {"seen": {"loss": "softmax"}, "grade": {"loss": "mean_squared"}}
    (files / "config.yaml").write_text(yaml.safe_dump({"tasks": tasks, "epochs": 1}, sort_keys=False))
    validation = ["--validation", files / "vali.txt"]
    done = run("train", files / "train.txt", "--config", files / "config.yaml", "--output", files / "run", *validation)
    assert done.exit_code == 0, done.output
    best = json.loads((files / "run/metrics.json").read_text())
    done = run("evaluate", files / "run", files / "vali.txt", "--metric", "ndcg@10")
    assert f"{best['ndcg@10']:.4f}"[:5] in done.output
    model = keras.models.load_model(files / "run/model.keras")
    assert list(model.output) == ["seen", "grade"]


def test_the_conventions_are_those_of_the_metrics():
    assert tuple(evaluate.METRICS) == evaluation.METRICS
    for ties in evaluate.TIES:
        metrics.get("ndcg", ties=ties)
    for empty in evaluate.EMPTY.values():
        metrics.get("ndcg", empty=empty)
    with pytest.raises(ValueError, match=", ".join(map(repr, evaluate.TIES))):
        metrics.get("ndcg", ties="?")
