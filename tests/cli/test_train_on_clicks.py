"""`plackett train --clicks`."""

import re

import numpy as np
import pytest
import yaml
from command_line import quick, run, words

import plackett
from plackett.clicks import simulate
from plackett.data import RankingLists, write_sessions


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with documents of queries, and what was clicked of them: as sessions, as a table, and as counts."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2)).round(3)
    products = [f"p{number}" for number in range(5)] * 40
    queries = np.repeat([f"q{number}" for number in range(40)], 5)
    labels = (features[:, 0] > 0.3).astype(int)
    lists = RankingLists.from_arrays(features, labels, query=queries, documents=products)
    lines = [f"{q},{p},{y},{a},{b}" for q, p, y, (a, b) in zip(queries, products, labels, features, strict=True)]
    (folder / "products.csv").write_text("\n".join(["query,document,label,price,stars", *lines]) + "\n")
    log = simulate(lists, features[:, 1], sessions=1000, positions=5, seed=0)
    write_sessions(log, folder / "sessions.parquet")
    session = log.session_of_row
    rows = zip(
        log.queries[session].tolist(),
        log.documents.tolist(),
        log.positions.tolist(),
        log.clicks.astype(int).tolist(),
        strict=True,
    )
    text = "\n".join(["query,product,position,clicked", *(",".join(map(str, row)) for row in rows)])
    (folder / "shop.csv").write_text(text + "\n")
    counts = log.counts()
    rows = zip(
        counts.queries.tolist(),
        counts.documents.tolist(),
        counts.positions.tolist(),
        counts.shown.tolist(),
        counts.clicked.tolist(),
        strict=True,
    )
    text = "\n".join(["query,document,position,shown,clicked", *(",".join(map(str, row)) for row in rows)])
    (folder / "counts.csv").write_text(text + "\n")
    return folder


def train(shop, output, *arguments, log="sessions.parquet", epochs=2):
    flags = ["--clicks", shop / log] if log else []
    return run("train", shop / "products.csv", "--output", output, *flags, *quick(epochs), *arguments)


def test_a_log_becomes_a_ranker_that_needs_no_position(shop, tmp_path):
    done = train(shop, tmp_path / "run", "--method", "pbm", epochs=10)
    assert done.exit_code == 0, done.output
    said = words(done)
    assert "1,000 sessions of 40 queries, 5,000 impressions" in said
    assert "positions 1 to 5" in said
    assert "20% of the queries, drawn with seed 0, are held out; their clicks choose the epoch" in said
    assert re.search(r"examination by position, relative to the first: 1\.00, 0\.\d\d", said)
    done = run("evaluate", tmp_path / "run", shop / "products.csv", "--metric", "ndcg@5")
    assert done.exit_code == 0, done.output
    model = plackett.load(tmp_path / "run")
    assert "position" not in model.input
    assert (tmp_path / "run" / "whole_model.keras").is_file()


UNTOLD = "the log alone cannot tell how often positions 2 to 5 are looked at"


def test_examination_that_the_log_does_not_tell_is_said_to_rest_on_the_features(shop, tmp_path):
    assert UNTOLD in words(train(shop, tmp_path / "pbm", "--method", "pbm"))
    assert UNTOLD not in words(train(shop, tmp_path / "naive", "--method", "naive"))
    lists = plackett.data.read(shop / "products.csv")
    log = simulate(lists, lists.features[:, 1], sessions=4000, positions=5, temperature=1.0)
    write_sessions(log, tmp_path / "varied.parquet")
    done = train(shop, tmp_path / "varied", "--method", "pbm", log=tmp_path / "varied.parquet")
    assert done.exit_code == 0, done.output
    assert "the log alone" not in words(done)


def test_an_estimator_in_the_place_of_a_curve_is_told_its_flag(shop, tmp_path):
    done = train(shop, tmp_path / "run", "--method", "ipw", "--propensities", "intervention_harvesting")
    assert done.exit_code == 2
    assert "give --propensity-method intervention_harvesting" in words(done)


def test_the_config_says_what_was_learnt_from_and_repeats_it(shop, tmp_path):
    done = train(shop, tmp_path / "run", "--method", "ipw", "--clip", 0.3)
    assert done.exit_code == 0, done.output
    assert re.search(r"at most 3.33333 \(clip 0.3\): \d+\.\d% of the clicks are clipped there", words(done))
    clicks = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["clicks"]
    assert clicks["paths"] == [str(shop / "sessions.parquet")]
    assert (clicks["method"], clicks["clip"], clicks["weights"]["propensities"]) == ("ipw", 0.3, "of the log")
    assert 0 < clicks["weights"]["clipped"] < 1
    done = run("train", "--config", tmp_path / "run/config.yaml", "--output", tmp_path / "again")
    assert done.exit_code == 0, done.output
    first, again = ((tmp_path / name / "history.csv").read_text() for name in ("run", "again"))
    assert first == again


@pytest.mark.parametrize("method", ["pbm", "click_em", "dbn"])
def test_a_config_is_taken_for_its_own_method_and_another(shop, tmp_path, method):
    assert train(shop, tmp_path / "run", "--method", method).exit_code == 0
    done = run("train", "--config", tmp_path / "run/config.yaml", "--output", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run/history.csv").read_text() == (tmp_path / "again/history.csv").read_text()
    done = run("train", "--config", tmp_path / "run/config.yaml", "--output", tmp_path / "other", "--method", "naive")
    assert done.exit_code == 0, done.output
    assert yaml.safe_load((tmp_path / "other/config.yaml").read_text())["loss"] == "softmax"


def test_a_run_on_clicks_goes_on_and_is_replaced(shop, tmp_path):
    assert train(shop, tmp_path / "run", "--method", "pbm").exit_code == 0
    assert "--resume" in words(train(shop, tmp_path / "run", "--method", "pbm"))
    done = train(shop, tmp_path / "run", "--method", "pbm", "--resume", epochs=4)
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 5
    done = train(shop, tmp_path / "run", "--method", "two_tower", "--resume", epochs=4)
    assert done.exit_code != 0
    assert "loss was" in words(done)
    assert train(shop, tmp_path / "run", "--method", "two_tower", "--overwrite").exit_code == 0


def test_the_table_of_a_shop_is_read_by_the_names_of_its_columns(shop, tmp_path):
    columns = ["--click-column", "document=product", "--click-column", "click=clicked"]
    done = train(shop, tmp_path / "run", "--method", "pbm", *columns, log="shop.csv")
    assert done.exit_code == 0, done.output
    assert "a session begins where the query changes or the position does not rise" in words(done)


def test_the_data_need_no_labels(shop, tmp_path):
    lines = (shop / "products.csv").read_text().splitlines()
    rows = [[*line.split(",")[:2], *line.split(",")[3:]] for line in lines]
    (tmp_path / "unjudged.csv").write_text("\n".join(map(",".join, rows)) + "\n")
    log = ["--clicks", shop / "sessions.parquet", "--method", "pbm"]
    done = run("train", tmp_path / "unjudged.csv", "--output", tmp_path / "run", *log, *quick(1))
    assert done.exit_code == 0, done.output
    both = run("train", shop / "products.csv", "--output", tmp_path / "judged", *log, *quick(1))
    assert both.exit_code == 0, both.output
    histories = [(tmp_path / name / "history.csv").read_text() for name in ("run", "judged")]
    assert histories[0] == histories[1]


def test_a_log_is_read_in_a_way_of_its_own(shop, tmp_path):
    header, *rows = (shop / "shop.csv").read_text().replace(",", ";").splitlines()
    visits = [f"{row};é{place // 5}" for place, row in enumerate(rows)]
    mixed = visits[1:] + visits[:1]  # the first visit goes on after all others
    (tmp_path / "shop.csv").write_text("\n".join([f"{header};session", *mixed]), encoding="latin-1")
    columns = ["--click-column", "document=product", "--click-column", "click=clicked"]
    needed = ["separator=;", "encoding=latin-1", "together=false"]
    said = ["separator=CHARACTER", "encoding=latin-1", "together=false"]
    for number, way_out in enumerate(said):
        flags = [part for option in needed[:number] for part in ("--click-reading", option)]
        done = train(shop, tmp_path / "run", "--method", "pbm", *columns, *flags, log=tmp_path / "shop.csv")
        assert done.exit_code != 0
        assert f"(--click-reading {way_out} on the command line)" in words(done)
    flags = [part for option in needed for part in ("--click-reading", option)]
    done = train(shop, tmp_path / "run", "--method", "pbm", *columns, *flags, log=tmp_path / "shop.csv")
    assert done.exit_code == 0, done.output
    done = run("train", "--config", tmp_path / "run/config.yaml", "--output", tmp_path / "again")
    assert done.exit_code == 0, done.output


def test_counts_do_as_well_as_sessions(shop, tmp_path):
    for name, log in (("counts", "counts.csv"), ("sessions", "sessions.parquet")):
        done = train(shop, tmp_path / name, "--method", "pbm", log=log)
        assert done.exit_code == 0, done.output
    assert (tmp_path / "counts/history.csv").read_text() == (tmp_path / "sessions/history.csv").read_text()
    done = train(shop, tmp_path / "dbn", "--method", "dbn", log="counts.csv")
    assert "the method dbn needs sessions" in words(done)


def test_propensities_come_from_a_file_or_a_method(shop, tmp_path):
    curve = plackett.clicks.propensities.Propensities([1.0, 0.5, 0.4, 0.3, 0.2], method="hand")
    curve.write(tmp_path / "curve.csv")
    done = train(shop, tmp_path / "run", "--method", "ipw", "--propensities", tmp_path / "curve.csv", log="counts.csv")
    assert done.exit_code == 0, done.output
    done = train(shop, tmp_path / "em", "--method", "ipw", "--propensity-method", "regression_em")
    assert done.exit_code == 0, done.output
    done = train(shop, tmp_path / "none", "--method", "ipw", log="counts.csv")
    assert "the log has no column of propensities" in words(done)


@pytest.mark.parametrize(
    ("arguments", "words_of_it"),
    [
        (["--method", "pbm", "--clip", 0.1], "--clip is for --method ipw alone, but the method is pbm"),
        (["--method", "cascade"], "the cascade model allows one click per session at most"),
        (["--method", "click_me"], "did you mean 'click_em'"),
        (["--method", "ipw", "--propensity-method", "randomised"], "unknown --propensity-method 'randomised'; did you"),
        (["--method", "pbm", "--loss", "softmax"], "the method pbm has its own loss"),
        (["--method", "ipw", "--clip", 0], "clip, the smallest propensity that divides, must be above 0 and at most 1"),
        (["--method", "pbm", "--metric", "ndcg@5"], "clicks alone choose the epoch of pbm, but got 'ndcg@5'"),
        (["--method", "pbm", "--scorer-option", "models=3"], "models is an option of the method mixture_em alone"),
        ([], "--clicks needs --method"),
        (["--method", "ipw", "--click-column", "doc=product"], "unknown role in --click-column: 'doc'"),
        (["--method", "ipw", "--click-reading", "comma=;"], "unknown option in --click-reading: 'comma'"),
        (["--method", "ipw", "--click-reading", "together=no"], "unknown value of --click-reading together: 'no'"),
    ],
)
def test_what_does_not_act_or_fit_is_refused(shop, tmp_path, arguments, words_of_it):
    done = train(shop, tmp_path / "run", *arguments)
    assert done.exit_code != 0
    assert words_of_it in words(done)
    assert not (tmp_path / "run").exists()


def test_flags_of_clicks_need_a_log(shop, tmp_path):
    done = train(shop, tmp_path / "run", "--method", "pbm", log=None)
    assert "--method needs a log of clicks: give --clicks LOG" in words(done)


def test_commands_on_labels_refuse_the_config_of_a_run_on_clicks(shop, tmp_path):
    assert train(shop, tmp_path / "run", "--method", "naive").exit_code == 0
    done = run("tune", "--config", tmp_path / "run/config.yaml", "--output", tmp_path / "search", "--trials", 2)
    assert "is of a run on clicks, which plackett train can repeat" in words(done)


def test_movielens_learns_from_clicks_of_its_training_lists(tmp_path, monkeypatch):
    train, validation, test = (
        RankingLists.from_arrays(
            np.random.default_rng(seed).normal(size=(60, 2)),
            np.tile([0, 1, 2], 20),
            query=np.repeat(np.arange(20), 3),
            documents=np.arange(60) + 60 * seed,
        )
        for seed in range(3)
    )
    monkeypatch.setattr(plackett.data, "movielens_100k", lambda *_, **__: (train, validation, test))
    write_sessions(simulate(train, "random:1", sessions=300, seed=0), tmp_path / "log.parquet")
    done = run(
        "train",
        "movielens-100k",
        "--clicks",
        tmp_path / "log.parquet",
        "--method",
        "naive",
        "--output",
        tmp_path / "run",
    )
    assert done.exit_code == 0, done.output
    assert "20% of the queries, drawn with seed 0, are held out" in words(done)
