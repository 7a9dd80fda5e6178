"""The command line, as a user types it."""

import contextlib
import csv
import dataclasses
import errno
import importlib.util
import io
import json
import os
import re
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
from rich.console import Console

from plackett import cli as command
from plackett import data
from plackett.cli import app as cli
from plackett.cli.progress import ProgressBar
from plackett.training.callbacks import checkpoints

pytestmark = pytest.mark.usefixtures("quick_compile")

OTHER = "torch" if BACKEND == "jax" else "jax"
QUICK = ["--epochs", "2", "--batch-size", "16", "--learning-rate", "0.03"]
QUICK += ["--scorer-option", "hidden=[8]", "--scorer-option", "dropout=0"]


@pytest.fixture
def files(tmp_path):
    """A training, a validation and a test file."""
    for i, (name, queries) in enumerate({"train": 60, "vali": 20, "test": 20}.items()):
        lists = made_lists(queries, seed=i)
        lists = dataclasses.replace(lists, queries=np.array([f"{name}{q}" for q in range(queries)]))
        (tmp_path / f"{name}.txt").write_text(letor_text(lists))
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
    assert "60 queries of labels 0 to 2 to train on, 20 queries of labels 0 to 2 to validate on" in " ".join(
        done.output.split()
    )
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


def history(folder):
    return (folder / "history.csv").read_text()


def test_a_config_repeats_a_run(files):
    options = ["--loss", "approx_ndcg", "--loss-option", "temperature=0.2", "--seed", "3", "--max-list-size", "9"]
    options += ["--optimizer", "nadam", "--learning-rate-schedule", "{cosine: {alpha: 0.1}}", "--mixed-precision"]
    options += ["--weight-decay", "0.01", "--global-clipnorm", "1", "--target", "label"]
    done = run("train", files / "train.txt", "--output", files / "first", *QUICK, *options)
    assert done.exit_code == 0, done.output
    config = yaml.safe_load((files / "first/config.yaml").read_text())
    chosen = {"optimizer": "nadam", "learning_rate_schedule": {"cosine": {"alpha": 0.1}}, "mixed_precision": True}
    chosen |= {"weight_decay": 0.01, "global_clipnorm": 1.0, "seed": 3, "max_list_size": 9, "epochs": 2}
    assert chosen.items() <= config.items()
    given = ["train", "--config", files / "first/config.yaml", "--output"]
    done = run(*given, files / "second")
    assert done.exit_code == 0, done.output
    assert history(files / "second") == history(files / "first")
    assert yaml.safe_load((files / "second/config.yaml").read_text()) == config

    # What the command line gives stands; another loss, without the options of the file's.
    given += [
        files / "third",
        files / "vali.txt",
        "--epochs",
        "1",
        "--loss",
        "softmax",
        "--scorer-option",
        "dropout=0.1",
    ]
    done = run(*given)
    assert done.exit_code == 0, done.output
    changed = yaml.safe_load((files / "third/config.yaml").read_text())
    assert changed["data"] == [str(files / "vali.txt")]
    assert (changed["epochs"], changed["loss"], changed["loss_options"]) == (1, "softmax", {})
    assert (changed["optimizer"], changed["scorer_options"]) == ("nadam", {"hidden": [8], "dropout": 0.1})


def test_resume(files):
    """Killed after its first checkpoint, by an error of the disk, and gone on with."""
    arguments = ["train", files / "train.txt", *QUICK, "--checkpoint-steps", "1", "--output"]
    whole = run(*arguments, files / "whole")
    assert whole.exit_code == 0, whole.output
    write, written = checkpoints.write, []

    def full(*given):
        written.append(given)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "write", full)
        stopped = run(*arguments, files / "run", "--keep-checkpoints", "1")
    assert stopped.exit_code == 2
    assert "No space left on device" in stopped.output
    assert [path.name for path in (files / "run/checkpoints").iterdir()] == ["0000-000002"]
    assert "exists and is not empty" in " ".join(run(*arguments, files / "run").output.split())
    changed = run(*arguments, files / "run", "--resume", "--seed", "1")
    assert changed.exit_code == 2
    assert "seed was 0 and is 1" in " ".join(changed.output.split())
    resumed = run(*arguments, files / "run", "--resume", "--checkpoint-minutes", "3")
    assert resumed.exit_code == 0, resumed.output
    assert history(files / "run") == history(files / "whole")
    again = run(*arguments, files / "run", "--resume")
    assert again.exit_code == 0, again.output
    assert "best epoch" in again.output


def test_the_bar_of_a_resumed_run_knows_the_best_epoch(files):
    bar = ProgressBar(Console(file=io.StringIO(), width=120), "run", "ndcg@10")
    history = [{"epoch": 1, "loss": 1.0, "ndcg@10": 0.75}, {"epoch": 2, "loss": 0.5, "ndcg@10": 0.5}]
    bar.set_params({"epochs": 3, "steps": 1, "history": history})
    bar.on_train_begin()
    bar.close()
    assert bar.best == (1, 0.75)
    assert "2/3 loss 0.5 ndcg@10 0.5000 best 0.7500" in " ".join(bar.bar.console.file.getvalue().split())


def test_tensorboard(files, monkeypatch):
    arguments = ["train", files / "train.txt", "--output", files / "run", *QUICK, "--tensorboard"]
    if BACKEND == "tensorflow":
        done = run(*arguments)
        assert done.exit_code == 0, done.output
        assert list((files / "run/tensorboard/train").glob("events*"))
    else:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        done = run(*arguments)
        assert done.exit_code == 2
        assert "--tensorboard writes with TensorFlow, which is not installed" in " ".join(done.output.split())


def test_tune(files):
    (files / "space.yaml").write_text("learning_rate: {low: 1e-3, high: 1e-1, log: true}\nbatch_size: [16, 32]\n")
    arguments = ["tune", files / "train.txt", "--output", files / "search", "--space", files / "space.yaml"]
    arguments += ["--epochs", "1", "--scorer-option", "hidden=[4]"]
    done = run(*arguments, "--trials", "1")
    assert done.exit_code == 0, done.output
    assert "trial 0: ndcg@10 0." in done.output
    done = run(*arguments, "--trials", "2")
    assert done.exit_code == 0, done.output
    assert "trial 0:" not in done.output
    assert "trial 1: ndcg@10 0." in done.output
    assert "The best of 2 trials" in done.output
    best = ["train", "--config", files / "search/config.yaml", "--output", files / "best"]
    assert run(*best).exit_code == 0
    assert yaml.safe_load((files / "best/config.yaml").read_text())["scorer_options"] == {"hidden": [4]}
    done = run(*arguments, "--trials", "2", "--epochs", "3")
    assert done.exit_code == 2
    assert "epochs was 1 and is 3" in " ".join(done.output.split())


@pytest.mark.parametrize(
    "options, wrong",
    [
        (["none.txt"], "there is no file none.txt"),
        (["train.txt", "--loss", "hinge"], "unknown loss 'hinge'; known are"),
        (["train.txt", "--loss-option", "temperature"], "--loss-option must be NAME=VALUE, but got 'temperature'"),
        (["train.txt", "--loss-option", "temperature=-1"], "temperature must be a number greater than 0"),
        (["train.txt", "--loss-option", "temperature=[1"], "'[1' is not a YAML value"),
        (["train.txt", "--scorer-option", "width=3"], "unknown option of the scorer mlp: 'width'; known are dropout"),
        (["train.txt", "--optimizer", "adem"], "unknown optimizer 'adem'; did you mean 'adam'?"),
        (["train.txt", "--learning-rate-schedule", "{"], "--learning-rate-schedule learning_rate_schedule: '{' is not"),
        ([], "there is no data: name it, or a --config that does"),
        (["train.txt", "--config", "none.yaml"], "there is no file none.yaml"),
        (["train.txt", "--config", "broken.yaml"], "broken.yaml is not a YAML file: while parsing"),
        (["train.txt", "--config", "list.yaml"], "list.yaml must hold names and values, but holds list"),
        (
            ["train.txt", "--config", "typo.yaml"],
            "typo.yaml: unknown setting 'learning_rat'; did you mean 'learning_rate'?",
        ),
        (["train.txt", "--config", "other.yaml"], f"other.yaml is of a run on {OTHER}, and this is {BACKEND}: give"),
        (["train.txt", "--optimizer", "sgd", "--learning-rate", "1e38"], "training stopped in epoch 1, step "),
        (["train.txt", "--metric", "auc"], "unknown metric 'auc'; known are alpha_dcg, arp,"),
        (["train.txt", "movielens-100k"], "movielens-100k stands alone"),
    ],
)
def test_errors_are_one_line(files, monkeypatch, options, wrong):
    monkeypatch.chdir(files)
    for name, text in {
        "broken": "a: [",
        "list": "- 1",
        "typo": "learning_rat: 1",
        "other": f"backend: {OTHER}",
    }.items():
        (files / f"{name}.yaml").write_text(text)
    done = run("train", *QUICK, *options, "--output", "run")
    assert done.exit_code == 2
    assert wrong in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (files / "run/model.keras").exists()


def test_a_search_all_of_whose_trials_diverge(files):
    (files / "space.yaml").write_text("learning_rate: [1e38]\noptimizer: [sgd]\n")
    arguments = ["tune", files / "train.txt", "--output", files / "search", "--space", files / "space.yaml"]
    done = run(*arguments, "--trials", "2", "--loss", "softmax", "--epochs", "2", "--scorer-option", "hidden=[4]")
    assert done.exit_code == 2
    assert "error: all 2 trials diverged, so there are no best settings" in " ".join(done.output.split())
    assert not (files / "search/config.yaml").exists()


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
    assert "empty must be one of (0, 1, 'skip'), but got empty='2'" in " ".join(done.output.split())


def test_evaluate_over_all_judged_queries(files):
    """Of two alike halves of the queries, one has no documents: what was found is halved."""
    assert run("train", files / "train.txt", "--output", files / "run", *QUICK, "--epochs", "1").exit_code == 0
    lists = data.read_letor(files / "test.txt")
    none = lists.take(np.zeros(0, "int64"), np.zeros(len(lists), "int64"), np.arange(len(lists)))
    parts = [lists, dataclasses.replace(none, queries=np.char.add("other ", lists.queries))]
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
    assert "queries must be one of run, judged, but got 'all'" in " ".join(done.output.split())


def test_the_bar_shows_the_best_of_a_metric_of_which_less_is_better(files):
    arguments = ["train", files / "train.txt", "--output", files / "run", *QUICK, "--metric", "arp"]
    done = run(*arguments)
    with open(files / "run/history.csv") as file:
        values = [float(row["arp"]) for row in csv.DictReader(file)]
    assert values[0] != values[1]
    assert f"best {min(values):.4f}" in done.output


def test_evaluate_refuses(files):
    assert "there is no model at" in run("evaluate", files / "none", files / "test.txt").output
    done = run("evaluate", files, files / "test.txt", "--backend", OTHER)
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
        parts.append(data.RankingLists(**{**vars(lists), "ids": ids}))
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
    with_ids = data.RankingLists(**{**vars(lists), "ids": ids})
    monkeypatch.setattr(data, "movielens_100k", lambda: (with_ids, with_ids, with_ids))
    assert run("train", cli.MOVIELENS, "--output", tmp_path / "ids", "--epochs", "1").exit_code == 0
    done = run("evaluate", tmp_path / "ids", files / "test.txt")
    assert done.exit_code == 2
    assert "was trained on the id features film" in " ".join(done.output.split())


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


def interrupted(process):
    """What it says after Ctrl-C; one that comes in a callback of the garbage collector is lost, so there are more."""
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=30)[0]
    raise AssertionError("it went on in spite of Ctrl-C")


def test_ctrl_c_leaves_what_is_finished(files):
    # A shell that starts the tests in the background has told its children to ignore Ctrl-C.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{code}; import plackett.cli; plackett.cli.main()", "train", "train.txt"]
    command += ["--output", "run", "--epochs", "100000", "--patience", "100000"]
    process = subprocess.Popen(command, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (files / "run/history.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        output = interrupted(process)
    finally:
        process.kill()
    assert process.returncode == 130, output
    said = "stopped: the best of the finished epochs is in run; --resume goes on from the last checkpoint"
    assert said in " ".join(output.split())
    assert {path.name for path in (files / "run").iterdir()} == {
        "config.yaml",
        "environment.yaml",
        "model.keras",
        "metrics.json",
        "history.csv",
    }


def test_the_backend_is_chosen_before_keras():
    installed = next(name for name in command.BACKENDS if importlib.util.find_spec(name))
    assert command.chosen_backend(["train"], None) == installed
    assert command.chosen_backend(["train"], "torch") == "torch"
    assert command.chosen_backend(["train", "--backend", "tensorflow"], "torch") == "tensorflow"
    assert command.chosen_backend(["train", "--backend=jax"], None) == "jax"
    with pytest.raises(ValueError, match="the backend must be one of jax, tensorflow, torch, but got 'mxnet'"):
        command.chosen_backend(["--backend", "mxnet"], None)


def test_a_backend_that_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"no backend is installed: pip install 'plackett\[jax\|tensorflow\|torch\]'"):
        command.chosen_backend([], None)
    with pytest.raises(ValueError, match=r"the backend jax is not installed: pip install 'plackett\[jax\]'"):
        command.chosen_backend(["--backend", "jax"], None)


def test_the_command_says_what_is_wrong():
    code = "import plackett.cli; plackett.cli.main()"
    command = [sys.executable, "-c", code, "demo", "--backend", "mxnet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 1
    assert done.stderr.strip() == "error: the backend must be one of jax, tensorflow, torch, but got 'mxnet'"
