"""What data frames hold besides plain numbers: indices, categories, booleans, dates, and what no one can read."""

import datetime
import decimal
import re

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from plackett.data import RankingLists, read_delimited, read_parquet

ROWS = {"query": ["b", "a", "a"], "label": [1, 0, 1], "x": [1.5, 2.0, 3.0]}
from_frame = RankingLists.from_frame


def test_the_index_of_pandas_is_no_feature_unless_it_has_a_name_and_a_role():
    frame = pd.DataFrame(ROWS).sort_values("query")
    assert from_frame(frame).feature_names == ("x",)
    levels = frame.set_index([pd.Index([1, 2, 3], name="rank"), pd.Index([7, 8, 9])])
    for named in (frame.rename_axis("rank"), levels, pa.table(frame.rename_axis("rank"))):
        with pytest.raises(
            ValueError, match=r"'rank' is the index of the data frame, .* frame\.reset_index\(drop=True\)"
        ):
            from_frame(named)
        assert from_frame(named, features=["x", "rank"]).feature_names == ("x", "rank")
    assert from_frame(frame.rename_axis("rank"), document="rank").documents.tolist() == ["1", "2", "0"]
    assert from_frame(frame.set_index("query")).queries.tolist() == ["a", "b"]
    assert from_frame(pd.DataFrame(ROWS).rename_axis("rank")).feature_names == ("x",)  # a range, which Arrow has not


@pytest.mark.parametrize("of", [pa.Table.from_pandas, datasets.Dataset.from_pandas], ids=["Arrow", "datasets"])
def test_an_index_that_became_a_column_is_refused(of):
    frame = pd.DataFrame(ROWS).sort_values("query")
    with pytest.raises(ValueError, match=r"column '__index_level_0__' looks like .* preserve_index=False"):
        from_frame(of(frame))
    assert from_frame(of(frame, preserve_index=False)).feature_names == ("x",)
    assert from_frame(of(frame), features=["__index_level_0__"]).features.tolist() == [[1], [2], [0]]


@pytest.mark.parametrize("name", ["index", "level_0", "level_1", "Unnamed: 0", "Unnamed: 0.1"])
def test_an_index_that_was_reset_is_refused_unless_it_has_a_role(name):
    frame = pd.DataFrame(ROWS).sort_values("query").reset_index().rename(columns={"index": name})
    for of in (frame, pl.from_pandas(frame), pa.table(frame)):
        with pytest.raises(ValueError, match=rf"'{name}' looks like the index .* frame\.drop\(columns=\['{name}'\]\)"):
            from_frame(of)
        assert from_frame(of, document=name).documents.tolist() == ["1", "2", "0"]
        assert from_frame(of, features=["x", name]).feature_names == ("x", name)
        assert list(from_frame(of, ids=[name]).ids) == [name]
    assert from_frame(frame.drop(columns=name)).feature_names == ("x",)


@pytest.mark.parametrize("name", [None, np.nan, pd.NA, "", " "], ids=repr)
def test_a_column_without_a_name_is_told_as_such(name):
    frame = pd.DataFrame(ROWS).assign(u=[7, 8, 9])
    for place in ("last", "in the middle"):
        columns = frame.columns if place == "last" else ["query", "u", "label", "x"]
        one = frame[columns].rename(columns={"u": name})
        number = 4 if place == "last" else 2
        with pytest.raises(ValueError, match=rf"the frame: column {number} has no name: name it, as by frame\.rename"):
            from_frame(one)
        assert from_frame(one, document=name if isinstance(name, str) else "").documents.tolist() == ["7", "8", "9"]
    with pytest.raises(ValueError, match=r"2 columns have no name \(columns 4, 5\)"):
        from_frame(frame.assign(v=1).rename(columns={"u": name, "v": "  "}))


def test_columns_of_pandas_may_be_numbers():
    frame = pd.DataFrame(np.eye(3)).assign(query=["b", "a", "a"], label=[1, 0, 1])
    assert from_frame(frame).feature_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "booleans",
    [
        lambda values: pd.DataFrame(ROWS).assign(**values),
        lambda values: pd.DataFrame(ROWS).assign(**{n: pd.array(v, "boolean") for n, v in values.items()}),
        lambda values: pl.DataFrame(ROWS | values),
        lambda values: pa.table(ROWS | values),
        lambda values: datasets.Dataset.from_dict(ROWS | values),
    ],
    ids=["pandas", "pandas, nullable", "polars", "Arrow", "datasets"],
)
def test_booleans_count_0_and_1(booleans):
    values = [True, False, True]
    lists = from_frame(booleans({"label": values, "x": values, "click": values, "shop": values}), ids=["shop"])
    for column in (lists.labels, lists.features[:, 0], lists.columns["click"], lists.ids["shop"]):
        assert column.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "categories",
    [
        lambda texts: pl.Series(texts, dtype=pl.Categorical),
        lambda texts: pl.Series(texts, dtype=pl.Enum(sorted(set(texts)))),
        pd.Categorical,
        lambda texts: pd.array(texts, "string"),
        lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    ],
    ids=["Categorical", "Enum", "pandas", "pandas string", "pandas, of Arrow"],
)
def test_categories_are_text(categories):
    values = {
        "query": categories(["q", "r", "r"]),
        "document": categories(["u", "u", "v"]),
        "colour": categories(["red", "blue", "red"]),
        "market": categories(["de", "fr", "fr"]),
    }
    of_polars = isinstance(values["query"], pl.Series)
    frame = (pl.DataFrame if of_polars else pd.DataFrame)(ROWS | values)
    for one in (frame, *([frame.lazy()] if of_polars else [])):
        lists = from_frame(one, categorical=["colour"], query_columns=["market"])
        assert lists.queries.tolist() == ["q", "r"]
        assert lists.documents.tolist() == ["u", "u", "v"]
        assert lists.ids["colour"].tolist() == ["red", "blue", "red"]
        assert lists.query_columns["market"].tolist() == ["de", "fr"]
    with pytest.raises(ValueError, match=r"columns 'colour' \('red', row 1\) and 'market' \('de', row 1\) must hold"):
        from_frame(frame)


def test_categories_of_numbers_are_numbers():
    frame = pd.DataFrame(ROWS).assign(label=pd.Categorical([3, 4, 4]), x=pd.Categorical([0.5, 1, 1]))
    lists = from_frame(frame.assign(shop=pd.Categorical([7, 9, 9])), ids=["shop"])
    assert lists.labels.tolist() == [3, 4, 4]
    assert lists.features.tolist() == [[0.5], [1], [1]]
    assert lists.ids["shop"].tolist() == [7, 9, 9]


def test_numbers_of_every_kind_are_features():
    frame = pd.DataFrame(ROWS).convert_dtypes(dtype_backend="pyarrow")
    frame = frame.assign(
        gaps=pd.array([1, None, 3], "Int64"),
        exact=[decimal.Decimal("1.5"), None, decimal.Decimal(2)],
        half=np.array([1, 2, 3], "float16"),
        empty=[None, None, None],
    )
    nan = np.nan
    lists = from_frame(frame)
    assert lists.feature_names == ("x", "gaps", "exact", "half", "empty")
    np.testing.assert_array_equal(lists.features, [[1.5, 1, 1.5, 1, nan], [2, nan, nan, 2, nan], [3, 3, 2, 3, nan]])


EAN = 4006381333931


@pytest.mark.parametrize("of", [pd.DataFrame, lambda rows: pl.DataFrame(rows, strict=False), pa.table])
def test_ids_that_are_whole_floats_are_the_text_of_whole_numbers(of):
    """As pandas reads whole numbers of which one is missing."""
    eans = [float(EAN), -0.0, 2.0**53 - 1]
    lists = from_frame(of(ROWS | {"ean": eans, "query": eans, "document": eans}), categorical=["ean"])
    texts = [str(EAN), "0", "9007199254740991"]
    assert lists.ids["ean"].tolist() == lists.queries.tolist() == lists.documents.tolist() == texts
    small = from_frame(of(ROWS | {"ean": np.array([1, 16777215, 7], "float32")}), categorical=["ean"])
    assert small.ids["ean"].tolist() == ["1", "16777215", "7"]


@pytest.mark.parametrize(
    "values, got",
    [
        ([1.0, 0.5, 2.0], "below 2^53 where it is of double, but got 0.5"),
        ([1.0, 2.0**53, 2.0], "below 2^53 where it is of double, but got 9007199254740992.0"),
        ([1.0, np.inf, 2.0], "below 2^53 where it is of double, but got inf"),
        (np.array([1, 16777217, 2], "float32"), "below 2^24 where it is of float, but got 16777216.0"),
        (np.array([1, 2049, 2], "float16"), "below 2^11 where it is of halffloat, but got 2048.0"),
    ],
)
def test_ids_that_floats_do_not_hold_are_refused(values, got):
    frame = pd.DataFrame(ROWS).assign(ean=values)
    for roles, place in (
        ({"categorical": ["ean"]}, "row 2, query 'a': ean"),
        ({"document": "ean"}, "row 2, query 'a': column 'ean': document"),
        ({"query": "ean", "features": ["x"]}, "row 2: column 'ean': query"),
    ):
        text = f"the frame, {place} must be text or a whole number, {got}; read the column as text, as by"
        with pytest.raises(ValueError, match=re.escape(text)):
            from_frame(frame, **roles)
    with pytest.raises(ValueError, match="row 2, query 'a': ean is missing"):
        from_frame(frame.assign(ean=[1.0, None, 2.0]), categorical=["ean"])


def test_decimals_are_rounded_as_their_text_is(tmp_path):
    texts = ["0.20", "0.30", "0.7038531", "1234567.8901", "0.0000001"]
    rows = {"query": ["a"] * 5, "label": [decimal.Decimal(text) for text in texts]}
    rows |= {"x": rows["label"], "click": rows["label"], "c": [decimal.Decimal("0.2000000")] * 5}
    table = pa.table(rows)
    pa.csv.write_csv(table, tmp_path / "a.csv")
    nested = {name: pa.array([rows[name]]) for name in ("label", "x", "click")}
    pa.parquet.write_table(pa.table({"query": ["a"], "c": rows["c"][:1]} | nested), tmp_path / "a.parquet")
    lists = read_delimited(tmp_path / "a.csv", query_columns=["c"])
    assert lists.features[:, 0].tolist() == [np.float32(text) for text in texts]
    assert lists.query_columns["c"].tolist() == [0.2]
    for frame in (table, pd.DataFrame(rows), pl.DataFrame(rows)):
        assert from_frame(frame, query_columns=["c"]).fingerprint() == lists.fingerprint()
    assert read_parquet(tmp_path / "a.parquet").fingerprint() == lists.fingerprint()


@pytest.mark.parametrize(
    "value, expected",
    [
        (datetime.date(2024, 5, 1), datetime.date(2024, 5, 1)),
        (datetime.datetime(2024, 5, 1, 12), datetime.datetime(2024, 5, 1, 12)),
        (decimal.Decimal("1.5"), 1.5),
        (True, 1),
    ],
)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_queries_hold_dates_times_and_numbers(frame, value, expected):
    lists = from_frame(frame(ROWS | {"c": [value] * 3}), query_columns=["c"])
    assert lists.query_columns["c"].tolist() == [expected] * 2


def test_times_finer_than_a_microsecond_are_refused():
    times = [pd.Timestamp(0), pd.Timestamp(1714564800000000001, unit="ns"), pd.Timestamp(0)]
    frame = pd.DataFrame(ROWS).assign(c=pd.Series(times, dtype="datetime64[ns]"))
    with pytest.raises(ValueError, match=r"row 2, query 'a': c holds a time finer than a microsecond, .* round it"):
        from_frame(frame, query_columns=["c"])


STRANGE = {
    "a date": datetime.date(2024, 5, 1),
    "a time": datetime.time(12),
    "a duration": datetime.timedelta(1),
    "bytes": b"a",
    "a struct": {"a": 1},
    "a list": [1, 2],
    "a complex number": 1j,
    "an object": object(),
    "a period": pd.Period("2024-05"),
    "several kinds": [1, "a", 2.5],
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_what_is_no_number_is_refused_by_name_and_may_be_left_out(value):
    several = isinstance(value, list) and len(value) == 3
    frame = pd.DataFrame(ROWS | {"c": value if several else [value] * 3})
    for roles in ({}, {"categorical": ["c"]}, {"ids": ["c"]}):
        with pytest.raises(ValueError, match=r"the frame: column 'c' (must hold|holds) .*"):
            from_frame(frame, **roles)
    assert from_frame(frame, features=["x"]).features.tolist() == [[1.5], [2], [3]]


def test_what_is_no_frame_is_told():
    train = datasets.Dataset.from_dict(ROWS)
    with pytest.raises(TypeError, match=r"several datasets: give one of them, as by frame\['train'\]"):
        from_frame(datasets.DatasetDict({"train": train}))
    with pytest.raises(TypeError, match=r"must give an Arrow stream, .* but got IterableDataset"):
        from_frame(train.to_iterable_dataset())
    with pytest.raises(TypeError, match="must give columns with names, but got Series"):
        from_frame(pl.Series([1, 2]))


def test_values_that_may_not_stand_there_are_told_with_their_row():
    for column, value, wrong in (
        ("x", np.inf, "row 2, query 'a': x must be finite, but got inf"),
        ("label", -1, "row 2, query 'a': label must be between 0 and"),
        ("label", None, "row 2, query 'a': label is missing"),
        ("query", None, "row 2: the query has no id"),
        ("colour", None, "row 2, query 'a': colour is missing; fill it with a value of its own"),
    ):
        rows = ROWS | {"colour": ["red", "red", "blue"]}
        rows[column] = [rows[column][0], value, rows[column][2]]
        with pytest.raises(ValueError, match=f"the frame, {wrong}"):
            from_frame(pl.DataFrame(rows, strict=False), categorical=["colour"])
