"""`plackett train`."""

import csv
import dataclasses
import errno
import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from backends import BACKEND
from command_line import quick, run, words
from conftest import made_lists

import plackett
from plackett.cli._flags import flag_of, kinds_of_settings
from plackett.cli._request import parse_options
from plackett.training._lock import hold
from plackett.training._settings import help_texts
from plackett.training.callbacks import checkpoints


def test_train_and_evaluate(files):
    options = ["--loss", "gumbel_approx_ndcg", "--loss-option", "sample_size=3"]
    options += ["--loss-option", "lambda_weight={NDCGLambdaWeight: {topn: 5}}"]
    output = ["--output", files / "run", "--validation", files / "vali.txt"]
    done = run("train", files / "train.txt", *output, *options, *quick())
    assert done.exit_code == 0, done.output
    assert "best epoch" in done.output
    assert "60 queries of labels 0 to 2 to train on, 20 queries of labels 0 to 2 to validate on" in words(done)
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
    done = run("train", files / "train.txt", "--output", files / "run", *quick(1))
    assert done.exit_code == 0, done.output
    assert "20% of the queries, drawn with seed 0, are held out" in words(done)
    done = run("train", files / "train.txt", "--output", files / "half", *quick(1), "--validation-share", 0.5)
    assert "30 queries of labels 0 to 2 to train on, 30 queries of labels 0 to 2 to validate on" in words(done)
    assert yaml.safe_load((files / "half/config.yaml").read_text())["validation"] == "50% of the queries"


def test_a_batch_of_more_queries_than_there_are_is_told_of(files):
    done = run("train", files / "train.txt", "--output", files / "run", "--epochs", 1, "--batch-size", 10**9)
    assert done.exit_code == 0, done.output
    assert "a batch has all 48 queries, which are fewer than --batch-size 1000000000" in words(done)


def history(folder):
    return (folder / "history.csv").read_text()


def test_a_config_repeats_a_run(files):
    options = ["--loss", "approx_ndcg", "--loss-option", "temperature=0.2", "--seed", "3", "--max-list-size", "9"]
    options += ["--optimizer", "nadam", "--learning-rate-schedule", "{cosine: {alpha: 0.1}}", "--mixed-precision"]
    options += ["--weight-decay", "0.01", "--global-clipnorm", "1", "--target", "label"]
    done = run("train", files / "train.txt", "--output", files / "first", *quick(), *options)
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

    other = ["--loss", "softmax", "--scorer-option", "dropout=0.1"]
    # What the command line gives stands; another loss, without the options of the file's.
    done = run(*given, files / "third", files / "vali.txt", "--epochs", 1, *other)
    assert done.exit_code == 0, done.output
    changed = yaml.safe_load((files / "third/config.yaml").read_text())
    assert changed["data"] == [str(files / "vali.txt")]
    assert (changed["epochs"], changed["loss"], changed["loss_options"]) == (1, "softmax", {})
    assert (changed["optimizer"], changed["scorer_options"]) == ("nadam", {"hidden": [8], "dropout": 0.1})


def test_none_takes_back_what_a_config_gives(files):
    given = {"max_list_size": 9, "weight_decay": 0.1, "global_clipnorm": 1.0, "checkpoint_steps": 5}
    given |= {"learning_rate_schedule": "cosine", "scorer": "mlp"}
    by_data = {"patience": 1}
    (files / "config.yaml").write_text(yaml.safe_dump(given | by_data | {"check_weights": 7}))
    flags = [x for name in (*given, *by_data) for x in (flag_of(name), "none")]
    arguments = ["train", files / "train.txt", "--config", files / "config.yaml", "--check-weights", 0, *quick(1)]
    done = run(*arguments, *flags, "--output", files / "run")
    assert done.exit_code == 0, done.output
    config = yaml.safe_load((files / "run/config.yaml").read_text())
    assert {name: config[name] for name in (*given, "check_weights")} == dict.fromkeys(given) | {"check_weights": 0}
    optional = [name for name, kinds in kinds_of_settings().items() if type(None) in kinds and name != "tasks"]
    assert sorted((*given, *by_data, "epochs", "batch_size")) == sorted(optional)
    assert config["patience"] == 15  # by the number of queries
    assert "at most 1 epochs, patience 15" in " ".join(done.output.split())


def test_a_run_that_is_not_there_is_told_of_and_begun(files):
    arguments = ["train", files / "train.txt", *quick(1), "--output", files / "run", "--resume"]
    begun, ended = f"there is no run in {files / 'run'} yet: a new one begins", "nothing was left to train"
    for there in (False, True):
        done = run(*arguments)
        assert done.exit_code == 0, done.output
        assert (begun in words(done)) != there
        assert (ended in words(done)) == there


def test_resume(files):
    """Killed after its first checkpoint, by an error of the disk, and gone on with."""
    arguments = ["train", files / "train.txt", *quick(), "--checkpoint-steps", "1", "--output"]
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
    assert "exists and is not empty" in words(run(*arguments, files / "run"))
    changed = run(*arguments, files / "run", "--resume", "--seed", "1")
    assert changed.exit_code == 2
    assert "seed was 0 and is 1" in words(changed)
    resumed = run(*arguments, files / "run", "--resume", "--checkpoint-minutes", "3")
    assert resumed.exit_code == 0, resumed.output
    assert history(files / "run") == history(files / "whole")
    again = run(*arguments, files / "run", "--resume")
    assert again.exit_code == 0, again.output
    assert "best epoch" in again.output


def test_tensorboard(files, monkeypatch):
    arguments = ["train", files / "train.txt", "--output", files / "run", *quick(), "--tensorboard"]
    if BACKEND == "tensorflow":
        done = run(*arguments)
        assert done.exit_code == 0, done.output
        assert list((files / "run/tensorboard/train").glob("events*"))
    else:
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name))
        done = run(*arguments)
        assert done.exit_code == 2
        assert "--tensorboard writes with TensorFlow, which is not installed" in words(done)


def test_the_bar_shows_the_best_of_a_metric_of_which_less_is_better(files):
    arguments = ["train", files / "train.txt", "--output", files / "run", *quick(), "--metric", "arp"]
    done = run(*arguments)
    with open(files / "run/history.csv") as file:
        values = [float(row["arp"]) for row in csv.DictReader(file)]
    assert values[0] != values[1]
    assert f"best {min(values):.4f}" in done.output


def test_an_earlier_run_is_not_overwritten(files):
    arguments = ["train", files / "train.txt", "--output", files / "run", *quick(1)]
    assert run(*arguments).exit_code == 0
    before = (files / "run/model.keras").read_bytes()
    done = run(*arguments)
    assert done.exit_code == 2
    assert "exists and is not empty" in words(done)
    assert (files / "run/model.keras").read_bytes() == before
    assert run(*arguments, "--overwrite").exit_code == 0


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
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, output
    said = "stopped: the best of the finished epochs is in run; --resume continues from the last checkpoint"
    assert said in " ".join(output.split())
    assert {path.name for path in (files / "run").iterdir()} == {
        "config.yaml",
        "environment.yaml",
        "model.keras",
        "metrics.json",
        "history.csv",
        "checkpoints",
        ".lock",
    }
    epochs = len(history(files / "run").splitlines())
    arguments = ["train", files / "train.txt", "--epochs", epochs, "--patience", 100000]
    assert "warning" not in words(run(*arguments, "--output", files / "run", "--resume"))
    assert run(*arguments, "--output", files / "whole").exit_code == 0
    assert history(files / "run") == history(files / "whole")


def test_a_run_without_a_checkpoint_begins_again_and_says_so(files, monkeypatch):
    """As one does that was killed before its first."""

    def full(*given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    arguments = ["train", files / "train.txt", *quick(), "--output", files / "run"]
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write", full)
        assert run(*arguments).exit_code == 2
    (files / "run/history.csv").write_text("\n".join(history(files / "run").splitlines()[:2]))
    done = run(*arguments, "--resume")
    assert done.exit_code == 0, done.output
    assert f"warning: there is no checkpoint in {files / 'run/checkpoints'}, so the run begins again" in words(done)


def test_a_run_in_the_folder_of_a_trial_is_refused_while_its_search_goes_on(files):
    (files / "search/trials").mkdir(parents=True)
    (files / "search/search.yaml").write_text("space: {}")
    arguments = ["train", files / "train.txt", *quick(1), "--output", files / "search/trials/0003"]
    with hold(files / "search"):
        done = run(*arguments)
    assert done.exit_code == 2
    assert f"{files / 'search'} is in use by process {os.getpid()} on " in words(done)
    assert not (files / "search/trials/0003").exists()
    assert run(*arguments).exit_code == 0


def test_a_run_that_was_still_improving_says_so(files):
    arguments = ["train", files / "train.txt", "--output", files / "run"]
    said = "the best epoch was the last one: more --epochs may find a better one"
    done = run(*arguments, *quick(1), "--learning-rate-schedule", "cosine")
    assert f"{said} (with --overwrite, or another --output)" in words(done)
    done = run(*arguments, *quick(1), "--overwrite")
    assert f"{said} (with --resume, which continues from here)" in words(done)
    done = run(*arguments, *quick(9), "--overwrite", "--patience", 1)
    assert done.exit_code == 0, done.output
    best, epochs = map(int, re.search(r"best epoch (\d+) of (\d+)", words(done)).groups())
    assert best < epochs
    assert said not in words(done)


def test_missing_features_are_told_of_once(files):
    """By the scorer, which has the option, and not by the reader of files first."""
    for name in ("train", "vali"):
        text = (files / f"{name}.txt").read_text()
        (files / f"{name}_missing.txt").write_text(re.sub(r" 2:\S+", " 2:nan", text, count=3))
    arguments = ["--output", files / "run", *quick(1)]
    done = run("train", files / "train_missing.txt", *arguments)
    assert done.exit_code == 2
    assert "features are missing (NaN)" in words(done)
    assert "--scorer-option missing=true" in words(done)
    arguments += ["--validation", files / "vali_missing.txt"]
    done = run("train", files / "train.txt", *arguments)
    assert done.exit_code == 2
    assert re.search(r"features are missing \(NaN\), in this many of \d+ documents: 2 \(3\);", words(done))
    assert "--scorer-option missing=true" in words(done)
    for name in ("train", "train_missing"):
        done = run("train", files / f"{name}.txt", *arguments, "--scorer-option", "missing=true", "--overwrite")
        assert done.exit_code == 0, done.output


def test_lambdarank_as_the_help_has_it(files):
    """The line of the help is copied as it is."""
    line = re.search(r"--loss pairwise_logistic --loss-option '[^']*'", words(run("train", "--help")))[0]
    done = run("train", files / "train.txt", "--output", files / "run", *quick(1), *shlex.split(line))
    assert done.exit_code == 0, done.output
    config = yaml.safe_load((files / "run/config.yaml").read_text())
    assert config["loss_options"] == {"lambda_weight": {"NDCGLambdaWeight": {"topn": 10}}}


def test_options_are_yaml():
    assert parse_options("--loss-option", ["a=", "b=[1, x]", "c=d=e"]) == {"a": None, "b": [1, "x"], "c": "d=e"}


def test_ctrl_c_names_a_way_on_where_there_is_one(files, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(plackett, "train", stop)
    done = run("train", files / "train.txt", "--output", files / "run")
    assert done.exit_code == 130
    assert "stopped: no epoch was finished; there is no checkpoint yet, so --resume begins again" in words(done)
    lists = made_lists(9, seed=0)
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda: 3 * (with_film(lists),))
    done = run("demo", "--output", files / "demo")
    assert done.exit_code == 130
    assert words(done).endswith("stopped: no epoch was finished")


def with_film(lists):
    return dataclasses.replace(lists, ids={"film": np.zeros(len(lists.labels), "int32")})


def test_each_setting_has_its_flag_and_help():
    for command in ("train", "tune"):
        shown = run(command, "--help").output
        for name in set(help_texts()) - {"tasks", "loss_options", "scorer_options"}:
            assert f"--{name.replace('_', '-')} " in shown
        assert "--loss-option " in shown
        assert "--scorer-option " in shown
