"""What a server says of itself, one JSON object a line. Internal."""

import logging
import sys
from typing import Any, TextIO

import structlog

_LONGEST = 200  # characters of what a client chose, in a line
_OTHERS = ("uvicorn.error", "uvicorn.asgi", "asyncio", "py.warnings")  # whose lines are ours too


def open_log(form: str, stream: TextIO | None = None) -> Any:
    """A logger of structlog: its methods are levels, and their keywords are what a line says.

    Nothing of structlog's or of Python's own logging is set for anyone else.

    Args:
        form: "json", or "text" for people.
        stream: where the lines go; None = standard error.
    """
    # Both write one line whatever is in a query: JSON in ASCII, and Python's repr.
    render = structlog.processors.JSONRenderer() if form == "json" else structlog.processors.KeyValueRenderer()
    return structlog.wrap_logger(
        structlog.PrintLogger(stream or sys.stderr),
        wrapper_class=structlog.BoundLogger,
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            render,
        ],
    )


def shorten(text: str | None) -> str | None:
    """What a client chose, short enough for a line.

    >>> len(shorten("q" * 1000))
    200
    """
    return text if text is None or len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


class _Forward(logging.Handler):
    """Gives what others log to a logger of ours."""

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
