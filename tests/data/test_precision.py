"""Columns of documents of one's own keep float64 wherever they come from: a time in seconds is not rounded."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_tfrecord import elwc, framed

from plackett import evaluate_scores
from plackett.data import Batches, RankingLists, concatenate, read, read_parquet, write_parquet
from plackett.data._schema import mark, to_table

TIMES = [1700000001, 1700000003, 1700000002]
ROWS = {"query": ["q"] * 3, "label": [0, 1, 0], "price": [1.0, 2.0, 3.0], "time": TIMES, "click": [0, 1, 0]}


def of_arrays(column=TIMES):
    return RankingLists.from_arrays(
        [[1], [2], [3]], [0, 1, 0], query=["q"] * 3, columns={"time": column, "click": [0, 1, 0]}
    )


def of_csv(folder):
    pl.DataFrame(ROWS).write_csv(folder / "a.csv")
    return read(folder / "a.csv", columns={"time": "time"})


def of_parquet(folder):
    write_parquet(of_arrays(), folder / "a.parquet")
    return read_parquet(folder / "a.parquet")


def of_cache(folder):
    of_parquet(folder)
    return read_parquet(folder / "a.parquet", cache=folder / "cache")


def of_tfrecord(folder):
    rows = [{"label": [y], "time": [time], "click": [y]} for y, time in zip(ROWS["label"], TIMES, strict=True)]
    (folder / "a.tfrecord").write_bytes(framed([elwc({}, [row | {"price": [1.0]} for row in rows])]))
    return read(folder / "a.tfrecord", form="elwc", label="label", columns={"time": "time", "click": "click"})


DOORS = {
    "arrays": lambda folder: of_arrays(),
    "polars": lambda folder: RankingLists.from_frame(pl.DataFrame(ROWS), columns={"time": "time"}),
    "pandas": lambda folder: RankingLists.from_frame(pl.DataFrame(ROWS).to_pandas(), columns={"time": "time"}),
    "out and in again": lambda folder: RankingLists.from_frame(of_arrays().to_frame(), columns={"time": "time"}),
    "csv": of_csv,
    "parquet": of_parquet,
    "tfrecord": of_tfrecord,
    "cache": of_cache,
    "parts": lambda folder: concatenate([of_arrays(), of_arrays()])[:1],
}


@pytest.mark.parametrize("door", DOORS)
def test_times_in_seconds_are_not_rounded(door, tmp_path):
    lists = DOORS[door](tmp_path)
    assert lists.columns["time"].dtype == "float64"
    assert lists.columns["time"].tolist() == TIMES
    assert lists.columns["click"].dtype == lists.features.dtype == lists.labels.dtype == "float32"
    assert evaluate_scores(lists.columns["time"], lists, ["mrr"]) == {"mrr": 1.0}


def test_a_file_of_float32_stays_readable(tmp_path):
    """As files were written before, alone and beside a new one."""
    table = to_table(of_arrays([0.1, 2, 3]))
    place = table.schema.get_field_index("time")
    field = pa.field("time", pa.list_(pa.float32()), metadata=mark("columns"))
    old = table.set_column(place, field, table["time"].cast(field.type))
    pq.write_table(old, tmp_path / "old.parquet")
    lists = read_parquet(tmp_path / "old.parquet")
    assert lists.columns["time"].dtype == "float64"
    assert lists.columns["time"].tolist() == [np.float32(0.1), 2, 3]
    new = RankingLists(**{**vars(of_arrays()), "queries": ["r"]})
    write_parquet(new, tmp_path / "new.parquet")
    both = read([tmp_path / "old.parquet", tmp_path / "new.parquet"])
    assert both.columns["time"].tolist() == [np.float32(0.1), 2, 3, *TIMES]


def test_the_last_second_changes_the_fingerprint():
    assert of_arrays().fingerprint() != of_arrays([*TIMES[:2], TIMES[2] + 1e-3]).fingerprint()


@pytest.mark.parametrize("target", ["time", "click", "label"])
def test_models_are_fed_float32(target):
    inputs, labels, weights = Batches(of_arrays(), 1, targets=target)[0]
    assert labels.dtype == weights.dtype == inputs["features"].dtype == "float32"
    assert target != "time" or labels[0, :3].tolist() == np.array(TIMES, "float32").tolist()


def test_a_target_that_float32_does_not_hold_is_refused():
    with pytest.raises(ValueError, match=r"a target must be below 2\^128, .* but time is 1e\+39 in query 'q'"):
        Batches(of_arrays([1, 2, 1e39]), 1, targets="time")
    Batches(of_arrays([1, 2, 1e39]), 1)


def test_a_whole_number_that_float64_rounds_is_refused():
    with pytest.raises(
        ValueError, match=r"columns\['id'\]\[1\] is 9007199254740993, a whole number that float64 rounds"
    ):
        RankingLists.from_arrays([[1], [2]], [0, 1], group=[2], columns={"id": np.array([2**53, 2**53 + 1])})
