"""The log of a server, one JSON object a line. Internal."""

import contextlib
import logging
import sys
from typing import Any

import structlog

_LONGEST = 200  # characters of a client's value in a line
_OTHERS = ("uvicorn.error", "uvicorn.asgi", "asyncio", "py.warnings")  # loggers whose lines join ours


class _Lines:
    """Standard error, one line at a time. If the stream is closed, the server continues without it."""

    def msg(self, line):
        if sys.stderr is None:  # it was closed before Python began
            return
        with contextlib.suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    info = warning = error = msg


def open_log(form: str) -> Any:
    """Returns a structlog logger on standard error. Its methods are levels, and their keywords are the content of a
    line.

    It changes no settings of structlog or of Python's logging for other code.

    Args:
        form: "json", or "text" for people.
    """
    # Both write one line whatever a query contains: JSON in ASCII, and Python's repr.
    render = structlog.processors.JSONRenderer() if form == "json" else structlog.processors.KeyValueRenderer()
    return structlog.wrap_logger(
        _Lines(),
        wrapper_class=structlog.BoundLogger,
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            render,
        ],
    )


def shorten(given: str | int | None) -> str | int | None:
    """Shortens a client's value for a line.

    >>> len(shorten("q" * 1000))
    200
    """
    is_long = isinstance(given, str) and len(given) > _LONGEST
    return f"{given:.{_LONGEST - 3}}..." if is_long else given


class _Forward(logging.Handler):
    """Passes what others log to our logger."""

    def __init__(self, log):
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record):
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say(record.getMessage(), logger=record.name, exc_info=record.exc_info or None)


def take_over(log: Any) -> None:
    """Sends the warnings and errors of uvicorn, asyncio and Python to a log, for the life of this process."""
    logging.captureWarnings(True)
    for name in _OTHERS:
        logger = logging.getLogger(name)
        logger.handlers = [_Forward(log)]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
