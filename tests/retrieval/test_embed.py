"""Embeddings of any number of rows: in order, in few shapes, finite."""

import keras
import numpy as np
import pytest

from plackett.retrieval import TwoTowerModel
from plackett.retrieval._embed import embed

X = np.random.default_rng(0).normal(size=(11, 5)).astype("float32")


class Recorder(keras.Model):
    """Gives the first two columns, and remembers how many rows each call had."""

    def __init__(self):
        super().__init__(name="recorder")
        self.sizes = []

    def call(self, x):
        self.sizes.append(len(x))
        return x[:, :2]


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 11])
def test_rows_stay_in_order_whatever_their_number(rows):
    np.testing.assert_array_equal(embed(Recorder(), X[:rows], batch_size=4), X[:rows, :2])


def test_no_rows_have_no_embeddings_of_the_dimension():
    assert embed(Recorder(), X[:0]).shape == (0, 2)


@pytest.mark.parametrize(("rows", "sizes"), [(11, [4, 4, 4]), (3, [4]), (2, [2]), (1, [1]), (0, [1])])
def test_batches_have_one_size_and_that_of_a_few_rows_is_a_power_of_two(rows, sizes):
    tower = Recorder()
    embed(tower, X[:rows], batch_size=4)
    assert tower.sizes == sizes


def test_columns_are_cut_alike():
    inputs = {"x": keras.Input((5,), name="x"), "id": keras.Input((), dtype="int32", name="id")}
    ids = keras.layers.Embedding(11, 5, embeddings_initializer="zeros")(inputs["id"])
    tower = keras.Model(inputs, keras.layers.Add()([inputs["x"], ids]))
    tower.set_weights([np.repeat(np.arange(11.0)[:, None], 5, axis=1)])
    found = embed(tower, {"x": X, "id": np.arange(11)}, batch_size=4)
    np.testing.assert_allclose(found, X + np.arange(11)[:, None], rtol=1e-6)


@pytest.mark.parametrize("structure", [lambda x: x["a"], lambda x: [x["b"], x["a"]], lambda x: x])
def test_inputs_by_name_are_fed_in_the_structure_of_the_tower(structure, recwarn):
    inputs = structure({name: keras.Input((5,), name=name) for name in "ab"})
    flat = keras.tree.flatten(inputs)
    tower = keras.Model(inputs, keras.layers.Add()(flat) if len(flat) > 1 else keras.layers.Identity()(*flat))
    found = embed(tower, {tensor.name: X * (1 + (tensor.name == "b")) for tensor in flat})
    np.testing.assert_allclose(found, X if len(flat) == 1 else 3 * X, rtol=1e-6)
    assert not [one for one in recwarn if "structure" in str(one.message)]


def test_a_sequential_tower_is_fed_its_one_column(recwarn):
    tower = keras.Sequential([keras.Input((5,), name="x"), keras.layers.Identity()])
    np.testing.assert_allclose(embed(tower, {"x": X}), X)
    assert not [one for one in recwarn if "structure" in str(one.message)]


def test_cosines_need_vectors_of_unit_length():
    x = np.array([[3, 4, 0, 0, 0], [0, 0, 1, 0, 0], [3e-30, 4e-30, 0, 0, 0], [3e30, 4e30, 0, 0, 0]], "float32")
    expected = [[0.6, 0.8], [0, 0], [0.6, 0.8], [0.6, 0.8]]
    np.testing.assert_allclose(embed(Recorder(), x, unit=True), expected, rtol=1e-6)
    towers = Recorder(), Recorder()
    np.testing.assert_allclose(TwoTowerModel(*towers).embed_queries(x), expected, rtol=1e-6)
    np.testing.assert_array_equal(TwoTowerModel(*towers, "dot").embed_documents(x), x[:, :2])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_named(value):
    x = X.copy()
    x[9, 1] = value
    with pytest.raises(ValueError, match=f"the tower recorder gives {value} for row 9, counted from 0"):
        embed(Recorder(), x, batch_size=4)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ({"a": X, "b": X[:4]}, "all inputs must have the same number of rows, but a has 11 and b 4"),
        ({}, "x must have an input, but has none"),
        (np.float32(1), "must be an array whose first axis is the rows"),
        (np.zeros((2, 3, 4), "float32"), r"must give a vector a row, \[2, dimension\] for 2 rows, but gives shape"),
    ],
)
def test_inputs_and_outputs_that_do_not_fit_are_refused(x, words):
    with pytest.raises(ValueError, match=words):
        embed(Recorder(), x)


def test_a_batch_has_a_row_at_least():
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        embed(Recorder(), X, batch_size=0)
