"""`plackett serve`: its flags, what it refuses, and a server of its own that needs no Keras."""

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import typer.testing
from small_rankers import request, write_ranker

import plackett.serving
from plackett.cli._app import app
from plackett.serving import ServeSettings

# A server that asks itself for a ranking, says what it got, and ends by SIGTERM.
CODE = """
import os, signal, sys, threading, urllib.request
from plackett.cli import main, serve

path, question = sys.argv[1:]

def ask(line):
    print(line, flush=True)
    address = line.split(" at ")[1].split(",")[0]
    def run():
        asked = urllib.request.Request(address + "/rank", question.encode(), {"content-type": "application/json"})
        try:
            print(urllib.request.urlopen(asked, timeout=60).read().decode(), "keras" in sys.modules, flush=True)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=run).start()

serve.tell = ask
sys.argv[1:] = ["serve", path, "--port", "0", "--threads", "1"]
main()
"""


def run(*arguments):
    """What a command comes to: its exit code, and its output in one line."""
    done = typer.testing.CliRunner().invoke(app, ["serve", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def settings_of(monkeypatch, tmp_path):
    """A function of flags that gives the settings that they come to."""
    path = write_ranker(tmp_path / "ranker.onnx")
    given = []
    monkeypatch.setattr(plackett.serving, "serve", lambda path, settings, tell: given.append(settings), raising=False)

    def settings(*flags):
        code, output = run(path, *flags)
        assert code == 0, output
        return given.pop()

    return settings


def test_without_flags_settings_are_the_default(settings_of):
    assert settings_of() == ServeSettings()


def test_each_setting_has_a_flag(settings_of):
    wanted = ServeSettings(
        host="::1",
        port=0,
        max_body_mb=0.5,
        max_documents=7,
        max_queue=8,
        max_batch_documents=9,
        body_seconds=1.5,
        shutdown_seconds=2.5,
        threads=2,
        watch=True,
        log="text",
    )
    flags = []
    for name, value in dataclasses.asdict(wanted).items():
        flags += ["--" + name.replace("_", "-"), *([] if value is True else [value])]
    assert settings_of(*flags) == wanted
    assert all(value != getattr(ServeSettings, name) for name, value in dataclasses.asdict(wanted).items())


@pytest.mark.parametrize(
    "option, value, allowed",
    [
        ("port", 65536, "a whole number from 0, any free one, to 65535"),
        ("max_documents", 0, "a whole number of at least 1"),
        ("max_queue", 0, "a whole number of at least 1"),
        ("max_batch_documents", 0, "a whole number of at least 1"),
        ("threads", 0, "None, or a whole number of at least 1|a whole number of at least 1, or None"),
        ("max_body_mb", 0.0, "a number greater than 0"),
        ("body_seconds", -1.0, "a number greater than 0"),
        ("shutdown_seconds", float("inf"), "a number greater than 0"),
        ("log", "xml", r"one of \('json', 'text'\)"),
        ("watch", "yes", "True or False"),
        ("host", 127, "a string"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(option, value, allowed):
    with pytest.raises(ValueError, match=f"{option} must be ({allowed}), but got {value!r}"):
        ServeSettings(**{option: value})


def test_what_cannot_be_served_is_said_in_one_line(tmp_path):
    assert run(tmp_path / "none.onnx") == (2, f"error: there is no file {tmp_path}/none.onnx")
    plain = write_ranker(tmp_path / "plain.onnx", signature=False)
    code, output = run(plain)
    assert (code, output.startswith("error: ")) == (2, True)
    assert "it has no signature of plackett; write it with `plackett export`" in output


@pytest.mark.parametrize("library", ["onnxruntime", "fastapi", "uvicorn", "pyarrow", "prometheus_client"])
def test_a_library_that_is_not_installed_is_said_with_what_to_install(tmp_path, monkeypatch, library):
    for name in [name for name in sys.modules if name.startswith("plackett.serving._")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(plackett.serving, "serve", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    wanted = f"error: plackett.serving.serve needs {library}: pip install 'plackett[serve]'"
    assert run(tmp_path / "none.onnx") == (2, wanted)


def test_an_address_that_is_taken_is_said_with_the_flags_that_change_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, output = run(write_ranker(tmp_path / "ranker.onnx"), "--port", port)
    assert (code, output) == (
        2,
        f"error: 127.0.0.1:{port} cannot be listened at (--host, --port): Address already in use",
    )


@pytest.mark.parametrize("host", ["no such host", "x" * 300])
def test_an_address_of_nobody_is_said_so(tmp_path, host):
    code, output = run(write_ranker(tmp_path / "ranker.onnx"), "--host", host, "--port", 0)
    assert code == 2
    assert output.startswith(f"error: {host}:0 cannot be listened at (--host, --port): ")


def test_a_server_ranks_without_keras_and_ends_by_sigterm(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, path, json.dumps(request([[1, 2], [3, 4]]))],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    listens, answer = done.stdout.splitlines()
    assert listens.startswith(f"serving {path} at http://127.0.0.1:")
    answer, has_keras = answer.rsplit(" ", 1)
    assert [one["id"] for one in json.loads(answer)["ranking"]] == ["d1", "d0"]
    assert has_keras == "False"


@pytest.mark.parametrize("streams", [">&- 2>&-", "> >(exit) 2> >(exit)"])
def test_a_server_whose_output_nobody_takes_serves_on(tmp_path, streams):
    path = write_ranker(tmp_path / "ranker.onnx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"exec {sys.executable} -m plackett serve {path} --port {port} {streams}"
    process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert status_of(process, f"http://127.0.0.1:{port}/health/ready") == 200
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not show the open files of a process")
def test_no_connection_takes_the_place_of_a_closed_stream(tmp_path):
    path = write_ranker(tmp_path / "ranker.onnx")
    code = """
import os, signal
from plackett.cli import main, serve

def look(line):
    with open(os.environ["SEEN"], "w") as seen:
        seen.write(" ".join(os.readlink(f"/proc/self/fd/{number}") for number in range(3)))
    os.kill(os.getpid(), signal.SIGTERM)

serve.tell = look
main()
"""
    seen = tmp_path / "seen"
    command = f'exec {sys.executable} -c "$CODE" serve {path} --port 0 <&- >&- 2>&-'
    subprocess.run(["bash", "-c", command], env=os.environ | {"CODE": code, "SEEN": str(seen)}, check=False, timeout=60)
    assert seen.read_text() == " ".join([os.devnull] * 3)


def status_of(process, address):
    """The status of an answer, of a server that may not listen yet."""
    while process.poll() is None:
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(address, timeout=30) as answer:
            return answer.status
        time.sleep(0.05)
    return None
