"""Limits for the size and the time of a request's body. Internal."""

import asyncio
import contextlib
from typing import Any

from plackett.serving import _answers
from plackett.serving._answers import ANSWER, Answer
from plackett.serving._errors import RequestError

_LINGER_SECONDS = 5.0  # for this time further data is thrown away, so that the client can read the answer
_BODIES = 16  # all requests together may hold this many bodies of the largest size


class Limits:
    """An ASGI app behind limits: 413 for a large body, 408 for a slow one, 503 if all bodies together are too large.

    The body is read here, before the app sees the request. As a list of pieces it would take a hundred times its size
    in memory if a client sends it byte by byte.

    Args:
        app: receives each request with its whole body in one message.
        max_bytes: the largest size of a body.
        seconds: the time that a body may take to arrive.
    """

    def __init__(self, app: Any, *, max_bytes: int, seconds: float):
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds
        self._held = 0  # bytes of all requests

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        body = bytearray()
        try:
            refusal = await self._read_in_time(body, scope, receive)
            if refusal is None:
                return await self._app(scope, _replay(body, receive), send)
        except _Left:
            return None
        finally:
            self._held -= len(body)
        body.clear()
        scope[ANSWER] = Answer(code=refusal.code)
        return await _refuse(refusal, receive, send)

    async def _read_in_time(self, body, scope, receive):
        """Reads a body. Returns None, or the reason why it was not read."""
        try:
            self._check(_declared(scope), 0)
            async with asyncio.timeout(self._seconds):
                await self._read(body, receive)
        except RequestError as refusal:
            return refusal
        except TimeoutError:
            words = f"the body did not arrive in {self._seconds:g} seconds, the server's limit (--body-seconds)"
            return RequestError(408, "body_too_slow", words)
        return None

    async def _read(self, body, receive):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Left
            piece = message.get("body", b"")
            self._check(len(body) + len(piece), len(piece))
            body += piece
            self._held += len(piece)
            if not message.get("more_body", False):
                return

    def _check(self, size, more):
        """Refuses a body if it is too large; `more` of its bytes are new."""
        if size > self._max_bytes:
            limit = f"{self._max_bytes / 1e6:g} MB, the server's limit (--max-body-mb)"
            words = f"a body must have at most {limit}: send fewer documents, or columns or Arrow in place of rows"
            raise RequestError(413, "body_too_large", words)
        if self._held + more > _BODIES * self._max_bytes:
            raise RequestError(503, "overloaded", "too many large bodies arrive at once: come again", retry_seconds=1)


class _Left(Exception):  # noqa: N818 - not an error
    """The client closed the connection before its body was complete."""


def _declared(scope):
    """The declared size of a body; 0 if there is none. The server has checked that it is a number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


def _replay(body, receive):
    """Returns a `receive` that gives this body, and then what comes after it."""
    messages = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replay():
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(refusal, receive, send):
    """Sends the whole answer at once, and closes the connection when the client has had time to read it.

    Closing while the client sends would reset the connection, and most clients would lose the answer.
    """
    await send(_answers.start(refusal))
    await send({"type": "http.response.body", "body": refusal.body(), "more_body": True})
    if refusal.status != 408:  # a slow client sends nothing more
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await _throw_away(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _throw_away(receive):
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
