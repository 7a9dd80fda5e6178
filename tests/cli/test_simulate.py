"""`plackett simulate`."""

import numpy as np
import pytest
import yaml
from command_line import run, words

from plackett import data


def simulate(*arguments, ranker="random:1", sessions=300, output="log"):
    """What the command comes to."""
    return run("simulate", "train.txt", "--ranker", ranker, "--sessions", sessions, "-o", output, *arguments)


@pytest.fixture(autouse=True)
def here(files, monkeypatch):
    """The files stand in the folder of the command."""
    monkeypatch.chdir(files)
    return files


def test_a_log_from_judgements(here):
    done = simulate("--positions", "5", "--epsilon", "0.2", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "The clicks are simulated: 300 sessions" in words(done)
    assert "click-through rate" in words(done)
    log = data.read_sessions(here / "log")
    assert len(log) == 300
    assert log.positions.max() == 5
    np.testing.assert_allclose(log.propensities, 1 / log.positions, rtol=1e-6)
    truth = yaml.safe_load((here / "log/truth.yaml").read_text())
    assert (truth["ranker"], truth["files"], truth["epsilon"], truth["seed"]) == ("random:1", ["train.txt"], 0.2, 3)
    assert "nobody clicked" in truth["simulated"]


def test_the_documents_are_those_of_the_files_in_the_order_of_the_ranker(here):
    assert simulate(ranker="feature:-1").exit_code == 0
    lists, log = data.read(["train.txt"]), data.read_sessions(here / "log")
    first = lists[log.queries[0]]
    order = np.argsort(first.features[:, 0], kind="stable")[:10]
    assert log[:1].documents.tolist() == first.documents[order].tolist()


def test_eta_changes_what_the_command_says():
    done = [simulate("--eta", eta, output=f"log{eta}") for eta in (0, 2)]
    tables = [one.output.partition("The clicks")[0] for one in done]
    assert [one.exit_code for one in done] == [0, 0]
    assert tables[0] != tables[1]


def test_parameters_of_ones_own(here):
    done = simulate("--model", "dbn", "--user", "navigational", "--parameter", "continuation=0.5")
    assert done.exit_code == 0, done.output
    truth = yaml.safe_load((here / "log/truth.yaml").read_text())
    assert truth["probabilities"]["continuation"] == 0.5
    assert truth["user"] == "navigational"


def test_a_log_is_replaced_where_that_is_said(here):
    assert simulate().exit_code == 0
    before = (here / "log/sessions.parquet").read_bytes()
    done = simulate("--seed", "1")
    assert done.exit_code == 2
    assert "log holds a log: choose another output folder, or replace it (overwrite, --overwrite)" in words(done)
    assert (here / "log/sessions.parquet").read_bytes() == before
    assert simulate("--seed", "1", "--overwrite").exit_code == 0
    assert (here / "log/sessions.parquet").read_bytes() != before


@pytest.mark.parametrize("name", ["notes.txt", "sessions.parquet"])
def test_what_is_no_simulated_log_is_never_replaced(name, here):
    (here / "log").mkdir()
    (here / "log" / name).write_text("mine")
    done = simulate("--overwrite")
    assert done.exit_code == 2
    assert f"log is not empty: it holds {name}, which is not part of a simulated log" in words(done)
    assert {path.name: path.read_text() for path in (here / "log").iterdir()} == {name: "mine"}


def test_a_log_whose_writer_is_stopped_has_no_truth_and_can_be_written_anew(here, monkeypatch):
    assert simulate().exit_code == 0

    def stop(self):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("plackett.clicks.simulation._simulate.Simulation.truth", stop)
        assert "no space left" in words(simulate("--overwrite", "--seed", "1"))
    assert set(yaml.safe_load((here / "log/truth.yaml").read_text())) == {"unfinished"}
    assert simulate("--overwrite").exit_code == 0
    assert "simulated" in yaml.safe_load((here / "log/truth.yaml").read_text())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "cascad"], "unknown click model 'cascad'; did you mean 'cascade'?"),
        (["--model", "cascade", "--eta", "1"], "eta has no effect on cascade"),
        (["--parameter", "examination"], "--parameter must be NAME=VALUE, but got 'examination'"),
        (["--sessions", "0"], "sessions must be a whole number of at least 1, but got 0"),
        (["--weights", "traffic"], "weights must name a column of queries, but these lists have no"),
    ],
)
def test_simulate_refuses(arguments, expected, here):
    done = run("simulate", "train.txt", "--ranker", "random", "-o", "log", *arguments)
    assert done.exit_code == 2, done.output
    assert expected in words(done)
    assert not (here / "log").exists()


def test_unknown_rankers_and_files_are_told():
    assert "there is no file bm25.run" in words(simulate(ranker="bm25.run"))
    assert "these lists have no column 'price'" in words(simulate(ranker="column:price"))
    assert "there is no file none.txt" in words(run("simulate", "none.txt", "--ranker", "random", "-o", "log"))
