"""What is computed by pieces is what is computed at once."""

import numpy as np
import pytest
from backends import value_and_grad
from keras import ops

from plackett import backend

RANDOM = np.random.default_rng(3)
TABLE, ROWS = (RANDOM.normal(size=shape).astype("float32") for shape in ((5, 4), (7, 4)))
PLACES = RANDOM.integers(0, 5, 7).astype("int32")


def log_likelihoods(shared, rows):
    """Of the row of a table at a place among all: of [rows, 4] and [rows] places."""
    (table,), (x, places) = shared, (rows["x"], rows["places"])
    logits = backend.matmul(x, ops.transpose(table))
    return ops.sum(ops.log_softmax(logits) * ops.one_hot(places, 5), axis=-1), logits[:, :2]


def total(way, size):
    """A number of (table, rows) whose gradient is of all results and of both."""

    def of(x):
        table, x = x[:5], x[5:]
        first, second = way(log_likelihoods, (table,), {"x": x, "places": ops.convert_to_tensor(PLACES)}, size)
        weights = ops.arange(7, dtype="float32")
        return ops.sum(weights * first) + ops.sum(second**2)

    return of


@pytest.mark.parametrize("size", [1, 3, 7, 9])
def test_value_and_gradient_are_those_of_all_rows_at_once(size):
    both = np.concatenate([TABLE, ROWS])
    plain = value_and_grad(total(lambda function, shared, rows, size: function(shared, rows), size), both)
    pieces = value_and_grad(total(backend.by_pieces, size), both)
    for one, other in zip(plain, pieces, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
