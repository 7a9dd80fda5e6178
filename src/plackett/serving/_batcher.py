"""Scores requests together: those that arrive while the model runs form its next run."""

import asyncio
import collections
import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from plackett.serving._errors import RequestError
from plackett.serving._model import ServedModel
from plackett.serving._requests import Documents

RETRY_SECONDS = 1
STOP_SECONDS = 0.05  # between checks of whether anybody waits
SHORT = 16  # up to this many documents, padding a list costs less than a separate run


class Scored(NamedTuple):
    """The result of one request.

    Args:
        scores: [documents] float32.
        queue_seconds: how long it waited.
        lists: the number of lists that were scored together, including its own.
    """

    scores: np.ndarray
    queue_seconds: float
    lists: int


@dataclasses.dataclass(eq=False, slots=True)
class _Waiting:
    model: ServedModel
    documents: Documents
    future: asyncio.Future
    since: float

    @property
    def size(self):
        return len(self.documents.ids)


class Batcher:
    """A thread that runs models on all lists that wait.

    Args:
        most_documents: the largest number of documents in a run, padding included, unless a single list has more.
        most_waiting: the largest number of requests that may wait.
        tell: is called with the lists of each run, and its documents, padding included.
    """

    def __init__(self, most_documents: int, most_waiting: int, tell: Callable[[int, int], None]):
        self._tell = tell
        self._most_documents = most_documents
        self._most_waiting = most_waiting
        self._waiting: collections.deque[_Waiting] = collections.deque()
        self._changed = threading.Condition()
        self._stops = False
        self._thread: threading.Thread | None = None
        self._batch: list[_Waiting] = []  # the batch that is being scored

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return len(self._waiting)

    async def score(self, model: ServedModel, documents: Documents, future: asyncio.Future | None = None) -> Scored:
        """Returns the scores of documents by a model.

        Args:
            model: the model.
            documents: the documents.
            future: waits for the scores, and is cancelled if nobody needs them any more. None = a new one.

        Raises:
            RequestError: too many requests wait, the model cannot score these documents, or the service is stopping.
        """
        self.check_room()
        future = future or asyncio.get_running_loop().create_future()
        with self._changed:
            if self._stops:
                raise RequestError(503, "stopping", "the service is stopping", retry_seconds=RETRY_SECONDS)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="plackett-scores", daemon=True)
                self._thread.start()
            self._waiting.append(_Waiting(model, documents, future, time.perf_counter()))
            self._changed.notify()
        return await future

    def check_room(self, besides: int = 0) -> None:
        """Raises a RequestError if too many requests wait, including some that wait elsewhere."""
        waiting = len(self._waiting) + besides
        if waiting >= self._most_waiting:
            words = f"{waiting:,} requests wait already, and {self._most_waiting:,} may: come again"
            raise RequestError(503, "overloaded", words, retry_seconds=RETRY_SECONDS)

    def stop(self) -> None:
        """Scores what waits, then ends the thread. A run that nobody waits for is cancelled."""
        with self._changed:
            self._stops = True
            self._changed.notify()
        while self._thread is not None and self._thread.is_alive():
            with self._changed:
                if self._batch and all(one.future.cancelled() for one in (*self._batch, *self._waiting)):
                    self._batch[0].model.stop()
            self._thread.join(STOP_SECONDS)

    def _run(self):
        while True:
            with self._changed:
                while not self._waiting and not self._stops:
                    self._changed.wait()
                if not self._waiting:
                    return
                self._batch = batch = take_batch(self._waiting, self._most_documents)
            if batch:
                self._tell(len(batch), len(batch) * max(one.size for one in batch))
                _score(batch)
                self._batch = []


def take_batch(waiting: collections.deque, most_documents: int) -> list:
    """Takes the requests of the next run from those that wait.

    The oldest is always among them, so that none starves. Others of the same model join it, those of the most similar
    length first, as long as there are not too many documents, and no list is more than twice as long as another unless
    it is short. Requests that nobody waits for are dropped.
    """
    alive = [one for one in waiting if not one.future.cancelled()]
    waiting.clear()
    if not alive:
        return []
    oldest = alive[0]
    batch, longest, shortest = [oldest], oldest.size, oldest.size
    chosen = {id(oldest)}
    for one in sorted(alive[1:], key=lambda one: abs(one.size - oldest.size)):
        long, short = max(longest, one.size), min(shortest, one.size)
        fits = (len(batch) + 1) * long <= most_documents and long <= max(2 * short, SHORT)
        if one.model is oldest.model and fits:
            batch.append(one)
            chosen.add(id(one))
            longest, shortest = long, short
    waiting.extend(one for one in alive if id(one) not in chosen)
    return batch


def _score(batch: Sequence[_Waiting]) -> None:
    """Scores a batch, and gives each request its result."""
    started = time.perf_counter()
    found: list[Scored | Exception]
    try:
        scores = batch[0].model.run(pad([one.documents for one in batch]))
        found = [
            _check(Scored(row[: one.size], started - one.since, len(batch)), one.documents)
            for row, one in zip(scores, batch, strict=True)
        ]
    except Exception as error:
        if len(batch) > 1:  # the model may fail on one of them only
            for one in batch:
                _score([one])
            return
        found = [_in_words(error, batch[0])]
    by_loop = collections.defaultdict(list)
    for one, result in zip(batch, found, strict=True):
        by_loop[one.future.get_loop()].append((one.future, result))
    for loop, results in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits
            loop.call_soon_threadsafe(_give, results)


def _check(scored, documents):
    """Returns the result, or an error if a score is not a number."""
    finite = np.isfinite(scored.scores)
    if finite.all():
        return scored
    place = int((~finite).argmax())
    words = (
        f"the model gives documents[{place}] the score {scored.scores[place]}: its features are beyond what it knows"
    )
    return RequestError(422, "score_not_finite", words, ["documents", place])


def _in_words(error, one):
    return RequestError(422, "not_scored", f"the model cannot score these {one.size:,} documents: {error!s:.200}")


def _give(results):
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def pad(lists: Sequence[Documents]) -> dict[str, np.ndarray]:
    """Returns the inputs of some lists as one batch, and its `mask`. A single list is not copied."""
    sizes = [len(one.ids) for one in lists]
    mask = np.arange(max(sizes)) < np.array(sizes)[:, None]
    if len(lists) == 1:
        return {name: values[None] for name, values in lists[0].inputs.items()} | {"mask": mask}
    batch = {}
    for name, values in lists[0].inputs.items():
        batch[name] = np.zeros((*mask.shape, *values.shape[1:]), values.dtype)
        for row, one in zip(batch[name], lists, strict=True):
            row[: len(one.ids)] = one.inputs[name]
    return batch | {"mask": mask}
