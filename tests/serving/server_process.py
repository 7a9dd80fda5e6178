"""A server in a process of its own, and clients that notice whatever goes wrong."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time


class ServerProcess:
    """`plackett serve` on a free port of the loopback; its log is a file."""

    def __init__(self, model, folder, *flags):
        self.log_path = folder / "server.log"
        with self.log_path.open("w") as log:
            command = [sys.executable, "-m", "plackett", "serve", str(model), "--port", "0", *flags]
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL)
        try:
            self.port = self.wait_for_line("start", seconds=120)["port"]  # where other tests take the processors
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def lines(self):
        """The lines of its log, each of which is one JSON object."""
        text = self.log_path.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def wait_for_line(self, event, number=1, seconds=20, **values):
        """The line of that event, the first or a later one, in which these values stand."""
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            wanted = {"event": event} | values
            found = [line for line in self.lines() if wanted.items() <= line.items()]
            if len(found) >= number:
                return found[number - 1]
            assert self.process.poll() is None, f"the server ended:\n{self.log_path.read_text()}"
            time.sleep(0.02)
        raise AssertionError(f"no line {wanted} in\n{self.log_path.read_text()}")

    def connect(self, seconds=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def socket(self, seconds=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def get(self, path, headers=None):
        """(status, headers, body) of a request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def rank(self, documents, query="q", headers=None):
        """(status, headers, JSON) of a request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return rank(connection, documents, query, headers)

    def metric(self, name, **labels):
        """The value of a metric."""
        from prometheus_client.parser import text_string_to_metric_families

        page = self.get("/metrics")[2].decode()
        values = [
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert values, f"no {name} {labels} in\n{page}"
        return sum(values)

    def memory(self):
        """The bytes that its process has in memory, and the most that it ever had."""
        with open(f"/proc/{self.process.pid}/status") as status:
            sizes = dict(line.split(":", 1) for line in status)
        return tuple(int(sizes[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))

    def send_signal(self, number):
        os.kill(self.process.pid, number)

    def end(self, seconds=60):
        """Stops it; its exit code."""
        if self.process.poll() is None:
            self.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()


@contextlib.contextmanager
def server(model, folder, *flags):
    process = ServerProcess(model, folder, *flags)
    try:
        yield process
    finally:
        process.end()


def documents(*scores):
    """Documents whose features sum to these scores."""
    return [{"id": f"d{i}", "features": {"bm25": score, "age": 0.0}} for i, score in enumerate(scores)]


def body_of(documents, query="q"):
    return json.dumps({"query": query, "documents": documents}).encode()


def header(*lines):
    """The header of a request to rank JSON."""
    return "\r\n".join(["POST /rank HTTP/1.1", "host: x", "content-type: application/json", *lines, "", ""]).encode()


def rank(connection, documents, query="q", headers=None):
    """(status, headers, JSON) of a request."""
    headers = {"content-type": "application/json"} | (headers or {})
    connection.request("POST", "/rank", body_of(documents, query), headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())


class Load:
    """Clients that rank without a pause, each on one connection as long as the server leaves it open.

    Args:
        server: of the requests.
        clients: how many.
        keep_alive: whether a client sends its next request on the connection of the last.
    """

    def __init__(self, server, clients=4, keep_alive=True):
        self._server, self._keep_alive = server, keep_alive
        self.answers, self.failures = [], []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self.join()

    def join(self):
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, answers):
        """Waits until so many more answers have come."""
        goal = len(self.answers) + answers
        while len(self.answers) < goal and any(thread.is_alive() for thread in self._threads):
            time.sleep(0.01)

    def _run(self):
        connection = self._server.connect()
        while not self._is_over.is_set():
            try:
                if connection.sock is None:
                    connection.connect()
            except ConnectionRefusedError:  # the server has ended, and no request was sent
                return
            except OSError as error:
                self.failures.append(repr(error))
                return
            try:
                self.answers.append(rank(connection, documents(1.0, 3.0, 2.0)))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not self._keep_alive:
                connection.close()
        connection.close()
