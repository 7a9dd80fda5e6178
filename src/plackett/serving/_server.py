"""The server."""

import contextlib
import errno
import functools
import gc
import math
import os
import pathlib
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from plackett.serving._app import make_app
from plackett.serving._connections import make_protocol
from plackett.serving._logs import take_over
from plackett.serving._model import ServedModel
from plackett.serving._reload import Reloader, Stamp
from plackett.serving._settings import ServeSettings
from plackett.serving._shutdown import GracefulServer, Wish, signals

BACKLOG = 2048  # connections that the system holds until they are accepted
KEEP_ALIVE_SECONDS = 75  # more than the 60 of most load balancers, so that the server never closes first


def serve(
    path: str | os.PathLike, settings: ServeSettings | None = None, *, tell: Callable[[str], None] = print
) -> None:
    """Serves a ranker in an ONNX file until SIGTERM or Ctrl-C, and then answers the requests in progress.

    SIGHUP loads the file again. So does a change of the file if the settings say `watch`. If the new file is broken,
    the old model continues to serve.

    Args:
        path: the path of the file, which `plackett export` wrote.
        settings: how it is served. None = `ServeSettings()`.
        tell: a function of one line, which is called when the server listens.

    Raises:
        ValueError: the file does not hold a ranker that can be served.
        OSError: the file does not exist, or the server cannot listen at the address.
    """
    settings = settings or ServeSettings()
    with signals() as wish:
        stamp = Stamp.of(pathlib.Path(path))
        app = make_app(path, settings)
        listener = listen(settings)
        host, port = listener.getsockname()[:2]
        reloader = _make_reloader(app, pathlib.Path(path), settings, stamp, wish)
        server = _make_server(app, settings, reloader)
        tell(f"serving {path} at http://{f'[{host}]' if ':' in host else host}:{port}, its page at /docs")
        app.state.log.info("start", host=host, port=port, model=app.state.service.model.fingerprint, path=str(path))
        # A full collection would block all requests while it visits imported modules, which stay anyway.
        gc.collect()
        gc.freeze()
        server.run(sockets=[listener])
        app.state.log.info("end")


def _make_reloader(app: FastAPI, path: pathlib.Path, settings: ServeSettings, stamp: Stamp | None, wish: Wish):
    service, log = app.state.service, app.state.log

    def tell(result, **facts):
        service.metrics.reload(result)
        say = log.info if result in ("loaded", "unchanged") else log.error
        say("reload", result=result, **facts)

    return Reloader(
        path,
        load=functools.partial(ServedModel, threads=settings.threads),
        serve=service.swap,
        model=service.model,
        stamp=stamp,
        watch=settings.watch,
        wish=wish,
        tell=tell,
    )


def _make_server(app: FastAPI, settings: ServeSettings, reloader: Reloader):
    service, log = app.state.service, app.state.log
    take_over(log)

    def tell_slow(code):
        service.metrics.request(route="none", status=408, code=code, seconds=settings.body_seconds, documents=None)
        log.warning("connection closed", code=code)

    def stop():
        service.drains = True
        log.info("stop")

    config = uvicorn.Config(
        app,
        http=make_protocol(settings.body_seconds, tell_slow),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),  # uvicorn takes whole seconds
    )
    return GracefulServer(config, reloader.run, stop)


def listen(settings: ServeSettings) -> socket.socket:
    """Opens a socket at the address of the settings.

    Raises:
        OSError: it cannot listen there.
    """
    host, port = settings.host, settings.port
    with contextlib.ExitStack() as opened:
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)  # so that clients can connect at once, although nobody answers yet
        except (OSError, UnicodeError) as error:  # UnicodeError: a host name that is too long
            number, why = (error.errno, error.strerror) if isinstance(error, OSError) else (errno.EINVAL, error)
            raise OSError(number, f"{host}:{port} cannot be listened at (--host, --port): {why}") from None
        opened.pop_all()
    return listener
