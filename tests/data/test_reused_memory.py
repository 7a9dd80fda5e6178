"""Memory that batches use again."""

import copy
import gc
import pickle
import threading

import numpy as np
import pytest

from plackett.data import Batches, RankingLists
from plackett.data._reused_memory import BLOCKS, SMALL, Memory

SHAPE = (SMALL // 4, 2)


def lists_of(longest):
    """160 lists of up to so many documents."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, longest, 160)
    x = random.normal(size=(lengths.sum(), 200)).astype("float32")
    return RankingLists.from_arrays(x, x[:, 0] > 0, group=lengths)


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_nobody_holds_it():
    memory = Memory()
    first = memory.empty(SHAPE, "float32")
    taken = place(first)
    del first
    assert place(memory.empty(SHAPE, "int32")) == taken
    assert place(memory.empty((3, SMALL), "float64")) % 64 == 0


@pytest.mark.parametrize(
    "keep",
    [
        lambda x: x,
        lambda x: x[1:, 1],
        lambda x: x.T.view("int32").reshape(-1),
        memoryview,
        lambda x: np.asarray(memoryview(x))[5:],
    ],
    ids=["the array", "a view", "a view of views", "its buffer", "an array of its buffer"],
)
def test_memory_that_something_refers_to_is_left_alone(keep):
    memory, held = Memory(), []
    for number in range(3 * BLOCKS):
        array = memory.empty(SHAPE, "float32")
        array[:] = number
        held.append(keep(array))
    del array
    values = [np.unique(np.asarray(one).view("float32")) for one in held]
    assert values == [[number] for number in range(3 * BLOCKS)]


def test_memory_grows_with_what_is_asked_for():
    memory = Memory()
    for size in (SMALL, 9 * SMALL, 2 * SMALL):
        array = memory.empty((size,), "uint8")
        assert array.shape == (size,)
        array[:] = 1
        del array
    assert [len(block) > 9 * SMALL for block in memory.blocks] == [True]


def test_memory_is_safe_among_threads():
    memory, wrong = Memory(), []

    def work(number):
        for _ in range(2000):
            array = memory.empty((SMALL,), "uint8")
            array[::97] = number
            wrong.extend([number] * bool((array[::97] != number).any()))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copied", "pickled"])
def test_a_copy_has_memory_of_its_own(of):
    batches = Batches(lists_of(20), 40, seed=0)
    whole = [inputs["features"] for inputs, _, _ in batches]
    other = of(batches)
    for array, (inputs, _, _) in zip(whole, other, strict=True):
        assert not np.shares_memory(array, inputs["features"])
        np.testing.assert_array_equal(array, inputs["features"])


def test_batches_that_are_held_stay_what_they_are():
    """An epoch's batches at once, of short lists and of long ones, are those that are made one after the other."""
    for longest in (20, 300):
        batches = Batches(lists_of(longest), 16, seed=0)
        held = [inputs["features"] for inputs, _, _ in batches]
        assert sum(array.nbytes >= SMALL for array in held) > BLOCKS
        for array, (inputs, _, _) in zip(held, batches, strict=True):
            np.testing.assert_array_equal(array, inputs["features"])
        del array, inputs
        held.clear()
        gc.collect()
        places = {place(inputs["features"]) for inputs, _, _ in batches}
        assert len(places) < len(batches)
