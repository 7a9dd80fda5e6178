"""`plackett index` and `plackett search`."""

import keras
import numpy as np
import polars as pl
import pytest
from command_line import run, words

from plackett.retrieval import Retriever, Table, TwoTowerModel, make_tower, open_index


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with films.parquet, users.csv and model.keras."""
    folder, random = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    genres = ["|".join(random.choice(["drama", "crime", "action"], number)) for number in random.integers(0, 3, 80)]
    films = {"film": [f"f{row}" for row in range(80)], "year": random.integers(1950, 2000, 80).tolist()}
    pl.DataFrame(films | {"genres": genres}).write_parquet(folder / "films.parquet")
    users = {"id": [f"u{row}" for row in range(9)], "age": random.integers(18, 80, 9).tolist()}
    pl.DataFrame(users).write_csv(folder / "users.csv")
    towers = TwoTowerModel(
        make_tower(Table.read(folder / "users.csv"), dimension=4, hidden=()),
        make_tower(Table.read(folder / "films.parquet", id="film", lists={"genres": "|"}), dimension=4, hidden=()),
    )
    towers.save(folder / "model.keras")
    return folder


@pytest.fixture
def index(folder, tmp_path):
    """The index of the films."""
    done = run_index(folder, tmp_path / "index")
    assert done.exit_code == 0, done.output
    return tmp_path / "index"


def run_index(folder, out, *flags):
    return run(
        *("index", folder / "model.keras", folder / "films.parquet", out, "--id", "film", "--list", "genres=|", *flags)
    )


def run_search(folder, index, out, *flags):
    return run("search", folder / "model.keras", index, folder / "users.csv", out, *flags)


def test_documents_are_indexed_and_found(folder, index, tmp_path):
    done = run_search(folder, index, tmp_path / "found.parquet", "--k", 5)
    assert done.exit_code == 0, done.output
    assert "9 queries, 5 documents each, are in" in words(done)
    retriever = Retriever(keras.models.load_model(folder / "model.keras"), index)
    expected = retriever.search(Table.read(folder / "users.csv"), k=5)
    found = pl.read_parquet(tmp_path / "found.parquet")
    assert found["query"].unique(maintain_order=True).to_list() == expected.queries.tolist()
    assert found["document"].to_list() == expected.ids.ravel().tolist()
    assert found["rank"].to_list() == [1, 2, 3, 4, 5] * 9
    np.testing.assert_allclose(found["score"].to_numpy(), expected.scores.ravel(), rtol=1e-5)


def test_a_run_is_evaluated_against_judgements(folder, index, tmp_path):
    assert run_search(folder, index, tmp_path / "found.run", "--k", 5).exit_code == 0
    first = (tmp_path / "found.run").read_text().split()[2]
    (tmp_path / "judged.qrels").write_text(f"u0 0 {first} 1\n")
    done = run("evaluate", tmp_path / "found.run", "--qrels", tmp_path / "judged.qrels", "--metric", "mrr")
    assert done.exit_code == 0, done.output
    assert "1.0000" in words(done)


def test_an_approximate_index_says_what_it_misses_unless_search_is_exact(folder, tmp_path):
    done = run_index(folder, tmp_path / "index", "--approximate", "--dtype", "float16")
    assert done.exit_code == 0, done.output
    assert "holds 80 documents of dimension 4, compared by cosine, with a graph for approximate search" in words(done)
    assert open_index(tmp_path / "index").embeddings.dtype == np.float16
    done = run_search(folder, tmp_path / "index", tmp_path / "a.run", "--k", 10)
    assert "of the exact best 10, on 9 queries" in words(done)
    exact = run_search(folder, tmp_path / "index", tmp_path / "b.run", "--k", 10, "--exact")
    assert exact.exit_code == 0, exact.output
    assert "exact best" not in words(exact)


def test_nothing_is_replaced_unless_that_is_said(folder, index, tmp_path):
    done = run_index(folder, index)
    assert done.exit_code == 2
    assert "index exists: choose another folder, or replace the index with overwrite=True (--overwrite)" in words(done)
    assert run_index(folder, index, "--overwrite").exit_code == 0
    (tmp_path / "found.run").write_text("mine")
    done = run_search(folder, index, tmp_path / "found.run")
    assert "found.run exists: choose another output, or replace it (--overwrite)" in words(done)
    assert run_search(folder, index, tmp_path / "found.run", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--list", "genres"], "--list must be NAME=SEPARATOR, as in genres=|, but got 'genres'"),
        (["--batch-size", 0], "batch_size must be a whole number of at least 1"),
        (["--id", "filn"], "filn"),
    ],
)
def test_wrong_options_of_index_are_told(folder, tmp_path, flags, message):
    given = ["--id", "film"] if "--id" not in flags else []
    done = run("index", folder / "model.keras", folder / "films.parquet", tmp_path / "index", *given, *flags)
    assert done.exit_code == 2, done.output
    assert message in words(done)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--k", 0], "k must be a whole number of at least 1, but got k=0"), (["--id", "age"], "id must occur once")],
)
def test_wrong_options_of_search_are_told(folder, index, tmp_path, flags, message):
    done = run_search(folder, index, tmp_path / "found.run", *flags)
    assert done.exit_code == 2, done.output
    assert message in words(done)


def test_ids_that_a_run_cannot_hold_are_told_before_the_search(folder, index, tmp_path, monkeypatch):
    monkeypatch.setattr(Retriever, "embed", lambda *_, **__: pytest.fail("it searches"))
    (tmp_path / "users.csv").write_text("id,age\nann b,30\n")
    done = run("search", folder / "model.keras", index, tmp_path / "users.csv", tmp_path / "found.run")
    assert done.exit_code == 2, done.output
    assert "the query 'ann b' cannot stand in a TREC run" in words(done)


@pytest.mark.parametrize("suffix", ["run", "csv", "parquet"])
def test_no_queries_find_nothing(folder, index, tmp_path, suffix):
    (tmp_path / "users.csv").write_text("id,age\n")
    out = tmp_path / f"found.{suffix}"
    done = run("search", folder / "model.keras", index, tmp_path / "users.csv", out)
    assert done.exit_code == 0, done.output
    assert "0 queries" in words(done)
    assert out.is_file()


def test_text_that_looks_like_numbers_is_text_where_that_is_said(tmp_path):
    (tmp_path / "films.csv").write_text("id,title\na,alien\nb,1984\n")
    make_tower(Table.read(tmp_path / "films.csv"), dimension=4, hidden=()).save(tmp_path / "model.keras")
    assert run("index", tmp_path / "model.keras", tmp_path / "films.csv", tmp_path / "index").exit_code == 0
    (tmp_path / "queries.csv").write_text("id,title\nq,1984\n")
    search = ("search", tmp_path / "model.keras", tmp_path / "index", tmp_path / "queries.csv", tmp_path / "found.run")
    done = run(*search)
    assert done.exit_code == 2, done.output
    assert "the tower takes strings as title" in words(done)
    assert "name it in texts=[...] (--text on the command line)" in words(done)
    assert run(*search, "--text", "title").exit_code == 0


def test_a_model_of_another_index_is_told(folder, index, tmp_path):
    films = Table.read(folder / "films.parquet", id="film", lists={"genres": "|"})
    make_tower(films, dimension=4).save(tmp_path / "other.keras")
    done = run("search", tmp_path / "other.keras", index, folder / "users.csv", tmp_path / "found.run")
    assert done.exit_code == 2, done.output
    assert "was built by another model" in words(done)


def test_missing_files_and_wrong_outputs_are_told(folder, tmp_path):
    done = run_search(folder, tmp_path / "none", tmp_path / "found.run")
    assert f"there is no index {tmp_path / 'none'}" in words(done)
    done = run_search(folder, tmp_path / "none", tmp_path / "found.txt")
    assert "the output must be NAME.parquet, NAME.csv, NAME.run, but got" in words(done)
    done = run("index", tmp_path / "none.keras", folder / "films.parquet", tmp_path / "index")
    assert "there is no file" in words(done)
