"""Files that are whole or not there, and what is said of files that are missing or cannot be written. Internal."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

MODEL = "model.keras"  # what a run calls the file of its model
ON_WINDOWS = os.name == "nt"
PARTIAL = "partial-"  # how the name of a file or folder begins while it is written


@contextlib.contextmanager
def replace(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives the path to write to; at the end what was written is on the disk, under the name `path`.

    Where anything goes wrong before that, `path` stays as it was.
    """
    partial = path.with_name(PARTIAL + path.name)
    try:
        yield partial
        with errors_of_writing(path):
            sync(partial)
            partial.replace(path)
            sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a whole file or none.

    Raises:
        OSError: it could not be written.
    """
    with replace(path) as partial, errors_of_writing(path):
        partial.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def errors_of_writing(path: pathlib.Path) -> Iterator[None]:
    """What goes wrong with writing `path` is an OSError that says so."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path} could not be written: {error.strerror or error}") from error


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or what a folder lists, is on the disk; Windows opens no folder, and writes it by itself."""
    is_folder = path.is_dir()
    if is_folder and ON_WINDOWS:
        return
    # Windows syncs only what is open for writing.
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not is_folder or error.errno != errno.EINVAL:  # which some network file systems give for any folder
            raise
    finally:
        os.close(descriptor)


def missing_file(path: str | os.PathLike) -> FileNotFoundError:
    """The error that there is no such file, in the one wording of plackett."""
    return FileNotFoundError(f"there is no file {path}")


def check_path(path: object) -> None:
    """Raises a TypeError unless this is a path."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"a path must be a string or os.PathLike, but got {path!r:.200}")


def list_paths(paths: Any) -> list[str | os.PathLike]:
    """One path or several, as a list.

    Raises:
        TypeError: it is none, or one of them is none.
    """
    several = isinstance(paths, Iterable) and not isinstance(paths, str | bytes | os.PathLike)
    paths = list(paths) if several else [paths]
    for path in paths:
        check_path(path)
    return paths


def check_file(path: str | os.PathLike) -> None:
    """Checks that there is a file to read.

    Raises:
        FileNotFoundError: there is none.
        IsADirectoryError: there is a folder.
        TypeError: it is no path.
    """
    check_path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder, where a file is needed")
    if not os.path.exists(path):
        raise missing_file(path)


def find_model(path: str | os.PathLike) -> pathlib.Path:
    """The file of a model, given by itself or by the output folder of its run.

    Raises:
        FileNotFoundError: there is none.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        check_file(path)
        return path
    if not (path / MODEL).is_file():
        raise FileNotFoundError(f"there is no run of plackett train in {path.absolute()}: it has no file {MODEL}")
    return path / MODEL
