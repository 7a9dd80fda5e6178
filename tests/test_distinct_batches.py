import keras
import numpy as np
import pytest

from plackett.retrieval import DistinctBatches


class SumsOfLabels(keras.metrics.Sum):
    """Sum of the labels of each batch's distinct rows: what `fit` was given."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true)


def test_fit_that_shuffles_shards_is_told():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((60, 2), "float32")
    batches = DistinctBatches(x, np.zeros(60, "float32"), np.arange(60), 4, seed=0, shard=(1, 2))
    assert len(model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]) == 2
    with pytest.raises(Exception, match="shuffle=False"):
        model.fit(batches, epochs=1, verbose=0)


def test_fit_takes_each_row_once_an_epoch_on_every_backend():
    query, document = keras.Input((2,), name="query"), keras.Input((2,), name="document")
    scores = keras.layers.Dense(1)(keras.layers.Dot(1)([query, document]))
    model = keras.Model({"query": query, "document": document}, scores)
    model.compile("sgd", "mse", metrics=[SumsOfLabels(name="rows")])
    x = {"query": np.ones((20, 2), "float32"), "document": np.ones((20, 2), "float32")}
    batches = DistinctBatches(x, 2.0 ** np.arange(20), np.arange(20) % 11, 8, seed=0)
    assert sorted(len(batches[i][1]) for i in range(len(batches))) == [6, 7, 7]
    history = model.fit(batches, epochs=2, verbose=0).history
    assert history["rows"] == [2.0**20 - 1] * 2
