"""Files that are written whole or not at all, and the errors for files that are missing or not writable. Internal."""

import contextlib
import errno
import os
import pathlib
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from typing import Any

MODEL = "model.keras"  # the name of the model file of a run
WHOLE_MODEL = "whole_model.keras"  # and, where that holds only the relevance tower, the file of both towers
ON_WINDOWS = os.name == "nt"
PARTIAL = "partial-"  # how the name of a folder begins while it is written; it lies in a folder of plackett's own
PARTIAL_FILE = "plackett-partial-"  # the same for a file, which may lie among a user's files


@contextlib.contextmanager
def replace(path: pathlib.Path, *, overwrite: bool = True) -> Iterator[pathlib.Path]:
    """Gives a path to write to. At the end, what was written is on disk under the name `path`.

    If anything fails before that, `path` stays as it was. Each writer has a file of its own, with the suffix of `path`,
    so that concurrent writers each write a whole file.

    Args:
        path: the path of the file. Its folder must exist.
        overwrite: whether to replace a file of that name, even one that appears during the writing.

    Raises:
        FileExistsError: `overwrite` is False, and a file of that name exists at the end.
        FileNotFoundError: the folder does not exist.
        OSError: the file cannot be written.
    """
    check_parent(path)
    # Not `tempfile`: only the owner can read the files that it makes.
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
            raise FileExistsError(f"{path} exists, though it did not when the writing began: choose another output")
    finally:
        partial.unlink(missing_ok=True)


def _take_name(partial, path):
    """Gives a file the name `path`; returns False if a file of that name exists."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError:  # the file system has no hard links
        try:
            path.open("x").close()
        except FileExistsError:
            return False
        partial.replace(path)
    return True


@contextlib.contextmanager
def replace_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a folder to write to. At the end it is on disk under the name `folder`; on failure nothing changes.

    If `folder` is a link, its target is replaced, not the link.

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
    """Renames `partial` to `folder`, and an existing `folder` to `before`; on failure both are renamed back."""
    try:
        if folder.exists():
            folder.rename(before)
        partial.rename(folder)
    except BaseException:
        if before.exists():
            with contextlib.suppress(OSError):  # another folder has appeared
                before.rename(folder)
        raise


def is_partial(name: str, of: Collection[str]) -> bool:
    """Whether a name is that of a file left by a killed writer of one of these names.

    >>> is_partial("plackett-partial-model-0123456789abcdef.keras", ["model.keras"])
    True
    """
    files = map(pathlib.Path, of)
    return any(
        re.fullmatch(rf"{PARTIAL_FILE}{re.escape(x.stem)}-[0-9a-f]{{16}}{re.escape(x.suffix)}", name) for x in files
    )


def remove_partial(folder: pathlib.Path, of: Collection[str]) -> None:
    """Removes what killed writers of these names left in a folder. No other process may be writing them."""
    for path in list(folder.iterdir()):
        if is_partial(path.name, of):
            path.unlink()


def make_folder(path: pathlib.Path) -> None:
    """Makes a folder and its parents where they do not exist, and waits until their names are on disk.

    Raises:
        OSError: it cannot be made.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        sync(folder.parent)


def write_whole(path: pathlib.Path, text: str) -> None:
    """Writes a whole file or nothing.

    Raises:
        OSError: it could not be written.
    """
    with replace(path) as partial, errors_of_writing(path):
        partial.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def errors_of_writing(path: pathlib.Path) -> Iterator[None]:
    """Turns any failure to write `path` into an OSError that says so."""
    try:
        yield
    except OSError as error:
        words = f"{path} could not be written: {error.strerror or error}"
        raise (OSError(words) if error.errno is None else OSError(error.errno, words)) from error


def sync(path: pathlib.Path) -> None:
    """Waits until a file, or the listing of a folder, is on disk. Windows opens no folders and writes them itself."""
    is_folder = path.is_dir()
    if is_folder and ON_WINDOWS:
        return
    # Windows syncs only files that are open for writing.
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not is_folder or error.errno != errno.EINVAL:  # some network file systems raise this for any folder
            raise
    finally:
        os.close(descriptor)


def missing_file(path: str | os.PathLike) -> FileNotFoundError:
    """The error for a missing file, in plackett's one wording."""
    return FileNotFoundError(f"there is no file {path}")


def check_parent(path: pathlib.Path) -> None:
    """Raises a FileNotFoundError if the folder of a file to be written does not exist."""
    if not path.parent.exists():
        raise FileNotFoundError(f"there is no folder {path.parent} for {path.name}: make it first")


def check_path(path: object) -> None:
    """Raises a TypeError unless this is a string or an os.PathLike."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"a path must be a string or os.PathLike, but got {path!r:.200}")


def list_paths(paths: Any) -> list[str | os.PathLike]:
    """One path or several, as a list.

    Raises:
        TypeError: it is not a path, or one of them is not.
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
        IsADirectoryError: it is a folder.
        TypeError: it is not a path.
    """
    check_path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder, where a file is needed")
    if not os.path.exists(path):
        raise missing_file(path)


def find_model(path: str | os.PathLike) -> pathlib.Path:
    """The file of a model, given directly or as the output folder of its run.

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
