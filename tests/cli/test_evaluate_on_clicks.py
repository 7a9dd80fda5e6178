"""`plackett evaluate --clicks`."""

import pathlib

import pytest
import yaml
from command_line import quick, run, words

from plackett.data import read_sessions, write_sessions

LOG = """query,session,document,position,click,propensity
q,1,a,1,1,1
q,1,b,2,0,0.5
q,2,b,1,0,1
q,2,a,2,1,0.5
r,3,a,1,1,1
r,3,c,2,1,0.5
"""
DATA = "query,document,price\nq,a,1\nq,b,2\nr,a,2\nr,c,1\nr,d,0\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A log, and its documents without labels."""
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "data.csv").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(*arguments, data="data.csv", log="log.csv"):
    return run("evaluate", *arguments, "--data", data, "--clicks", log)


def test_systems_are_shown_below_the_log(shop):
    done = ask("dear=feature:price", "cheap=feature:-price", "--topn", "2", "--missing", "leave_out")
    assert done.exit_code == 0, done.output
    assert "Clicks per session among the first 2" in done.output
    rows = [line.replace("│", " ").split() for line in done.output.splitlines() if line.startswith("│")]
    assert [row[:2] for row in rows] == [
        ["as", "logged"],
        *[[system, name] for system in ("dear", "cheap") for name in ("ips", "snips", "dr")],
    ]
    assert rows[0][2] == "1.0000"
    assert "over the 2 sessions of 1 query of the log" in done.output
    assert "1 query with 1 session are left out" in done.output


def test_what_the_log_cannot_tell_is_refused_with_the_flags_that_help(shop):
    done = ask("cheap=feature:-price", "--topn", "2")
    assert done.exit_code == 2
    assert "1 of 2 queries (1 of 3 sessions), such as document 'd' of query 'r' at rank 1" in words(done)
    assert "take a smaller topn (--topn)" in words(done)
    assert "--missing leave_out" in words(done)
    done = ask("feature:price")
    assert "the examination of rank 3 is not known, but topn is 10: take a topn (--topn) of at most 2" in words(done)


def test_counts_are_no_sessions(shop):
    (shop / "counts.csv").write_text("query,document,position,shown,clicked\nq,a,1,9,3\nq,b,2,9,1\n")
    done = ask("dear=feature:price", "--topn", "2", log="counts.csv")
    assert done.exit_code == 2
    assert "log must be Sessions, since the clicks of a session belong together and counts do not show that" in words(
        done
    )


def test_propensities_of_a_file_go_before_those_of_the_log(shop):
    (shop / "curve.csv").write_text("position,examination\n1,1\n2,0.25\n")
    arguments = ["dear=feature:price", "--topn", "2", "--estimator", "ips"]
    of_log, of_file = ask(*arguments), ask(*arguments, "--propensities", "curve.csv")
    assert of_file.exit_code == 0, of_file.output
    assert of_file.output != of_log.output
    assert "the propensities that were given" in of_file.output
    assert "there is no file none.csv" in words(ask(*arguments, "--propensities", "none.csv"))


def test_the_columns_of_a_log_may_have_other_names(shop):
    (shop / "own.csv").write_text(LOG.replace("document", "product").replace("click", "bought").replace(",", ";"))
    arguments = ["dear=feature:price", "--topn", "2"]
    flags = ["--click-column", "document=product", "--click-column", "click=bought", "--click-reading", "separator=;"]
    assert ask(*arguments, *flags, log="own.csv").output == ask(*arguments).output
    assert "unknown role in --click-column: 'paper'" in words(ask(*arguments, "--click-column", "paper=product"))


def test_a_log_without_sessions_is_cut_where_positions_do_not_rise(shop):
    lines = [line.split(",") for line in LOG.splitlines()]
    (shop / "own.csv").write_text("\n".join(",".join([line[0], *line[2:]]) for line in lines))
    arguments = ["dear=feature:price", "--topn", "2"]
    done = ask(*arguments, "--click-column", "session=none", log="own.csv")
    assert done.output == ask(*arguments).output


def test_each_flag_of_clicks_acts(shop):
    found = [
        ask("dear=feature:price", "--estimator", "dr", *flags)
        for flags in (
            ["--topn", "2"],
            ["--topn", "1"],
            ["--topn", "2", "--max-weight", "0.5"],
            ["--topn", "2", "--max-weight", "0.5", "--attraction", "feature:price"],
        )
    ]
    assert [done.exit_code for done in found] == [0] * 4, found[-1].output
    rows = [next(line for line in done.output.splitlines() if "dear" in line) for done in found]
    assert len(set(rows)) == 4


def test_a_run_is_estimated_on_the_clicks_of_another_ranker(files, monkeypatch):
    monkeypatch.chdir(files)
    assert run("train", "train.txt", "--validation", "vali.txt", "--output", "runs/a", *quick(1)).exit_code == 0
    rows = [line.split() for line in (files / "test.txt").read_text().splitlines()]
    log, place = ["query,session,document,position,click"], {}
    for row in rows:
        query = row[1].removeprefix("qid:")
        place[query] = place.get(query, 0) + 1
        log.append(f"{query},{query},{row[-1]},{place[query]},{int(row[0] != '0')}")
    (files / "log.csv").write_text("\n".join(log))
    (files / "curve.csv").write_text("\n".join(["position,examination", *(f"{p},{1 / p}" for p in range(1, 13))]))
    done = ask("runs/a", "--propensities", "curve.csv", data="test.txt")
    assert done.exit_code == 0, done.output
    assert "│ a " in done.output
    done = ask("runs/a", "--propensities", "curve.csv", data="train.txt", log="log.csv")
    assert "a ranks no document for 20 of 20 queries" in words(done)


def test_a_run_that_learnt_from_the_log_is_told_of(shop):
    (shop / "lists.csv").write_text("query,document,label,price\n" + "a,1,1,2\na,2,0,1\n")
    arguments = ["train", "lists.csv", "--validation", "lists.csv", "--shared-queries", "--output", "run", *quick(1)]
    assert run(*arguments).exit_code == 0
    config = yaml.safe_load((shop / "run/config.yaml").read_text())
    told = "run was trained on clicks of this log: its numbers are too good."
    assert told not in ask("run", "--topn", "2", "--missing", "leave_out").output
    (shop / "run/config.yaml").write_text(
        yaml.safe_dump(config | {"clicks": {"paths": ["log.csv"], "method": "naive"}})
    )
    assert told in ask("run", "--topn", "2", "--missing", "leave_out").output


@pytest.mark.parametrize(("learnt", "asked"), [("log", "log/a.parquet"), ("log/a.parquet", "log"), ("log", "log")])
def test_a_log_is_known_again_by_its_files(shop, learnt, asked):
    (shop / "log").mkdir()
    write_sessions(read_sessions("log.csv"), "log/a.parquet")
    train_on_clicks(learnt)
    done = ask("run", "--topn", "2", "--missing", "leave_out", log=asked)
    assert "run was trained on clicks of this log: its numbers are too good." in done.output
    write_sessions(read_sessions("log.csv"), "other.parquet")
    done = ask("run", "--topn", "2", "--missing", "leave_out", log="other.parquet")
    assert (done.exit_code, "too good" in done.output) == (0, False), done.output


def test_a_run_that_learnt_from_clicks_does_not_know_the_labels_of_its_lists(shop):
    train_on_clicks("log.csv")
    done = run("evaluate", "run", "--data", "labelled.csv")
    assert (done.exit_code, "too good" in done.output) == (0, False), done.output


def train_on_clicks(log):
    lists = "query,document,label,price\nq,a,1,1\nq,b,0,2\nr,a,0,2\nr,c,1,1\n"
    pathlib.Path("labelled.csv").write_text(lists)
    of_clicks = ["--clicks", log, "--method", "naive", "--validation-share", "0.5"]
    done = run("train", "labelled.csv", *of_clicks, "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--metric", "mrr"], "--metric is for judgements and not for --clicks: leave it out"),
        (["--slice", "list_size"], "--slice is for judgements"),
        (["--estimator", "pis"], "unknown estimator 'pis'"),
        (["--missing", "drop"], "missing must be one of refuse, leave_out"),
        (["--max-weight", "2", "--estimator", "ips"], "--max-weight is for --estimator dr"),
        (["--max-weight", "0"], "max_weight must be a number above 0"),
    ],
)
def test_flags_that_do_not_act_are_refused(arguments, expected, shop):
    done = ask("feature:price", "--topn", "2", *arguments)
    assert done.exit_code == 2, done.output
    assert expected in words(done)


def test_flags_of_clicks_need_a_log(shop):
    done = run("evaluate", "feature:price", "--data", "data.csv", "--topn", "2")
    assert "--topn needs a log of clicks: give --clicks LOG" in words(done)
    assert "there is no file none.csv" in words(ask("feature:price", log="none.csv"))
