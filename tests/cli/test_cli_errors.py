"""Who is to blame for an error, and what is shown of it."""

import errno
import importlib
import inspect
import os
import types

import numpy as np
import pytest
from command_line import run, words

from plackett.cli import _errors, demo
from plackett.training._settings import Settings


def caught(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_what_plackett_raises_in_so_many_words_is_of_use():
    assert _errors.is_of_use(caught(lambda: Settings(epochs=0)))


def test_what_the_world_does_is_of_use(tmp_path):
    error = caught((tmp_path / "none").read_text)
    assert _errors.is_of_use(error)
    assert _errors.in_words(error) == f"{tmp_path / 'none'}: No such file or directory"
    assert _errors.in_words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) == "No space left on device"
    assert _errors.in_words(MemoryError()) == "MemoryError"
    assert _errors.is_of_use(MemoryError())


def test_what_a_library_says_to_install_is_of_use():
    def say():
        raise ImportError("install s3fs")

    said = types.FunctionType(say.__code__, {"__name__": "fsspec.core", "ImportError": ImportError})
    assert _errors.is_of_use(caught(said))
    assert not _errors.is_of_use(caught(lambda: importlib.import_module("plackett.none")))


@pytest.mark.parametrize(
    "function",
    [
        lambda: np.zeros(2) + np.zeros(3),
        lambda: int("x"),
        lambda: {}["x"],
        lambda: inspect.signature(Settings).bind(epochz=1),
        lambda: Settings(epochz=1),
    ],
    ids=["a library", "python", "a key", "a type of a library", "a type of ours"],
)
def test_anything_else_is_a_fault(function):
    assert not _errors.is_of_use(caught(function))


def broken(fault):
    """`plackett demo`, where something raises."""

    def fail(folder):
        fault()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "find_free", fail)
        return run("demo")


def test_a_fault_is_shown_with_its_traceback():
    done = broken(lambda: np.zeros(2) + np.zeros(3))
    assert done.exit_code == 70
    assert "Traceback (most recent call last):" in done.output
    assert "ValueError: operands could not be broadcast together" in done.output
    assert "please report it with the lines above" in words(done)
    assert "error: " not in done.output
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--debug", "demo"], ["demo", "--debug"]])
def test_debug_shows_where_an_error_of_use_comes_from(arguments):
    without = run("demo", "--epochs", 0)
    done = run(*arguments, "--epochs", 0)
    assert without.exit_code == done.exit_code == 2
    assert without.output == "error: --epochs must be at least 1, but got 0\n"
    assert done.output.startswith("Traceback (most recent call last):")
    assert "cli/demo.py" in done.output
    assert done.output.endswith(without.output)


def test_ctrl_c_where_nothing_is_kept():
    def stop():
        raise KeyboardInterrupt

    done = broken(stop)
    assert done.exit_code == 130
    assert "Traceback" not in done.output
