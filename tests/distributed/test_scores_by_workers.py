"""Scoring by workers on Ray Data: each query once, as one process scores it, also where workers are killed."""

import dataclasses
import os
import pathlib
import signal
import threading
import time

import numpy as np
import polars as pl
import pytest
from command_lines import run, words
from conftest import stir
from parquet_folders import cluster, named_lists, write_file, write_folder  # noqa: F401

import plackett
from plackett import distributed
from plackett.data import Strings
from plackett.data.formats import _parquet_pieces
from plackett.distributed import _piece_answers

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Each row group is a piece."""
    monkeypatch.setattr(_parquet_pieces, "ROW_GROUP", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("ray") / "data")


@pytest.fixture(scope="module")
def model(folder):
    """The file of a network, whose weights are as drawn."""
    path = folder.parent / "model.keras"
    stir(plackett.scorers.mlp(plackett.data.read_parquet(folder), hidden=[8])).save(path)
    return path


def check_whole(output, lists, scores):
    """The folder has the scores of each query once, in the order of the lists, bit by bit."""
    found = pl.concat([pl.read_parquet(path) for path in sorted(output.iterdir())])
    assert found.columns == ["query", "document", "score", "rank"]
    assert found["query"].to_list() == lists.queries.tolist()
    rows = found.explode("document", "score", "rank")
    assert rows["document"].to_list() == lists.documents.tolist()
    np.testing.assert_array_equal(rows["score"].to_numpy(), scores)
    for row in found.iter_rows(named=True):
        order = sorted(range(len(row["score"])), key=lambda i: -row["score"][i])
        assert [row["rank"][i] for i in order] == list(range(1, len(order) + 1))


def test_a_network_scores_as_in_one_process(folder, model, tmp_path):
    paths = [folder / "0.parquet", folder / "1.parquet"]  # of which Ray's own reader takes several with aiohttp alone
    done = run("score", model, *paths, "--output", tmp_path / "scores", "--workers", 2)
    assert done.exit_code == 0, done.output
    lists = plackett.data.read_parquet(folder)
    assert f"{len(lists)} queries, {len(lists.labels)} documents; their scores are in" in words(done)
    check_whole(tmp_path / "scores", lists, plackett.score(plackett.load(model), lists))
    assert list(tmp_path.iterdir()) == [tmp_path / "scores"]
    # What was written is a system by itself.
    both = plackett.evaluate({"file": tmp_path / "scores", "model": model}, lists).means()
    np.testing.assert_array_equal(both[0], both[1])
    again = run("score", model, *paths, "--output", tmp_path / "scores", "--workers", 2)
    assert again.exit_code == 2
    assert "scores exists: choose another output" in words(again)


def slow_system(pids):
    """Scores that are the first feature, by workers that say who they are and take their time."""

    def system(lists):
        pathlib.Path(pids, f"{os.getpid()}-{lists.queries[0]}").touch()
        time.sleep(0.3)
        return lists.features[:, 0]

    return system


def kill_workers(pids, kills, killed, stop):
    """Kills each worker in its second piece, as long as there are kills left."""
    while len(killed) < kills and not stop.is_set():
        begun = [int(path.name.partition("-")[0]) for path in pids.iterdir()]
        for pid in {pid for pid in begun if begun.count(pid) > 1} - set(killed):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            break
        time.sleep(0.02)


def test_each_query_is_there_once_though_workers_are_killed(folder, tmp_path):
    (pids := tmp_path / "pids").mkdir()
    killed, stop = [], threading.Event()
    killer = threading.Thread(target=kill_workers, args=(pids, 3, killed, stop))
    killer.start()
    try:
        done = distributed.score(slow_system(str(pids)), folder, tmp_path / "scores", workers=2)
    finally:
        stop.set()
        killer.join()
    assert len(killed) == 3
    lists = plackett.data.read_parquet(folder)
    assert (done.queries, done.documents) == (len(lists), len(lists.labels))
    assert len(list(pids.iterdir())) > len(list((tmp_path / "scores").iterdir()))  # some were begun again
    check_whole(tmp_path / "scores", lists, lists.features[:, 0])


def test_a_part_that_kills_each_worker_ends_the_job(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(_piece_answers, "DEATHS", 0)

    def deadly(lists):
        if lists.queries[0] == "f1q8":
            os.kill(os.getpid(), signal.SIGKILL)
        return lists.features[:, 0]

    with pytest.raises(ChildProcessError, match=r"1\.parquet, rows 9 to 16: 1 workers died at these"):
        distributed.score(deadly, folder, tmp_path / "scores", workers=2)
    assert not list(tmp_path.iterdir())


def test_an_error_of_a_worker_arrives_as_itself_and_nothing_is_left(folder, tmp_path):
    wrong = named_lists(20, 3)
    wrong.features[wrong.row_splits[12], 1] = np.inf
    path = write_file(wrong, tmp_path / "wrong.parquet")
    done = run("score", "feature:1", folder, path, "-o", tmp_path / "scores", "--workers", 2, "--debug")
    assert done.exit_code == 2
    assert f"error: {path}, row 13, query 'f3q12': feature" in words(done)
    assert "In a worker, at " in done.output
    assert list(tmp_path.iterdir()) == [path]


def test_means_and_notes_are_those_of_one_process(folder, tmp_path):
    lists = plackett.data.read_parquet(folder)
    shops = np.array(["s", "t", "u", "v"])[np.arange(len(lists.labels)) % 4]
    known = dataclasses.replace(lists, ids={"shop": Strings.of(np.array(["s", "t"])[np.arange(len(shops)) % 2])})
    path = write_file(dataclasses.replace(lists, ids={"shop": Strings.of(shops)}), tmp_path / "shops.parquet")
    systems = {"model": plackett.scorers.embeddings(known), "first": "feature:1"}
    metrics = ["ndcg@5", "mrr", "map"]
    found = distributed.evaluate(systems, path, metrics, workers=2)
    whole = plackett.evaluate(systems, plackett.data.read_parquet(path), metrics)
    np.testing.assert_allclose(found.means(), whole.means(), rtol=0, atol=1e-9)
    assert (found.systems, found.stated, found.queries) == (whole.systems, whole.stated, len(lists))
    assert found.notes == whole.notes
    assert "does not know all values of shop" in found.notes[0]


def test_the_command_shows_means_alone(folder, model):
    command = ["evaluate", f"net={model}", "first=feature:1", "--data", folder, "--fuse", "both=rrf:net,first"]
    done = run(*command, "--metric", "ndcg@5", "--workers", 2)
    assert done.exit_code == 0, done.output
    lists = plackett.data.read_parquet(folder)
    both = plackett.evaluation.fuse([model, "feature:1"])
    whole = plackett.evaluate({"net": model, "first": "feature:1", "both": both}, lists, ["ndcg@5"]).means()
    assert [f"{mean:.4f}" in done.output for mean in whole[:, 0]] == [True] * 3
    assert "intervals and comparisons need the value of each query" in words(done)
