"""Ctrl-C at any moment of a command."""

import contextlib
import importlib.abc
import random
import signal
import subprocess
import sys
import time

import pytest
from command_line import run, words

import plackett.cli
from plackett.cli import _app

# A shell that starts the tests in the background has told its children to ignore Ctrl-C.
CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import plackett.cli
print("up", flush=True)
plackett.cli.main()
"""


@pytest.fixture
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_one_ends_a_training_from_its_first_import_on(files):
    """Most of the moments lie in imports, of which those of Keras and its backend are the longest."""
    draw = random.Random(0)
    for i, moment in enumerate([draw.uniform(0.02, 0.4), *(draw.uniform(0.4, 6) for _ in range(5))]):
        command = [sys.executable, "-c", CODE, "train", "train.txt", "--output", f"run{i}"]
        command += ["--epochs", "1000000", "--patience", "1000000"]
        process = subprocess.Popen(command, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert process.stdout.readline() == "up\n"
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 130, (moment, output)
        assert "stopped" in output, (moment, output)


def press_and_swallow():
    """As an import does that catches all, or a callback of a library."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("kind", [_app.Group, _app.Command])
def test_one_while_arguments_are_read_is_told(monkeypatch, default_handler, kind):
    monkeypatch.setattr(kind, "parse_args", lambda *given: signal.raise_signal(signal.SIGINT))
    done = run("convert", "train.txt", "train.parquet")
    assert (done.exit_code, done.output) == (130, "stopped\n")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_one_that_is_swallowed_while_data_is_read_stops_before_keras_is_needed(
    files, monkeypatch, default_handler, command
):
    module = getattr(_app, command)
    read = module.read_lists

    def swallows(*given, **options):
        press_and_swallow()
        return read(*given, **options)

    def fails(*given, **options):
        raise AssertionError

    monkeypatch.setattr(module, "read_lists", swallows)
    monkeypatch.setattr(module, "train_under_a_bar" if command == "train" else "check_parts", fails)
    done = run(command, files / "train.txt", "--output", files / "run", *(["--trials", 1] if command == "tune" else []))
    assert done.exit_code == 130, done.output
    assert words(done).endswith("stopped")
    assert not (files / "run").exists()


def disturb(monkeypatch, error):
    """`convert`, in which Ctrl-C is swallowed, and an error comes of it, if one is given."""
    find = _app.convert.find_reading

    def disturbed(*given):
        press_and_swallow()
        if error is not None:
            raise error
        return find(*given)

    monkeypatch.setattr(_app.convert, "find_reading", disturbed)


@pytest.mark.parametrize("error", [None, ImportError("half"), SystemError("half")])
def test_one_that_is_swallowed_or_breaks_an_import_ends_any_command(files, monkeypatch, default_handler, error):
    disturb(monkeypatch, error)
    done = run("convert", files / "train.txt", files / "train.parquet")
    assert done.exit_code == 130, done.output
    assert done.output.endswith("stopped\n")
    assert "half" not in done.output


def test_an_error_of_use_after_one_is_told(files, monkeypatch, default_handler):
    disturb(monkeypatch, OSError("the disk is full"))
    done = run("convert", files / "train.txt", files / "train.parquet")
    assert (done.exit_code, done.output) == (2, "error: the disk is full\n")


def test_one_in_the_first_import_ends_the_command_behind_it(monkeypatch, default_handler, capsys):
    class Presses(importlib.abc.MetaPathFinder):
        def find_spec(self, *given):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.delitem(sys.modules, "plackett.cli._app")
    monkeypatch.setattr(sys, "meta_path", [Presses(), *sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["plackett", "--version"])
    with pytest.raises(SystemExit) as caught:
        plackett.cli.main()
    assert caught.value.code == 130
    assert capsys.readouterr() == ("", "stopped\n")


@pytest.mark.parametrize("error", [None, ImportError("half")])
def test_one_in_the_first_import_is_told_in_one_line(monkeypatch, default_handler, capsys, error):
    class Presses(importlib.abc.MetaPathFinder):
        def find_spec(self, *given):
            if error is None:
                signal.raise_signal(signal.SIGINT)
            press_and_swallow()
            raise error

    monkeypatch.delitem(sys.modules, "plackett.cli._app")
    monkeypatch.setattr(sys, "meta_path", [Presses(), *sys.meta_path])
    with pytest.raises(SystemExit) as caught:
        plackett.cli.main()
    assert caught.value.code == 130
    assert capsys.readouterr() == ("", "stopped\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
