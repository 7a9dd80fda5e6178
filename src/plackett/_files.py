"""Files that are whole or not there, and what is said of files that are missing or cannot be written. Internal."""

import contextlib
import errno
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from typing import Any

MODEL = "model.keras"  # what a run calls the file of its model
WHOLE_MODEL = "whole_model.keras"  # and, where that is the relevance tower alone, the file of both towers
ON_WINDOWS = os.name == "nt"
PARTIAL = "partial-"  # how the name of a folder begins while it is written, which lies in a folder of plackett's own
PARTIAL_FILE = "plackett-partial-"  # how that of a file does, which may lie among a user's


@contextlib.contextmanager
def replace(path: pathlib.Path, *, overwrite: bool = True) -> Iterator[pathlib.Path]:
    """Gives the path to write to; at the end what was written is on the disk, under the name `path`.

    Where anything goes wrong before that, `path` stays as it was. Each writer has a file of its own, with the suffix of
    `path`, so that of several at once each writes a whole file.

    Args:
        path: of the file; its folder must be there.
        overwrite: whether a file of that name is replaced, even one that has come since the writing began.

    Raises:
        FileExistsError: not `overwrite`, and at the end there is a file of that name.
        FileNotFoundError: there is no such folder.
        OSError: the file could not be written.
    """
    check_parent(path)
    # No `tempfile`: what it makes is its owner's alone to read.
    partial = path.with_name(f"{PARTIAL_FILE}{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    with errors_of_writing(path):
        partial.open("x").close()
    try:
        yield partial
        with errors_of_writing(path):
            sync(partial)
            if overwrite:
                partial.replace(path)
            is_there = overwrite or _take_name(partial, path)
            sync(path.parent)
        if not is_there:
            raise FileExistsError(f"{path} exists, which came while it was written: choose another output")
    finally:
        partial.unlink(missing_ok=True)


def _take_name(partial, path):
    """Gives a file the name `path`; False where there is a file of that name."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError:  # the file system has no links
        try:
            path.open("x").close()
        except FileExistsError:
            return False
        partial.replace(path)
    return True


@contextlib.contextmanager
def replace_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives the folder to write to, which at the end is on the disk under the name `folder`; else all is as it was.

    What a link names is replaced, not the link.

    Raises:
        OSError: it could not be written.
    """
    folder = folder.resolve() if folder.is_symlink() else folder
    partial, before = (folder.with_name(f"{PARTIAL_FILE}{folder.name}-{secrets.token_hex(8)}") for _ in range(2))
    with errors_of_writing(folder):
        partial.mkdir()
    try:
        yield partial
        with errors_of_writing(folder):
            for path in [*partial.rglob("*"), partial]:
                sync(path)
            _exchange(partial, folder, before)
            sync(folder.parent)
    finally:
        for left in (partial, before):
            shutil.rmtree(left, ignore_errors=True)


def _exchange(partial, folder, before):
    """Gives a folder the name `folder`, and one that has it the name `before`; where that fails, back again."""
    try:
        if folder.exists():
            folder.rename(before)
        partial.rename(folder)
    except BaseException:
        if before.exists():
            with contextlib.suppress(OSError):  # where another folder has come
                before.rename(folder)
        raise


def is_partial(name: str, of: Collection[str]) -> bool:
    """Whether a name is that of a file which a killed writer of one of these names left.

    >>> is_partial("plackett-partial-model-0123456789abcdef.keras", ["model.keras"])
    True
    """
    files = map(pathlib.Path, of)
    return any(
        re.fullmatch(rf"{PARTIAL_FILE}{re.escape(x.stem)}-[0-9a-f]{{16}}{re.escape(x.suffix)}", name) for x in files
    )


def remove_partial(folder: pathlib.Path, of: Collection[str]) -> None:
    """Removes what killed writers of these names left in a folder, in which nobody else writes them now."""
    for path in list(folder.iterdir()):
        if is_partial(path.name, of):
            path.unlink()


def make_folder(path: pathlib.Path) -> None:
    """Makes a folder, and those above it, where they are not there; their names are on the disk too.

    Raises:
        OSError: it could not be made.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        sync(folder.parent)


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
        words = f"{path} could not be written: {error.strerror or error}"
        raise (OSError(words) if error.errno is None else OSError(error.errno, words)) from error


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


def check_parent(path: pathlib.Path) -> None:
    """Raises a FileNotFoundError where the folder that a file is to be in is not there."""
    if not path.parent.exists():
        raise FileNotFoundError(f"there is no folder {path.parent} for {path.name}: make it first")


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
