"""A server that stops without losing a request. Internal.

uvicorn closes the connections that wait in its listener's queue, and those without a request at that moment, although a
request may be on its way. It also ends with the signal that stopped it, which a supervisor reads as a failure.
"""

import asyncio
import contextlib
import dataclasses
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

IDLE_SECONDS = 1.0  # for this time a connection without a request may still send one
_TICK_SECONDS = 0.02


class GracefulServer(uvicorn.Server):
    """uvicorn's server on one open socket. It answers every request that has reached it.

    At its end it takes the waiting connections, closes its socket, answers the requests in progress and those that come
    within a second on open connections, and says with each answer that the connection closes.

    Args:
        config: the config of uvicorn, with the connections of `make_protocol`.
        beside: a coroutine function that runs beside the server, and is cancelled at its end.
        on_stop: is called when the end begins.
    """

    def __init__(self, config: uvicorn.Config, beside: Callable[[], Any], on_stop: Callable[[], None]):
        super().__init__(config)
        self._beside, self._on_stop = beside, on_stop
        self._listeners: list[socket.socket] = []

    @contextlib.contextmanager
    def capture_signals(self):
        """Within this context the signals end the server. uvicorn would raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    async def main_loop(self) -> None:
        """Runs until a signal."""
        beside = asyncio.create_task(self._beside())
        try:
            await super().main_loop()
        finally:
            beside.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts."""
        await super().startup(sockets)
        # Opened now, since at the end there may be no file descriptor left.
        self._listeners = [each.dup() for each in sockets or ()]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops."""
        self._on_stop()
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for each in self._listeners:
            with each:
                await self._take_waiting(each)
        last = time.monotonic() + IDLE_SECONDS
        while self.server_state.connections and time.monotonic() < last and not self.force_exit:
            await asyncio.sleep(_TICK_SECONDS)
        await super().shutdown()

    async def _take_waiting(self, listener):
        """Takes the connections that the system has accepted for the server."""
        listener.setblocking(False)
        with contextlib.suppress(OSError):  # there are no more, or there is no room for them
            while True:
                connection, _ = listener.accept()
                await asyncio.get_running_loop().connect_accepted_socket(self._make_connection, connection)

    def _make_connection(self):
        return self.config.http_protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


@dataclasses.dataclass
class Wish:
    """What signals ask of this process: plain values, which a signal handler may always set."""

    reload: bool = False


@contextlib.contextmanager
def signals() -> Iterator[Wish]:
    """SIGTERM ends the process with exit code 0, and SIGHUP asks for a reload, even while the model is first loaded.

    While uvicorn runs, it handles SIGTERM. Outside of the main thread, where Python receives no signals, nothing is
    set.
    """
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def ask(number, frame):
        wish.reload = True

    handlers: dict[int, Any] = {signal.SIGTERM: lambda number, frame: sys.exit(0)}
    if hasattr(signal, "SIGHUP"):  # not on Windows
        handlers[signal.SIGHUP] = ask
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
