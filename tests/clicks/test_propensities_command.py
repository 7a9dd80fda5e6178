"""`plackett propensities`, and the curve in a report."""

import csv
import pathlib
import sys

import numpy as np
import pytest
from conftest import made_lists
from exact_counts import CHAIN, DETERMINISTIC, EVERYWHERE, EXAMINATION

sys.path.append(str(pathlib.Path(__file__).parents[1] / "cli"))

from command_line import run, words

from plackett.clicks import Propensities, read_propensities
from plackett.data import Sessions, write_sessions
from plackett.evaluation import evaluate
from plackett.evaluation.report import report

CURVE = Propensities([1.0, 0.5], [1.0, 0.4], [1.0, 0.6], "<b>eyes</b>", ("seen </section> twice",))


def write_counts(path, counts):
    names = ("query", "document", "position", "shown", "clicked")
    columns = [counts.queries, counts.documents, counts.positions, counts.shown, counts.clicked]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *zip(*(column.tolist() for column in columns), strict=True)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, counts in {"log": EVERYWHERE, "chain": CHAIN, "one": DETERMINISTIC}.items():
        write_counts(tmp_path / f"{name}.csv", counts)
    rows = [
        "query,document,x",
        *(f"q{query:02},d{document},{document}" for query in range(12) for document in range(4)),
    ]
    (tmp_path / "features.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.parametrize("method", ["intervention_harvesting", "position_based", "randomized", "regression_em"])
def test_the_curve_of_a_log_is_shown_and_written(method, folder):
    done = run("propensities", "log.csv", "--method", method, "-o", "curve.csv", "--resamples", 5)
    assert done.exit_code == 0, done.output
    assert f"Examination by {method}" in words(done)
    assert "2 │ 0.5000 │ [0.5000, 0.5000]" in words(done)
    curve = read_propensities(folder / "curve.csv")
    np.testing.assert_allclose(curve.examination, EXAMINATION, rtol=1e-4)
    assert curve.method == method


def test_sessions_whose_columns_have_other_names_are_read_too(folder):
    log = Sessions.from_arrays(
        query=["q"] * 80,
        session=np.repeat(np.arange(40), 2),
        document=["a", "b", "b", "a"] * 20,
        position=[1, 2] * 40,
        click=[place % 2 == 0 or place % 4 == 1 for place in range(80)],
    )
    write_sessions(log, folder / "sessions.parquet")
    assert run("propensities", "sessions.parquet", "-o", "a.csv").exit_code == 0
    rows = [f"q,{row // 2},{'abba'[row % 4]},{row % 2 + 1},{int(row % 2 == 0 or row % 4 == 1)}" for row in range(80)]
    text = "\n".join(["query,session,product,rank,click", *rows])
    (folder / "shop.csv").write_text(text.replace(",", ";"))
    columns = (
        "--click-column",
        "document=product",
        "--click-column",
        "position=rank",
        "--click-reading",
        "separator=;",
    )
    done = run("propensities", "shop.csv", *columns, "-o", "b.csv")
    assert done.exit_code == 0, done.output
    assert (folder / "a.csv").read_text() == (folder / "b.csv").read_text()


def test_a_plot_is_a_page_that_holds_all_it_needs_or_an_image(folder):
    for name in ("curve.html", "curve.svg"):
        done = run("propensities", "log.csv", "-o", "curve.csv", "--plot", name, "--overwrite")
        assert done.exit_code == 0, done.output
        assert f"its plot in {name}" in words(done)
    page = (folder / "curve.html").read_text()
    assert "intervention_harvesting" in page
    assert 'src="http' not in page
    assert "<svg" in (folder / "curve.svg").read_text()


def test_features_are_read_for_regression_em(folder):
    done = run("propensities", "log.csv", "--method", "regression_em", "--data", "features.csv", "-o", "c.csv")
    assert done.exit_code == 0, done.output
    # Attraction is no logistic function of this feature, but documents are everywhere alike.
    np.testing.assert_allclose(read_propensities(folder / "c.csv").examination, EXAMINATION, rtol=0.1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["one.csv"], "does not identify the examination of positions 2 to 4"),
        (["chain.csv", "--method", "randomized"], "documents were not placed at random"),
        (["log.csv", "--method", "harvest"], "unknown --method 'harvest'; known are intervention_harvesting"),
        (["log.csv", "--swaps", 1], "--swaps is for --method randomized, but the method is intervention_harvesting"),
        (["log.csv", "--data", "features.csv"], "--data is for --method regression_em"),
        (["log.csv", "--label", "x"], "are for the files of --data, but there are none"),
        (["log.csv", "--click-column", "doc=x"], "unknown role in --click-column: 'doc'"),
        (["log.csv", "--plot", "a.gif"], "--plot must be NAME.html"),
        (["none.csv"], "there is no file none.csv"),
        (["log.csv", "--positions", 1], "positions must be None or a whole number of at least 2, but got 1"),
    ],
)
def test_it_refuses(arguments, expected, folder):
    done = run("propensities", *arguments, "-o", "curve.csv")
    assert done.exit_code == 2, done.output
    assert expected in words(done)
    assert not (folder / "curve.csv").exists()


def test_the_log_is_not_overwritten(folder):
    before = (folder / "log.csv").read_text()
    assert run("propensities", "log.csv", "-o", "log.csv", "--overwrite").exit_code == 2
    assert run("propensities", "log.csv", "-o", "curve.txt").exit_code == 2
    assert (folder / "log.csv").read_text() == before


def test_a_report_shows_the_curve_its_band_and_its_notes(tmp_path):
    lists = made_lists(6, seed=0)
    systems = {"first": lambda lists: lists.features[:, 0]}
    results = evaluate(systems, lists, ["mrr"])
    options = {"own_sections": [CURVE.section()]}
    page = report(tmp_path / "a.html", systems, lists, results, **options).read_text(encoding="utf-8")
    assert 'id="position-bias"' in page
    assert "by &lt;b&gt;eyes&lt;/b&gt;" in page
    assert "<p>seen &lt;/section&gt; twice.</p>" in page
    assert "[0.4000, 0.6000]" in page
    plain = report(tmp_path / "b.html", systems, lists, results).read_text(encoding="utf-8")
    assert 'id="position-bias"' not in plain
    with pytest.raises(ValueError, match="there is already a section 'Position bias'"):
        report(tmp_path / "c.html", systems, lists, results, own_sections=[CURVE.section()] * 2)


def test_plackett_report_takes_the_file_of_a_curve(files, monkeypatch):
    monkeypatch.chdir(files)
    CURVE.write("curve.csv")
    flags = ("--data", "test.txt", "--metric", "mrr", "--propensities", "curve.csv")
    done = run("report", "random:1", *flags, "-o", "curve.html")
    assert done.exit_code == 0, done.output
    assert 'id="position-bias"' in (files / "curve.html").read_text(encoding="utf-8")
    assert "there is no file none.csv" in words(run("report", "random:1", *flags[:-1], "none.csv", "-o", "other.html"))
