"""The scores of teachers, kept in a folder so that they are computed once.

An entry has two files. `KEY.npy` holds the scores. `KEY.json`, which is written last, says what they are the scores of.
The key changes with the teacher and with the lists. Whoever computes and writes an entry holds its lock, `KEY.lock`.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import filelock
import numpy as np

from plackett._files import errors_of_writing, make_folder, replace, write_whole
from plackett.data.datasets.movielens import cache_folder
from plackett.distillation._fingerprints import OfLists

FORMAT = 1  # entries of another format are ignored


class TeacherScores(NamedTuple):
    """The scores of one teacher.

    Args:
        scores: [documents] float64, as the teacher gave them.
        notes: what a reader needs to know about how it scored, in whole sentences.
    """

    scores: np.ndarray
    notes: list[str]


class Source(NamedTuple):
    """The source of scores.

    Args:
        name: the name of the teacher in warnings.
        teacher: the fingerprint of the teacher.
        path: the path of its file. None = it has none.
    """

    name: str
    teacher: str
    path: str | None


def default_folder() -> pathlib.Path:
    """The folder in which scores are kept by default: `$PLACKETT_CACHE/teachers`."""
    return cache_folder() / "teachers"


def keep(
    folder: str | os.PathLike, source: Source, of_lists: OfLists, compute: Callable[[], TeacherScores]
) -> TeacherScores:
    """Returns the kept scores of a teacher on some lists, or computes and keeps them.

    A warning is given if the kept scores are of an earlier version of this teacher or these lists, or an entry is
    damaged.

    Args:
        folder: the folder of the entries.
        source: the teacher.
        of_lists: the fingerprints of the lists.
        compute: computes the scores.

    Raises:
        NotADirectoryError: a file is in the place of the folder.
        OSError: an entry could not be written.
    """
    folder = pathlib.Path(folder)
    facts = {
        "format": FORMAT,
        "teacher": source.teacher,
        "path": source.path,
        "lists": of_lists.whole,
        "outline": of_lists.outline,
        "documents": of_lists.documents,
    }
    key = hashlib.blake2b(f"{facts['teacher']} {facts['lists']}".encode(), digest_size=12).hexdigest()
    # A second process waits, and then reads what the first has written.
    with _lock(folder, key):
        if not (folder / f"{key}.json").exists():
            _tell_changes(folder, facts, source.name)
        elif (found := _read(folder, key, facts)) is not None:
            return found
        else:
            told = f"the scores of the teacher {source.name} in {folder} are damaged: they are computed anew"
            warnings.warn(told, stacklevel=2)
        made = compute()
        _write(folder, key, facts, made)
        return made


@contextlib.contextmanager
def _lock(folder, key):
    """Holds the lock of an entry. The folder is made first."""
    lock = filelock.FileLock(folder / f"{key}.lock")
    try:
        with errors_of_writing(folder):
            make_folder(folder)
            lock.acquire()
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"cache must be a folder, but {folder} is a file, or is inside one") from None
    except OSError as error:
        raise type(error)(
            error.errno, f"{error.strerror}. Scores are kept there: give another folder as cache (--teacher-cache)"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _read(folder, key, facts):
    """Reads the scores of an entry; None if it is damaged."""
    told = _read_facts(folder / f"{key}.json")
    try:
        digest = _digest(folder / f"{key}.npy")
        if told is not None and digest == told["digest"] and all(told[fact] == facts[fact] for fact in _OF_BOTH):
            return TeacherScores(np.load(folder / f"{key}.npy", allow_pickle=False), list(told["notes"]))
    except (OSError, ValueError, KeyError):
        pass
    return None


_OF_BOTH = ("teacher", "lists", "documents")


def _write(folder, key, facts, made):
    scores = folder / f"{key}.npy"
    with replace(scores) as partial, errors_of_writing(scores):
        np.save(partial, made.scores, allow_pickle=False)
    facts = facts | {"digest": _digest(scores), "notes": made.notes, "time": time.time()}
    write_whole(folder / f"{key}.json", json.dumps(facts))


def _tell_changes(folder, facts, name):
    """Warns if scores of an earlier version of the teacher or the lists are kept."""
    others = [found for path in folder.glob("*.json") if (found := _read_facts(path)) is not None]
    before = [
        other
        for other in others
        if other["outline"] == facts["outline"]
        and (other["teacher"] == facts["teacher"] or (facts["path"] and other["path"] == facts["path"]))
    ]
    if before:
        last = max(before, key=lambda other: other["time"])
        words = {"teacher": f"the teacher {name}", "lists": "the features, ids or columns of the lists"}
        changed = " and ".join(text for fact, text in words.items() if last[fact] != facts[fact])
        warnings.warn(f"{changed} changed after the scores were kept in {folder}: they are computed anew", stacklevel=2)


def _read_facts(path):
    """Reads the description of an entry; None if it is damaged, or of another format."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return facts if facts["format"] == FORMAT and {"outline", "time", "path", *_OF_BOTH} <= facts.keys() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
