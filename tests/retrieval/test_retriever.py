"""A retriever embeds queries a batch at a time, and searches for them."""

import keras
import numpy as np
import pytest
from indexes import model, table, tower

from plackett.retrieval import Retriever, Table, TwoTowerModel, build_index


def test_queries_are_embedded_a_batch_at_a_time(tmp_path):
    words = keras.Input((None,), dtype="int32", name="words")
    embedded = keras.layers.Embedding(9, 5)(words)
    towers = TwoTowerModel(keras.Model({"words": words}, keras.layers.GlobalMaxPooling1D()(embedded)), tower())
    build_index(towers, table(20, "d"), tmp_path / "index")
    lengths, call = [], towers.query_tower.predict_on_batch
    towers.query_tower.predict_on_batch = lambda x: lengths.append(x["words"].shape[1]) or call(x)
    queries = Table.of({"id": range(6), "words": [[1], [2], [3] * 30, [4], [5], [6]]})
    found = Retriever(towers, tmp_path / "index").embed(queries, batch_size=2)
    assert lengths == [1, 32, 1]
    assert found.shape == (6, 5)


@pytest.mark.parametrize(("id", "words"), [("id", "query 'q5'"), (None, "row 6")])
def test_a_query_without_a_finite_embedding_is_named(tmp_path, id, words):  # noqa: A002
    towers, queries = model(), table(7, "q")
    build_index(towers, table(20, "d"), tmp_path / "index")
    x = queries["x"].copy()
    x[5] = 3e38
    kernel = towers.query_tower.layers[-1].kernel
    kernel.assign(np.ones_like(kernel))
    with pytest.raises(ValueError, match=words):
        Retriever(towers, tmp_path / "index").search(Table.of({"id": queries.ids, "x": x}, id=id), k=1, batch_size=2)


def test_a_tuple_is_no_input(tmp_path):
    build_index(model(), table(20, "d"), tmp_path / "index")
    with pytest.raises(ValueError, match="but got a tuple: put the ids into a Table"):
        Retriever(model(), tmp_path / "index").search((["a"], np.ones((1, 6))), k=1)


def test_a_batch_of_queries_has_a_row_at_least(tmp_path):
    build_index(model(), table(20, "d"), tmp_path / "index")
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        Retriever(model(), tmp_path / "index").embed(table(3, "q"), batch_size=0)
