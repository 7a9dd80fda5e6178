"""`plackett crossval`."""

import csv

import pytest
import yaml
from command_line import quick, run, words
from conftest import letor_text, made_lists

import plackett
from plackett.cli import _configurations

FAST = ["--epochs", 1, "--batch-size", 16, "--scorer-option", "hidden=[4]"]


@pytest.fixture
def folds(tmp_path, monkeypatch):
    """Five files S1.txt to S5.txt, and one with the queries of all; the working directory is theirs."""
    monkeypatch.chdir(tmp_path)
    lists = made_lists(30, seed=0)
    for k in range(5):
        (tmp_path / f"S{k + 1}.txt").write_text(letor_text(lists[6 * k : 6 * k + 6]))
    (tmp_path / "all.txt").write_text(letor_text(lists))
    return [option for k in range(1, 6) for option in ("--fold", f"S{k}.txt")]


def test_losses_are_compared_over_given_folds(folds, tmp_path):
    arguments = ["crossval", *folds, "--vary", "loss=softmax,mean_squared", "--seeds", 2, "-o", "out", *FAST]
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    said = words(done)
    assert "2 configurations: loss=softmax, loss=mean_squared" in said
    assert "S5.txt: 6 queries of labels 0 to 2" in said
    assert "fold 1 tests on S5.txt, fold 2 tests on S1.txt, fold 3 tests on S2.txt" in said
    assert done.output.count("seed 1: ndcg@10 0.") == 10
    assert "30 queries in 5 folds, each tested once by each of the seeds 0, 1" in said
    assert all(f"fold {k}" in done.output for k in range(1, 6))
    assert "paired randomisation test" in said
    with open("out/crossval.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 5 * 2
    assert (tmp_path / "out/results.parquet").exists()
    record = yaml.safe_load((tmp_path / "out/crossval.yaml").read_text())
    assert record["folds"] == [f"S{k}.txt" for k in range(1, 6)]
    assert record["cut"] == "as given"
    done = run(*arguments)
    assert done.exit_code == 2
    assert "error: out exists and holds a cross-validation: continue it (resume, --resume)" in words(done)
    done = run(*arguments, "--resume")
    assert done.exit_code == 0, done.output
    assert "seed 1: ndcg@10" not in done.output
    assert said.partition("ndcg@10[")[2] == words(done).partition("ndcg@10[")[2]


def test_runs_are_compared_over_folds_that_are_cut(folds, tmp_path):
    assert run("train", "all.txt", "--output", "first", *quick(1), "--loss", "softmax").exit_code == 0
    (tmp_path / "other.yaml").write_text("loss: mean_squared\nepochs: 7\nseed: 3\n")
    arguments = ["--config", "first", "--config", "second=other.yaml", "--epochs", 1, "--baseline", "second"]
    done = run("crossval", "all.txt", "-o", "out", *arguments, "--folds", 3, "--seeds", 1, "--test-metric", "mrr")
    assert done.exit_code == 0, done.output
    assert "30 queries of labels 0 to 2, in folds of 10, 10, 10" in words(done)
    assert "first, fold 1, seed 0: mrr 0." in done.output
    configurations = yaml.safe_load((tmp_path / "out/crossval.yaml").read_text())["configurations"]
    assert {name: (x["loss"], x["epochs"]) for name, x in configurations.items()} == {
        "first": ("softmax", 1),
        "second": ("mean_squared", 1),
    }
    assert configurations["first"]["scorer_options"] == {"hidden": [8], "dropout": 0}


def test_several_settings_that_vary_make_all_combinations():
    given = {"vary": ["learning_rate=0.1,1e-2", "scorer_options.hidden=[4],[8, 4]"], "loss": "softmax"}
    found = _configurations.read_configurations(given, "torch")
    assert list(found) == [
        "learning_rate=0.1,scorer_options.hidden=[4]",
        "learning_rate=0.1,scorer_options.hidden=[8, 4]",
        "learning_rate=1e-2,scorer_options.hidden=[4]",
        "learning_rate=1e-2,scorer_options.hidden=[8, 4]",
    ]
    last = list(found.values())[-1]
    assert (last["loss"], last["scorer_options"]) == ("softmax", {"hidden": [8, 4]})


def test_a_loss_that_varies_has_no_options_of_the_loss_of_a_file(tmp_path):
    (tmp_path / "a.yaml").write_text("loss: approx_ndcg\nloss_options: {sample_size: 4}\n")
    given = {"config": [str(tmp_path / "a.yaml")], "vary": ["loss=softmax,list_mle"]}
    found = _configurations.read_configurations(given, "torch")
    assert {name: x["loss_options"] for name, x in found.items()} == {"a,loss=softmax": {}, "a,loss=list_mle": {}}


def test_ctrl_c_says_how_to_go_on(folds, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(plackett, "crossval", stop)
    done = run("crossval", "all.txt", "-o", "out", *FAST)
    assert done.exit_code == 130
    assert "1 configuration: " in words(done)
    assert "stopped: --resume continues, and does not repeat finished runs" in words(done)


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        ("", "name either DATA, which is cut into folds, or each fold by --fold"),
        ("all.txt --fold S1.txt", "name either DATA, which is cut into folds, or each fold by --fold, not both"),
        ("--fold S1.txt --fold S2.txt", "--fold must name at least 3, to train, validate and test on, but got 2"),
        ("all.txt --folds 2", "--folds must be at least 3"),
        (
            "all.txt --folds 31",
            "folds must be at least 3, to train, validate and test on, and at most 30, the number of queries",
        ),
        ("all.txt --group-by user", "must name a column of queries, but there is none: got 'user'"),
        ("all.txt --seeds 0", "--seeds must be at least 1, but got 0"),
        ("all.txt --seed 3", "No such option"),
        ("movielens-100k", "movielens-100k is split by time"),
        ("none.txt", "there is no file none.txt"),
        ("--fold S1.txt --fold S2.txt --fold S1.txt", "query 'q0' is in both S1.txt and S1.txt"),
        ("--fold S1.txt --fold S2.txt --fold all.txt", "query 'q0' is in both S1.txt and all.txt"),
        ("--fold S1.txt --fold S2.txt --fold S3.txt --folds 3", "--folds is for DATA that are cut into folds, but the"),
        ("--fold S1.txt --fold S2.txt --fold S3.txt --fold-seed 3", "--fold-seed is for DATA that are cut"),
        ("all.txt --test-metric ndgc@10", "unknown metric 'ndgc'; did you mean 'ndcg'?"),
        ("all.txt --test-metric mrr --test-metric mrr", "--test-metric mrr is given twice"),
        ("all.txt --baseline mine", "unknown baseline 'mine'"),
        ("all.txt --loss softmx", "the configuration softmx: unknown loss 'softmx'; did you mean 'softmax'?"),
        ("all.txt --vary loss=softmax", "--vary loss must be at least two different values, but got 'softmax'"),
        ("all.txt --vary loss=softmax,softmax", "--vary loss must be at least two different values"),
        (
            "all.txt --vary learning_rate=0.1,1e-1",
            "--vary learning_rate must be different values, but 0.1 and 1e-1 are",
        ),
        ("all.txt --vary loss=softmax,softmx", "the configuration loss=softmx: unknown loss 'softmx'"),
        ("all.txt --vary los=softmax,a", "unknown setting to vary 'los'; did you mean 'loss'?"),
        ("all.txt --vary seed=1,2", "unknown setting to vary 'seed'"),
        ("all.txt --vary epochs", "--vary must be SETTING=VALUE,VALUE, but got 'epochs'"),
        ("all.txt --vary epochs=1,0", "the configuration epochs=0: epochs must be a whole number of at least 1"),
        ("all.txt --vary epochs=[1,2", "--vary epochs must be YAML values separated by commas, but got '[1,2'"),
        ("all.txt --vary epochs=1,2 --epochs 3", "epochs is both given and varied: leave it out, or leave out --vary"),
        (
            "all.txt --config a.yaml --config b/a.yaml",
            "two configurations have the name a: name each, as in --config NAME=",
        ),
        ("all.txt --config b=none.yaml", "there is no file none.yaml"),
        ("all.txt --config c/d=a.yaml", "the name of a configuration must be printable"),
        ("all.txt --config typo.yaml", "typo.yaml: unknown setting 'learning_rat'; did you mean 'learning_rate'?"),
        ("all.txt --target click", "unknown target of these lists 'click'"),
        ("all.txt -o full", "full exists and is not empty: it does not hold a cross-validation, but file"),
    ],
)
def test_errors_say_what_is_allowed(folds, tmp_path, arguments, wrong):
    (tmp_path / "b").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("precious")
    for name, text in {"a": "epochs: 1", "b/a": "epochs: 2", "typo": "learning_rat: 1"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    arguments = arguments.split()
    done = run("crossval", *arguments, *(() if "-o" in arguments else ("-o", "out")))
    assert done.exit_code == 2, done.output
    assert wrong in words(done)
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()
