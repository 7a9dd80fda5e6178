"""Lists of arrays, as scikit-learn and LightGBM have them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from plackett.data import RankingLists

X = np.array([[0.5, 1.0], [0.1, 0.0], [0.9, 2.0], [0.3, np.nan]], "float32")
Y = [1, 0, 2, 1]
from_arrays = RankingLists.from_arrays


def test_queries_by_id_and_by_size():
    lists = from_arrays(X, Y, query=["b", "b", "b", "a"])
    assert lists.queries.tolist() == ["b", "a"]
    assert lists.row_splits.tolist() == [0, 3, 4]
    assert lists.row_splits.dtype == "int64"
    assert lists.labels.tolist() == Y
    assert lists.labels.dtype == "float32"
    assert lists.documents.tolist() == ["1", "2", "3", "1"]
    assert not lists.has_feature_names
    assert np.shares_memory(lists.features, X)
    by_size = from_arrays(X, Y, group=[3, 0, 1])
    assert by_size.queries.tolist() == ["1", "2", "3"]
    assert by_size.lengths.tolist() == [3, 0, 1]
    assert from_arrays(X, Y, query=np.array([7, 7, 7, -1])).queries.tolist() == ["7", "-1"]
    assert len(from_arrays(np.zeros((0, 2)), [], query=[])) == 0


def test_what_else_is_known():
    lists = from_arrays(
        X,
        Y,
        group=[3, 1],
        documents=["x", "y", "z", "x"],
        feature_names=["price", "stars"],
        ids={"shop": [3, -4, 3, 2**31 - 1], "colour": ["red", "blue", "red", "red"]},
        columns={
            "click": [True, False, True, False],
            "teacher_a": [0.1, 2, 3, -4],
            "run_score": [1, 2, 3, 20.123456789],
        },
        query_columns={"market": ["de", "fr"]},
    )
    assert lists.documents.tolist() == ["x", "y", "z", "x"]
    assert lists.feature_names == ("price", "stars")
    assert lists.ids["shop"].tolist() == [3, -4, 3, 2**31 - 1]
    assert lists.ids["shop"].dtype == "int32"
    assert lists.ids["colour"].tolist() == ["red", "blue", "red", "red"]
    assert lists.columns["click"].tolist() == [1, 0, 1, 0]
    assert lists.columns["teacher_a"].dtype == "float64"
    assert lists.columns["run_score"].tolist() == [1, 2, 3, 20.123456789]
    assert lists.query_columns["market"].tolist() == ["de", "fr"]


def test_whole_numbers_of_ids_that_int32_cannot_hold_are_int64():
    numbers = [2**31, -(2**63), 2**63 - 1, 7]
    lists = from_arrays(X, Y, group=[4], ids={"shop": numbers, "small": np.array([1, 2, 3, 4], "uint8")})
    assert lists.ids["shop"].tolist() == numbers
    assert (lists.ids["shop"].dtype, lists.ids["small"].dtype) == ("int64", "int32")


def test_what_is_masked_is_missing():
    lists = from_arrays(np.ma.masked_greater(X, 0.5), Y, group=[4])
    np.testing.assert_array_equal(lists.features, np.where(X > 0.5, np.nan, X))
    lists = from_arrays(np.ma.masked_equal([[1, 2], [3, 4]], 3), [1, 0], group=[2])
    np.testing.assert_array_equal(lists.features, [[1, 2], [np.nan, 4]])
    nothing = np.ma.masked_array(X, np.zeros(X.shape, bool))
    assert np.shares_memory(from_arrays(nothing, Y, group=[4]).features, X)


def test_documents_that_nobody_judged():
    lists = from_arrays(X, query=[1, 1, 1, 1])
    assert lists.labels.tolist() == lists.columns["judged"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": [True, False, True], "c": [0.5, 1, 2]}),
        pl.DataFrame({"a": [1, None, 3], "b": [True, False, True], "c": [0.5, 1, 2]}),
    ],
    ids=["pandas", "polars"],
)
def test_frames(frame):
    series = type(frame)({"y": [1, 0, 2], "q": ["u", "u", "v"]})
    lists = from_arrays(frame, series["y"], query=series["q"], ids={"same": series["q"]})
    assert lists.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(lists.features, [[1, 1, 0.5], [np.nan, 0, 1], [3, 1, 2]])
    assert lists.features.dtype == "float32"
    assert lists.labels.tolist() == [1, 0, 2]
    assert lists.queries.tolist() == ["u", "v"]
    assert lists.ids["same"].tolist() == ["u", "u", "v"]


def test_frames_whose_columns_are_numbers_and_sparse_matrices():
    assert not from_arrays(pd.DataFrame(X), Y, group=[4]).has_feature_names
    np.testing.assert_array_equal(from_arrays(scipy.sparse.csr_matrix(X), Y, group=[4]).features, X)
    assert from_arrays(X.astype("float64").T.copy().T, Y, group=[4]).features.flags.c_contiguous


def test_no_names_are_numbers_where_x_is_a_frame_too():
    frame = pd.DataFrame(X, columns=["price", "stars"])
    lists = from_arrays(frame, Y, group=[4], feature_names=())
    assert not lists.has_feature_names
    assert lists.fingerprint() == from_arrays(X, Y, group=[4]).fingerprint()


SHUFFLED = [3, 1, 0, 2]
OF_ROWS = {
    "y": pd.Series(Y, SHUFFLED),
    "query": pd.Series(["a"] * 4, SHUFFLED),
    "documents": pd.Series(list("wxyz"), SHUFFLED),
    "ids": {"shop": pd.Series(Y, SHUFFLED)},
    "columns": {"click": pd.Series(Y, SHUFFLED)},
}


@pytest.mark.parametrize("name", OF_ROWS)
def test_rows_of_pandas_that_their_indexes_would_pair_otherwise(name):
    given = {"y": Y, "query": ["a"] * 4} | {name: OF_ROWS[name]}
    with pytest.raises(ValueError, match=rf"X and {name}.* have different indexes, .*\.reset_index\(drop=True\) or \."):
        from_arrays(pd.DataFrame(X), **given)
    assert from_arrays(pd.DataFrame(X, SHUFFLED), **given).queries.tolist() == ["a"]
    assert from_arrays(X, **given).queries.tolist() == ["a"]


def test_queries_of_pandas_that_their_indexes_would_pair_otherwise():
    group, market = pd.Series([3, 1], ["b", "a"]), pd.Series(["de", "fr"], ["a", "b"])
    with pytest.raises(ValueError, match=r"group and query_columns\['market'\] have different indexes"):
        from_arrays(X, Y, group=group, query_columns={"market": market})
    with pytest.raises(
        ValueError, match=r"query_columns\['size'\] and query_columns\['market'\] have different indexes"
    ):
        from_arrays(X, Y, group=[3, 1], query_columns={"size": group, "market": market})
    lists = from_arrays(X, Y, group=group, query_columns={"market": market[["b", "a"]]})
    assert lists.query_columns["market"].tolist() == ["fr", "de"]


@pytest.mark.parametrize("name", ["X", "y", "query"])
def test_a_query_of_polars_that_has_not_run_is_told_so(name):
    given = {"X": X, "y": Y, "query": ["a"] * 4} | {name: pl.LazyFrame({"a": Y})}
    with pytest.raises(ValueError, match=rf"^{name} must be in memory, but is a LazyFrame: give {name}\.collect\(\)"):
        from_arrays(given.pop("X"), **given)


@pytest.mark.parametrize(
    "given, wrong",
    [
        ({"X": X[0]}, r"X must be \[documents, features\], but has the shape \(2,\)"),
        ({"X": [[1, 2], [3]]}, "X must be an array of numbers: "),
        ({"X": [["a"], ["b"]]}, "X must hold numbers, but holds <U1; strings may be id features, see ids"),
        ({"X": pd.DataFrame({"a": [1], "b": ["x"]})}, "X must hold numbers, but column 'b' does not; strings may"),
        ({"X": np.where(X > 1, np.inf, X)}, r"X must be finite, or NaN where .* missing, but X\[2, 1\] is not"),
        ({"X": X.astype("float64") * 1e39}, r"X must be finite, or NaN where .* missing, but X\[0, 0\] is not"),
        ({"y": [1, 0, 2]}, r"y must have 4 entries, but has the shape \(3,\)"),
        ({"y": np.eye(4)}, r"y must have 4 entries, but has the shape \(4, 4\)"),
        ({"y": ["1", "0", "2", "1"]}, "y must hold numbers, but holds <U1$"),
        ({"y": [1, 0, np.nan, 1]}, r"y\[2\]: label must be finite, but got nan"),
        ({"y": [1, 0, -1, 1]}, r"y\[2\]: label must be between 0 and 2\^24 - 1, .* but got -1"),
        ({"y": [1, 0, 2**24, 1]}, r"y\[2\]: label must be between 0 and 2\^24 - 1, beyond which float32 rounds, but"),
        ({"query": None}, "give either query, one id per row, or group, how many rows each query has, but neither is"),
        ({"group": [4]}, "give either query, .* but both are there"),
        ({"query": [1, 1, 2]}, r"query must have 4 entries, but has the shape \(3,\)"),
        ({"query": [1.0, 1.0, 2.0, 2.0]}, r"query must hold strings or whole numbers, but query\[0\] is 1\.0"),
        ({"query": np.array([1.0, 1.0, 2.0, 2.0])}, "query must hold strings or whole numbers, but holds float64"),
        ({"query": ["a", None, "b", "b"]}, r"query must hold strings or whole numbers, but query\[1\] is None"),
        ({"query": ["a", "", "b", "b"]}, r"an id must not be empty or contain a NUL character, but query\[1\] is ''"),
        ({"query": ["a", "a\x00b", "b", "b"]}, r"or contain a NUL character, but query\[1\] is 'a\\x00b'"),
        (
            {"query": [1, 2, 1, 1]},
            r"stand together, but query '1' begins again at row 2: sort all arrays by np\.argsort",
        ),
        ({"query": None, "group": [3, 2]}, "group adds up to 5 rows, but X has 4$"),
        (
            {"query": None, "group": [7, 7, 7, 8]},
            "group adds up to 29 rows, but X has 4; one id per row is given as query",
        ),
        ({"query": None, "group": [2.0, 2.0]}, "group must be whole numbers, the number of rows of each query"),
        ({"query": None, "group": [5, -1]}, "group must be whole numbers, the number of rows of each query"),
        ({"query": None, "group": 4}, "group must be whole numbers, the number of rows of each query"),
        ({"documents": ["x", "x", "x", "y"]}, "documents: 'x' occurs twice in query number 2"),
        ({"feature_names": ["a"]}, "feature_names must name 2 features, but got 1"),
        ({"feature_names": "ab"}, "feature_names must be a sequence of names, but got 'ab'"),
        ({"feature_names": ["a", ""]}, "the name of a feature must not be blank, but got ''"),
        ({"X": pd.DataFrame(X, columns=["a", " "])}, "the name of a feature must not be blank, but got ' '"),
        ({"ids": {"": Y}}, "the name of an id feature must not be blank, but got ''"),
        ({"columns": {"\t": Y}}, r"the name of a column must not be blank, but got '\\t'"),
        ({"query_columns": {"": [1, 2]}}, "the name of a column of queries must not be blank, but got ''"),
        (
            {"columns": {"judged": [0, 0, 0, 1]}},
            r"columns\['judged'\]\[0\]: judged is 0, which says that nobody judged the document, but its label is 1",
        ),
        (
            {"ids": {"shop": np.array([1, 2, 3, 2**63], "uint64")}},
            r"ids\['shop'\] must fit in int64, but reaches up to 9223372036854775808",
        ),
        ({"ids": {"shop": [0.5, 1, 2, 3]}}, r"ids\['shop'\] must hold strings or whole numbers, but .*\[0\] is 0\.5"),
        ({"ids": {"shop": [1, 2, 3]}}, r"ids\['shop'\] must have 4 entries, but has the shape \(3,\)"),
        ({"columns": {"click": [1, 2]}}, r"columns\['click'\] must have 4 entries, but has the shape \(2,\)"),
        (
            {"columns": {"position": [1, 0, 1, 1]}},
            r"columns\['position'\]\[1\]: position must be at least 1, but got 0",
        ),
        ({"columns": {"mine": [1, 0, np.nan, 1]}}, r"columns\['mine'\]\[2\]: mine must be finite, but got nan"),
        ({"columns": ["click"]}, r"columns must be a dict, {name: values}, but got \['click'\]"),
        ({"ids": ["shop"]}, r"ids must be a dict, {name: values}, but got \['shop'\]"),
        ({"query_columns": ["market"]}, r"query_columns must be a dict, {name: values}, but got \['market'\]"),
        ({"y": pd.array([1, None, 2, 1], dtype="Int64")}, r"y\[1\]: label must be finite, but got nan"),
        ({"y": np.ma.masked_equal(Y, 2)}, r"y must not have masked entries, but y\[2\] is"),
        ({"query": np.ma.masked_equal([1, 1, 2, 2], 2)}, r"query must not have masked entries, but query\[2\] is"),
        (
            {"query": None, "group": np.ma.masked_equal([3, 1], 1)},
            r"group must not have masked entries, but group\[1\]",
        ),
        (
            {"documents": np.ma.masked_equal([1, 2, 3, 4], 4)},
            r"documents must not have masked entries, but documents\[3\]",
        ),
        ({"ids": {"shop": np.ma.masked_equal(Y, 0)}}, r"ids\['shop'\] must not have masked entries, but .*\[1\] is"),
        (
            {"columns": {"click": np.ma.masked_equal(Y, 0)}},
            r"columns\['click'\] must not have masked entries, but .*\[1\] is",
        ),
        (
            {"query_columns": {"size": np.ma.masked_equal([3, 1], 1)}},
            r"query_columns\['size'\] must not have masked entries, but .*\[1\]",
        ),
        (
            {"query_columns": {"market": ["de"]}},
            r"\['market'\] must have 2 entries, but has the shape \(1,\)",
        ),
    ],
)
def test_says_what_is_wrong(given, wrong):
    given = {"X": X, "y": Y, "query": ["a", "b", "b", "b"]} | given
    if len(given["X"]) < 4:
        given |= {"y": given["y"][: len(given["X"])], "query": given["query"][: len(given["X"])]}
    with pytest.raises(ValueError, match=wrong):
        from_arrays(given.pop("X"), given.pop("y"), **given)


@pytest.mark.parametrize("name", ["index", "level_0", "Unnamed: 0.1"])
def test_the_index_of_a_frame_is_no_feature_unless_it_is_named_as_one(name):
    frame = pd.DataFrame({name: [0, 1], "x": [0.5, 0.25]})
    with pytest.raises(ValueError, match=f"X has a column '{name}', which looks like the index of a data frame"):
        RankingLists.from_arrays(frame, [1, 0], group=[2])
    lists = RankingLists.from_arrays(frame, [1, 0], group=[2], feature_names=[name, "x"])
    assert lists.feature_names == (name, "x")
