"""The server."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable

import uvicorn

from plackett.serving._app import make_app
from plackett.serving._settings import ServeSettings


class Server(uvicorn.Server):
    """A server that ends by SIGTERM or Ctrl-C when what is under way is answered, and then returns."""

    @contextlib.contextmanager
    def capture_signals(self):
        """Within this the signals end the server; uvicorn would raise them again behind it."""
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def serve(
    path: str | os.PathLike, settings: ServeSettings | None = None, *, tell: Callable[[str], None] = print
) -> None:
    """Serves a ranker in an ONNX file, until SIGTERM or Ctrl-C comes; then answers what is under way.

    Args:
        path: of the file, which `plackett export` wrote.
        settings: how it is served. None = `ServeSettings()`.
        tell: function of one line, called when the server listens.

    Raises:
        ValueError: the file is no ranker that can be served.
        OSError: there is no such file, or the address cannot be listened at.
    """
    settings = settings or ServeSettings()
    app = make_app(path, settings)
    listener = listen(settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.shutdown_seconds) or 1,
        ws="none",
    )
    host, port = listener.getsockname()[:2]
    tell(f"serving {path} at http://{f'[{host}]' if ':' in host else host}:{port}, its page at /docs")
    Server(config).run(sockets=[listener])


def listen(settings: ServeSettings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        OSError: it cannot be listened at.
    """
    host, port = settings.host, settings.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise OSError(error.errno, f"{host}:{port} cannot be listened at (--host, --port): {error.strerror}") from None
    listener.set_inheritable(False)
    return listener
