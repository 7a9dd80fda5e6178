"""What the service does with a request, whatever the protocol."""

import asyncio
import dataclasses
import datetime
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import orjson

from plackett.serving._arrow import read_arrow, write_ranking
from plackett.serving._batcher import RETRY_SECONDS, Batcher, Scored
from plackett.serving._errors import RequestError, quote
from plackett.serving._metrics import Metrics
from plackett.serving._model import ServedModel
from plackett.serving._requests import Names, read_json
from plackett.serving._settings import ServeSettings

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
FORMS = {JSON: read_json, ARROW: read_arrow}
LARGE = 2**20  # a body of this many bytes is read in its own thread


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """The documents of a request, the best first. Equal scores keep the order of the request.

    Args:
        query: the client's name for the query. None = it gave none.
        model: the fingerprint of the file that scored them.
        ids: the ids of the documents.
        scores: the scores of the documents.
        queue_seconds: how long the request waited.
        lists: the number of lists that were scored together.
    """

    query: str | int | None
    model: str
    ids: list
    scores: np.ndarray
    queue_seconds: float = 0.0
    lists: int = 0

    def to_json(self) -> bytes:
        """Returns the answer as JSON."""
        rows = zip(self.ids, self.scores.tolist(), strict=True)
        ranking = [{"id": id_, "rank": rank, "score": score} for rank, (id_, score) in enumerate(rows, 1)]
        return orjson.dumps({"query": self.query, "model": self.model, "ranking": ranking})

    def to_arrow(self) -> bytes:
        """Returns the answer as an Arrow stream."""
        return write_ranking(self.query, self.model, self.ids, self.scores)


@dataclasses.dataclass(frozen=True, eq=False)
class _Serving:
    """A model and the names that it takes, which change together."""

    model: ServedModel
    names: Names


class Service:
    """A model that ranks the documents of requests.

    Args:
        model: the first model.
        settings: see `ServeSettings`.
        metrics: the counters.
    """

    def __init__(self, model: ServedModel, settings: ServeSettings, metrics: Metrics):
        self.settings, self.metrics = settings, metrics
        self.batcher = Batcher(settings.max_batch_documents, settings.max_queue, metrics.batch)
        metrics.watch_queue(lambda: self.batcher.waiting)
        self.stops = False
        self.drains = False  # whether the last requests are taken, and others should go elsewhere
        self._readers = ThreadPoolExecutor(1, "plackett-reads")
        self._reading = 0  # large bodies that are being read, or wait to be
        self.swap(model)

    @property
    def model(self) -> ServedModel:
        """The model for the next request."""
        return self._serving.model

    def swap(self, model: ServedModel) -> None:
        """Replaces the model. Each request is read and scored by one model; those in progress keep the old one."""
        self._serving = _Serving(model, Names(model.signature, self.settings.max_documents))
        self.loaded = datetime.datetime.now(datetime.UTC)
        self.metrics.model(model.fingerprint, model.signature.facts)

    async def rank(self, body: bytes, form: str, future: asyncio.Future | None = None) -> Ranking:
        """Ranks the documents of a request.

        Args:
            body: the body of the request.
            form: its media type.
            future: the future of its scores. A request whose future is cancelled is not scored. None = a new one.

        Raises:
            RequestError: it gets no ranking.
        """
        if self.stops:
            raise RequestError(503, "stopping", "the service is stopping", retry_seconds=RETRY_SECONDS)
        self.batcher.check_room(besides=self._reading)
        serving, read = self._serving, find_form(form)
        documents = await self._read_aside(read, body, serving) if len(body) > LARGE else read(body, serving.names)
        scored = Scored(np.zeros(0, "float32"), 0.0, 0)
        if documents.ids:
            scored = await self.batcher.score(serving.model, documents, future)
        order = np.argsort(-scored.scores, kind="stable")
        ids = [documents.ids[i] for i in order.tolist()]
        return Ranking(
            documents.query, serving.model.fingerprint, ids, scored.scores[order], scored.queue_seconds, scored.lists
        )

    async def _read_aside(self, read, body, serving):
        """Reads the documents of a large body in a thread, so that other requests continue."""
        self._reading += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, read, body, serving.names)
        finally:
            self._reading -= 1

    def stop(self) -> None:
        """Scores what waits, takes no more requests, and ends the threads and the model."""
        if self.stops:
            return
        self.stops = True
        self.batcher.stop()
        self._readers.shutdown()
        self.model.close()


def find_form(content_type: str):
    """Returns the function that reads a body of this type.

    Raises:
        RequestError: there is none.
    """
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")}
    if media not in FORMS or not charsets <= {"utf-8"}:
        given = quote(content_type) if content_type else "not given"
        words = f"the content type must be {JSON}, in UTF-8, or {ARROW}, but is {given}"
        raise RequestError(415, "unknown_content_type", words)
    return FORMS[media]
