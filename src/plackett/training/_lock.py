"""Allows one process at a time in an output folder. Does not need Keras."""

import contextlib
import json
import os
import pathlib
import socket
import time
from collections.abc import Iterator

import filelock

from plackett._files import errors_of_writing, is_partial, make_folder, remove_partial, write_whole

LOCK = ".lock"
# A separate file, since Windows lets nobody read a locked file.
HOLDER = ".lock.json"


@contextlib.contextmanager
def hold(folder: pathlib.Path) -> Iterator[None]:
    """Within this context, no other process of plackett writes into the folder, which is made if it does not exist.

    The operating system holds the lock, so the lock ends with its process, however the process ends. The empty lock
    file stays: removing it could take the lock from another process.

    Raises:
        BlockingIOError: another process, or this one, already holds the folder; the message names it.
        OSError: the folder cannot be written.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    with errors_of_writing(folder):
        make_folder(folder)
        free = _take(lock)
    if not free:
        raise _in_use(folder)
    try:
        remove_partial(folder, [HOLDER])
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        write_whole(folder / HOLDER, json.dumps(holder) + "\n")
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def check_free(folder: pathlib.Path) -> None:
    """Raises a BlockingIOError that names the process if a process holds the folder now."""
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    if (folder / LOCK).exists():
        if not _take(lock):
            raise _in_use(folder)
        lock.release()


def check_search_free(folder: pathlib.Path) -> None:
    """Raises a BlockingIOError that names the process if a process holds the search that the folder is a trial of."""
    trials = folder.resolve().parent
    if trials.name == "trials" and (trials.parent / "search.yaml").is_file():
        check_free(trials.parent)


def is_of_lock(name: str) -> bool:
    """Whether a file of this name belongs to the lock of its folder."""
    return name in (LOCK, HOLDER) or is_partial(name, [HOLDER])


def _take(lock):
    """Whether the lock was free. If so, it is held now."""
    try:
        lock.acquire()
    except filelock.Timeout:
        return False
    return True


def _in_use(folder):
    try:
        holder = json.loads((folder / HOLDER).read_text())
        who = f"process {holder['process']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError):  # the process has not written its id yet, or has removed it
        who = "another process"
    return BlockingIOError(f"{folder} is in use by {who}: wait until it ends, stop it, or choose another output folder")
