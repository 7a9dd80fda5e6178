"""The command line, as a user types it."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import typer.testing
import yaml
from backends import BACKEND
from conftest import letor_text, made_lists

import plackett_command
from plackett import cli, data

pytestmark = pytest.mark.usefixtures("quick_compile")

QUICK = ["--epochs", "2", "--batch-size", "16", "--learning-rate", "0.03"]
QUICK += ["--scorer-option", "hidden=[8]", "--scorer-option", "dropout=0"]


@pytest.fixture
def files(tmp_path):
    """A training, a validation and a test file."""
    for i, (name, queries) in enumerate({"train": 60, "vali": 20, "test": 20}.items()):
        (tmp_path / f"{name}.txt").write_text(letor_text(made_lists(queries, seed=i)))
    return tmp_path


def run(*arguments):
    return typer.testing.CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_train_and_evaluate(files):
    options = ["--loss", "gumbel_approx_ndcg", "--loss-option", "sample_size=3"]
    options += ["--loss-option", "lambda_weight={NDCGLambdaWeight: {topn: 5}}"]
    output = ["--output", files / "run", "--validation", files / "vali.txt"]
    done = run("train", files / "train.txt", *output, *options, *QUICK)
    assert done.exit_code == 0, done.output
    assert "best epoch" in done.output
    config = yaml.safe_load((files / "run/config.yaml").read_text())
    assert config["data"] == [str(files / "train.txt")]
    assert config["scorer_options"] == {"hidden": [8], "dropout": 0}
    assert config["loss_options"] == {"sample_size": 3, "lambda_weight": {"NDCGLambdaWeight": {"topn": 5}}}
    best = json.loads((files / "run/metrics.json").read_text())
    done = run("evaluate", files / "run", files / "vali.txt", "--metric", "ndcg@10")
    assert done.exit_code == 0, done.output
    assert f"{best['ndcg@10']:.4f}"[:5] in done.output
    assert run("evaluate", files / "run" / "model.keras", files / "test.txt").exit_code == 0


def test_train_holds_out_queries_of_its_own(files):
    done = run("train", files / "train.txt", "--output", files / "run", *QUICK, "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert "20 % of the queries, drawn with seed 0, are held out" in " ".join(done.output.split())


@pytest.mark.parametrize(
    "options, wrong",
    [
        (["none.txt"], "No such file"),
        (["train.txt", "--loss", "hinge"], "unknown loss 'hinge'; known are"),
        (["train.txt", "--loss-option", "temperature"], "--loss-option must be NAME=VALUE, but got 'temperature'"),
        (["train.txt", "--loss-option", "temperature=-1"], "temperature must be a number greater than 0"),
        (["train.txt", "--loss-option", "temperature=[1"], "'[1' is not a YAML value"),
        (["train.txt", "--scorer-option", "width=3"], "scorer mlp: mlp() got an unexpected keyword argument 'width'"),
        (["train.txt", "--metric", "auc"], "unknown metric 'auc'; known are alpha_dcg, arp,"),
        (["train.txt", "movielens-100k"], "movielens-100k stands alone"),
    ],
)
def test_errors_are_one_line(files, monkeypatch, options, wrong):
    monkeypatch.chdir(files)
    done = run("train", *options, "--output", "run", *QUICK)
    assert done.exit_code == 2
    assert wrong in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (files / "run").exists()


def test_evaluate_states_its_conventions(files):
    assert run("train", files / "train.txt", "--output", files / "run", *QUICK, "--epochs", "1").exit_code == 0
    arguments = ["evaluate", files / "run", files / "test.txt", "--metric", "ndcg@10", "--metric", "arp"]
    done = run(*arguments)
    assert "ndcg@10: empty=0, ties=position" in done.output
    assert "arp: empty=skip, ties=position" in done.output
    done = run(*arguments, "--empty", "1", "--ties", "trec")
    assert "ndcg@10, arp: empty=1, ties=trec" in done.output
    done = run(*arguments, "--empty", "2")
    assert done.exit_code == 2
    assert "empty must be one of ('skip', 0, 1), but got empty='2'" in " ".join(done.output.split())


def test_the_bar_shows_the_best_of_a_metric_of_which_less_is_better(files):
    arguments = ["train", files / "train.txt", "--output", files / "run", *QUICK, "--metric", "arp"]
    done = run(*arguments)
    with open(files / "run/history.csv") as file:
        values = [float(row["arp"]) for row in csv.DictReader(file)]
    assert values[0] != values[1]
    assert f"best {min(values):.4f}" in done.output


def test_evaluate_refuses(files):
    assert "there is no model at" in run("evaluate", files / "none", files / "test.txt").output
    other = "--backend", "torch" if BACKEND == "jax" else "jax"
    done = run("evaluate", files, files / "test.txt", *other)
    assert done.exit_code == 2
    assert f"already runs on {BACKEND}" in " ".join(done.output.split())


def test_evaluate_refuses_a_model_of_another_kind(files):
    x = keras.Input((3,))
    keras.Model(x, keras.layers.Dense(1)(x)).save(files / "other.keras")
    done = run("evaluate", files / "other.keras", files / "test.txt")
    assert done.exit_code == 2
    assert "is not a scorer of plackett: its inputs must be a dict with a mask" in " ".join(done.output.split())


def test_an_earlier_run_is_not_overwritten(files):
    arguments = ["train", files / "train.txt", "--output", files / "run", *QUICK, "--epochs", "1"]
    assert run(*arguments).exit_code == 0
    before = (files / "run/model.keras").read_bytes()
    done = run(*arguments)
    assert done.exit_code == 2
    assert "exists and is not empty" in " ".join(done.output.split())
    assert (files / "run/model.keras").read_bytes() == before
    assert run(*arguments, "--overwrite").exit_code == 0


def test_demo(tmp_path, monkeypatch):
    """The demo's path on a small stand-in for MovieLens."""
    parts = []
    for seed in range(3):
        lists = made_lists(30, seed)
        ids = {"film": (np.arange(len(lists.labels)) % 9).astype("int32")}
        parts.append(data.RankingLists(**{**vars(lists), "ids": ids, "vocabularies": {"film": 9}}))
    monkeypatch.setattr(data, "movielens_100k", lambda: tuple(parts))
    done = run("demo", "--output", tmp_path / "demo", "--epochs", "1")
    assert done.exit_code == 0, done.output
    for row in ("random order", "popularity order", "unique_softmax", "gumbel_approx_ndcg", "softmax"):
        assert row in done.output
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"unique_softmax", "gumbel_approx_ndcg", "softmax"}
    done = run("evaluate", tmp_path / "demo/softmax", cli.MOVIELENS)
    assert done.exit_code == 0, done.output
    run("demo", "--output", tmp_path / "demo", "--epochs", "1")
    assert (tmp_path / "demo-2/softmax/model.keras").is_file()


def test_a_model_of_ids_needs_ids(files, tmp_path, monkeypatch):
    lists = made_lists(20, 0)
    ids = {"film": np.zeros(len(lists.labels), "int32")}
    with_ids = data.RankingLists(**{**vars(lists), "ids": ids, "vocabularies": {"film": 1}})
    monkeypatch.setattr(data, "movielens_100k", lambda: (with_ids, with_ids, with_ids))
    assert run("train", cli.MOVIELENS, "--output", tmp_path / "ids", "--epochs", "1").exit_code == 0
    done = run("evaluate", tmp_path / "ids", files / "test.txt")
    assert done.exit_code == 2
    assert "was trained on the id features film" in " ".join(done.output.split())


def test_ctrl_c_leaves_what_is_finished(files):
    # A shell that starts the tests in the background has told its children to ignore Ctrl-C.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{code}; import plackett_command; plackett_command.main()", "train", "train.txt"]
    command += ["--output", "run", "--epochs", "100000", "--patience", "100000"]
    process = subprocess.Popen(command, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (files / "run/history.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, output
    assert "stopped: the best of the finished epochs is in run" in " ".join(output.split())
    assert {path.name for path in (files / "run").iterdir()} == {
        "config.yaml",
        "model.keras",
        "metrics.json",
        "history.csv",
    }


def test_the_backend_is_chosen_before_keras():
    installed = next(name for name in plackett_command.BACKENDS if importlib.util.find_spec(name))
    assert plackett_command.chosen_backend(["train"], None) == installed
    assert plackett_command.chosen_backend(["train"], "torch") == "torch"
    assert plackett_command.chosen_backend(["train", "--backend", "tensorflow"], "torch") == "tensorflow"
    assert plackett_command.chosen_backend(["train", "--backend=jax"], None) == "jax"
    with pytest.raises(ValueError, match="the backend must be one of jax, tensorflow, torch, but got 'mxnet'"):
        plackett_command.chosen_backend(["--backend", "mxnet"], None)


def test_a_backend_that_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"no backend is installed: pip install 'plackett\[jax\|tensorflow\|torch\]'"):
        plackett_command.chosen_backend([], None)
    with pytest.raises(ValueError, match=r"the backend jax is not installed: pip install 'plackett\[jax\]'"):
        plackett_command.chosen_backend(["--backend", "jax"], None)


def test_the_command_says_what_is_wrong():
    code = "import plackett_command; plackett_command.main()"
    command = [sys.executable, "-c", code, "demo", "--backend", "mxnet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 1
    assert done.stderr.strip() == "error: the backend must be one of jax, tensorflow, torch, but got 'mxnet'"
