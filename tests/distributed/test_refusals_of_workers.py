"""What work by several processes refuses before Ray starts, and what it finds when all pieces are done."""

import dataclasses
import subprocess
import sys
import threading

import numpy as np
import pytest
import ray
from parquet_folders import named_lists, write_file, write_folder

from plackett import distributed
from plackett.data._parts import kind_of
from plackett.data.formats._parquet_pieces import Layout, lists_of_piece, pieces_of
from plackett.distributed import _piece_answers
from plackett.distributed._piece_worker import Answer
from plackett.distributed._systems import notes_of


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "data", queries=8)


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    """Ray is not started here."""

    def init(*arguments, **options):
        raise AssertionError("Ray was started")

    monkeypatch.setattr(ray, "init", init)


def answers(paths):
    """(pieces, what workers would answer of each)."""
    pieces, layout = pieces_of(paths, Layout({}, (), labelled=True))
    done = {}
    for piece in pieces:
        (lists,) = lists_of_piece(piece, layout)
        done[piece.number] = Answer(piece.number, kind=kind_of(lists), queries=lists.queries.hashes())
    return pieces, done


def test_a_query_of_two_parts_is_refused(folder, tmp_path):
    again = write_file(named_lists(8, 1)[7:], tmp_path / "again.parquet")
    with pytest.raises(ValueError, match=r"again\.parquet: query 'f1q7' occurs twice; the id of a query must be its"):
        _piece_answers.check_together(*answers([folder, again]))


def test_two_queries_of_one_hash_are_two(folder):
    pieces, done = answers(folder)
    done[1].queries[0] = done[0].queries[0]
    _piece_answers.check_together(pieces, done)


def test_parts_of_other_kinds_are_refused(tmp_path):
    for name, ids in (("a", np.arange(3)), ("b", np.array(["x", "y", "z"]))):
        lists = named_lists(1, ord(name))
        ids = np.resize(ids, len(lists.labels))
        of_kind = ids if name == "a" else named_lists(1, ord(name)).documents
        write_file(dataclasses.replace(lists, ids={"shop": of_kind}), tmp_path / f"{name}.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet, from row 1 on: the parts differ in their columns: .*\(text\)"):
        _piece_answers.check_together(*answers(tmp_path))


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, None])
def test_workers_are_a_whole_number(folder, workers, tmp_path):
    with pytest.raises(ValueError, match="workers must be a whole number of at least 1"):
        distributed.score("feature:1", folder, tmp_path / "scores", workers=workers)


def test_a_folder_that_is_there_is_not_written_over(folder, tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="scores exists: choose another output"):
        distributed.score("feature:1", folder, tmp_path / "scores", workers=2)
    with pytest.raises(FileExistsError, match="is not a folder of scores alone, and is not replaced"):
        distributed.score("feature:1", folder, tmp_path / "scores", workers=2, overwrite=True)


def test_scores_go_to_no_url(folder):
    with pytest.raises(ValueError, match="a folder that all machines see"):
        distributed.score("feature:1", folder, "s3://bucket/scores", workers=2)


@pytest.mark.parametrize("system", ["run", "array"])
def test_what_is_scores_already_is_refused(folder, tmp_path, system):
    path = tmp_path / "a.run"
    path.write_text("f0q0 Q0 d1 1 0.5 x\n")
    given = path if system == "run" else np.zeros(3)
    with pytest.raises(
        ValueError, match="is a set of scores, and each worker would have to read all of them: leave out workers"
    ):
        distributed.evaluate(given, folder, workers=2)


def test_what_cannot_be_sent_is_refused(folder, tmp_path):
    lock = threading.Lock()
    with pytest.raises(ValueError, match="a system cannot be sent to workers: give the path of its file"):
        distributed.score(lambda lists: lock and lists.labels, folder, tmp_path / "scores", workers=2)
    assert not (tmp_path / "scores").exists()


def test_a_cluster_that_is_reached_from_outside_is_refused(folder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"cannot reach by ray://: start the command there"):
        distributed.score("feature:1", folder, tmp_path / "scores", workers=2, address="ray://far:10001")
    monkeypatch.setenv("RAY_ADDRESS", "ray://far:10001")
    with pytest.raises(ValueError, match=r"cannot reach by ray://"):
        distributed.evaluate("feature:1", folder, workers=2)
    assert not (tmp_path / "scores").exists()


def test_metrics_are_checked_first(folder):
    with pytest.raises(ValueError, match="unknown metric 'ndgc'"):
        distributed.evaluate("feature:1", folder, ["ndgc"], workers=2)


def test_a_worker_imports_no_keras_before_it_knows_the_backend():
    code = "import sys, plackett.distributed._piece_worker; assert 'keras' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_ray_is_told_with_the_way_out():
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "import plackett\n"
        "try: plackett.distributed.score\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "plackett.distributed.score needs ray: pip install 'plackett[ray]'\n"


def test_workers_without_work_are_told_of(folder):
    pieces, _ = answers(folder)
    (note,) = notes_of({}, [], pieces, workers=5)
    assert note.startswith("3 of 5 workers had nothing to do")
    assert not notes_of({}, [], pieces, workers=2)
