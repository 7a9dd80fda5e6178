"""A model of two towers: its output, training, files, and what it refuses."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from plackett.losses import NpairsLoss
from plackett.retrieval import TwoTowerModel

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 5)).astype("float32")
Z = X[:, ::-1] + 0.1 * RANDOM.normal(size=(12, 5)).astype("float32")
NEGATIVES = RANDOM.normal(size=(12, 2, 5)).astype("float32")


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def tower(name=None):
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(3)], name=name)


def tower_of_columns():
    """Of a number and an id."""
    inputs = {"number": keras.Input((1,), name="number"), "id": keras.Input((), dtype="int32", name="id")}
    parts = [keras.layers.Dense(3)(inputs["number"]), keras.layers.Embedding(10, 3)(inputs["id"])]
    return keras.Model(inputs, keras.layers.Add()(parts))


@keras.saving.register_keras_serializable("test_two_towers")
class OwnTower(keras.Model):
    """A subclassed model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(3)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)


def compiled(model, rate=0.02):
    model.compile(keras.optimizers.Adam(rate), NpairsLoss())
    return model


def output(model, inputs):
    return ops.convert_to_numpy(model(inputs))


def test_the_output_are_the_similarities_of_all_rows():
    model = TwoTowerModel(tower(), tower(), "dot", temperature=0.5)
    expected = 2 * ops.convert_to_numpy(model.query_tower(X)) @ ops.convert_to_numpy(model.document_tower(Z)).T
    np.testing.assert_allclose(output(model, {"query": X, "document": Z}), expected, rtol=1e-4, atol=1e-5)


def test_negatives_stand_behind_the_documents_row_by_row():
    model = TwoTowerModel(tower(), tower())
    found = output(model, {"query": X, "document": Z, "negatives": NEGATIVES})
    documents = np.concatenate([Z, *NEGATIVES])
    expected = model.embed_queries(X) @ model.embed_documents(documents).T / 0.05
    assert found.shape == (12, 36)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_towers_take_columns_by_name():
    model = TwoTowerModel(tower(), tower_of_columns())
    documents = {"number": Z[:, :1], "id": np.arange(12) % 10}
    negatives = {"number": NEGATIVES[:, :, :1], "id": np.arange(24).reshape(12, 2) % 10}
    found = output(model, {"query": X, "document": documents, "negatives": negatives})
    joined = {
        "number": np.concatenate([Z[:, :1], NEGATIVES[..., :1].reshape(-1, 1)]),
        "id": np.concatenate([np.arange(12), np.arange(24)]) % 10,
    }
    expected = model.embed_queries(X) @ model.embed_documents(joined).T / 0.05
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_negatives_may_be_longer_lists_than_the_documents():
    words = keras.Input((None,), dtype="int32")
    mean = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 3, mask_zero=True)(words))
    model = TwoTowerModel(tower(), keras.Model(words, mean))
    documents, negatives = RANDOM.integers(1, 10, (12, 2)), RANDOM.integers(1, 10, (12, 1, 4))
    found = output(model, {"query": X, "document": documents, "negatives": negatives})
    expected = model.embed_queries(X) @ model.embed_documents(negatives[:, 0]).T / 0.05
    np.testing.assert_allclose(found[:, 12:], expected, rtol=1e-4, atol=1e-4)


def test_training_brings_queries_to_their_documents():
    model = compiled(TwoTowerModel(tower(), tower(), temperature=0.2))
    model.fit({"query": X, "document": Z}, np.arange(12), epochs=150, batch_size=6, verbose=0)
    nearest = (model.embed_queries(X) @ model.embed_documents(Z).T).argmax(axis=1)
    np.testing.assert_array_equal(nearest, np.arange(12))


def test_dot_products_of_embeddings_rank_as_the_model_does():
    for kind in ("cosine", "dot"):
        model = TwoTowerModel(tower(), tower(), kind, temperature=0.3)
        found = output(model, {"query": X, "document": Z})
        products = model.embed_queries(X) @ model.embed_documents(Z).T
        np.testing.assert_allclose(products / 0.3, found, rtol=1e-4, atol=1e-5)


def test_an_output_is_float32_where_towers_are_of_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = compiled(TwoTowerModel(tower(), tower()))
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = {"query": X, "document": Z}
    assert model.query_tower.layers[-1].compute_dtype == "bfloat16"
    assert ops.dtype(model(inputs)) == "float32"
    assert np.isfinite(model.train_on_batch(inputs, np.arange(12)))
    assert model.embed_queries(X).dtype == "float32"


@pytest.mark.parametrize("learn_temperature", [False, True])
def test_a_model_is_saved_and_loaded_and_trains_on(tmp_path, learn_temperature):
    model = compiled(TwoTowerModel(tower(), OwnTower(), learn_temperature=learn_temperature))
    inputs = {"query": X, "document": Z}
    model.fit(inputs, np.arange(12), epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.embed_documents(Z), model.embed_documents(Z))
    np.testing.assert_array_equal(output(loaded, inputs), output(model, inputs))
    losses = [one.fit(inputs, np.arange(12), epochs=2, shuffle=False, verbose=0).history for one in (model, loaded)]
    assert losses[0] == losses[1]


def test_a_tower_that_is_both_is_loaded_as_one(tmp_path):
    both = tower()
    model = TwoTowerModel(both, both, micro_batch=4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.query_tower is loaded.document_tower
    assert loaded.micro_batch == 4
    np.testing.assert_array_equal(loaded.embed_queries(X), model.embed_queries(X))


def test_another_process_finds_the_classes_of_a_saved_model(tmp_path):
    compiled(TwoTowerModel(tower(), tower(), learn_temperature=True)).save(tmp_path / "model.keras")
    code = "import keras, plackett, sys; print(keras.models.load_model(sys.argv[1]).similarity.current_temperature())"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.keras"], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(0.05)


def test_a_model_by_pieces_gives_embeddings_and_is_evaluated_as_one_at_once():
    query, document, inputs = tower(), OwnTower(), {"query": X, "document": Z}
    by_pieces = compiled(TwoTowerModel(query, document, micro_batch=5))
    at_once = compiled(TwoTowerModel(query, document))
    found = by_pieces(inputs)
    assert sorted(found) == ["documents", "queries"]
    product = ops.convert_to_numpy(found["queries"]) @ ops.convert_to_numpy(found["documents"]).T
    np.testing.assert_allclose(product, output(at_once, inputs), rtol=1e-4, atol=1e-5)
    losses = [model.evaluate(inputs, np.arange(12), verbose=0) for model in (by_pieces, at_once)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_tower_that_does_not_learn_stays_by_pieces():
    frozen = tower()
    frozen.trainable = False
    before = frozen.get_weights()
    model = compiled(TwoTowerModel(frozen, tower(), micro_batch=5))
    inputs = {"query": X, "document": Z}
    losses = [model.train_on_batch(inputs, np.arange(12)) for _ in range(3)]
    assert losses[2] < losses[0]
    np.testing.assert_array_equal(frozen.get_weights()[0], before[0])


def test_moments_of_a_piece_are_refused():
    layers = [keras.Input((5,)), keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    model = compiled(TwoTowerModel(tower(), keras.Sequential(layers), micro_batch=5))
    with pytest.raises(ValueError, match="cannot be called by pieces: in training it changes"):
        model.train_on_batch({"query": X, "document": Z}, np.arange(12))


def test_a_prediction_is_of_batches_of_one_size():
    model, inputs = TwoTowerModel(tower(), tower()), {"query": X, "document": Z}
    assert model.predict(inputs, batch_size=6, verbose=0).shape == (12, 6)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), output(model, inputs), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="the last has 2 rows and columns and the others 5: give batch_size=12"):
        model.predict(inputs, batch_size=5, verbose=0)
    by_pieces = TwoTowerModel(tower(), tower(), micro_batch=4)
    assert by_pieces.predict(inputs, batch_size=5, verbose=0)["queries"].shape == (12, 3)


@pytest.mark.parametrize("loss", ["mse", None, keras.losses.MeanSquaredError()])
def test_another_loss_is_refused(loss):
    with pytest.raises(ValueError, match=r"loss.*"):
        TwoTowerModel(tower(), tower()).compile("adam", loss)


def test_a_loss_goes_by_its_name():
    model = TwoTowerModel(tower(), tower())
    model.compile("adam", "npairs")
    assert model.loss == NpairsLoss()


def test_metrics_of_all_similarities_are_refused_with_micro_batches():
    model = TwoTowerModel(tower(), tower(), micro_batch=4)
    with pytest.raises(ValueError, match="metrics would need all similarities of a batch at once"):
        model.compile("adam", NpairsLoss(), metrics=["mse"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TwoTowerModel(tower(), "mlp"), "document_tower must be a Keras model"),
        (lambda: TwoTowerModel(tower(), tower(), micro_batch=0), "micro_batch must be a whole number of at least 1"),
        (lambda: TwoTowerModel(tower(), tower(), "euclidean"), "similarity must be one of"),
        (
            lambda: TwoTowerModel(tower(), keras.Sequential([keras.Input((4, 5)), keras.layers.Dense(3)])),
            r"document_tower must have one output, \[rows, dimension\], but its output shape is \(None, 4, 3\)",
        ),
        (
            lambda: TwoTowerModel(tower(), keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])),
            r"must have the same dimension, but they have shapes \[\?, 3\] and \[\?, 4\]",
        ),
    ],
)
def test_towers_and_options_that_do_not_fit_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (X, "the inputs must be a dict"),
        ({"query": X}, "must be query, document and, for hard negatives, negatives, but got 'query'"),
        ({"query": X, "document": Z, "id": X}, "put the columns of a tower into a dict of their own"),
        ({"query": X, "document": Z, "negatives": Z}, r"the negatives of document must have the shape"),
        ({"query": X, "document": Z, "negatives": {"x": NEGATIVES}}, "an array or a dict of arrays, as document is"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words):
    with pytest.raises(ValueError, match=words):
        TwoTowerModel(tower(), tower())(inputs)


def test_negatives_of_other_columns_are_refused():
    documents = {"number": Z[:, :1], "id": np.arange(12)}
    inputs = {"query": X, "document": documents, "negatives": {"number": NEGATIVES[:, :, :1]}}
    with pytest.raises(ValueError, match="must have the columns of document, 'number', 'id', but has 'number'"):
        TwoTowerModel(tower(), tower_of_columns())(inputs)


def test_a_loss_by_pieces_is_computed_once_a_step(monkeypatch):
    calls, compute = [], NpairsLoss.of_embeddings
    monkeypatch.setattr(NpairsLoss, "of_embeddings", lambda *x, **more: calls.append(1) or compute(*x, **more))
    model = compiled(TwoTowerModel(tower(), tower(), micro_batch=5))
    for _ in range(2):
        model.train_on_batch({"query": X, "document": Z}, np.arange(12))
    assert len(calls) == 2
