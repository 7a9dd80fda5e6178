"""The table of a shop, from its CSV to the ranks of new products."""

import csv
import json
import random

import numpy as np
import polars as pl
import pytest
import yaml
from command_line import quick, run, words

HEADER = ["session", "query", "product", "price", "brand", "stock", "position", "clicked"]
ROLES = ["--query", "session", "--label", "clicked", "--document", "product", "--categorical", "brand"]
ROLES += ["--query-columns", "text=query", "--column", "click=clicked", "--scorer-option", "missing=true"]


def rows(sessions, seed, brands=("acme", "brio", "")):
    draw = random.Random(seed)
    for session in range(sessions):
        for place in range(1, draw.randint(4, 9)):
            price, brand = round(draw.uniform(1, 50), 2), draw.choice(brands)
            clicked = int(draw.random() < (0.6 if price < 20 else 0.1))
            stock = draw.choice([3, 0, 7, ""])
            yield [f"s{seed}_{session}", 'red, "new" shoes', f"p{place}", price, brand, stock, place, clicked]


def write(path, table, columns=HEADER):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([row[HEADER.index(name)] for name in columns] for row in table)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop.csv", rows(40, 0))
    write(tmp_path / "vali.csv", rows(12, 1))
    write(tmp_path / "new.csv", rows(5, 2, brands=("acme", "zeta")), ["brand", "session", "product", "stock", "price"])
    return tmp_path


@pytest.fixture
def trained(shop):
    done = run("train", "shop.csv", "--validation", "vali.csv", *ROLES, "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output
    assert "2 features; id features: brand" in words(done)
    return shop


def test_what_lacks_a_role_is_told_with_the_flags_that_help(shop):
    done = run("train", "shop.csv", "--query", "session", "--label", "clicked", "--output", "run")
    assert done.exit_code == 2
    for part in ("'query' ('red, \"new\" shoes', line 2)", "'product' ('p1', line 2)", "'brand' (", "--categorical"):
        assert part in words(done)
    assert not (shop / "run").exists()


def test_a_run_keeps_how_its_files_are_read(trained):
    config = yaml.safe_load((trained / "run/config.yaml").read_text())
    roles = {"query": "session", "label": "clicked", "document": "product", "categorical": ["brand"]}
    roles |= {"columns": {"click": "clicked"}, "query_columns": {"text": "query"}}
    assert config["reading"] == roles
    best = json.loads((trained / "run/metrics.json").read_text())["ndcg@10"]
    done = run("evaluate", "run", "vali.csv", "--metric", "ndcg@10")
    assert f"{best:.4f}" in done.output
    done = run("train", "--config", "run/config.yaml", "--output", "again")
    assert done.exit_code == 0, done.output
    assert (trained / "again/history.csv").read_text() == (trained / "run/history.csv").read_text()


def test_converted_and_read_at_once_are_the_same(trained):
    done = run("convert", "vali.csv", "vali.parquet", *ROLES[:-2], "--missing")
    assert done.exit_code == 0, done.output
    assert "id features │ 1: brand" in words(done)
    assert "columns │ 3: click, position, text" in words(done)
    tables = [run("evaluate", "run", name).output for name in ("vali.csv", "vali.parquet")]
    assert tables[0] == tables[1]


def test_roles_stand_in_a_file(trained):
    (trained / "roles.yaml").write_text(
        "query: session\nlabel: clicked\ndocument: product\ncategorical: [brand]\nquery_columns: {text: query}\n"
    )
    done = run("train", "shop.csv", "--roles", "roles.yaml", "--scorer-option", "missing=true", "--output", "other")
    assert done.exit_code == 0, done.output
    model = trained / "run/model.keras"
    (trained / "alone.keras").write_bytes(model.read_bytes())
    done = run("evaluate", "alone.keras", "vali.csv")
    assert "unknown column 'query'" not in done.output
    assert done.exit_code == 2  # since nothing says what its columns are
    assert run("evaluate", "alone.keras", "vali.csv", "--roles", "roles.yaml").exit_code == 0
    (trained / "roles.yaml").write_text("qeury: session")
    done = run("train", "shop.csv", "--roles", "roles.yaml", "--output", "third")
    assert "error: roles.yaml: unknown option of reading 'qeury'; did you mean 'query'?" in words(done)


def test_flags_go_before_the_file_of_roles(shop):
    (shop / "roles.yaml").write_text("query: product\nlabel: clicked\nfeatures: [price]\n")
    done = run("convert", "shop.csv", "shop.parquet", "--roles", "roles.yaml", "--query", "session")
    assert done.exit_code == 0, done.output
    assert pl.read_parquet("shop.parquet")["query"].to_list()[0] == "s0_0"


def test_a_click_that_is_the_label_is_a_target(shop):
    done = run("train", "shop.csv", *ROLES, "--target", "click", "--output", "run", *quick(1))
    assert done.exit_code == 0, done.output


def test_new_data_is_ranked_without_labels(trained):
    done = run("score", "run", "new.csv", "-o", "scores.csv")
    assert done.exit_code == 0, done.output
    assert "brand: " in words(done)
    assert "documents have one of 1 values that training did not see, such as 'zeta'" in words(done)
    given, scores = pl.read_csv("new.csv"), pl.read_csv("scores.csv")
    assert scores.columns == ["query", "document", "score", "rank"]
    assert scores["query"].equals(given["session"].alias("query"))
    assert scores["document"].equals(given["product"].alias("document"))
    for _, of_query in scores.group_by("query"):
        by_rank = of_query.sort("rank")
        assert by_rank["rank"].to_list() == list(range(1, len(of_query) + 1))
        assert (np.diff(by_rank["score"].to_numpy()) <= 0).all()
    assert "scores.csv exists: choose another output, or replace it (--overwrite)" in words(
        run("score", "run", "new.csv", "-o", "scores.csv")
    )
    assert run("score", "run", "new.csv", "-o", "scores.parquet").exit_code == 0
    assert pl.read_parquet("scores.parquet")["rank"].equals(scores["rank"])
    assert run("score", "run", "new.csv", "-o", "scores.run").exit_code == 0
    lines = [line.split() for line in (trained / "scores.run").read_text().splitlines()]
    assert [line[3] for line in lines[:3]] == ["1", "2", "3"]
    assert {(line[0], line[2], int(line[3])) for line in lines} == set(
        scores.select("query", "document", "rank").rows()
    )


def test_columns_in_another_order_and_new_ones(trained):
    given = pl.read_csv("new.csv")
    run("score", "run", "new.csv", "-o", "scores.csv")
    wider = given.select(reversed(given.columns)).with_columns(margin=pl.lit(0.5), note=pl.lit("fragile"))
    wider.write_csv("wider.csv")
    done = run("score", "run", "wider.csv", "-o", "wider_scores.csv")
    assert done.exit_code == 0, done.output
    assert "warning: columns that the run did not read are left out: margin, note" in words(done)
    assert pl.read_csv("wider_scores.csv").equals(pl.read_csv("scores.csv"))
    given.drop("price").with_columns(cost=pl.lit(0.5)).write_csv("lacking.csv")
    done = run("score", "run", "lacking.csv", "-o", "lacking_scores.csv")
    assert done.exit_code == 2
    assert "the model has features that these lists lack: price; those that they have besides are cost" in words(done)
    assert not (trained / "lacking_scores.csv").exists()


def test_an_id_that_no_run_can_hold_is_refused(trained):
    pl.read_csv("new.csv").with_columns(product=pl.lit("p ") + pl.col("product")).write_csv("spaced.csv")
    done = run("score", "run", "spaced.csv", "-o", "scores.run")
    assert done.exit_code == 2
    assert "the document 'p p1' cannot stand in a TREC run, where white space separates fields" in words(done)
    assert not (trained / "scores.run").exists()
