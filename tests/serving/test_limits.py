"""What large and slow requests are told, and that they stop nobody else."""

import contextlib
import http.client
import json
import socket
import time

import pytest
from server_process import body_of, documents, header, server
from small_rankers import write_ranker

CLIENTS = 50


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    model = write_ranker(folder / "model.onnx")
    with server(model, folder, "--body-seconds", "2", "--max-body-mb", "10") as process:
        process.rank(documents(1.0, 2.0))
        yield process


def read_answer(connection):
    """(status, JSON) of the answer on a socket, of a server that says that it closes it."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    assert answer.headers["connection"] == "close"
    return answer.status, json.loads(answer.read())


def send_all(connection, pieces):
    """Sends pieces until the server takes no more; the number of bytes that it took."""
    size = 0
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
            size += len(piece)
    return size


def megabytes(count):
    return (b" " * 1_000_000 for _ in range(count))


def chunks(count):
    yield from (b"f4240\r\n" + b" " * 1_000_000 + b"\r\n" for _ in range(count))
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("length", "pieces"), [("content-length: 100000000", megabytes), ("transfer-encoding: chunked", chunks)]
)
def test_a_body_of_100_mb_is_refused_and_never_in_memory(served, length, pieces):
    before = served.memory()[1]
    with contextlib.closing(served.socket()) as connection:
        connection.sendall(header(length))
        for piece in pieces(100):  # as simple clients do, which read nothing before all is sent
            connection.sendall(piece)
        status, answer = read_answer(connection)
    assert (status, answer["error"]["code"]) == (413, "body_too_large")
    assert "10 MB" in answer["error"]["message"]
    assert "--max-body-mb" in answer["error"]["message"]
    assert served.memory()[1] - before < 40_000_000


def test_a_client_that_asks_first_sends_no_byte_of_a_large_body(served):
    with contextlib.closing(served.socket()) as connection:
        connection.sendall(header("content-length: 100000000", "expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_twenty_large_bodies_at_once_take_no_more_memory_than_those_that_are_let_in(served):
    before = served.memory()[0]
    with sockets(served, 40) as connections:
        for connection in connections:
            connection.sendall(header("content-length: 9900000"))
            send_all(connection, megabytes(9))
        assert served.memory()[0] - before < 250_000_000
        refusals = [read_answer(connection) for connection in connections]
    codes = {answer["error"]["code"] for _, answer in refusals}
    assert codes == {"overloaded", "body_too_slow"}
    assert served.rank(documents(1.0))[0] == 200


@contextlib.contextmanager
def sockets(served, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(served.socket())) for _ in range(count)]


def test_clients_that_send_a_byte_a_second_stop_nobody_and_are_told(served):
    body = body_of(documents(1.0))
    with sockets(served, CLIENTS) as slow_bodies, sockets(served, CLIENTS) as slow_headers:
        for connection in slow_bodies:
            connection.sendall(header(f"content-length: {len(body)}"))
        for at in range(4):
            for connections, whole in ((slow_bodies, body), (slow_headers, header())):
                for connection in connections:
                    with contextlib.suppress(OSError):
                        connection.sendall(whole[at : at + 1])
            assert served.rank(documents(1.0, 2.0))[0] == 200
            time.sleep(1)
        for connections, code in ((slow_bodies, "body_too_slow"), (slow_headers, "header_too_slow")):
            answers = [read_answer(connection) for connection in connections]
            assert {(status, answer["error"]["code"]) for status, answer in answers} == {(408, code)}
            assert all(connection.recv(1) == b"" for connection in connections)
            assert served.metric("plackett_requests_total", status="408", code=code) >= CLIENTS


def test_a_second_header_on_a_connection_may_be_no_slower_than_the_first(served):
    with contextlib.closing(served.connect()) as connection:
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()
        connection.sock.sendall(b"GET /hea")
        assert read_answer(connection.sock)[0] == 408


def test_a_client_that_does_not_read_its_answer_is_left(served):
    with contextlib.closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", served.port))
        body = body_of(documents(*range(10_000)))
        asked = header(f"content-length: {len(body)}") + body
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(asked)
        served.wait_for_line("connection closed", code="reader_too_slow")
    assert served.rank(documents(1.0))[0] == 200
