"""Ids and columns of queries as users hold them: what they are is kept, and what they are not is told."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from plackett.data import RankingLists, Strings
from plackett.data._strings import concatenate_strings

HOLDERS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda given: np.array(given, "object"),
    "pandas": lambda given: pd.Series(list(given)),
    "pandas objects": lambda given: pd.Series(list(given), dtype="object"),
    "polars": lambda given: pl.Series(list(given), strict=False),
    "arrow": pa.array,
}
HOLDER = pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
OF_OBJECTS = pytest.mark.parametrize("hold", [list, tuple, HOLDERS["objects"], HOLDERS["pandas objects"]])
ROLES = pytest.mark.parametrize("role", ["query", "documents", "ids['shop']"])


def with_ids(role, ids):
    """Lists where the ids of queries, documents or an id feature are these."""
    return RankingLists.from_arrays(np.zeros((len(ids), 1)), **arguments(role, ids))


def arguments(role, ids):
    if role == "query":
        return {"query": ids}
    return {"group": [len(ids)]} | ({"documents": ids} if role == "documents" else {"ids": {"shop": ids}})


def ids_of(lists, role):
    return {"query": lists.queries, "documents": lists.documents, "ids['shop']": lists.ids.get("shop")}[role]


@HOLDER
@pytest.mark.parametrize("made", [["c", "a", "bé", "😀"], [7, -3, 2**40, 0]], ids=["strings", "numbers"])
@ROLES
def test_ids_are_what_they_were(role, made, hold):
    ids = ids_of(with_ids(role, hold(made)), role)
    assert ids.tolist() == (made if role == "ids['shop']" else [str(one) for one in made])
    assert isinstance(ids, Strings) or ids.dtype == "int64"


@pytest.mark.parametrize(
    "array", [np.array(["u", "v", "w", "x"]), np.array(["u", "v", "w", "x"], np.dtypes.StringDType())]
)
@ROLES
def test_arrays_of_strings_are_ids(role, array):
    assert ids_of(with_ids(role, array), role).tolist() == ["u", "v", "w", "x"]


def test_numbers_beyond_64_bits_are_ids_of_queries_and_no_id_features():
    numbers = [2**70, 2**70, -(2**70), 5]
    assert with_ids("query", numbers).queries.tolist() == [str(2**70), str(-(2**70)), "5"]
    with pytest.raises(ValueError, match=rf"ids\['shop'\] must fit in int64, but reaches up to {2**70}"):
        with_ids("ids['shop']", numbers)
    with pytest.raises(ValueError, match=rf"ids\['shop'\] must fit in int64, but reaches down to -{2**70}"):
        with_ids("ids['shop']", [1, 2, -(2**70), 5])


def test_strings_of_other_lists_are_ids():
    """Of which two codes may stand for one text."""
    lists = with_ids("query", concatenate_strings([Strings.of(["a"]), Strings.of(["a", "b", "b"])]))
    assert (lists.queries.tolist(), lists.lengths.tolist()) == (["a", "b"], [2, 2])


@HOLDER
@ROLES
def test_a_nul_character_is_told_wherever_it_stands(role, hold):
    with pytest.raises(ValueError, match=r"or contain a NUL character, but .*\[1\] is 'a\\x00'"):
        with_ids(role, hold(["a", "a\0", "b", "c"]))


@OF_OBJECTS
@ROLES
@pytest.mark.parametrize("entry", [np.nan, None, 1.0, True, b"a", pd.NA], ids=repr)
def test_what_is_no_id_is_told_with_its_place(role, entry, hold):
    with pytest.raises(ValueError, match=r"must hold strings or whole numbers, but .*\[1\] is "):
        with_ids(role, hold(["a", entry, "b", "c"]))


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(["a", None, "b", "c"], dtype="string"),
        pd.Series(["a", None, "b", "c"]),
        pd.Series([1, None, 2, 3], dtype="Int64"),
        pl.Series(["a", None, "b", "c"]),
        pl.Series([1, None, 2, 3]),
    ],
    ids=lambda given: f"{type(given).__module__.partition('.')[0]} {given.dtype}",
)
@ROLES
def test_a_series_that_lacks_an_id_is_told_so(role, given):
    with pytest.raises(ValueError, match=r"must hold strings or whole numbers, but .*\[1\] is (None|nan|<NA>)"):
        with_ids(role, given)


@OF_OBJECTS
@ROLES
def test_a_number_is_not_the_text_of_its_digits(role, hold):
    with pytest.raises(ValueError, match=r"strings alone or whole numbers alone, but .*\[0\] is 1 and .*\[2\] is '1'"):
        with_ids(role, hold([1, 1, "1", "1"]))


@pytest.mark.parametrize(
    "hold", [HOLDERS[name] for name in ("list", "tuple", "polars")], ids=["list", "tuple", "polars"]
)
@ROLES
def test_one_long_id_costs_no_more_than_itself(role, hold):
    """As an array of fixed width, these would take 800 MB."""
    rows = 20_000
    texts = hold([f"{row:05}" for row in range(rows - 1)] + ["x" * 10_000])
    tracemalloc.start()
    try:
        with_ids(role, texts)
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def of_queries(values):
    return RankingLists.from_arrays(np.zeros((3, 1)), group=[1, 1, 1], query_columns={"day": values}).query_columns[
        "day"
    ]


@HOLDER
def test_columns_of_queries_are_what_they_were(hold):
    assert of_queries(hold(["a\0", "", "b"])).tolist() == ["a\0", "", "b"]
    assert of_queries(hold([1, 2**62 + 1, 3])).tolist() == [1, 2**62 + 1, 3]
    np.testing.assert_array_equal(of_queries(hold([1.5, 2.0, 2.0**60])), [1.5, 2, 2**60])


@pytest.mark.parametrize("hold", [list, HOLDERS["polars"], lambda given: pd.Series(given, dtype="Int64")])
def test_a_whole_number_beside_a_missing_one_is_exact_or_refused(hold):
    np.testing.assert_array_equal(of_queries(hold([None, 2**60, 3])), [np.nan, 2**60, 3])
    with pytest.raises(ValueError, match=rf"query_columns\['day'\]\[1\] is {2**60 + 1}, which float64 rounds"):
        of_queries(hold([None, 2**60 + 1, 3]))


@OF_OBJECTS
@pytest.mark.parametrize("entry", [np.nan, None, 7], ids=repr)
def test_columns_of_queries_are_of_one_kind(entry, hold):
    with pytest.raises(ValueError, match=r"\['day'\]\[1\] is .* and .*\[0\] is 'a'; a missing string is ''"):
        of_queries(hold(["a", entry, "b"]))
    with pytest.raises(ValueError, match=r"must hold strings, numbers or times, but .*\[0\] is \('a',\)"):
        of_queries([("a",), 1, 2])


def test_columns_of_the_constructor_are_kept_too():
    lists = RankingLists(
        np.zeros(2, "float32"),
        np.array([0, 2]),
        ["a"],
        ["x", "y"],
        np.zeros((2, 1), "float32"),
        ids={"shop": ["b\0", "b"]},
        query_columns={"market": ["de\0"]},
    )
    assert lists.ids["shop"].tolist() == ["b\0", "b"]
    assert lists.query_columns["market"].tolist() == ["de\0"]


@pytest.mark.parametrize("hold", [HOLDERS[name] for name in ("list", "objects", "pandas", "polars")])
def test_an_index_of_ids_is_what_it_was(hold):
    lists = RankingLists.from_arrays(np.zeros((2, 1)), query=["a", "b"])
    assert lists[hold(["b", "a"])].queries.tolist() == ["b", "a"]
    with pytest.raises(KeyError, match="there is no query"):
        lists[hold(["b", "a\0"])]
