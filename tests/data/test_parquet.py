"""The form on disk: what it holds, who else reads it, and what is refused."""

import dataclasses
import errno

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import made_lists

from plackett.data import Missed, RankingLists, concatenate, read_parquet, write_parquet
from plackett.data._schema import to_table
from plackett.data._tables import from_tables
from plackett.data.formats.parquet import parquet_tables, write_tables


def full_lists(queries=12, seed=0):
    """Lists with every kind of column, an empty list, a missing feature and judged documents beyond the lists."""
    lists = made_lists(queries, seed)
    lists = lists.take(
        np.arange(len(lists.labels)), np.append(lists.lengths[:-2], [lists.lengths[-2:].sum(), 0]), np.arange(queries)
    )
    random, total = np.random.default_rng(seed), len(lists.labels)
    features = lists.features.copy()
    features[3, 1] = np.nan
    lengths = random.integers(0, 4, queries)
    return dataclasses.replace(
        lists,
        features=features,
        feature_names=tuple(f"f{i}" for i in range(features.shape[1])),
        ids={"film": random.integers(-(2**31), 2**31, total).astype("int32")},
        columns={
            "click": random.integers(0, 2, total).astype("float32"),
            "teacher": random.normal(size=total).astype("float32"),
            "teacher_a": random.normal(size=total),
            "judged": np.where(lists.labels > 0, 1, random.integers(0, 2, total)).astype("float32"),
            "run_score": 1.7e9 + random.normal(size=total),
        },
        query_columns={"market": np.array(["de", "fr"] * (queries // 2)), "length": np.arange(queries)},
        missed=Missed(
            random.integers(-1, 4, lengths.sum()).astype("float32"), np.concatenate([[0], np.cumsum(lengths)])
        ),
    )


def same(a, b):
    for field in dataclasses.fields(RankingLists):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if field.name == "missed" and left is not None:
            left, right = left._asdict(), right._asdict()
        if isinstance(left, dict):
            assert left.keys() == right.keys()
            for name in left:
                np.testing.assert_array_equal(left[name], right[name])
                assert np.asarray(left[name]).dtype == np.asarray(right[name]).dtype, name
        else:
            np.testing.assert_array_equal(left, right)
            assert np.asarray(left).dtype.kind == np.asarray(right).dtype.kind, field.name


def called_like_columns(lists):
    """Features called as columns are elsewhere, which is said of them in the file."""
    return dataclasses.replace(lists, feature_names=("weight", "position", "x", "y", "z"))


def bare(lists):
    return dataclasses.replace(lists, feature_names=())


@pytest.mark.parametrize(
    "lists",
    [full_lists(), called_like_columns(full_lists()), bare(full_lists()), made_lists(5, 0)],
    ids=["named", "called like columns", "matrix", "plain"],
)
@pytest.mark.parametrize("cached", [False, True])
def test_round_trip(lists, cached, tmp_path):
    write_parquet(lists, tmp_path / "a.parquet")
    cache = tmp_path / "cache" if cached else None
    again = read_parquet(tmp_path / "a.parquet", cache=cache)
    same(again, lists)
    assert again.fingerprint() == lists.fingerprint()
    if cached:
        assert isinstance(again.features, np.memmap)
        (folder,) = [path for path in cache.iterdir() if path.is_dir()]
        before = folder.stat().st_mtime_ns
        same(read_parquet(tmp_path / "a.parquet", cache=cache), lists)
        assert folder.stat().st_mtime_ns == before
        write_parquet(made_lists(3, seed=9), tmp_path / "a.parquet")
        assert len(read_parquet(tmp_path / "a.parquet", cache=cache)) == 3


def test_folders_and_urls(tmp_path):
    parts = [made_lists(5, 0), made_lists(4, 1)]
    parts[1] = dataclasses.replace(parts[1], queries=np.array([f"other {i}" for i in range(4)]))
    for i, part in enumerate(parts):
        write_parquet(part, tmp_path / f"part-{i}.parquet")
    for paths in (tmp_path, [tmp_path / "part-0.parquet", tmp_path / "part-1.parquet"], f"file://{tmp_path}"):
        same(read_parquet(paths), concatenate(parts))
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "part-0.parquet"), "/lists/a.parquet")
    same(read_parquet("memory://lists/a.parquet"), parts[0])
    same(read_parquet("memory://lists"), parts[0])
    with pytest.raises(FileNotFoundError, match="there is no file memory://none"):
        read_parquet("memory://none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"there is no Parquet file \(\*\.parquet\) in the folder"):
        read_parquet(tmp_path / "empty")


def test_others_read_it(tmp_path):
    lists = full_lists()
    write_parquet(bare(lists), tmp_path / "a.parquet")
    frame = pl.read_parquet(tmp_path / "a.parquet")
    assert frame["query"].to_list() == lists.queries.tolist()
    assert frame["label"].to_list()[2] == lists.labels[lists.row_splits[2] : lists.row_splits[3]].tolist()
    assert frame["features"].explode().drop_nulls().to_list()[5] == lists.features[5].tolist()
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table["document"][0].tolist() == lists.documents[: lists.lengths[0]].tolist()


def test_files_of_others_are_read(tmp_path):
    """No document ids, 64-bit numbers, strings for id features, lists of lists, dictionaries."""
    frame = pl.DataFrame(
        {
            "query": ["a", "b"],
            "label": [[1, 0], [2]],
            "price": [[0.5, 1.5], [2.5]],
            "colour": [["red", "blue"], ["red"]],
            "market": ["de", "fr"],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    lists = read_parquet(tmp_path / "a.parquet")
    assert lists.documents.tolist() == ["1", "2", "1"]
    assert lists.features.tolist() == [[0.5], [1.5], [2.5]]
    assert lists.feature_names == ("price",)
    assert lists.ids["colour"].tolist() == ["red", "blue", "red"]
    assert lists.query_columns["market"].tolist() == ["de", "fr"]
    pd.DataFrame({"query": ["a"], "label": [[1.0, 2.0]], "features": [[[1.0, 2.0], [3.0, 4.0]]]}).to_parquet(
        tmp_path / "b.parquet"
    )
    assert read_parquet(tmp_path / "b.parquet").features.tolist() == [[1, 2], [3, 4]]


def test_files_of_earlier_versions(tmp_path):
    """They mark ids alone."""
    lists = full_lists()
    lists = dataclasses.replace(lists, columns={x: y for x, y in lists.columns.items() if x != "teacher_a"})
    table = to_table(lists)
    fields = [field if field.name in lists.ids else field.remove_metadata() for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields)), tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet").fingerprint() == lists.fingerprint()


@pytest.mark.parametrize("cached", [False, True])
def test_columns_of_others_get_their_names(tmp_path, cached):
    frame = pl.DataFrame({"query": ["a", "b"], "label": [[1, 0], [2]], "score_of_a": [[0.5, 1.5], [2.5]]})
    frame = frame.with_columns(clicked=pl.col("label"), shop=pl.col("label") * 7, x=pl.col("score_of_a"))
    frame.write_parquet(tmp_path / "a.parquet")
    cache = tmp_path / "cache" if cached else None
    assert read_parquet(tmp_path / "a.parquet", cache=cache).feature_names == ("score_of_a", "clicked", "shop", "x")
    roles = {"columns": {"click": "clicked", "teacher_a": "score_of_a"}, "ids": ["shop"]}
    lists = read_parquet(tmp_path / "a.parquet", **roles, cache=cache)
    assert lists.columns["click"].tolist() == [1, 0, 2]
    assert lists.columns["teacher_a"].tolist() == [0.5, 1.5, 2.5]
    assert lists.ids["shop"].tolist() == [7, 0, 14]
    assert lists.feature_names == ("x",)
    with pytest.raises(ValueError, match=r"a\.parquet: unknown column 'y'; known are clicked, label, query"):
        read_parquet(tmp_path / "a.parquet", columns={"click": "y"}, cache=cache)


def table(**columns):
    known = {
        "query": ["a", "b"],
        "document": [["x", "y"], ["x"]],
        "label": [[1.0, 0.0], [2.0]],
        "features": [[[1.0], [2.0]], [[3.0]]],
    }
    return pa.table({name: x for name, x in (known | columns).items() if x is not None})


def nested(values):
    """The values of three documents, two of the first query."""
    return pa.ListArray.from_arrays([0, 2, 3], values)


def with_null_of_dictionary():
    return nested(pa.DictionaryArray.from_arrays(pa.array([0, 0, 1]), pa.array(["red", None])))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["x", "y", "x"], pa.large_string()),
        pa.array(["x", "y", "x"], pa.string_view()),
        pa.DictionaryArray.from_arrays(pa.array([2, 1, 0], pa.uint8()), pa.array(["x", "y", "x", "z"])),
        pl.Series(["x", "y", "x"], dtype=pl.Categorical).to_arrow(),
        pl.Series(["x", "y", "x"], dtype=pl.Enum(["z", "y", "x"])).to_arrow(),
    ],
    ids=["large", "views", "a text twice", "categorical", "enum"],
)
def test_text_of_every_kind_is_text(values):
    lists = from_tables(table(document=nested(values), colour=nested(values)))
    assert lists.documents.tolist() == lists.ids["colour"].tolist() == ["x", "y", "x"]
    assert lists.ids["colour"].dictionary.text.tobytes() in (b"xy", b"yx")
    twice = pa.ListArray.from_arrays([0, 0, 3], values)
    rows = {"label": [[], [0.0, 1.0, 0.0]], "features": None}
    with pytest.raises(ValueError, match="row 2, query 'b': document 'x' occurs twice"):
        from_tables(table(document=twice, **rows))


def test_whole_numbers_as_ids_keep_64_bits(tmp_path):
    numbers = [2**63 - 1, -(2**63), 7]
    small = RankingLists.from_arrays(np.zeros((3, 0)), [1, 0, 0], group=[3], ids={"shop": [1, 2, 3]})
    large = RankingLists.from_arrays(np.zeros((3, 0)), [1, 0, 0], query=["x"] * 3, ids={"shop": numbers})
    for name, lists in (("a", small), ("b", large)):
        write_parquet(lists, tmp_path / f"{name}.parquet")
        assert read_parquet(tmp_path / f"{name}.parquet").ids["shop"].dtype == lists.ids["shop"].dtype
    for cache in (None, tmp_path / "cache"):
        both = read_parquet([tmp_path / "a.parquet", tmp_path / "b.parquet"], cache=cache)
        assert both.ids["shop"].tolist() == [1, 2, 3, *numbers]


@pytest.mark.parametrize(
    "columns, wrong",
    [
        ({"label": None}, "there must be a column label, but there are query, document, features"),
        ({"query": None}, "there must be a column query"),
        ({"query": ["a", None]}, "row 12: the query has no id"),
        ({"query": ["a", "a"]}, "query 'a' occurs twice; the ids of queries must be unique"),
        ({"label": [1.0, 2.0]}, "column label must be a list of numbers, but is double"),
        ({"label": [["1"], ["2"]]}, "column label must be a list of numbers, but is list<item: string>"),
        (
            {"label": [[1.0, -1.0], [2.0]]},
            "row 11, query 'a': label must be between 0 and 2^24 - 1, beyond which float32 rounds, but got -1",
        ),
        ({"label": [[1.0, None], [2.0]]}, "row 11, query 'a': label is missing"),
        ({"label": [[1.0, 0.0], None]}, "row 12, query 'b': label is missing"),
        ({"label": [[1.0, 0.0], [float("inf")]]}, "row 12, query 'b': label must be finite, but got inf"),
        ({"label": [[1.0, 0.0], [2.0, 1.0]]}, "row 12, query 'b': document has 1 entries, but label has 2"),
        ({"document": [["x", "x"], ["x"]]}, "row 11, query 'a': document 'x' occurs twice"),
        ({"document": [["x", "y"], [None]]}, "row 12, query 'b': a document has no id"),
        (
            {"features": [[[1.0], [2.0, 3.0]], [[3.0]]]},
            "row 11, query 'a': a document has 2 features, but the first one has 1",
        ),
        (
            {"features": [[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [[1.0, float("inf"), None]]]},
            "row 12, query 'b': features must be finite, but got inf",
        ),
        (
            {"price": [[1.0, 2.0], [3.0]]},
            "dense features are either in one column, features, or in columns of their own",
        ),
        ({"click": [[1.0, -1.0], [0.0]]}, "row 11, query 'a': click must be at least 0, but got -1"),
        ({"propensity": [[1.0, 0.0], [0.5]]}, "row 11, query 'a': propensity must be above 0 and at most 1, but got 0"),
        (
            {"propensity": [[1.0, 0.5], [1.5]]},
            "row 12, query 'b': propensity must be above 0 and at most 1, but got 1.5",
        ),
        ({"position": [[1.0, 0.0], [1.0]]}, "row 11, query 'a': position must be at least 1, but got 0"),
        ({"weight": [[1.0, -2.0], [1.0]]}, "row 11, query 'a': weight must be at least 0, but got -2"),
        ({"teacher": [[1.0, float("nan")], [1.0]]}, "row 11, query 'a': teacher must be finite, but got nan"),
        (
            {"when": [[{"a": 1}], [{"a": 2}]]},
            "column when must be a list of numbers or of strings, but is list<item: struct<a: int64>>",
        ),
        ({"judged": [[1.0, 2.0], [1.0]]}, "row 11, query 'a': judged must be between 0 and 1, but got 2"),
        ({"judged": [[1.0, 0.0], [0.0]]}, "row 12, query 'b': judged is 0, which says that nobody judged the document"),
        ({"": [[1.0, 0.0], [0.0]]}, "column 5 has no name: give it one, or leave it out"),
        ({"day": [None, 2**60 + 1]}, f"row 12, query 'b': day is {2**60 + 1}, which float64 rounds"),
        ({"day": pa.array([None, 2**64 - 1], pa.uint64())}, f"row 12, query 'b': day is {2**64 - 1}, which float64"),
        ({"run_score": [[1.0, 2.0], [float("inf")]]}, "row 12, query 'b': run_score must be finite, but got inf"),
        ({"missed": [1.0, 2.0]}, "column missed must be a list of numbers, but is double"),
        ({"missed": [[1.0], None]}, "row 12, query 'b': missed is missing"),
        ({"missed": [[], [1.0, None]]}, "row 12, query 'b': missed is missing"),
        ({"missed": [[1.0, 0.0, float("nan")], []]}, "row 11, query 'a': missed must be finite, but got nan"),
        ({"mask": [["red", "blue"], ["red"]]}, "an id feature cannot be called mask"),
        ({"colour": [["red", None], ["red"]]}, "row 11, query 'a': colour is missing"),
        ({"colour": with_null_of_dictionary()}, "row 12, query 'b': colour is missing"),
        ({"document": [["x", "y"], ["a\x00b"]]}, "row 12, query 'b': the id of a document holds a NUL character"),
        ({"query": ["a", "b\x00"]}, "row 12: the id of the query holds a NUL character"),
        ({"document": nested(pa.array([b"x", b"y", b"\xff"]).view(pa.string()))}, "column document is not UTF-8 text"),
        ({"colour": nested(pa.array([b"x", b"y", b"\xff"]).view(pa.string()))}, "column colour is not UTF-8 text"),
        ({"query": pa.array([b"x", b"\xff"]).view(pa.string())}, "column query is not UTF-8 text"),
    ],
)
def test_says_what_is_wrong(columns, wrong):
    with pytest.raises(ValueError, match=r"^file[,:] ") as caught:
        from_tables(table(**columns), where="file", first_row=10)
    assert wrong in str(caught.value)


@pytest.mark.parametrize("cached", [False, True])
def test_whole_numbers_of_which_some_are_missing_stay_what_they_are(tmp_path, monkeypatch, cached):
    """In one table, and in several, of which some lack none."""
    for rows in (1, 2):
        monkeypatch.setattr("plackett.data.formats.parquet.TABLE", 1 if rows == 1 else 10**6)
        for number, wrong in ((2**60, None), (2**60 + 1, f"day .*is {2**60 + 1}, which float64 rounds")):
            path = tmp_path / f"{rows}-{number}.parquet"
            columns = {"day": pa.array([number, None]), "new": pa.array([True, None])}
            pq.write_table(pa.table({"query": ["a", "b"], "label": [[1.0], [0.0]], **columns}), path)
            cache = tmp_path / "cache" if cached else None
            if wrong:
                with pytest.raises(ValueError, match=wrong):
                    read_parquet(path, cache=cache)
                continue
            lists = read_parquet(path, cache=cache)
            np.testing.assert_array_equal(lists.query_columns["day"], [2.0**60, np.nan])
            np.testing.assert_array_equal(lists.query_columns["new"], [1, np.nan])


@pytest.mark.parametrize(
    "given, error, wrong",
    [
        ({"columns": ["a"]}, ValueError, r"columns must be a dict, {name it gets: column}, but got \['a'\]"),
        ({"columns": "a"}, ValueError, "columns must be a dict, {name it gets: column}, but got 'a'"),
        ({"ids": "shop"}, ValueError, "ids must be a sequence of names, but got 'shop'"),
        ({"ids": 3}, ValueError, "ids must be a sequence of names, but got 3"),
        ({"paths": 3}, TypeError, "a path must be a string or os.PathLike, but got 3"),
        ({"paths": [["a"]]}, TypeError, r"a path must be a string or os.PathLike, but got \['a'\]"),
        ({"paths": b"a.parquet"}, TypeError, "a path must be a string or os.PathLike, but got b'a.parquet'"),
    ],
)
def test_an_argument_of_another_kind_is_told(given, error, wrong, tmp_path):
    write_parquet(made_lists(2, seed=0), tmp_path / "a.parquet")
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(error, match=wrong):
            read_parquet(**{"paths": tmp_path / "a.parquet", "cache": cache} | given)


def test_missing_features():
    lists = from_tables(table(features=[[[1.0], [None]], [[float("nan")]]]))
    np.testing.assert_array_equal(lists.features, [[1], [np.nan], [np.nan]])
    with pytest.raises(ValueError, match="features must be finite, but got inf"):
        from_tables(table(features=[[[1.0], [2.0]], [[float("inf")]]]))


def test_damaged_files(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(made_lists(200, 0), path)
    whole = path.read_bytes()
    path.write_bytes(b"not this")
    with pytest.raises(ValueError, match=r"a\.parquet: this is not a Parquet file"):
        read_parquet(path)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    with pytest.raises(ValueError, match=r"a\.parquet: the Parquet file is damaged"):
        read_parquet(path)


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    write_parquet(made_lists(3, 0), path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match=r"a\.parquet could not be written: No space left on device"):
        write_parquet(made_lists(9, 0), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.parquet.ROW_GROUP", 20_000)
    monkeypatch.setattr("plackett.data.formats.parquet.TABLE", 5_000)
    parts = [to_table(made_lists(40, seed)) for seed in range(6)]
    write_tables(iter(parts), tmp_path / "a.parquet")
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups > 1
    tables = list(parquet_tables(tmp_path / "a.parquet"))
    assert len(tables) > 3
    assert pa.concat_tables(tables).equals(pa.concat_tables(parts))
