"""`plackett report`."""

import pytest
from command_line import quick, run, words


def test_a_report_of_runs_and_others(files, monkeypatch):
    monkeypatch.chdir(files)
    for name, loss in (("a", "softmax"), ("b", "approx_ndcg")):
        train = ["train", "train.txt", "--validation", "vali.txt", "--loss", loss, "--output", f"runs/{name}"]
        assert run(*train, *quick(2)).exit_code == 0
    done = run(
        "report", "runs/a", "runs/b", "random:1", "--data", "test.txt", "--metric", "ndcg@5", "-o", "report.html"
    )
    assert done.exit_code == 0, done.output
    assert (files / "report.html").as_uri() in done.output.replace("\n", "")
    page = (files / "report.html").read_text()
    assert "plackett train --config runs/a/config.yaml --output runs/a-again" in page
    assert "ndcg@5[exp2, empty=0, ties=position]" in page
    assert 'id="training"' in page
    before = page
    done = run("report", "runs/a", "--data", "test.txt", "-o", "report.html")
    assert "report.html exists: choose another output, or replace it (--overwrite)" in words(done)
    assert (files / "report.html").read_text() == before


def test_without_data_it_is_of_the_validation_lists(files, monkeypatch):
    monkeypatch.chdir(files)
    assert run("train", "train.txt", "--validation", "vali.txt", "--output", "runs/a", *quick(1)).exit_code == 0
    found = [
        run("report", "runs/a", "-o", f"{place}.html", *data) for place, data in enumerate(([], ["--data", "vali.txt"]))
    ]
    assert [done.exit_code for done in found] == [0, 0], found[0].output
    tables = [done.output.partition("the report")[0] for done in found]
    assert tables[0] == tables[1]
    assert "there is no data: name it by --data" in words(run("report", "random:1", "-o", "c.html"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["random:1", "--data", "test.txt", "-o", "report.pdf"], "--output must be NAME.html, but got report.pdf"),
        (["random:1", "--data", "none.txt", "-o", "report.html"], "there is no file none.txt"),
        (["random:1", "--data", "test.txt", "-o", "none/report.html"], "none"),
        (["random:1", "--data", "test.txt", "-o", "report.html", "--baseline", "b"], "unknown baseline 'b'"),
    ],
)
def test_report_refuses(arguments, expected, files, monkeypatch):
    monkeypatch.chdir(files)
    done = run("report", *arguments)
    assert done.exit_code == 2, done.output
    assert expected in words(done)
    assert not list(files.glob("*.html"))


def test_numbers_on_known_data_are_told_to_be_too_good(files, monkeypatch):
    monkeypatch.chdir(files)
    assert run("train", "train.txt", "--validation", "vali.txt", "--output", "runs/a", *quick(1)).exit_code == 0
    assert "a was trained on train.txt: its numbers are too good." in words(
        run("evaluate", "runs/a", "--data", "train.txt")
    )
    assert "too good" not in run("evaluate", "runs/a", "--data", "test.txt").output
    assert run("report", "runs/a", "-o", "report.html", "--metric", "mrr").exit_code == 0
    assert "a chose its best epoch on vali.txt: its numbers are too good." in (files / "report.html").read_text()
