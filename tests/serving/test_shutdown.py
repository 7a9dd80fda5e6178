"""A server that is told to stop under load loses no request."""

import contextlib
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
from server_process import Load, body_of, documents, header, server
from small_rankers import write_ranker


@pytest.fixture
def model(tmp_path):
    return write_ranker(tmp_path / "model.onnx")


def wait_until_refused(process):
    last = time.monotonic() + 10
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
        while time.monotonic() < last:
            process.socket().close()
        raise AssertionError("new connections are taken")


@pytest.mark.parametrize("keep_alive", [True, False])
def test_sigterm_under_load_loses_no_request_and_exits_with_0(model, tmp_path, keep_alive):
    with server(model, tmp_path) as process, Load(process, clients=8, keep_alive=keep_alive) as load:
        load.wait_for(answers=100)
        process.send_signal(signal.SIGTERM)
        load.join()
        assert load.failures == []
        assert {status for status, _, _ in load.answers} == {200}
        assert process.process.wait(30) == 0
        assert [line["event"] for line in process.lines() if line["event"] != "request"] == ["start", "stop", "end"]


def test_a_body_that_is_under_way_is_answered_and_new_connections_are_refused(model, tmp_path):
    with server(model, tmp_path) as process, contextlib.closing(process.socket()) as connection:
        body = body_of(documents(1.0, 2.0))
        connection.sendall(header(f"content-length: {len(body)}") + body[:10])
        process.rank(documents(1.0))  # by which the header has come
        process.send_signal(signal.SIGTERM)
        process.wait_for_line("stop")
        wait_until_refused(process)
        connection.sendall(body[10:])
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer.lower()
        assert process.process.wait(30) == 0


def test_a_request_on_an_idle_connection_is_answered_after_sigterm(model, tmp_path):
    with server(model, tmp_path) as process, contextlib.closing(process.connect()) as connection:
        connection.request("GET", "/health/ready")
        assert connection.getresponse().read()
        process.send_signal(signal.SIGTERM)
        process.wait_for_line("stop")
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        assert answer.status == 503
        assert answer.headers["connection"] == "close"
        assert process.process.wait(30) == 0


def test_what_is_not_done_when_the_time_is_over_is_told_so(model, tmp_path):
    flags = ["--shutdown-seconds", "1", "--body-seconds", "60"]
    with server(model, tmp_path, *flags) as process, contextlib.closing(process.socket()) as connection:
        connection.sendall(header("content-length: 100"))
        process.rank(documents(1.0))
        process.send_signal(signal.SIGTERM)
        assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert process.process.wait(30) == 0


def test_a_server_without_room_for_another_connection_answers_what_is_in_flight(model, tmp_path, monkeypatch):
    few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (48, 48))
    monkeypatch.setattr(subprocess, "Popen", functools.partial(subprocess.Popen, preexec_fn=few))
    with server(model, tmp_path) as process, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(contextlib.closing(process.socket())) for _ in range(60)]
        while len(os.listdir(f"/proc/{process.process.pid}/fd")) < 48:
            time.sleep(0.02)
        body = body_of(documents(1.0, 2.0))
        for connection in sockets[:2]:
            connection.sendall(header(f"content-length: {len(body)}") + body[:10])
        sockets[1].sendall(body[10:])
        assert sockets[1].recv(65536).startswith(b"HTTP/1.1 200 ")  # by which the header of the other has come too
        process.send_signal(signal.SIGTERM)
        process.wait_for_line("stop")
        sockets[0].sendall(body[10:])
        assert sockets[0].recv(65536).startswith(b"HTTP/1.1 200 ")
        assert process.process.wait(30) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_signals_that_come_while_the_model_is_first_loaded_are_not_lost(tmp_path, number):
    command = [sys.executable, "-c", _WHILE_IT_LOADS.format(int(number)), write_ranker(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events == ([] if number == signal.SIGTERM else ["start", "reload", "stop", "end"])


_WHILE_IT_LOADS = """
import os, signal, sys, threading
from plackett.serving import ServeSettings, _app, _reload, serve

class SlowModel(_app.ServedModel):
    def __init__(self, *args):
        os.kill(os.getpid(), {})
        super().__init__(*args)

def end_after_reload(self, *args, **facts):
    tell(self, *args, **facts)
    os.kill(os.getpid(), signal.SIGTERM)

tell = _reload.Reloader._end
_reload.Reloader._end = end_after_reload
_app.ServedModel = SlowModel
serve(sys.argv[1], ServeSettings(port=0))
"""
