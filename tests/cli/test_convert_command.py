"""What `plackett convert` refuses; what it does is tested with the formats."""

import pytest
from command_line import run, words

from plackett import data
from plackett.data import _reading, _suffixes


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        (["train.txt", "a.arrow"], "the output must be a file NAME.parquet, but got a.arrow"),
        (
            ["train.xyz", "a.parquet"],
            "the suffix of train.xyz is not that of a known format: give form, one of letor, csv,",
        ),
        (["train.txt", "a.parquet", "--format", "trek"], "unknown --format 'trek'; did you mean 'trec'?"),
        (["none.txt", "a.parquet"], "there is no file none.txt"),
        (
            ["train.txt", "a.parquet", "--document", "d"],
            "--document does not act on the format letor, but on csv, elwc",
        ),
        (["train.txt", "a.parquet", "--qrels", "vali.txt"], "--qrels does not act on the format letor, but on trec"),
        (["train.txt", "a.parquet", "--features", "a,b"], "--features must be the number of features for the format"),
        (["train.csv", "a.parquet", "--qrels", "vali.txt"], "--qrels does not act on the format csv, but on trec"),
        (["train.csv", "a.parquet", *2 * ["--column", "click=c"]], "--column click is given twice"),
        (["train.csv", "a.parquet", "--column", "click"], "--column must be NAME=COLUMN, but got 'click'"),
        (["train.run", "a.parquet"], "a TREC run has no grades: give the file of judgements by --qrels"),
        (["train.run", "a.parquet", "--qrels", "none"], "there is no file none"),
        (["train.txt", "a.parquet", "--format", "elwc", "--group"], "--group does not act on the format elwc, but on"),
        (
            ["train.txt", "a.parquet", "--format", "elwc", "--categorical", "c"],
            "--categorical does not act on the form",
        ),
        (["train.txt", "train.txt/a.parquet"], "train.txt is a file"),
        (["train.txt", "old.parquet"], "old.parquet exists: choose another output, or replace it (--overwrite)"),
    ],
)
def test_refuses(files, monkeypatch, arguments, wrong):
    def fail(*arguments, **options):
        raise AssertionError("the data was read")

    monkeypatch.setattr(data, "convert", fail)
    monkeypatch.chdir(files)
    for name in ("train.csv", "train.run", "train.xyz", "old.parquet"):
        (files / name).write_text("")
    done = run("convert", *arguments)
    assert done.exit_code == 2, done.output
    assert wrong in words(done)
    assert "Traceback" not in done.output


def test_options_act_on_known_formats():
    assert set(_reading.ACT_ON) == set(_suffixes.FORMATS)
    options = {name for names in _reading.ACT_ON.values() for name in names}
    assert options | {"form"} == set(data.Reading.__annotations__)


def test_each_format_takes_its_flags(files, monkeypatch):
    """A number of features is one for letor, and a name elsewhere."""
    monkeypatch.chdir(files)
    (files / "sparse.txt").write_text("1 qid:1 2:0.5\n0 qid:1\n")
    done = run("convert", "sparse.txt", "a.parquet", "--features", 7, "--group")
    assert done.exit_code == 0, done.output
    assert data.read_parquet("a.parquet").features.shape[1] == 7
    (files / "b.csv").write_text("query,label,3,4\n1,0,0.5,0.25\n")
    done = run("convert", "b.csv", "b.parquet", "--features", 3)
    assert done.exit_code == 0, done.output
    assert data.read_parquet("b.parquet").features.tolist() == [[0.5]]
