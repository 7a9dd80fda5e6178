"""`plackett train --workers`: what one process learns from, workers learn from too."""

import lightgbm
import numpy as np
import pytest
import yaml
from clusters import cluster
from command_lines import run, words

import plackett
from plackett.clicks import simulate
from plackett.data import RankingLists, read, write_sessions
from plackett.distributed._cluster import connect

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")

QUICK = ["--batch-size", 16, "--learning-rate", 0.03, "--scorer-option", "hidden=[8]"]
QUICK += ["--scorer-option", "dropout=0", "--optimizer", "sgd"]


@pytest.fixture(scope="module", autouse=True)
def ray():
    with cluster(2) as ray:
        yield ray


def check_equal(one, other):
    """Two runs have the same history and the same weights, but for rounding."""
    numbers = [np.genfromtxt(run / "history.csv", delimiter=",", skip_header=1) for run in (one, other)]
    np.testing.assert_allclose(*numbers, rtol=1e-4)
    weights = [plackett.load(run).get_weights() for run in (one, other)]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_run_that_learns_from_a_teacher_goes_on_by_workers_and_again_without_them(files, tmp_path, monkeypatch):
    monkeypatch.setenv("PLACKETT_CACHE", str(files / "cache"))
    lists = read(files / "train.txt")
    dataset = lightgbm.Dataset(lists.features, lists.labels, group=lists.lengths)
    options = {"objective": "lambdarank", "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    lightgbm.train(options, dataset, 10).save_model(files / "model.txt")
    of_teacher = ["--teacher", files / "model.txt", "--label-weight", 0.5, "--label-loss", "softmax"]
    one, two = tmp_path / "one", tmp_path / "two"

    def train(output, epochs, *flags):
        command = [files / "train.txt", "--validation", files / "vali.txt", *of_teacher, *QUICK]
        done = run("train", *command, "--output", output, "--epochs", epochs, *flags)
        assert done.exit_code == 0, done.output

    train(one, 3)
    train(two, 1)
    train(two, 2, "--resume", "--workers", 2)
    again = run("train", "--config", two / "config.yaml", "--output", tmp_path / "again")
    assert again.exit_code == 0, again.output
    check_equal(two, tmp_path / "again")
    train(two, 3, "--resume")
    check_equal(one, two)
    assert yaml.safe_load((one / "config.yaml").read_text()) == yaml.safe_load((two / "config.yaml").read_text())


def test_workers_train_the_members_of_an_ensemble_on_clicks_by_two_towers(tmp_path):
    """From where one process had trained them to."""
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 2)).round(3)
    queries, documents = (
        np.repeat([f"q{number}" for number in range(40)], 5),
        [f"p{number}" for number in range(5)] * 40,
    )
    labels = (features[:, 0] > 0.3).astype(int)
    lists = RankingLists.from_arrays(features, labels, query=queries, documents=documents)
    write_sessions(simulate(lists, features[:, 1], sessions=500, positions=5, seed=0), tmp_path / "log.parquet")
    plackett.data.write_parquet(lists, tmp_path / "lists.parquet")
    command = ["train", tmp_path / "lists.parquet", "--clicks", tmp_path / "log.parquet", "--method", "pbm"]
    one, two = tmp_path / "one", tmp_path / "two"
    for output, epochs, *flags in ((one, 2), (two, 1), (two, 2, "--resume", "--workers", 2)):
        done = run(*command, "--ensemble", 2, "--output", output, "--epochs", epochs, *QUICK, *flags)
        assert done.exit_code == 0, done.output
    for number in (1, 2):
        assert f"member {number} of 2" in words(done)
        members = [output / "members" / str(number) for output in (one, two)]
        check_equal(*members)
        examination = [plackett.load(member / "whole_model.keras").get_weights()[-1] for member in members]
        np.testing.assert_allclose(*examination, atol=1e-4)
    assert "2/2" in words(done)


def test_another_cluster_than_the_connected_one_is_refused_and_that_of_the_environment_left_alone(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "far:6379")
    with connect(None, 2) as threads:
        assert threads == 1
    with pytest.raises(ValueError, match=r"is already connected to the Ray cluster"), connect("far:6379", 2):
        pass


@pytest.mark.parametrize("address", ["somewhere:nowhere", "127.0.0.1:9", "ray://127.0.0.1:9"])
def test_an_address_where_nobody_answers_is_an_error_of_use(files, tmp_path, monkeypatch, address):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    command = ["train", files / "train.txt", "--output", tmp_path / "run", "--workers", 2, *QUICK]
    done = run(*command, "--address", address)
    assert done.exit_code == 2, done.output
    assert f"there is no Ray cluster at {address} (address, --address)" in words(done)
