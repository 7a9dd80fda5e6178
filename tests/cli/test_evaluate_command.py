"""`plackett evaluate`."""

import dataclasses
import json
import re

import keras
import numpy as np
import polars as pl
import pytest
import yaml
from backends import BACKEND
from command_line import OTHER, quick, run, words
from conftest import made_lists

from plackett import data, evaluation, metrics
from plackett.cli import evaluate
from plackett.data._suffixes import MOVIELENS
from plackett.evaluation import _evaluate, _peers


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
    assert f"Keras cannot load a model from {files / 'model.keras'}: " in words(done)
    assert "Traceback" not in done.output


def test_evaluate_refuses_a_model_of_another_kind(files):
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(1)(x)).save(files / "other.keras")
    done = run("evaluate", files / "other.keras", files / "test.txt")
    assert done.exit_code == 2
    assert "the model takes lists of exactly 3 documents as features: make that axis None" in words(done)


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


def test_several_systems_are_compared(files):
    systems = ["feature:1", "lowest=feature:-1", "random:3"]
    done = run(
        "evaluate",
        *systems,
        "--data",
        files / "test.txt",
        "--metric",
        "ndcg@5",
        "--fuse",
        "both=rrf:feature:1,random:3",
    )
    assert done.exit_code == 0, done.output
    assert done.output.count("│ ndcg@5[exp2, empty=0, ties=position]") == 4
    assert "Differences in ndcg@5[exp2, empty=0, ties=position] from feature:1" in done.output
    fusions = ["--fuse", "both=rrf:feature:1,random:3", "--fuse", "three=borda:both,lowest"]
    assert "│ three" in run("evaluate", *systems, "--data", files / "test.txt", *fusions).output
    assert "95% intervals by the percentile bootstrap over queries, 2,000 resamples, seed 0" in words(done)
    done = run("evaluate", *systems, "--data", files / "test.txt", "--metric", "ndcg@5", "--baseline", "all")
    assert re.search(r"Differences in ndcg@5\[exp2, empty=0, ties=position\] *\n", done.output)
    assert re.search(r"│ random:3 │ lowest +│", done.output)


def test_evaluate_writes_a_row_a_query_and_system(files):
    arguments = ["evaluate", "feature:1", "random:3", "--data", files / "test.txt", "--data", files / "vali.txt"]
    done = run(*arguments, "--metric", "mrr", "-o", files / "results.parquet")
    assert done.exit_code == 0, done.output
    frame = pl.read_parquet(files / "results.parquet")
    assert frame.columns == ["query", "system", "list_size", "relevant", "mrr[empty=0, ties=position]"]
    assert f"{frame['mrr[empty=0, ties=position]'][: len(frame) // 2].mean():.4f}" in done.output
    before = (files / "results.parquet").read_bytes()
    assert "results.parquet exists" in words(run(*arguments, "-o", files / "results.parquet"))
    assert (files / "results.parquet").read_bytes() == before
    assert "--output must be NAME.parquet, but got" in words(run(*arguments, "-o", files / "results.csv"))


def test_evaluate_by_slices_and_the_worst_queries(files):
    arguments = ["evaluate", "feature:1", "--data", files / "test.txt", "--metric", "mrr"]
    done = run(*arguments, "--slice", "list_size", "--slice", "relevant", "--worst", "2")
    assert done.exit_code == 0, done.output
    assert "By list_size" in done.output
    assert "By relevant" in done.output
    assert len(re.findall(r"feature:1: query test\d+, mrr 0\.\d{4}", done.output)) == 2
    assert "unknown column of queries 'topic'" in words(run(*arguments, "--slice", "topic"))


def test_runs_on_judgements(files):
    (files / "a.run").write_text("1 Q0 a 1 .9 t\n1 Q0 u 2 .8 t\n9 Q0 x 1 .5 t\n")
    (files / "b.run").write_text("1 Q0 b 1 .9 t\n2 Q0 c 2 .8 t\n")
    (files / "judged.qrels").write_text("1 0 a 1\n1 0 b 0\n2 0 c 1\n")
    runs = [files / "a.run", files / "b.run", "--qrels", files / "judged.qrels", "--metric", "mrr"]
    done = run("evaluate", *runs)
    assert re.search(r"│ a +│ 0\.5000 │", done.output), done.output
    assert "a.run lacks 1 of 2 queries, such as '2': it retrieved nothing for them" in words(done)
    assert "a.run has 1 document in 1 query that the data lacks" in words(done)
    assert "a.run has 1 query that the data lacks, such as '9', left out" in words(done)
    done = run("evaluate", *runs, "--like", "trec_eval")
    assert re.search(r"│ a +│ 1\.0000 │", done.output), done.output
    assert "mrr[empty=0, ties=trec]" in done.output
    done = run("evaluate", "a=column:run_score", "--data", files / "a.run", *runs[2:], "--queries", "judged")
    assert re.search(r"│ a +│ 0\.5000 │", done.output), done.output


def test_a_column_of_a_table_keeps_its_precision(files):
    lines = [f"q,{i == 99:d},{1700000000 + i}" for i in range(100)]
    (files / "news.csv").write_text("\n".join(["query,label,time", *lines]))
    done = run("evaluate", "newest=column:time", "oldest=column:-time", "--data", files / "news.csv", "--metric", "mrr")
    assert re.search(r"│ newest │ 1\.0000 │", done.output), done.output
    assert re.search(r"│ oldest │ 0\.0100 │", done.output), done.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["feature:1"], "there is no data: name it by --data, or the judgements of runs by --qrels"),
        (["none.txt", "--data", "test.txt"], "there is no file none.txt"),
        (["test.txt", "--data", "test.txt"], "the first bytes of test.txt are not those of a known kind of system"),
        (["a=feature:1", "a=feature:2", "--data", "test.txt"], "two systems have the name 'a'"),
        (["feature:1", "--data", "test.txt", "--baseline", "featur:1"], "unknown baseline 'featur:1'; did you mean"),
        (["feature:9", "--data", "test.txt"], "these lists have no feature '9'"),
        (["feature:1", "--data", "test.txt", "--like", "trec"], "unknown --like 'trec'; known are letor, lightgbm"),
        (
            ["feature:1", "--data", "test.txt", "--like", "letor", "--ties", "trec"],
            "--like letor sets --ties too",
        ),
        (
            ["feature:1", "--data", "test.txt", "--fuse", "a=rrf:feature:1"],
            "a fusion must be NAME=METHOD:SYSTEM,SYSTEM",
        ),
        (["feature:1", "--data", "test.txt", "--fuse", "a=rrf:feature:1,b"], "unknown system 'b'"),
    ],
)
def test_evaluate_refuses_systems(arguments, expected, files, monkeypatch):
    monkeypatch.chdir(files)
    done = run("evaluate", *arguments)
    assert done.exit_code == 2, done.output
    assert expected in words(done)
    assert "Traceback" not in done.output


def test_the_peers_are_those_of_evaluation():
    assert tuple(_peers.PEERS) == evaluate.PEERS
    assert evaluate.QUERIES == _evaluate.QUERIES


def test_the_worst_lists_stand_as_they_were_measured(files):
    """trec_eval puts the higher id first where scores are equal."""
    (files / "a.run").write_text("1 Q0 a 1 1 t\n1 Q0 b 2 1 t\n")
    (files / "judged.qrels").write_text("1 0 a 1\n1 0 b 0\n1 0 c 1\n")
    arguments = [files / "a.run", "--qrels", files / "judged.qrels", "--metric", "mrr", "--worst", "1"]
    done = run("evaluate", *arguments, "--like", "trec_eval")
    assert "a: query 1, mrr 0.5000" in done.output
    assert re.findall(r"│ (\d?) +│ ([abc]) +│", done.output) == [("1", "b"), ("2", "a"), ("", "c")]
    done = run("evaluate", *arguments)
    assert "a: query 1, mrr 1.0000" in done.output
    assert re.findall(r"│ (\d?) +│ ([abc]) +│", done.output) == [("1", "a"), ("2", "b"), ("", "c")]


def test_names_that_look_like_markup(files):
    rows = [f"q{i // 4},{i % 4 == 0:d},{i},{'ab'[i // 4 % 2]}" for i in range(24)]
    (files / "a.csv").write_text("\n".join(["query,label,x,[red]seg[/x]", *rows]))
    done = run(
        "evaluate",
        "[b]=feature:x",
        "--data",
        files / "a.csv",
        "--query-columns",
        "[red]seg[/x]",
        "--slice",
        "[red]seg[/x]",
    )
    assert done.exit_code == 0, done.output
    assert "By [red]seg[/x]" in done.output
    assert "[b]" in done.output
