"""Frames of pandas, polars and Arrow, Hugging Face datasets: in, and out."""

import dataclasses

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import made_lists

from plackett.data import Missed, RankingLists
from plackett.data._schema import to_table

ROWS = {
    "q": ["1", "1", "2"],
    "url": ["a", "b", "a"],
    "grade": [2, 0, 1],
    "price": [0.5, 1.5, 2.5],
    "colour": ["red", "blue, light", "red"],
    "clicked": [1, 0, 1],
    "words": [7, 8, 9],
}
ROLES = {
    "query": "q",
    "label": "grade",
    "document": "url",
    "categorical": ["colour"],
    "columns": {"click": "clicked"},
}
from_frame = RankingLists.from_frame


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame,
        pl.DataFrame,
        pa.table,
        datasets.Dataset.from_dict,
        lambda x: datasets.Dataset.from_dict({k: v[::-1] for k, v in x.items()}).select([2, 1, 0]),
    ],
    ids=["pandas", "polars", "arrow", "datasets", "datasets, selected"],
)
def test_frames(frame):
    lists = from_frame(frame(ROWS), **ROLES)
    assert lists.queries.tolist() == ["1", "2"]
    assert lists.row_splits.tolist() == [0, 2, 3]
    assert lists.documents.tolist() == ["a", "b", "a"]
    assert lists.labels.tolist() == [2, 0, 1]
    assert lists.feature_names == ("price", "words")
    assert lists.features.tolist() == [[0.5, 7], [1.5, 8], [2.5, 9]]
    assert lists.ids["colour"].tolist() == ["red", "blue, light", "red"]
    assert lists.columns["click"].tolist() == [1, 0, 1]


def test_a_frame_with_a_row_a_query():
    lists = from_frame(pl.DataFrame(ROWS), **ROLES)
    frame = pl.DataFrame(pl.from_arrow(to_table(lists)).to_dict(as_series=True))  # polars keeps no marks
    again = from_frame(frame, ids=["colour"])
    assert again.fingerprint() == lists.fingerprint()
    renamed = frame.rename({"query": "q", "label": "grade", "document": "url", "click": "clicked"})
    renamed = renamed.with_columns(price=pl.Series([[0.5, None], [2.5]]), score_of_a=pl.col("words"))
    columns = {"click": "clicked", "teacher_a": "score_of_a"}
    again = from_frame(renamed, query="q", label="grade", document="url", ids=["colour"], columns=columns)
    np.testing.assert_array_equal(again.features, [[0.5, 7], [np.nan, 8], [2.5, 9]])
    assert again.columns["teacher_a"].tolist() == [7, 8, 9]
    assert again.ids["colour"].tolist() == lists.ids["colour"].tolist()
    for given, wrong in (
        ({"features": ["price"]}, "the frame has one row per query, .*: leave out features"),
        ({"columns": {"click": "x"}}, "the frame: unknown column 'x'; known are click, colour, document, label"),
        ({"columns": {"a": "price", "b": "price"}}, "the frame: column 'price' cannot be both a and b"),
    ):
        with pytest.raises(ValueError, match=wrong):
            from_frame(frame, **given)


def test_numbers_as_ids_are_what_they_are():
    frame = pl.DataFrame({"query": ["a", "a"], "label": [1, 0], "shop": [7, 9]})
    assert from_frame(frame, ids=["shop"]).ids["shop"].tolist() == [7, 9]
    assert from_frame(frame, categorical=["shop"]).ids["shop"].tolist() == ["7", "9"]
    large = from_frame(frame.with_columns(shop=pl.Series([2**31, -(2**63)])), ids=["shop"])
    assert large.ids["shop"].tolist() == [2**31, -(2**63)]
    with pytest.raises(ValueError, match=r"row 1, query 'a': shop must be whole .* but got 9223372036854775808"):
        from_frame(frame.with_columns(shop=pl.lit(2**63, pl.UInt64)), ids=["shop"])


def test_missing_features_are_nan():
    frame = pl.DataFrame({"query": ["a", "a"], "label": [1, 0], "x": [None, 2.0], "y": [1.0, float("nan")]})
    np.testing.assert_array_equal(from_frame(frame).features, [[np.nan, 1], [2, np.nan]])


def test_queries_that_do_not_stand_together():
    frame = pl.DataFrame({"query": [1, 2, 1], "label": [0, 1, 2], "x": [0.5, 1, 2], "market": ["de", "fr", "de"]})
    with pytest.raises(ValueError, match=r"the frame, row 3: query '1' begins again, .* in memory by together=False"):
        from_frame(frame, query_columns=["market"])
    lists = from_frame(frame, query_columns=["market"], together=False)
    assert lists.queries.tolist() == ["1", "2"]
    assert lists.features.tolist() == [[0.5], [2], [1]]
    assert lists.query_columns["market"].tolist() == ["de", "fr"]


def test_refuses():
    with pytest.raises(ValueError, match="column 'colour' must hold numbers to be a feature, but holds"):
        from_frame(pl.DataFrame(ROWS), query="q", label="grade", features=["colour"])
    with pytest.raises(ValueError, match="categorical must be a sequence of names, but got 'colour'"):
        from_frame(pl.DataFrame(ROWS), **ROLES | {"categorical": "colour"})
    with pytest.raises(ValueError, match="the frame: unknown column 'grades'; did you mean 'grade'"):
        from_frame(pl.DataFrame(ROWS), **ROLES | {"label": "grades"})
    with pytest.raises(ValueError, match=r"columns must be a dict, {name it gets: column}, but got \['clicked'\]"):
        from_frame(pl.DataFrame(ROWS), **ROLES | {"columns": ["clicked"]})
    with pytest.raises(TypeError, match="frame must give an Arrow stream, as pandas and polars do, but got dict"):
        from_frame({"query": [1]})


@pytest.mark.parametrize("named", [True, False])
def test_out_and_in_again(named):
    lists = made_lists(6, seed=0, features=3)
    total = len(lists.labels)
    lists = dataclasses.replace(
        lists,
        features=np.where(np.arange(total)[:, None] % 5 == 1, np.float32("nan"), lists.features),
        feature_names=("price", "weight", "stars") if named else (),
        ids={"shop": np.arange(total, dtype="int32") - 7},
        columns={
            "click": (lists.labels > 0).astype("float32"),
            "teacher_a": lists.features[:, 0] / np.float64(3),
            "run_score": 1e9 + np.arange(total),
        },
        query_columns={"market": np.array(["de", "fr"] * 3), "day": np.arange(6)},
    )
    frame = lists.to_frame()
    assert frame.columns == [
        *(
            "query",
            "document",
            "label",
            *lists.feature_names,
            "shop",
            "click",
            "teacher_a",
            "run_score",
            "market",
            "day",
        )
    ]
    assert frame.height == total
    roles = {
        "features": lists.feature_names,
        "ids": ["shop"],
        "columns": {name: name for name in lists.columns},
        "query_columns": ["market", "day"],
    }
    for of in (frame, frame.to_pandas(), frame.to_arrow()):
        again = from_frame(of, **roles)
        assert again.feature_names == lists.feature_names
        assert again.fingerprint() == lists.fingerprint()


def test_what_a_frame_cannot_hold():
    lists = RankingLists.from_arrays([[0.5]], [1], group=[0, 1])
    lists = dataclasses.replace(lists, missed=Missed(np.ones(1, "float32"), np.array([0, 1, 1])))
    assert lists.to_frame().rows() == [("2", "1", 1, 0.5)]
