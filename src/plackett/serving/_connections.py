"""Connections with time limits for slow clients. Internal.

uvicorn has no time limit for a header, for a client that opens a connection and stays silent, or for a client that does
not read its answer.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from plackett.serving import _answers
from plackett.serving._answers import SCORES
from plackett.serving._errors import RequestError

_LATE = "the header of the request did not arrive in {:g} seconds, which --body-seconds of the server says"


def make_protocol(seconds: float, on_slow: Callable[[str], None]) -> Any:
    """Returns the class of uvicorn's connections, with time limits.

    Args:
        seconds: the limit for a header from its first byte, and for an answer from when its reader stops.
        on_slow: is called for each connection that is closed, with "header_too_slow" or "reader_too_slow".
    """
    answer = _write(RequestError(408, "header_too_slow", _LATE.format(seconds)))

    class Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        header_timer = None
        reader_timer = None

        def connection_made(self, transport):
            super().connection_made(transport)
            # As after an answer; the first byte ends this timer.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

        def data_received(self, data):
            if self.header_timer is None and self.awaits_header():
                self.header_timer = self.loop.call_later(seconds, self.refuse_header)
            super().data_received(data)
            if not self.awaits_header():
                self.header_timer = _cancel(self.header_timer)

        def awaits_header(self):
            return self.cycle is None or self.cycle.response_complete

        def refuse_header(self):
            self.header_timer = None
            if not self.transport.is_closing() and self.awaits_header():
                self.transport.write(answer)
                self.transport.close()
                on_slow("header_too_slow")

        def pause_writing(self):
            super().pause_writing()
            self.reader_timer = self.loop.call_later(seconds, self.leave_reader)

        def resume_writing(self):
            super().resume_writing()
            self.reader_timer = _cancel(self.reader_timer)

        def leave_reader(self):
            self.transport.abort()
            on_slow("reader_too_slow")

        def connection_lost(self, exc):
            self.header_timer, self.reader_timer = _cancel(self.header_timer), _cancel(self.reader_timer)
            super().connection_lost(exc)
            _cancel(self.cycle and self.cycle.scope.get(SCORES))  # nobody waits for these any more

    return Connection


def _write(error):
    """Writes an answer as bytes if no request was read that the app could answer."""
    lines = [b": ".join(header) for header in _answers.start(error)["headers"]]
    return b"\r\n".join([b"HTTP/1.1 408 Request Timeout", *lines, b"", error.body()])


def _cancel(one):
    if one is not None:
        one.cancel()
