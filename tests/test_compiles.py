"""A training step is compiled at most once for each list size. On PyTorch, which runs eagerly, nothing is collected."""

import hashlib
import inspect

import numpy as np
import pytest
from backends import BACKEND
from conftest import made_lists

import plackett
from plackett.backend import for_fit
from plackett.training import Feed

if BACKEND != "torch":

    def compilations(model):
        """How often the training step of a fitted model was compiled."""
        if BACKEND == "jax":
            return inspect.getclosurevars(model.train_function).nonlocals["step_function"]._cache_size()
        step = inspect.getclosurevars(model.train_function).nonlocals["multi_step_on_iterator"]
        return step.experimental_get_tracing_count()

    @pytest.mark.parametrize("loss", ["softmax", "unique_softmax"])
    def test_a_step_is_compiled_at_most_once_for_each_list_size(loss):
        lengths = np.tile(np.arange(1, 25), 4)
        lists = made_lists(300, seed=0).take(np.arange(lengths.sum()), lengths, np.arange(len(lengths)))
        feed = Feed(lists, 4, seed=0)
        assert feed.batches.sizes.tolist() == [8, 16, 24]
        assert len({lists.lengths[queries].max() for queries in feed.batches.plan}) > 12
        model = plackett.scorers.mlp(lists, hidden=(4,), normalization=None)
        model.compile("sgd", loss=plackett.losses.get(loss))
        model.fit(for_fit(feed), epochs=2, shuffle=False, verbose=0)
        assert 1 <= compilations(model) <= 3


def test_all_backends_are_fed_the_same_batches():
    """Of any list size, though Keras on TensorFlow would take that of the first two batches for that of all."""
    feed = Feed(made_lists(50, seed=0), 4, seed=0)
    feed.start(1, 3)
    data = for_fit(feed)
    batches = data.as_numpy_iterator() if BACKEND == "tensorflow" else (data[i] for i in range(len(data)))
    seen, sizes = hashlib.sha256(), set()
    for inputs, labels, weights in batches:
        sizes.add(labels.shape)
        for array in (inputs["features"], inputs["mask"], labels, weights):
            seen.update(np.ascontiguousarray(array).tobytes())
    assert sizes == {(4, 8), (4, 16)}
    assert seen.hexdigest()[:16] == "ec544de3869b8a00"
