"""`GatherRows` where there is one process."""

import keras
import numpy as np
import pytest
from keras import ops

from plackett import backend
from plackett.distributed import GatherRows
from plackett.losses import NpairsLoss

ROWS = np.random.default_rng(2).normal(size=(6, 3)).astype("float32")
CLASSES = np.array([0, 1, 0, 2, 1, 3], "int32")


def similarities(gather):
    """A model of rows whose output are the similarities of their embeddings."""
    inputs = keras.Input((3,))
    rows = keras.layers.Dense(2, kernel_initializer=keras.initializers.GlorotUniform(seed=1))(inputs)
    rows = GatherRows()(rows) if gather else rows
    return keras.Model(inputs, ops.matmul(rows, ops.transpose(rows)))


def test_one_process_is_alone():
    assert (backend.number_of_processes(), backend.process_number(), backend.parts_of_batch()) == (1, 0, 1)
    with backend.alone():
        assert backend.number_of_processes() == 1


def test_all_rows_are_those_of_one_process():
    np.testing.assert_array_equal(ops.convert_to_numpy(GatherRows()(ROWS)), ROWS)
    assert GatherRows()(keras.Input((3,))).shape == (None, 3)


def test_a_step_is_that_without_the_layer():
    weights = []
    for gather in (True, False):
        model = similarities(gather)
        model.compile(keras.optimizers.SGD(0.5), NpairsLoss())
        model.train_on_batch(ROWS, CLASSES)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_with_the_layer_is_saved_and_loaded(tmp_path):
    model = similarities(gather=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(ROWS, verbose=0), model.predict(ROWS, verbose=0), rtol=1e-6)


def test_gradients_of_one_process_are_their_own_means():
    assert backend.average_gradients([1.0, None], ["a", "b"]) == [1.0, None]


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_the_value_of_a_variable_is_here(shape):
    value = backend.local_value(keras.Variable(np.ones(shape, "float32")))
    np.testing.assert_array_equal(ops.convert_to_numpy(value), np.ones(shape))
