"""What is refused before anything is read: names, files, and flags that make no sense together."""

import dataclasses
import importlib.util
import os
import socket

import keras
import pytest
import yaml
from backends import BACKEND
from command_line import OTHER, quick, run, words

from plackett.data import _sources
from plackett.losses import NDCGLambdaWeight
from plackett.training import Settings
from plackett.training._lock import hold

CONFIGS = {
    "broken": "a: [",
    "list": "- 1",
    "typo": "learning_rat: 1",
    "other": f"backend: {OTHER}",
    "number": "data: 3",
    "options": "scorer_options: 3",
    "tasks": "tasks: {a: {loss: softmx}}",
}


@pytest.fixture
def nothing_is_read(monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("the data was read")

    monkeypatch.setattr(_sources, "read_training", fail)


@pytest.fixture
def here(files, monkeypatch):
    """A folder with data, and configs with faults in them."""
    monkeypatch.chdir(files)
    for name, text in CONFIGS.items():
        (files / f"{name}.yaml").write_text(text)
    (files / "folder").mkdir()
    (files / "folder/file").write_text("precious")
    return files


def check(done, wrong):
    """An error of use: one line that says what is wrong."""
    assert done.exit_code == 2, done.output
    assert wrong in words(done)
    assert "Traceback" not in done.output
    if "Usage:" not in done.output:
        assert done.output.startswith("error: ")
        assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    "options, wrong",
    [
        (["none.txt"], "there is no file none.txt"),
        (["train.txt", "--validation", "none.txt"], "there is no file none.txt"),
        (["train.txt", "folder"], "must be of one format, but got train.txt (letor), folder (parquet)"),
        (["foo://bucket/lists.parquet"], "foo://bucket/lists.parquet: Protocol not known: foo"),
        (
            ["train.txt", "--validation", "vali.txt", "--validation-share", 0.1],
            "--validation-share is for lists that are held out",
        ),
        ([], "there is no data: name files, or a --config that names them"),
        (["movielens"], "there is no file movielens: did you mean movielens-100k?"),
        (["movielens-100k", "train.txt"], "movielens-100k must be given alone"),
        (["movielens-100k", "--validation", "vali.txt"], "movielens-100k must be given alone"),
        (["movielens-100k", "--shared-queries"], "--shared-queries has no effect on movielens-100k"),
        (["train.txt", "--shared-queries"], "--shared-queries is for --validation files, but there are none"),
        (["train.txt", "--loss", "hinge"], "unknown loss 'hinge'; known are approx_average_precision, "),
        (["train.txt", "--loss", "softmx"], "unknown loss 'softmx'; did you mean 'softmax'?"),
        (["train.txt", "--loss-option", "temperature"], "--loss-option must be NAME=VALUE, but got 'temperature'"),
        (["train.txt", "--loss-option", "temperature=[1"], "--loss-option temperature: '[1' is not a YAML value"),
        (
            ["train.txt", "--loss-option", "temprature=1"],
            "unknown option of unique_softmax: 'temprature'; did you mean",
        ),
        (["train.txt", *2 * ["--loss-option", "temperature=1"]], "--loss-option temperature is given twice"),
        (["train.txt", "--loss-option", "lambda_weight=NDCG"], "unknown lambda weight 'NDCG'; known are DCGLambdaW"),
        (
            ["train.txt", "--loss-option", "lambda_weight={DCGLambdaWeight: {top: 3}}"],
            "unknown option of DCGLambdaWeight: 'top'; did you mean 'topn'?",
        ),
        (["train.txt", "--loss-option", "lambda_weight=3"], "lambda_weight must be the name of a class or {name: opt"),
        (
            ["train.txt", "--loss-option", "lambda_weight={DCGLambdaWeight: 3}"],
            "the options of DCGLambdaWeight must be {name: value}, but got 3",
        ),
        (["train.txt", "--metric", "auc"], "unknown metric 'auc'; known are alpha_dcg, arp,"),
        (
            ["train.txt", "--metric", "ndcg@all"],
            "the cut-off of a metric must be a whole number of at least 1, as in ndcg@10",
        ),
        (["train.txt", "--metric", "mrr", "--metric", "ndcg"], "'--metric': it is given twice, but takes one value"),
        (["train.txt", "--scorer", "mlpp"], "unknown scorer 'mlpp'; did you mean 'mlp'?"),
        (["train.txt", "--scorer-option", "width=3"], "unknown option of a scorer: 'width'; known are blocks, "),
        (["train.txt", "--scorer", "dcn", "--scorer-option", "heads=3"], "unknown option of the scorer dcn: 'heads'"),
        (
            ["train.txt", "--scorer", "mlp", "--scorer-option", "min_count=3"],
            "unknown option of the scorer mlp: 'min_c",
        ),
        (["train.txt", "--scorer-option", "tasks=[a]"], "tasks are a setting of their own and not an option of the"),
        (["train.txt", "--optimizer", "adem"], "unknown optimizer 'adem'; did you mean 'adam'?"),
        (["train.txt", "--learning-rate-schedule", "{"], "--learning-rate-schedule: '{' is not a YAML value"),
        (["train.txt", "--learning-rate-schedule", "cosin"], "unknown learning_rate_schedule 'cosin'; did you mean"),
        (["train.txt", "--learning-rate-schedule", "{cosin: {}}"], "unknown learning_rate_schedule 'cosin'; did you"),
        (["train.txt", "--learning-rate-schedule", "{}"], "learning_rate_schedule must be a name or {name: options}"),
        (["train.txt", "--patience", 0], "patience must be "),
        (
            ["train.txt", "--learning-rate-schedule", "{cosine: {decay_steps: -1}}"],
            "decay_steps of cosine must be a whole number of at least 1, but got -1",
        ),
        (["train.txt", "--learning-rate-schedule", "{cosine: {alfa: 1}}"], "unknown option of cosine: 'alfa'; did you"),
        (["train.txt", "--weight-decay", -1], "weight_decay must be a number of at least 0, or None, but got -1"),
        (["train.txt", "--check-weights", -1], "check_weights must be a whole number of at least 0, but got -1"),
        (["train.txt", "--max-list-size", "x"], "'--max-list-size': 'x' is not a whole number, nor none"),
        (["train.txt", "--seed", -1], "seed must be "),
        (["train.txt", "--config", "none.yaml"], "there is no file none.yaml"),
        (["train.txt", "--config", "folder"], "folder is a folder, where a file is needed"),
        (["train.txt", "--config", "broken.yaml"], "broken.yaml is not a YAML file: while parsing"),
        (["train.txt", "--config", "list.yaml"], "list.yaml must hold names and values, but holds list"),
        (["train.txt", "--config", "typo.yaml"], "typo.yaml: unknown setting 'learning_rat'; did you mean 'learning_r"),
        (["train.txt", "--config", "other.yaml"], f"other.yaml holds a run on {OTHER}, but this process uses"),
        (["train.txt", "--config", "tasks.yaml"], "unknown loss 'softmx'; did you mean 'softmax'?"),
        (["--config", "number.yaml"], "data must be paths, but got 3"),
        (["train.txt", "--config", "options.yaml"], "scorer_options must be "),
        (
            ["train.txt", "--resume", "--overwrite"],
            "--resume continues a run and --overwrite replaces it: give only one",
        ),
        (["train.txt", "--backend", OTHER], f"Keras already runs on {BACKEND} in this process, not on {OTHER}"),
        (["train.txt", "--loss-option", "temperature=-1"], "temperature must be a number greater than 0"),
        (["train.txt", "--scorer-option", "dropout=2"], "dropout must be a number of at least 0 and below 1"),
        (
            ["train.txt", "--loss-option", "lambda_weight={DCGLambdaWeight: {topn: 0}}"],
            "topn must be a whole number of at least 1",
        ),
        (
            ["train.txt", "--loss", "softmax", "--loss-option", "lambda_weight=LabelDiffLambdaWeight"],
            "lambda_weight must be None or one of DCGLambdaWeight, NDCGLambdaWeight, DCGLambdaWeightV2, NDCGLambdaWeig",
        ),
        (["train.txt", "--loss", "npairs"], "npairs takes similarities of pairs, not the scores of lists"),
    ],
)
@pytest.mark.usefixtures("nothing_is_read")
def test_train(here, options, wrong):
    check(run("train", *options, "--output", "run"), wrong)
    assert not (here / "run").exists()


@pytest.mark.parametrize("command", [["train"], ["tune", "--trials", 1]])
@pytest.mark.parametrize(
    "options, wrong",
    [
        (["--target", "click"], "unknown target of these lists 'click'; known are label"),
        (["--config", "two_targets.yaml"], "unknown target of these lists 'click'; known are label"),
        # What follows Keras has to know.
        (["--learning-rate-schedule", "{cosine: {alfa: 1}}"], "alfa"),
    ],
)
def test_what_the_data_or_keras_refuses(here, command, options, wrong):
    (here / "two_targets.yaml").write_text("tasks: {a: {target: label}, b: {target: click}}")
    done = run(*command, "train.txt", "--output", "run", *options)
    assert done.exit_code == 2, done.output
    assert wrong in words(done)
    assert not (here / "run").exists()


@pytest.mark.usefixtures("nothing_is_read")
def test_the_config_of_a_lambda_weight_that_was_an_object_is_taken(here):
    weight = keras.saving.serialize_keras_object(NDCGLambdaWeight(topn=3))
    settings = {"loss": "pairwise_logistic", "loss_options": {"lambda_weight": weight}}
    (here / "object.yaml").write_text(yaml.safe_dump(settings))
    done = run("train", "train.txt", "--output", "run", "--config", "object.yaml")
    assert "AssertionError: the data was read" in done.output


@pytest.mark.usefixtures("nothing_is_read")
def test_another_run_is_not_resumed(here):
    (here / "run").mkdir()
    config = {"backend": BACKEND} | dataclasses.asdict(Settings())
    (here / "run/config.yaml").write_text(yaml.safe_dump(config | {"data": ["other.txt"], "checkpoint_steps": 9}))
    command = ["train", "train.txt", "--output", "run", "--resume"]
    check(run(*command, "--seed", 3), "run cannot be resumed, since it holds another run: seed was 0 and is 3")
    (here / "run/history.csv").write_text("epoch,loss,ndcg@10\n1,1.0,0.5\n2,0.9,0.6\n")
    check(run(*command, "--epochs", 1), "run cannot be resumed with epochs=1: 2 are done. Give at least 2")
    assert "AssertionError: the data was read" in run(*command).output


@pytest.mark.usefixtures("nothing_is_read")
def test_the_folder_of_a_run(here, monkeypatch):
    for options in ([], ["--overwrite"], ["--resume"]):
        done = run("train", "train.txt", "--output", "folder", *options)
        check(done, "folder exists and is not empty: it holds no run of plackett, but file, which overwrite and resume")
    (here / "run").mkdir()
    (here / "run/config.yaml").write_text(yaml.safe_dump({"backend": BACKEND} | dataclasses.asdict(Settings())))
    done = run("train", "train.txt", "--output", "run")
    check(done, "run exists and is not empty: it holds a run (config.yaml): choose another output folder")
    with hold(here / "run"):
        done = run("train", "train.txt", "--output", "run", "--overwrite")
        check(done, f"run is in use by process {os.getpid()} on {socket.gethostname()}, since")
    check(run("train", "train.txt", "--output", "train.txt/run"), f"could not be written: {here / 'train.txt'} is a fi")
    check(run("train", "train.txt", "--output", "train.txt", "--overwrite"), "train.txt is a file")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    check(run("train", "train.txt", "--output", "new/run"), f"there is no permission to write into {here}")


@pytest.mark.parametrize(
    "space, options, wrong",
    [
        ("learning_rat: [1]", [], "unknown setting to search 'learning_rat'; did you mean 'learning_rate'?"),
        ("a: [", [], "space.yaml is not a YAML file"),
        ("epochs: []", [], "the space of epochs must be {low, high} or a list of choices, but got []"),
        ("epochs: {low: -3, high: 3}", [], "epochs must be "),
        ("batch_size: [8, 0]", [], "batch_size must be "),
        ("loss: [softmax, sofmax]", [], "unknown loss 'sofmax'; did you mean 'softmax'?"),
        ("loss_options.temprature: [1]", [], "unknown option of unique_softmax: 'temprature'"),
        ("epochs: [1]", ["--epochs", 2], "--epochs is given, but epochs is searched: leave out one of the two"),
        ("scorer_options.hidden: [[4]]", quick(), "--scorer-option hidden is given, but scorer_options.hidden is"),
        (None, ["--batch-size", 2], "batch_size is searched: leave it out, or give a --space without it"),
        ("epochs: [1]", ["--trials", 0], "--trials must be at least 1, but got 0"),
        (
            "epochs: [1]",
            ["--output", "folder"],
            "folder exists and is not empty: it does not hold a search, but file: choose another",
        ),
        ("epochs: [1]", ["--loss", "sofmax"], "unknown loss 'sofmax'; did you mean 'softmax'?"),
    ],
)
@pytest.mark.usefixtures("nothing_is_read")
def test_tune(here, space, options, wrong):
    defaults = {"--trials": 1, "--output": "search"}
    defaults = [x for pair in defaults.items() if pair[0] not in options for x in pair]
    if space is not None:
        (here / "space.yaml").write_text(space)
        defaults += ["--space", "space.yaml"]
    check(run("tune", "train.txt", *defaults, *options), wrong)
    assert not (here / "search").exists()


@pytest.mark.usefixtures("nothing_is_read")
def test_options_of_a_loss_that_is_searched_too(here):
    """An option is checked with each of the losses that it may come with, and with no other."""
    (here / "space.yaml").write_text("loss: [gumbel_approx_ndcg]\nloss_options.sample_size: [2]")
    done = run("tune", "train.txt", "--trials", 1, "--output", "search", "--space", "space.yaml")
    assert "AssertionError: the data was read" in done.output


def test_a_folder_of_scores_that_is_not_there_is_told_of_at_once(here):
    check(run("score", "no_model", "train.txt", "-o", "nodir/s.csv"), "there is no folder nodir for s.csv: make it")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_what_reads_data_is_named_where_it_is_not_installed(files, monkeypatch, command):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    data = files / "train.txt"
    arguments = {
        "train": ["train", data, "--output", files / "run"],
        "evaluate": ["evaluate", "random:0", "--data", data],
    }
    done = run(*arguments[command])
    assert done.exit_code == 2
    assert "data is read with pyarrow, which is not installed: pip install 'plackett[data]'" in words(done)
