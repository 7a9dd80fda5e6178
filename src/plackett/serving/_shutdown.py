"""A server that stops without losing a request. Internal.

uvicorn closes the connections that wait in its listener's queue, and those that have no request at that moment, though
one may be under way; and it ends by the signal that stopped it, which a supervisor reads as a failure.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

IDLE_SECONDS = 1.0  # for which a connection without a request may still send one
_TICK_SECONDS = 0.02


class GracefulServer(uvicorn.Server):
    """uvicorn's server on one open socket, which answers all that reached it.

    At its end it takes the connections that wait, closes its socket, answers what is in flight and what comes within a
    second on the connections that are open, and says with each answer that the connection closes.

    Args:
        config: of uvicorn; its connections are those of `make_protocol`.
        while_running: what runs beside the server, and is cancelled at its end.
    """

    def __init__(self, config: uvicorn.Config, while_running: Callable[[], Any]):
        super().__init__(config)
        self._while_running = while_running
        self.is_draining = False

    async def main_loop(self) -> None:
        """Runs until a signal."""
        beside = asyncio.create_task(self._while_running())
        try:
            await super().main_loop()
        finally:
            beside.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops."""
        self.is_draining = True
        waiting = [each.dup() for each in sockets or ()]
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for each in waiting:
            with each:
                await self._take_waiting(each)
        last = time.monotonic() + IDLE_SECONDS
        while self.server_state.connections and time.monotonic() < last and not self.force_exit:
            await asyncio.sleep(_TICK_SECONDS)
        await super().shutdown()

    async def _take_waiting(self, listener):
        """Takes the connections that the system had accepted in the server's name."""
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                connection, _ = listener.accept()
                await asyncio.get_running_loop().connect_accepted_socket(self._make_connection, connection)

    def _make_connection(self):
        return self.config.http_protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


@contextlib.contextmanager
def signals(*, on_reload: Callable[[], None], runs: Callable[[], bool]) -> Iterator[None]:
    """SIGTERM ends the process with 0, and SIGHUP asks for a reload, from before the model is loaded.

    While uvicorn runs, SIGTERM is uvicorn's; it raises the signal again at its end, which changes nothing here.

    Args:
        on_reload: is called at SIGHUP.
        runs: whether uvicorn runs or has run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        if not runs():
            sys.exit(0)

    handlers = {signal.SIGTERM: stop}
    if hasattr(signal, "SIGHUP"):  # not on Windows
        handlers[signal.SIGHUP] = lambda number, frame: on_reload()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
