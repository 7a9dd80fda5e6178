"""The lines of the log, without a server."""

import json
import logging
import warnings

import pytest

from plackett.serving import _logs

ODD = 'a\nb "c"\x1b[2J\ud800\u2028'


@pytest.mark.parametrize("form", ["json", "text"])
def test_whatever_a_client_calls_its_query_is_one_line_of_ascii(form, capsys):
    _logs.open_log(form).info("request", query=ODD)
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.isascii()
    assert line.strip().isprintable()
    if form == "json":
        assert json.loads(line)["query"] == ODD


def test_a_log_that_nobody_reads_any_more_stops_nothing(monkeypatch):
    class Closed:
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    _logs.open_log("json").info("request")


@pytest.fixture
def loggers_as_they_were():
    kept = {name: (logger.handlers, logger.level, logger.propagate) for name, logger in _loggers()}
    yield
    logging.captureWarnings(False)
    for name, logger in _loggers():
        logger.handlers, level, logger.propagate = kept[name]
        logger.setLevel(level)


def _loggers():
    return [(name, logging.getLogger(name)) for name in _logs._OTHERS]


def test_what_others_say_and_their_tracebacks_are_lines_of_ours(loggers_as_they_were, capsys):
    _logs.take_over(_logs.open_log("json"))
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("uvicorn.error").exception("an error %d", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", stacklevel=1)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("an error 1", "error", "uvicorn.error")
    assert "RuntimeError: broken" in first["exception"]
    assert "old" in second["event"]
