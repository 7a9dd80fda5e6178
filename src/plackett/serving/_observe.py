"""One line of the log and one count for each request. Internal."""

import asyncio
import dataclasses
import re
import secrets
import time
from typing import Any

from plackett.serving import _answers
from plackett.serving._logs import shorten
from plackett.serving._metrics import Metrics

_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_CLIENT_LEFT = 499  # which no client ever reads; nginx's number for it


@dataclasses.dataclass
class Facts:
    """What is known of a request, which the app fills in as `request.state.facts`.

    Args:
        request: its id: what the client sends as X-Request-ID, or one of ours.
        route: of the app; "none" where there is none of that path.
        code: of its error.
        query: the name of its query.
        documents: of its list, once it is ranked.
        model: the fingerprint of what ranked it.
        queue_seconds: for which it waited.
    """

    request: str
    route: str = "none"
    code: str = ""
    query: str | None = None
    documents: int | None = None
    model: str | None = None
    queue_seconds: float | None = None


def note(scope: Any, **values: Any) -> None:
    """Fills in what is known of a request, where it is observed."""
    facts = scope.get("state", {}).get("facts")
    for name, value in values.items() if facts is not None else ():
        setattr(facts, name, value)


class Observe:
    """An ASGI app whose requests are logged and counted.

    Args:
        app: it.
        metrics: what counts.
        log: of `open_log`.
        is_draining: whether the server shuts down: then each answer says that its connection closes, so that no client
            sends another request into a connection that is about to close.
    """

    def __init__(self, app: Any, *, metrics: Metrics, log: Any, is_draining: Any):
        self._app, self._metrics, self._log, self._is_draining = app, metrics, log, is_draining

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        facts = Facts(_id_of(scope))
        scope.setdefault("state", {})["facts"] = facts
        begin, status = time.perf_counter(), 0

        async def observe(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._headers(facts, message)]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, observe)
        except asyncio.CancelledError:
            if status:
                raise
            facts.code = "shutting_down"
            await _answer_late(observe)
        except Exception:
            status, facts.code = status or 500, "internal"
            raise
        finally:
            self._metrics.in_flight.dec()
            self._tell(scope, facts, status or _CLIENT_LEFT, time.perf_counter() - begin)

    def _headers(self, facts, message):
        yield b"x-request-id", facts.request.encode()
        if self._is_draining() and all(name != b"connection" for name, _ in message.get("headers", ())):
            yield b"connection", b"close"

    def _tell(self, scope, facts, status, seconds):
        code = facts.code or ("client_left" if status == _CLIENT_LEFT else "")
        documents = facts.documents if status == 200 else None
        self._metrics.request(route=facts.route, status=status, code=code, seconds=seconds, documents=documents)
        if facts.queue_seconds is not None:
            self._metrics.waited(facts.queue_seconds)
        say = self._log.info if status < 500 else self._log.error
        given = {name: value for name, value in dataclasses.asdict(facts).items() if value not in (None, "")}
        if facts.query is not None:
            given["query"] = shorten(facts.query)
        say("request", **given | {"method": scope["method"], "status": status, "seconds": round(seconds, 6)})


def _id_of(scope):
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)


async def _answer_late(send):
    """The answer to a request that the server gives up when its time to shut down is over."""
    body = _answers.error_body("shutting_down", "the server shuts down, and had no time left for this request")
    await send(_answers.start(503, body, (b"retry-after", b"1")))
    await send({"type": "http.response.body", "body": body, "more_body": False})
