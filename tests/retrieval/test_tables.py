"""Tables of queries and documents from what is in memory."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from plackett.data import Strings
from plackett.retrieval import Table

FILMS = {
    "id": ["b", "a", "c"],
    "year": [1994, None, 1999],
    "rating": [4.5, 3.0, None],
    "colour": ["red", "blue", None],
    "genres": [["drama"], [], ["crime", "drama"]],
    "tokens": [[3, 1], None, [7]],
    "poster": [[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]],
}


def frames():
    return {
        "mapping": FILMS,
        "pandas": pd.DataFrame(FILMS),
        "polars": pl.DataFrame(FILMS),
        "arrow": pa.table(FILMS),
        "categories": pd.DataFrame(FILMS).astype({"colour": "category"}),
        "series": dict(pl.DataFrame(FILMS).to_dict()),
        "series of pandas": {name: pd.Series(values) for name, values in FILMS.items()},
    }


@pytest.mark.parametrize("kind", list(frames()))
def test_a_table_is_the_same_from_any_frame(kind):
    table = Table.of(frames()[kind])
    assert table.ids.tolist() == ["b", "a", "c"]
    assert table["year"][[0, 2]].tolist() == [1994, 1999]
    assert table.missing("year").tolist() == [False, True, False]
    assert table["rating"][:2].tolist() == [4.5, 3.0]
    assert table.missing("rating").tolist() == [False, False, True]
    assert table["colour"].tolist() == ["red", "blue", ""]
    assert table.missing("colour").tolist() == [False, False, True]
    assert table["genres"].tolist() == [["drama"], [], ["crime", "drama"]]
    assert table["tokens"].tolist() == [[3, 1], [], [7]]
    assert table.missing("tokens").tolist() == [False, True, False]
    assert table["poster"].tolist() == FILMS["poster"]


def test_whole_numbers_beyond_float64_stay_exact_where_one_is_missing():
    table = Table.of({"user": pa.array([2**60 + 1, None])}, id=None)
    assert table["user"][0] == 2**60 + 1
    assert table.missing("user").tolist() == [False, True]


def test_arrays_of_any_rank_are_vectors():
    table = Table.of({"image": np.arange(12, dtype="uint8").reshape(3, 2, 2)}, id=None)
    assert table["image"].shape == (3, 2, 2)
    assert "vectors of 2 x 2" in repr(table)


def test_fixed_size_lists_of_arrow_are_vectors_whatever_they_hold():
    inner = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4, 5, 6]), 2)
    table = Table.of(pa.table({"pixels": inner.slice(1)}), id=None)
    assert table["pixels"].tolist() == [[3, 4], [5, 6]]


def test_a_missing_vector_stands_apart_from_its_neighbours():
    given = pa.array([[1.0, 2.0], None, [3.0, None]], pa.list_(pa.float32(), 2))
    table = Table.of(pa.table({"x": given}), id=None)
    np.testing.assert_array_equal(table["x"], [[1, 2], [np.nan, np.nan], [3, np.nan]])
    assert table.missing("x").tolist() == [False, True, True]


def test_vectors_of_several_lengths_are_refused_by_row_when_they_are_used():
    table = Table.of({"x": [[1.0, 2.0], [3.0]]}, id=None)
    with pytest.raises(
        ValueError, match=r"column 'x' must hold vectors of one length, but that of row 2 has 1 numbers"
    ):
        table["x"]


def test_a_column_that_nothing_can_use_does_no_harm_till_it_is_used():
    table = Table.of(pa.table({"id": [1], "shop": [{"city": "Rome"}]}))
    assert table.ids.tolist() == ["1"]
    with pytest.raises(ValueError, match="holds struct"):
        table["shop"]


def test_ids_are_text_whatever_they_were():
    assert Table.of({"film": np.array([30, 4])}, id="film").ids.tolist() == ["30", "4"]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["a", "b", "a"], "'a' of column 'id' is in rows 1 and 3"),
        (["a", None], "row 2: the id, in column 'id', is missing"),
        (["a", ""], "an id must not be empty or contain a NUL character"),
        ([1.5, 2.5], "must hold strings or whole numbers"),
        ([["a"], ["b"]], "holds lists of strings, which cannot be ids"),
    ],
)
def test_ids_that_are_none_are_refused(ids, words):
    with pytest.raises(ValueError, match=words):
        Table.of({"id": ids})


def test_a_table_without_the_column_of_ids_says_how_to_name_it():
    with pytest.raises(ValueError, match=r"unknown column 'id'.*id=NAME says which column holds the ids"):
        Table.of({"film": [1]})


def test_rows_are_found_by_their_ids():
    table = Table.of({"id": [30, 4, 5]})
    assert table.rows_of([5, 30, 5]).tolist() == [2, 0, 2]
    assert table.rows_of(Strings.of(["4"])).tolist() == [1]
    assert table.rows_of([]).tolist() == []
    with pytest.raises(ValueError, match="2 of 3 ids do not exist, such as '7', '8'"):
        table.rows_of([7, 5, 8])
    with pytest.raises(ValueError, match="ids must be a sequence of ids, but got '30'"):
        table.rows_of("30")


def test_no_row_is_found_in_a_table_of_no_rows():
    with pytest.raises(ValueError, match="1 of 1 ids do not exist, such as 'a'"):
        Table.of({"id": Strings.of([])}).rows_of(["a"])


def test_rows_are_taken_by_number_mask_and_slice():
    table = Table.of(FILMS)
    for rows in ([2, 0], np.array([2, 0]), slice(None, None, -2)):
        taken = table.take(rows)
        assert taken.ids.tolist() == ["c", "b"]
        assert taken["genres"].tolist() == [["crime", "drama"], ["drama"]]
        assert taken.missing("rating").tolist() == [True, False]
    assert table.take(table["year"] > 1995).ids.tolist() == ["c"]
    assert len(table.take([])) == 0
    with pytest.raises(IndexError):
        table.take([3])


def test_rows_that_are_taken_twice_have_no_ids_any_more():
    taken = Table.of(FILMS).take([1, 1])
    assert taken["id"].tolist() == ["a", "a"]
    with pytest.raises(ValueError, match="has no unique ids, since a row of it was taken more than once"):
        len(taken.ids)
    with pytest.raises(ValueError, match="has no unique ids"):
        len(taken.take([0]).ids)
    assert taken.place(1) == "the table, row 2 (id 'a')"


def test_pieces_of_a_table_are_the_table():
    table = Table.of({"id": np.arange(5)})
    assert [piece.ids.tolist() for piece in table.batches(2)] == [["0", "1"], ["2", "3"], ["4"]]


def test_only_the_columns_that_are_asked_for_are_there():
    mixed = {"id": ["a"], "year": [1999], "junk": [object()]}
    assert Table.of(mixed, columns=["year"]).names == ("id", "year")
    with pytest.raises(ValueError, match="column 'junk' must hold values of one type"):
        Table.of(mixed)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="'year' has 1 and 'id' has 2"):
        Table.of({"id": [1, 2], "year": [1999]})


def test_strings_are_split_into_lists():
    table = Table.of(pa.table({"genres": ["drama|crime", "", None, "|war|"]}), id=None, lists={"genres": "|"})
    assert table["genres"].tolist() == [["drama", "crime"], [], [], ["war"]]
    assert table.missing("genres").tolist() == [False, False, True, False]
    with pytest.raises(ValueError, match=r"must hold strings to be split at '\|', but holds numbers"):
        Table.of({"year": [1]}, id=None, lists={"year": "|"})["year"]
    with pytest.raises(ValueError, match="the separator of the parts of year, but got ''"):
        Table.of({"year": ["1"]}, id=None, lists={"year": ""})


def test_a_missing_value_inside_of_a_list_is_refused_by_row():
    table = Table.of({"genres": [["a"], ["b", None]]}, id=None)
    with pytest.raises(ValueError, match="column 'genres', row 2: a value in the list is missing"):
        table["genres"]


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match=r"got the path films.csv: read a file with Table.read"):
        Table.of("films.csv")
    with pytest.raises(TypeError, match="got list"):
        Table.of([1, 2])
    with pytest.raises(ValueError, match="rows must be a whole number of at least 1, but got 0"):
        next(Table.of(FILMS).batches(0))


def test_masked_arrays_are_refused():
    with pytest.raises(ValueError, match="year must not have masked entries"):
        Table.of({"year": np.ma.masked_array([1, 2], [False, True])}, id=None)


ROWS = [[1, 2], [], [3], [4, 5, 6], []]


@hypothesis.given(st.lists(st.one_of(st.lists(st.integers(-5, 4), max_size=7), st.slices(5)), max_size=3))
def test_rows_that_are_taken_again_and_again_are_those_of_the_first_table(steps):
    table = Table.of({"id": list("abcde"), "tokens": ROWS, "x": np.arange(5.0)}, id=None)
    rows = np.arange(5)
    for step in steps:
        if isinstance(step, list):
            step = [place % len(rows) for place in step] if len(rows) else []
        table, rows = table.take(step), rows[step if isinstance(step, slice) else np.array(step, int)]
    assert table["id"].tolist() == ["abcde"[row] for row in rows]
    assert table["tokens"].tolist() == [ROWS[row] for row in rows]
    assert table["x"].tolist() == rows.tolist()
    assert [table.place(i) for i in range(len(rows))] == [f"the table, row {row + 1}" for row in rows]
