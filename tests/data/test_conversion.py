"""From any format to Parquet."""

import gzip
import re
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import typer.testing
from conftest import letor_text, made_lists

from plackett.cli._app import app
from plackett.data import _sources, convert, read_letor, read_parquet, read_trec, write_parquet
from plackett.data._schema import to_table


@pytest.fixture
def lists():
    return made_lists(30, seed=0)


def test_letor(lists, tmp_path):
    half = np.arange(15)
    (tmp_path / "a.txt").write_text(letor_text(lists.select(half)))
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(letor_text(lists.select(half + 15)).encode()))
    seen = []
    summary = convert(
        [tmp_path / "a.txt", tmp_path / "b.txt.gz"], tmp_path / "out" / "all.parquet", progress=seen.append
    )
    again = read_parquet(tmp_path / "out" / "all.parquet")
    assert to_table(again).equals(to_table(lists))
    assert sum(map(len, seen)) == 30
    rows = dict(summary.rows())
    assert rows["queries"] == "30"
    assert rows["documents"] == f"{len(lists.labels)}"
    middle = int(np.quantile(lists.lengths, 0.5, method="higher"))
    assert rows["list size"] == f"{lists.lengths.min()} to {lists.lengths.max()}, median {middle}"
    counts = np.bincount(lists.labels.astype(int))
    assert rows["grades"] == f"0: {counts[0]}, 1: {counts[1]}, 2: {counts[2]}"
    assert rows["range of grades"] == "0 to 2"
    assert rows["missing values"] == "none (0 in all)"
    assert rows["constant features"] == "none"


def test_files_of_different_widths(tmp_path):
    (tmp_path / "a.txt").write_text("1 qid:1 2:1\n0 qid:1\n")
    (tmp_path / "b.txt").write_text("1 qid:2 3:1\n0 qid:2\n")
    convert([tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path / "all.parquet")
    assert read_parquet(tmp_path / "all.parquet").features.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_features_in_no_line_are_told(tmp_path):
    (tmp_path / "a.txt").write_text("1 qid:1 1:1\n0 qid:1 2:1\n")
    rows = dict(convert(tmp_path / "a.txt", tmp_path / "a.parquet", features=5).rows())
    assert rows["features"] == "5, of which 3 are in no line and 0"
    assert dict(convert(tmp_path / "a.txt", tmp_path / "b.parquet").rows())["features"] == "2"


def test_csv_and_its_summary(tmp_path):
    (tmp_path / "a.csv").write_text("query,grade,x,y\n1,1,2,\n1,0,2,4\n2,0,2,\n")
    rows = dict(convert([tmp_path / "a.csv"], tmp_path / "a.parquet", label="grade", missing=True).rows())
    assert rows["missing values"] == "1: y (2 in all)"
    assert rows["constant features"] == "2: x, y"


@pytest.mark.parametrize(
    "name, text, options, wrong",
    [
        ("a.csv", "query,label,x,y\n1,1,2,3\n2,1,2,\n2,0,2,4\n", {}, "a.csv, line 3, query '2': y is missing; if f"),
        ("a.txt", "# nan\n1 qid:nan 1:1 2:1 # nan\n1 qid:7 2:-NaN\n", {}, "a.txt, line 3, query '7': feature 2 is"),
        ("a.txt", "1 qid:1 1:1\n1 qid:2 1:nan\n1 qid:1 1:nan\n", {"together": False}, "line 2, query '2': feature 1"),
    ],
)
def test_missing_features_must_be_allowed(tmp_path, name, text, options, wrong):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{re.escape(wrong)}.* missing=True \(--missing on the command line\)"):
        convert([tmp_path / name], tmp_path / "a.parquet", **options)
    assert not (tmp_path / "a.parquet").exists()
    summary = convert([tmp_path / name], tmp_path / "a.parquet", missing=True, **options)
    assert np.isnan(read_parquet(tmp_path / "a.parquet").features).sum() == summary.missing.sum() > 0
    with pytest.raises(ValueError, match=r"a\.parquet, row \d, query '.': (y|feature \d) is missing; if feat"):
        convert([tmp_path / "a.parquet"], tmp_path / "b.parquet")


def test_columns_of_ones_own(tmp_path):
    (tmp_path / "a.csv").write_text("query,label,x,a,b,shop\n1,1,2,.5,.25,7\n1,0,2,1,2,9\n")
    teachers = {"teacher_a": "a", "teacher_b": "b"}
    convert([tmp_path / "a.csv"], tmp_path / "a.parquet", columns=teachers, ids=["shop"])
    lists = read_parquet(tmp_path / "a.parquet")
    assert lists.columns["teacher_a"].tolist() == [0.5, 1]
    assert lists.columns["teacher_b"].tolist() == [0.25, 2]
    assert lists.ids["shop"].tolist() == [7, 9]
    assert lists.feature_names == ("x",)
    pl.read_parquet(tmp_path / "a.parquet").write_parquet(tmp_path / "b.parquet")  # which keeps no marks
    columns = {name: name for name in teachers}
    convert([tmp_path / "b.parquet"], tmp_path / "c.parquet", columns=columns, ids=["shop"])
    assert read_parquet(tmp_path / "c.parquet").fingerprint() == lists.fingerprint()


def test_trec_and_parquet(tmp_path):
    (tmp_path / "a.run").write_text("7 Q0 GX1 1 2.5 bm25\n")
    (tmp_path / "b.run").write_text("9 Q0 GX1 1 20.123456789 bm25\n")
    (tmp_path / "qrels").write_text("7 0 GX1 2\n7 0 GX2 1\n8 0 GX1 3\n")
    runs = [tmp_path / "a.run", tmp_path / "b.run"]
    convert(runs, tmp_path / "a.parquet", qrels=tmp_path / "qrels")
    convert([tmp_path / "a.parquet"], tmp_path / "b.parquet")
    lists = read_parquet(tmp_path / "b.parquet")
    assert lists.labels.tolist() == [2, 0]
    assert lists.queries.tolist() == ["7", "9", "8"]
    assert lists.fingerprint() == read_trec(runs, tmp_path / "qrels").fingerprint()


def test_a_stream_of_parquet(lists, tmp_path):
    for i in range(3):
        part = lists.select(np.arange(i * 10, i * 10 + 10))
        write_parquet(part, tmp_path / f"{i}.parquet")
    convert([tmp_path / f"{i}.parquet" for i in range(3)], tmp_path / "all.parquet")
    assert pl.read_parquet(tmp_path / "all.parquet").height == 30


def test_refuses(tmp_path, lists):
    path = tmp_path / "a.txt"
    path.write_text(letor_text(lists))
    with pytest.raises(ValueError, match=r"the output must be a file NAME\.parquet, but got"):
        convert([path], tmp_path / "a.arrow")
    with pytest.raises(
        ValueError, match=r"the suffix of .*a\.xyz is not that of a known format: give form, one of letor, csv,"
    ):
        convert([tmp_path / "a.xyz"], tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"unknown format 'xml'; known are csv, elwc, letor"):
        convert([path], tmp_path / "a.parquet", form="xml")
    with pytest.raises(ValueError, match="label does not act on the format letor, but on csv, elwc"):
        convert([path], tmp_path / "a.parquet", label="x")
    with pytest.raises(ValueError, match=r"a\.txt: query 'q0' occurs twice"):
        convert([path, path], tmp_path / "a.parquet")
    convert([path], tmp_path / "a.parquet")
    before = (tmp_path / "a.parquet").read_bytes()
    with pytest.raises(FileExistsError, match="exists: choose another output or allow overwriting"):
        convert([path], tmp_path / "a.parquet")
    path.write_text("x\n")
    with pytest.raises(ValueError, match="line 1: the label must be a number"):
        convert([path], tmp_path / "a.parquet", overwrite=True)
    assert (tmp_path / "a.parquet").read_bytes() == before


BESIDE_ANOTHER = """
import pathlib, sys
from plackett.data import convert

def wait(lists):  # until the other has begun too
    print("begun", flush=True)
    sys.stdin.readline()

convert(sys.argv[1], sys.argv[2], progress=wait)
"""


def test_of_two_processes_that_write_one_file_one_succeeds(tmp_path):
    output, processes = tmp_path / "all.parquet", []
    for query in ("first", "second"):
        (tmp_path / f"{query}.txt").write_text(f"1 qid:{query} 1:1\n")
        command = [sys.executable, "-c", BESIDE_ANOTHER, tmp_path / f"{query}.txt", output]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        processes.append(subprocess.Popen(command, text=True, **pipes))
    for process in processes:
        assert process.stdout.readline() == "begun\n"
    said = [process.communicate("\n")[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 1]
    assert f"FileExistsError: {output} exists, though it did not when the writing began" in said[1]
    assert read_parquet(output).queries.tolist() == ["first"]
    assert len(list(tmp_path.iterdir())) == 3


def run(*arguments):
    done = typer.testing.CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, " ".join(done.output.split())


def test_the_command(tmp_path):
    (tmp_path / "a.csv").write_text("session;grade;url;x;country;clicked\n1;1;a;2;de;1\n2;0;b;;fr;0\n1;0;b;3;de;0\n")
    command = ["convert", tmp_path / "a.csv", tmp_path / "a.parquet", "--separator", ";", "--query", "session"]
    command += ["--label", "grade", "--document", "url", "--categorical", "country", "--column", "click=clicked"]
    code, output = run(*command, "--missing")
    assert code == 2
    assert "a.csv, line 4: query '1' begins again, after others; sort by query, or group in memory by " in output
    assert "together=False (--group on the command line)" in output
    code, output = run(*command, "--group")
    assert "line 3, query '2': x is missing" in output
    assert not (tmp_path / "a.parquet").exists()
    code, output = run(*command, "--group", "--missing")
    assert code == 0
    assert "queries │ 2" in output
    assert "documents │ 3" in output
    lists = read_parquet(tmp_path / "a.parquet")
    assert lists.documents.tolist() == ["a", "b", "b"]
    assert lists.columns["click"].tolist() == [1, 0, 0]
    assert lists.feature_names == ("x",)
    code, output = run(*command, "--group", "--missing")
    assert "exists: choose another output, or replace it (--overwrite)" in output
    assert run(*command, "--group", "--missing", "--overwrite", "--features", "x,clicked")[0] == 2
    assert "--column must be NAME=COLUMN, but got 'judged'" in run(*command, "--overwrite", "--column", "judged")[1]
    code, output = run("convert", tmp_path / "none.txt", tmp_path / "b.parquet", "--features", "3")
    assert code == 2
    assert f"error: there is no file {tmp_path / 'none.txt'}" in output


def test_what_training_reads(lists, tmp_path, monkeypatch):
    half = np.arange(15)
    for i, name in enumerate(("a", "b")):
        (tmp_path / f"{name}.txt").write_text(letor_text(lists.select(half + 15 * i)))
    (tmp_path / "parts").mkdir()
    write_parquet(lists, tmp_path / "parts" / "all.parquet")
    text = _sources.read([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert text.fingerprint() == _sources.read([tmp_path / "parts"]).fingerprint() == lists.fingerprint()
    monkeypatch.setattr(_sources, "IN_MEMORY", 1)
    monkeypatch.setenv("PLACKETT_CACHE", str(tmp_path / "cache"))
    assert isinstance(_sources.read([tmp_path / "parts"]).features, np.memmap)
    with pytest.raises(ValueError, match=r"must be of one format, but got .*parts \(parquet\), .*a\.txt \(letor\)"):
        _sources.read([tmp_path / "parts", tmp_path / "a.txt"])
    with pytest.raises(ValueError, match=r"a\.txt: query 'q0' occurs twice"):
        _sources.read([tmp_path / "a.txt", tmp_path / "a.txt"])
    with pytest.raises(ValueError, match="15 queries, such as 'q0', are in both training and validation data, which"):
        _sources.read_training([tmp_path / "a.txt"], [tmp_path / "a.txt"], reading={})
    train, held_out, provenance = _sources.read_training(
        [tmp_path / "a.txt"], [tmp_path / "a.txt"], reading={}, shared_queries=True
    )
    assert len(train) == len(held_out) == 15
    assert provenance == {"data": [str(tmp_path / "a.txt")], "validation": [str(tmp_path / "a.txt")]}
    (tmp_path / "narrow.txt").write_text("0 qid:x\n1 qid:x 2:1\n")
    wide = read_letor(tmp_path / "narrow.txt", features=5)
    assert (
        _sources.read([tmp_path / "a.txt", tmp_path / "narrow.txt"]).features[-1].tolist() == wide.features[1].tolist()
    )
