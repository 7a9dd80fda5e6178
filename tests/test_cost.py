"""Long lists: what sorts needs memory in proportion to the list, not to its square."""

import numpy as np
import pytest
from backends import differentiated
from keras import ops

from plackett import losses

SIZE = 100_000  # squared, in float32: 40 GB


@pytest.mark.parametrize("name", ["unique_softmax", "coupled_rank_distil", "list_mle", "softmax"])
def test_a_list_of_100_000_documents(name):
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, (1, SIZE)).astype("float32")
    scores = random.normal(size=(1, SIZE)).astype("float32")
    noise = [random.random((1, 1, SIZE), dtype="float32")] if name == "coupled_rank_distil" else []

    def fn(scores, labels, *noise):
        return getattr(losses, name)(labels, scores, **({"noise": noise[0]} if noise else {}))

    value, gradient = map(ops.convert_to_numpy, differentiated(fn)(scores, labels, *noise))
    assert np.isfinite(value).all()
    assert value > SIZE
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-3 * np.abs(gradient).sum())
