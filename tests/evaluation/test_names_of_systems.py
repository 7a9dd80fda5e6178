"""What systems are called, and what they may be."""

import pathlib

import numpy as np
import pytest
from systems_data import lists_of, write_run

from plackett.evaluation._systems import open_system, open_systems

LISTS = lists_of()


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with runs, in which the test works."""
    for name in ("bm25.run", "a/bm25.run", "b/bm25.run", "dense.v2.run", "lr=0.1.run"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        write_run(path, [("q0", "d0", 1.0)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "given, names",
    [
        (["bm25.run", "dense.v2.run"], ["bm25", "dense.v2"]),
        (["a/bm25.run", "b/bm25.run"], ["a/bm25.run", "b/bm25.run"]),
        (["sparse=bm25.run", "bm25=dense.v2.run", "a/bm25.run"], ["sparse", "bm25", "bm25.run"]),
        (["lr=0.1.run", "random", "random:7", "feature:-2"], ["lr=0.1", "random", "random:7", "feature:-2"]),
        (["price=feature:price"], ["price"]),
        ("bm25.run", ["bm25"]),
        (pathlib.Path("a/bm25.run"), ["bm25"]),
        ({"x": "bm25.run", "y": "bm25.run"}, ["x", "y"]),
    ],
)
def test_names_are_short_and_distinct(runs, given, names):
    assert list(open_systems(given)) == names


@pytest.mark.parametrize(
    "given, words",
    [
        (["bm25.run", "./bm25.run"], "two systems have the name"),
        (["x=bm25.run", "x=random"], "two systems have the name 'x': bm25.run, random. Give one .* NAME=PATH"),
        (["random", "random"], "two systems have the name 'random'"),
        (["=bm25.run"], "must be NAME=PATH, but got '=bm25.run'"),
        ([np.zeros(3)], "a list of systems must hold paths and words.* but got a ndarray: give a dict"),
        (np.zeros(3), "systems must be a dict.* but got a ndarray"),
        (
            {"": "random"},
            "the name of a system must be a string of printable characters without spaces at its ends, but got ''",
        ),
        ({3: "random"}, "but got 3"),
        ([], "systems must hold at least one system"),
        ({"x": object()}, "a system must be a Keras model, .* but got a object"),
        ({"x": pathlib.PurePath}, "a system must be an object, .* but got the class PurePath"),
        ({"x": np.zeros((3, 2))}, r"must hold numbers, one a document, but got float64 of shape \(3, 2\)"),
        ({"x": np.array(["a"])}, "must hold numbers"),
        (["random:x"], "the seed of random:SEED must be a whole number"),
        (["column:"], "'column:' lacks a name"),
    ],
)
def test_what_cannot_be_opened_is_said(runs, given, words):
    with pytest.raises(ValueError, match=words):
        open_systems(given)


def test_a_missing_file_is_said_with_what_else_words_may_be():
    with pytest.raises(FileNotFoundError, match=r"there is no file colum:price: .*column:NAME.*random:SEED"):
        open_systems(["colum:price"])


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "float16", "bool"])
def test_an_array_keeps_its_precision(dtype):
    scores = np.arange(len(LISTS.labels)).astype(dtype)
    assert open_system(scores)(LISTS).dtype == dtype


def test_an_array_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"an array of 3 scores .* but these lists have"):
        open_system(np.zeros(3))(LISTS)


def test_columns_and_features_rank_by_name_and_number():
    lists = lists_of()
    lists.columns["run_score"] = 1.7e9 + np.arange(len(lists.labels)) / 4
    assert (open_system("column:run_score")(lists) == lists.columns["run_score"]).all()
    assert (open_system("column:-run_score")(lists) == -lists.columns["run_score"]).all()
    assert (open_system("feature:stars")(lists) == lists.features[:, 1]).all()
    assert (open_system("feature:-3")(lists) == -lists.features[:, 2]).all()


@pytest.mark.parametrize(
    "words, said",
    [
        ("feature:star", "no feature 'star': did you mean 'stars'. they have price, stars, age"),
        ("feature:4", "no feature '4': they have price, stars, age"),
        ("column:price", "no column 'price': they have none"),
    ],
)
def test_an_unknown_column_is_said_with_those_that_are_there(words, said):
    with pytest.raises(ValueError, match=said):
        open_system(words)(LISTS)


def test_chance_is_the_same_at_each_call_and_in_each_part():
    scores = open_system("random:7")(LISTS)
    parts = [open_system("random:7")(one) for one in LISTS]
    assert (np.concatenate(parts) == scores).all()
    assert len(set(scores.tolist())) == len(scores)
    assert (open_system("random:8")(LISTS) != scores).all()


def test_chance_is_uniform():
    scores = open_system("random")(lists_of(5000))
    assert abs(np.histogram(scores, 10, (0, 1))[0] / len(scores) - 0.1).max() < 0.01
