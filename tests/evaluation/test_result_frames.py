"""Results as a frame."""

import numpy as np
import polars as pl
import pytest
from small_results import small_results

from plackett.data import Strings

FACTS = {"list_size": np.array([3, 9]), "kind": Strings.of(["web", ""]), "age": np.array([1.5, np.nan])}
RESULTS = small_results([[[0.5, np.nan]], [[0.25, 1.0]]], facts=FACTS)


def test_a_frame_has_a_row_a_query_and_system():
    frame = RESULTS.to_frame()
    assert frame.columns == ["query", "system", "list_size", "kind", "age", "mrr[stated]"]
    assert frame.select("query", "system", "list_size", "kind").rows() == [
        ("q0", "bm25", 3, "web"),
        ("q1", "bm25", 9, ""),
        ("q0", "ours", 3, "web"),
        ("q1", "ours", 9, ""),
    ]


def test_a_query_that_does_not_count_is_null():
    assert RESULTS.to_frame()["mrr[stated]"].to_list() == [0.5, None, 0.25, 1.0]


def test_a_file_gives_the_same_frame(tmp_path):
    RESULTS.write(tmp_path / "results.parquet")
    assert pl.read_parquet(tmp_path / "results.parquet").equals(RESULTS.to_frame(), null_equal=True)


@pytest.mark.parametrize("name", ["system", "query", "mrr[stated]"])
def test_a_column_of_queries_with_a_name_that_is_taken_is_named(name):
    results = small_results([[[0.5]], [[0.2]]], facts={name: np.array([1])})
    with pytest.raises(ValueError, match="rename the column of queries") as error:
        results.to_frame()
    assert repr(name) in str(error.value)
