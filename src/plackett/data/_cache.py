"""Lists as files mapped into memory: a folder of entries, each of which is complete or absent.

An entry is a folder named by its key. Its files are numbered; `index.json` says what is in each and is written last.
During writing the folder is called `partial-KEY-...`. A process that writes, maps or removes an entry holds its lock,
`KEY.lock`; the system releases the lock when the process ends for any reason.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import filelock
import numpy as np

import plackett
from plackett._files import PARTIAL, errors_of_writing, make_folder, sync
from plackett.data._columns import narrow
from plackett.data._missed import Missed
from plackett.data._parts import join_columns
from plackett.data._ranking_lists import RankingLists
from plackett.data._row_splits import splits
from plackett.data._strings import Dictionary, Strings

FORMAT = 3  # the format of the entries; an entry of another format is written anew
INDEX = "index.json"
KEY = re.compile(rf"(?:{PARTIAL})?([0-9a-f]{{24}})(?:[-.].*)?")
BYTES = 50 * 10**9  # the limit for all entries together, without PLACKETT_CACHE_BYTES
ROWS = 2**20
NAMED = ("ids", "columns", "query_columns")  # the fields of `RankingLists` that hold arrays by name

Name = tuple[str, ...]  # a field of `RankingLists`, and the name of a column in it


def read_cached(
    cache: str | os.PathLike, key: str, parts: Callable[[], Iterable[RankingLists]], limit: int | None = None
) -> RankingLists:
    """The lists of an entry, mapped into memory; the entry is written first if it does not exist.

    Args:
        cache: the folder of the entries.
        key: 24 hexadecimal digits that depend on everything that the lists depend on.
        parts: function that gives the lists to write, part by part. All parts have columns of the same kinds.
        limit: when an entry is written and all entries take more bytes than this, the least recently read are removed.
            None = `$PLACKETT_CACHE_BYTES`, or 50 GB.

    Raises:
        NotADirectoryError: a file is in the place of the folder.
        OSError: the entry cannot be written.
        ValueError: $PLACKETT_CACHE_BYTES is not a number, or `parts` raises it.
    """
    cache, limit = pathlib.Path(cache), _limit(limit)
    try:
        with errors_of_writing(cache):
            make_folder(cache)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"cache must be a folder, but {cache} is a file, or lies in one") from None
    folder = cache / key
    with _lock(cache, key):
        if not _is_whole(folder):
            _remove_entry(cache, key)
            _write(cache, key, parts())
            _evict(cache, key, limit)
        lists = _map(folder)
        os.utime(folder / INDEX)  # its time says when it was last read
    return lists


def _limit(limit):
    given = os.environ.get("PLACKETT_CACHE_BYTES", str(BYTES)) if limit is None else str(limit)
    if not given.isdecimal():
        what = "PLACKETT_CACHE_BYTES" if limit is None else "cache_bytes"
        raise ValueError(f"{what} must be a whole number of bytes of at least 0, but is {given!r}")
    return int(given)


def _lock(cache, key, **options):
    return filelock.FileLock(cache / f"{key}.lock", **options)


def _read_index(folder):
    """The content of `index.json`; None if it cannot be read."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return index if index["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_whole(folder):
    """Whether there is an entry of this format in which each file has the right size."""
    index = _read_index(folder)
    if index is None:
        return False
    files = {folder / file["file"]: file["bytes"] for file in index["files"]}
    return all(path.is_file() and path.stat().st_size == size for path, size in files.items())


def _remove_entry(cache, key):
    """Removes an entry, and what an unfinished writer of it left behind. The caller holds its lock."""
    with contextlib.suppress(OSError):
        (cache / key / INDEX).unlink()  # first, so that half an entry does not count as one
    for folder in [cache / key, *cache.glob(f"{PARTIAL}{key}-*"), *cache.glob(f"{key}.*")]:
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _evict(cache, key, limit):
    """Removes what dead writers left, and the least recently read entries until all take at most `limit`."""
    total, others = 0, []
    for other in sorted({found[1] for name in os.listdir(cache) if (found := KEY.fullmatch(name))}):
        read, size = _last_read(cache / other)
        total += size
        if other != key:
            others.append((read, other, size))
    for _, other, size in sorted(others):
        if not size or total > limit:
            with contextlib.suppress(filelock.Timeout), _lock(cache, other, timeout=0):  # otherwise it is in use
                _remove_entry(cache, other)
                total -= size


def _last_read(folder):
    """(when an entry was last read, its bytes); (0, 0) if it is gone, for example removed by another process."""
    try:
        index, told = _read_index(folder), (folder / INDEX).stat()
    except FileNotFoundError:
        return 0, 0
    return (told.st_mtime, told.st_size + sum(file["bytes"] for file in index["files"])) if index else (0, 0)


def _write(cache, key, parts):
    """Writes an entry under a temporary name and renames it at the end."""
    partial = pathlib.Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{key}-", dir=cache))
    try:
        with contextlib.closing(_Files(partial)) as files:
            for part in parts:
                files.add(part)
            files.finish()
        with errors_of_writing(cache / key):
            sync(partial)
            partial.replace(cache / key)
            sync(cache)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Files:
    """The files of an entry while it is written: arrays grow part by part."""

    def __init__(self, folder):
        self.folder = folder
        self.open: dict[tuple[Name, str], Any] = {}
        self.kinds: dict[tuple[Name, str], dict] = {}
        self.dictionaries: dict[Name, tuple[int, int, dict]] = {}
        self.of_queries: dict[Name, list] = {}

    def close(self):
        """Closes all files."""
        for file in self.open.values():
            file.close()

    def add(self, lists):
        """Writes a part of the lists."""
        self.feature_names = lists.feature_names if lists.has_feature_names else ()
        for name, column in _arrays(lists).items():
            if isinstance(column, Strings):
                self._add_strings(name, column)
            elif name[0] == "query_columns":  # short arrays, whose type may differ from part to part
                self.of_queries.setdefault(name, []).append(column)
            else:
                self._append(name, column)

    def _append(self, name, array, of=""):
        """Writes an array, or the `codes`, the `text` or the `offsets` of strings."""
        kind = self.kinds.setdefault((name, of), {"dtype": array.dtype.str, "shape": [0, *array.shape[1:]]})
        with errors_of_writing(self.folder.parent):
            if (name, of) not in self.open:
                self.open[name, of] = (self.folder / str(len(self.open))).open("wb")
            if array.size:
                self.open[name, of].write(np.ascontiguousarray(array).reshape(-1).view("uint8"))
        kind["shape"][0] += len(array)

    def _add_strings(self, name, strings):
        """Appends texts; the texts of a dictionary that was added before are there already."""
        texts, size, first = self.dictionaries.get(name, (0, 0, {}))
        dictionary = strings.dictionary
        if dictionary not in first:
            text = dictionary.text[dictionary.offsets[0] : dictionary.offsets[-1]]
            ends = dictionary.offsets[1:].astype("int64") - dictionary.offsets[0] + size
            self._append(name, text, "text")
            self._append(name, ends if first else np.append(0, ends), "offsets")
            if texts + len(dictionary) >= 2**31:
                raise ValueError(f"{' '.join(name)}: there are more than 2^31 texts, which a cache cannot hold")
            # Few are recognised: those of parts whose documents have no ids.
            first = dict([*first.items(), (dictionary, texts)][-4:])
            self.dictionaries[name] = texts + len(dictionary), size + len(text), first
        self._append(name, strings.codes + np.int32(first[dictionary]), "codes")

    def finish(self):
        """Writes the index, once all files are on disk."""
        for name, parts in self.of_queries.items():
            self._append(name, join_columns(name[1], parts))
        files = []
        for (name, of), file in self.open.items():
            path, kind = pathlib.Path(file.name), self.kinds[name, of]
            with errors_of_writing(self.folder.parent):
                file.close()
                kind = _narrow_file(path, kind) if name[0] == "ids" and not of else kind
                sync(path)
            files.append({"file": path.name, "name": name, "of": of, **kind, "bytes": path.stat().st_size})
        index = {"format": FORMAT, "plackett": plackett.__version__, "feature_names": list(self.feature_names)}
        with errors_of_writing(self.folder.parent):
            (self.folder / INDEX).write_text(json.dumps(index | {"files": files}), encoding="utf-8")
            sync(self.folder / INDEX)


def _narrow_file(path, kind):
    """The index entry of a file of whole numbers, stored as int32 if all of them fit."""
    numbers = _map_file(path, kind["dtype"], kind["shape"])
    if any(narrow(numbers[i : i + ROWS]).dtype != "int32" for i in range(0, len(numbers), ROWS)):
        return kind
    other = path.with_suffix(".int32")
    with other.open("wb") as file:
        for i in range(0, len(numbers), ROWS):
            file.write(numbers[i : i + ROWS].astype("int32").data)
    other.replace(path)
    return kind | {"dtype": np.dtype("int32").str}


def _arrays(lists) -> dict[Name, np.ndarray | Strings]:
    """All arrays of lists, by names that say where they belong."""
    fixed: dict[Name, np.ndarray | Strings]
    fixed = {(name,): getattr(lists, name) for name in ("labels", "queries", "documents", "features", "lengths")}
    if lists.missed is not None:
        fixed |= {("missed", "grades"): lists.missed.grades, ("missed", "lengths"): np.diff(lists.missed.row_splits)}
    return fixed | {(kind, name): x for kind in NAMED for name, x in getattr(lists, kind).items()}


def _map(folder):
    """The lists of an entry."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    arrays: dict[Name, dict[str, np.ndarray]] = {}
    for file in index["files"]:
        of_name = arrays.setdefault(tuple(file["name"]), {})
        of_name[file["of"]] = _map_file(folder / file["file"], file["dtype"], file["shape"])
    fields: dict[str, Any] = {name: {} for name in (*NAMED, "missed")}
    for (field, *column), files in arrays.items():
        array = files[""] if "" in files else Strings(files["codes"], Dictionary(files["text"], files["offsets"]))
        if column:
            fields[field][column[0]] = array
        else:
            fields[field] = array
    missed = fields.pop("missed")
    return RankingLists(
        row_splits=splits(fields.pop("lengths")),
        feature_names=tuple(index["feature_names"]),
        missed=Missed(missed["grades"], splits(missed["lengths"])) if missed else None,
        **fields,
    )


def _map_file(path, dtype, shape):
    """The array of a file; an empty array cannot be mapped."""
    return np.memmap(path, dtype, "r", shape=tuple(shape)) if 0 not in shape else np.zeros(shape, dtype)
