"""Steps of `TwoTowerModel`: by pieces as at once, the temperature that is learned, embeddings between two epochs."""

import keras
import numpy as np
import pytest

from plackett.losses import InBatchSoftmaxLoss, NpairsLoss, in_batch_labels
from plackett.retrieval import TwoTowerModel

RANDOM = np.random.default_rng(0)
ROWS, HARD = 10, 2
X = RANDOM.normal(size=(ROWS, 5)).astype("float32")
Z = {"number": RANDOM.normal(size=(ROWS, 1)).astype("float32"), "id": RANDOM.integers(0, 10, ROWS).astype("int32")}
NEGATIVES = {
    "number": RANDOM.normal(size=(ROWS, HARD, 1)).astype("float32"),
    "id": RANDOM.integers(0, 10, (ROWS, HARD)).astype("int32"),
}
WEIGHTS = RANDOM.uniform(0.5, 2, ROWS).astype("float32")
LABELS = in_batch_labels(Z["id"], queries=np.arange(ROWS) // 2, negatives=NEGATIVES["id"])


def towers():
    keras.utils.set_random_seed(0)
    queries = keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "tanh", kernel_regularizer="l2")])
    inputs = {"number": keras.Input((1,), name="number"), "id": keras.Input((), dtype="int32", name="id")}
    parts = [keras.layers.Dense(8)(inputs["number"]), keras.layers.Embedding(10, 8)(inputs["id"])]
    return queries, keras.Model(inputs, keras.layers.Add()(parts))


def step(loss, inputs, labels, **options):
    """(the loss of a step, the weights after it)."""
    model = TwoTowerModel(*towers(), learn_temperature=True, **options)
    model.compile(keras.optimizers.SGD(0.01), loss)
    return model.train_on_batch(inputs, labels, WEIGHTS), model.get_weights()


@pytest.mark.parametrize(
    ("loss", "inputs", "labels"),
    [
        (NpairsLoss(), {"query": X, "document": Z}, Z["id"]),
        (InBatchSoftmaxLoss(), {"query": X, "document": Z, "negatives": NEGATIVES}, LABELS),
    ],
    ids=["npairs", "in_batch_softmax"],
)
def test_a_step_by_pieces_is_that_at_once(loss, inputs, labels):
    (value, weights), (by_pieces, weights_by_pieces) = (step(loss, inputs, labels, micro_batch=x) for x in (None, 4))
    assert by_pieces == pytest.approx(value, rel=1e-5)
    for one, other in zip(weights_by_pieces, weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_a_learned_temperature_stops_at_a_hundredth_and_comes_back():
    # Queries lie at their documents, so that a smaller temperature lowers the loss; then at others.
    x = np.eye(5, dtype="float32")[:3]
    tower = keras.Sequential([keras.Input((5,)), keras.layers.Identity()])
    model = TwoTowerModel(tower, tower, "dot", 1.0, learn_temperature=True)
    model.compile(keras.optimizers.Adam(5.0), NpairsLoss())
    model.train_on_batch({"query": x, "document": x}, np.arange(3))
    assert model.similarity.current_temperature() == pytest.approx(0.01)
    model.train_on_batch({"query": x, "document": x[[1, 2, 0]]}, np.arange(3))
    assert 0.02 < model.similarity.current_temperature() < 10


class Embeds(keras.callbacks.Callback):
    """The embeddings of queries after each epoch, as `self.model` gives them."""

    def on_epoch_end(self, epoch, logs=None):
        self.found = self.model.embed_queries(X)


def test_embeddings_between_epochs_are_those_of_the_weights_then():
    model, callback = TwoTowerModel(*towers()), Embeds()
    model.compile(keras.optimizers.SGD(0.01), NpairsLoss())
    before = model.embed_queries(X)
    model.fit({"query": X, "document": Z}, np.arange(ROWS), verbose=0, callbacks=[callback])
    assert np.abs(callback.found - before).max() > 1e-4
    np.testing.assert_allclose(callback.found, model.embed_queries(X), rtol=1e-6)
