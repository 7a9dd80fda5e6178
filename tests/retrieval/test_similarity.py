"""Similarities of embeddings: what they are, at any scale and precision, and their temperature."""

import keras
import numpy as np
import pytest
import torch
from keras import ops

from plackett.retrieval import Similarity

RANDOM = np.random.default_rng(0)
QUERIES = RANDOM.normal(size=(3, 4)).astype("float32")
DOCUMENTS = RANDOM.normal(size=(5, 4)).astype("float32")


def cosines(queries, documents):
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(documents, axis=1)
    return queries @ documents.T / lengths


def similarities(layer, queries=QUERIES, documents=DOCUMENTS):
    return ops.convert_to_numpy(layer(queries, documents))


def test_dot_products_and_cosines_are_divided_by_the_temperature():
    np.testing.assert_allclose(similarities(Similarity("dot")), QUERIES @ DOCUMENTS.T, rtol=1e-5)
    np.testing.assert_allclose(similarities(Similarity("dot", 0.25)), 4 * QUERIES @ DOCUMENTS.T, rtol=1e-5)
    np.testing.assert_allclose(similarities(Similarity(temperature=0.5)), 2 * cosines(QUERIES, DOCUMENTS), rtol=1e-5)


@pytest.mark.parametrize("learn_temperature", [False, True])
@pytest.mark.parametrize("kind", ["cosine", "dot"])
def test_the_similarities_are_the_product_of_what_is_prepared(kind, learn_temperature):
    layer = Similarity(kind, 0.1, learn_temperature)
    expected = similarities(layer)
    queries, documents = map(ops.convert_to_numpy, layer.prepare(QUERIES, DOCUMENTS))
    np.testing.assert_allclose(queries @ documents.T, expected, rtol=1e-5)


def test_a_zero_vector_has_cosine_0_and_a_finite_gradient():
    queries = torch.zeros((1, 4), requires_grad=True)
    found = Similarity()(queries, torch.as_tensor(DOCUMENTS))
    assert found.tolist() == [[0.0] * 5]
    found[0, 0].backward()
    assert torch.isfinite(queries.grad).all()


@pytest.mark.parametrize("scale", [1e-35, 1e-20, 1e30])
def test_cosines_do_not_depend_on_the_lengths(scale):
    found = similarities(Similarity(), QUERIES * np.float32(scale))
    np.testing.assert_allclose(found, cosines(QUERIES, DOCUMENTS), rtol=1e-5)


def test_the_gradient_of_cosines_is_that_of_finite_differences():
    queries = torch.tensor(QUERIES, dtype=torch.float64, requires_grad=True)
    documents = torch.tensor(DOCUMENTS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Similarity(), (queries, documents))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_compared_in_float32(dtype):
    queries = ops.cast(QUERIES, dtype)
    expected = cosines(ops.convert_to_numpy(ops.cast(queries, "float32")), DOCUMENTS) * 100
    found = Similarity(temperature=0.01, dtype=f"mixed_{dtype}")(queries, DOCUMENTS)
    assert ops.dtype(found) == "float32"
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_float64_stays():
    assert ops.dtype(Similarity()(QUERIES.astype("float64"), DOCUMENTS.astype("float64"))) == "float64"


def test_a_learned_temperature_begins_where_it_is_told():
    layer = Similarity(temperature=0.07, learn_temperature=True)
    np.testing.assert_allclose(similarities(layer), cosines(QUERIES, DOCUMENTS) / 0.07, rtol=1e-5)
    assert layer.current_temperature() == pytest.approx(0.07)
    assert len(layer.trainable_variables) == 1
    assert not Similarity(temperature=0.07).variables


@pytest.mark.parametrize("learn_temperature", [False, True])
def test_a_model_with_the_layer_is_saved_and_loaded(tmp_path, learn_temperature):
    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, Similarity("cosine", 0.3, learn_temperature)(*inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    given = [QUERIES, DOCUMENTS[:3]]
    np.testing.assert_allclose(loaded.predict(given, verbose=0), model.predict(given, verbose=0), rtol=1e-6)


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        Similarity("euclidean")
    with pytest.raises(ValueError, match="temperature must be a number greater than 0"):
        Similarity(temperature=0)
    with pytest.raises(ValueError, match=r"a learned temperature must be at least 0\.01, its limit"):
        Similarity(temperature=0.005, learn_temperature=True)


def test_embeddings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"the embeddings of documents have shape \[5\]"):
        Similarity().prepare(QUERIES, DOCUMENTS[:, 0])
    with pytest.raises(ValueError, match=r"must have the same dimension, but they have shapes \[3, 4\] and \[5, 3\]"):
        Similarity().prepare(QUERIES, DOCUMENTS[:, :3])
