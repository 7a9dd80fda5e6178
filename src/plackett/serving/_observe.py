"""Writes one line of the log and one count for each request. Internal."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Collection
from typing import Any

from plackett.serving import _answers
from plackett.serving._answers import ANSWER, CLIENT_LEFT, Answer
from plackett.serving._errors import RequestError
from plackett.serving._logs import shorten
from plackett.serving._metrics import Metrics

_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class Observe:
    """An ASGI app whose requests are logged and counted, and have an id.

    The id is the client's X-Request-ID, or a new one. The answer has it too.

    Args:
        app: the app.
        metrics: the counters.
        log: the logger of `open_log`.
        routes: the paths that the app knows. Other paths are not counted by name.
        drains: whether the server is about to close its connections. Each answer then says so, so that no client sends
            another request on such a connection.
    """

    def __init__(self, app: Any, *, metrics: Metrics, log: Any, routes: Collection[str], drains: Callable[[], bool]):
        self._app, self._metrics, self._log = app, metrics, log
        self._routes, self._drains = frozenset(routes), drains

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begin, status, name = time.perf_counter(), 0, _id_of(scope)

        async def observe(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", name.encode()),
                    *self._close(message),
                ]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, observe)
        except asyncio.CancelledError:
            if status:
                raise
            await _answer_late(scope, observe)
        except Exception:
            status = status or 500
            scope[ANSWER] = Answer(code="internal")
            raise
        finally:
            self._metrics.in_flight.dec()
            self._tell(scope, name, status or CLIENT_LEFT, time.perf_counter() - begin)

    def _close(self, message):
        if self._drains() and all(name != b"connection" for name, _ in message.get("headers", ())):
            yield b"connection", b"close"

    def _tell(self, scope, name, status, seconds):
        answer = scope.get(ANSWER) or Answer()
        code = answer.code or ("client_left" if status == CLIENT_LEFT else None)
        route = scope["path"] if scope["path"] in self._routes else "none"
        documents = answer.documents if status == 200 else None
        self._metrics.request(route=route, status=status, code=code or "", seconds=seconds, documents=documents)
        if answer.queue_seconds is not None:
            self._metrics.waited(answer.queue_seconds)
        facts = vars(answer) | {"code": code, "query": shorten(answer.query)}
        facts["queue_seconds"] = answer.queue_seconds and round(answer.queue_seconds, 6)
        line = {name: value for name, value in facts.items() if value is not None}
        say = self._log.info if status < 500 else self._log.error
        say("request", id=name, method=scope["method"], route=route, status=status, seconds=round(seconds, 6), **line)


def _id_of(scope):
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)


async def _answer_late(scope, send):
    """Answers a request that the server gives up because its time to shut down is over."""
    scope[ANSWER] = Answer(code="stopping")
    error = RequestError(503, "stopping", "the service is stopping, and had no time for this request", retry_seconds=1)
    await send(_answers.start(error))
    await send({"type": "http.response.body", "body": error.body(), "more_body": False})
