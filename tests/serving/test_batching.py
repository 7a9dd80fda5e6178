"""Requests that wait are scored together, and none waits longer for it than it must."""

import asyncio
import collections
import dataclasses
import threading

import numpy as np
import pytest

from plackett.serving._batcher import Batcher, _Waiting, pad, take_batch
from plackett.serving._errors import RequestError
from plackett.serving._requests import Documents


def documents(size, start=0.0):
    """A list of so many documents, whose one feature counts on from a number."""
    features = np.arange(start, start + size, dtype="float32")[:, None]
    return Documents(None, [f"d{i}" for i in range(size)], {"features": features})


@dataclasses.dataclass
class Doubler:
    """A model that doubles the feature, and waits until it may. It cannot score lists of three."""

    may_run: threading.Event = dataclasses.field(default_factory=threading.Event)
    runs: list = dataclasses.field(default_factory=list)

    def run(self, inputs):
        self.runs.append(inputs["mask"].shape)
        assert self.may_run.wait(60)
        if 3 in inputs["mask"].sum(axis=1):
            raise RuntimeError("lists of three are beyond it")
        return inputs["features"][..., 0] * 2


class Future:
    """What `take_batch` asks of a future."""

    def __init__(self, cancelled=False):
        self.cancelled = lambda: cancelled


def waiting(*sizes, model=None, cancelled=False):
    return [_Waiting(model, documents(size), Future(cancelled), 0.0) for size in sizes]


def batches(requests, most):
    """The sizes of the lists in each run, until none waits."""
    left, found = collections.deque(requests), []
    while left:
        found.append([one.size for one in take_batch(left, most)])
    return found


@pytest.mark.parametrize(
    "sizes, most, wanted",
    [
        ([5], 100, [[5]]),
        ([5, 5, 5], 100, [[5, 5, 5]]),
        ([5, 5, 5], 10, [[5, 5], [5]]),
        ([10, 100, 11, 105, 9], 1000, [[10, 11, 9], [100, 105]]),
        ([1000, 1, 1], 9000, [[1000], [1, 1]]),
        ([1, 1000, 1], 9000, [[1, 1], [1000]]),
        ([100, 200, 201, 99], 9000, [[100, 99], [200, 201]]),
        ([1, 16, 17, 3], 9000, [[1, 3, 16], [17]]),
        ([500, 5], 100, [[500], [5]]),
        ([5, 500, 5], 100, [[5, 5], [500]]),
    ],
)
def test_lists_of_like_length_are_scored_together_the_oldest_first(sizes, most, wanted):
    assert batches(waiting(*sizes), most) == wanted


def test_a_batch_is_of_one_model():
    old, new = object(), object()
    requests = [*waiting(5, model=old), *waiting(6, model=new), *waiting(7, model=old)]
    assert batches(requests, 100) == [[5, 7], [6]]


def test_a_request_that_nobody_waits_for_is_dropped():
    assert batches([*waiting(5, cancelled=True), *waiting(6)], 100) == [[6]]
    assert batches(waiting(5, cancelled=True), 100) == [[]]


def test_padding_is_masked():
    inputs = pad([documents(2), documents(3)])
    assert inputs["mask"].tolist() == [[True, True, False], [True, True, True]]
    assert inputs["features"][..., 0].tolist() == [[0, 1, 0], [0, 1, 2]]


def scored(sizes, most_waiting=100, model=None):
    """What comes of a request of one document, and of others that come while the model runs on it."""
    model = model or Doubler()
    told: list = []
    batcher = Batcher(1000, most_waiting, lambda *given: told.append(given))

    async def run():
        first = asyncio.ensure_future(batcher.score(model, documents(1)))
        while not model.runs:
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(batcher.score(model, documents(size, 10.0 * size))) for size in sizes]
        await asyncio.sleep(0)
        model.may_run.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    found = asyncio.run(run())
    batcher.stop()
    return found, told


def test_what_waits_while_the_model_runs_is_its_next_run():
    (first, *others), told = scored([2, 4, 2])
    assert (first.scores.tolist(), first.lists) == ([0], 1)
    assert [one.scores.tolist() for one in others] == [[40, 42], [80, 82, 84, 86], [40, 42]]
    assert [one.lists for one in others] == [3, 3, 3]
    assert all(one.queue_seconds > 0 for one in others)
    assert told == [(1, 1), (3, 12)]


def test_a_list_that_the_model_cannot_score_does_not_spoil_others():
    (_, two, three, four), _ = scored([2, 3, 4])
    assert two.scores.tolist() == [40, 42]
    assert four.scores.tolist() == [80, 82, 84, 86]
    assert (three.status, three.code) == (422, "not_scored")
    assert str(three) == "the model cannot score these 3 documents: lists of three are beyond it"


def test_a_score_that_is_no_number_is_refused_with_its_document():
    class Odd(Doubler):
        def run(self, inputs):
            return np.where(inputs["features"][..., 0] == 21, np.nan, super().run(inputs))

    (_, error, good), _ = scored([2, 1], model=Odd())
    assert (error.status, error.code, error.where) == (422, "score_not_finite", ["documents", 1])
    assert good.scores.tolist() == [20]


def test_too_many_that_wait_are_told_to_come_again():
    (_, *others), _ = scored([2, 2, 2], most_waiting=2)
    assert [one.scores.tolist() for one in others[:2]] == [[40, 42]] * 2
    assert (others[2].status, others[2].code, others[2].headers) == (503, "overloaded", {"retry-after": "1"})


def test_nothing_is_taken_after_the_end():
    batcher = Batcher(100, 10, lambda *_: None)
    batcher.stop()
    with pytest.raises(RequestError, match="the service is stopping") as found:
        asyncio.run(batcher.score(Doubler(), documents(1)))
    assert found.value.status == 503


def test_a_loop_that_ended_does_not_end_the_runs():
    model, batcher = Doubler(), Batcher(100, 10, lambda *_: None)

    async def leave():
        waits = asyncio.ensure_future(batcher.score(model, documents(1)))
        while not model.runs:
            await asyncio.sleep(0.001)
        return waits

    assert asyncio.run(leave()).cancelled()
    model.may_run.set()
    later = asyncio.wait_for(batcher.score(model, documents(2, 5)), 60)
    assert asyncio.run(later).scores.tolist() == [10, 12]
    batcher.stop()
