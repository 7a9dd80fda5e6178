"""The cache of Parquet files: whole or not there, whatever happens to who writes it."""

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import made_lists
from test_parquet import full_lists, same

from plackett.data import Strings, _cache, read_parquet, write_parquet

READ = """
import sys
from plackett.data import read_parquet
from plackett.data.formats import parquet
parquet.TABLE = int(sys.argv[3])
print("ready", flush=True)
input()
lists = read_parquet(sys.argv[1], cache=sys.argv[2])
print(lists.fingerprint(), __import__("os").stat(lists.labels.filename).st_ino, flush=True)
"""


def start(path, cache, processes=1):
    """Processes that read a file by way of the cache at once, when all have imported what they need."""
    command = [sys.executable, "-c", READ, str(path), str(cache), "2000"]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    return started


def entries(cache):
    return sorted(path for path in cache.iterdir() if path.is_dir())


@pytest.fixture
def path(tmp_path):
    """Some lists with ids of text, small and large ones."""
    lists = full_lists(60)
    total = np.arange(len(lists.labels))
    ids = {"colour": np.array(["red", "", "blé"])[total % 3], "large": total * 2**33, "small": total.astype("int64")}
    write_parquet(dataclasses.replace(lists, ids=lists.ids | ids), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_everything_is_mapped_strings_too(path, tmp_path, monkeypatch):
    monkeypatch.setattr("plackett.data.formats.parquet.TABLE", 500)
    lists, expected = read_parquet(path, cache=tmp_path / "cache"), read_parquet(path)
    same(lists, expected)
    assert lists.fingerprint() == expected.fingerprint()
    assert {name: column.dtype for name, column in lists.ids.items() if name != "colour"} == {
        "film": "int32",
        "large": "int64",
        "small": "int32",
    }
    for strings in (lists.queries, lists.documents, lists.ids["colour"], lists.query_columns["market"]):
        assert isinstance(strings, Strings)
        assert all(
            isinstance(x, np.memmap) for x in (strings.codes, strings.dictionary.text, strings.dictionary.offsets)
        )


def test_an_interrupted_writer_leaves_nothing_that_is_read(tmp_path):
    """Killed at ten moments of a conversion; then it is done, and what the ten left behind is gone."""
    path, cache = tmp_path / "a.parquet", tmp_path / "cache"
    write_parquet(made_lists(3000, seed=0), path)
    expected = read_parquet(path).fingerprint()
    (process,), begin = start(path, tmp_path / "other"), time.perf_counter()
    assert process.communicate()[0].split()[0] == expected
    seconds, draw = time.perf_counter() - begin, random.Random(0)
    left = 0
    for _ in range(10):
        (process,) = start(path, cache)
        time.sleep(draw.uniform(0, 0.9) * seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folders = entries(cache) if cache.exists() else []
        left = max(left, sum(folder.name.startswith("partial-") for folder in folders))
        for folder in folders:
            if not folder.name.startswith("partial-"):  # a process that was done in time
                assert read_parquet(path, cache=cache).fingerprint() == expected
                shutil.rmtree(folder)
    assert left == 1  # that of the last writer alone
    assert read_parquet(path, cache=cache).fingerprint() == expected
    assert [len(folder.name) for folder in entries(cache)] == [24]


def test_two_processes_write_an_entry_once(tmp_path):
    path, cache = tmp_path / "a.parquet", tmp_path / "cache"
    write_parquet(made_lists(1000, seed=0), path)
    told = {process.communicate()[0] for process in start(path, cache, processes=2)}
    assert len(told) == 1
    assert told.pop().split()[0] == read_parquet(path).fingerprint()


def test_names_are_no_paths(tmp_path):
    lists = made_lists(5, seed=0)
    names = ["ctr/7d", "../up", "codes", "text", "a.b", "con"]
    lists = dataclasses.replace(
        lists,
        columns={name: lists.labels.astype("float64") + i for i, name in enumerate(names)},
        query_columns={f"{name}?": np.arange(5) + i for i, name in enumerate(names)} | {"offsets": ["x"] * 5},
    )
    write_parquet(lists, tmp_path / "a.parquet")
    same(read_parquet(tmp_path / "a.parquet", cache=tmp_path / "cache"), lists)
    (entry,) = entries(tmp_path / "cache")
    assert all(name.isdecimal() for name in {x.name for x in entry.iterdir()} - {"index.json"})


def truncate(entry):
    with (entry / "0").open("r+b") as file:
        file.truncate(1)


def change_format(entry):
    index = json.loads((entry / "index.json").read_text())
    (entry / "index.json").write_text(json.dumps(index | {"format": index["format"] + 1}))


def remove_index(entry):
    (entry / "index.json").unlink()


def as_before(entry):
    """What earlier versions left: another form, and a folder with the number of a process."""
    for file in entry.iterdir():
        file.unlink()
    for folder in (entry, entry.with_name(f"{entry.name}.{os.getpid()}")):
        folder.mkdir(exist_ok=True)
        (folder / "labels.numbers").write_bytes(b"garbage!")
        (folder / "arrays.json").write_text("{}")


@pytest.mark.parametrize("harm", [truncate, change_format, remove_index, as_before])
def test_an_entry_that_is_not_whole_is_written_anew(harm, path, tmp_path):
    cache = tmp_path / "cache"
    expected = read_parquet(path, cache=cache).fingerprint()
    (entry,) = entries(cache)
    harm(entry)
    assert read_parquet(path, cache=cache).fingerprint() == expected == read_parquet(path).fingerprint()
    assert entries(cache) == [entry]
    index = json.loads((entry / "index.json").read_text())
    assert index["format"] == _cache.FORMAT
    assert index["plackett"]
    assert {file["file"]: file["bytes"] for file in index["files"]} == {
        file.name: file.stat().st_size for file in entry.iterdir() if file.name != "index.json"
    }


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(
    "first, second, wrong",
    [
        ({}, {}, "query 'a' occurs twice; the ids of queries must be unique"),
        ({}, {"query": ["b"], "price": [[1.0, 2.0]]}, "this has price besides"),
        (
            {"day": [7]},
            {"query": ["b"], "day": ["x"]},
            r"the parts differ in .*: 0 dense features, day and .* \(text\)",
        ),
        ({}, {"query": ["b"], "label": [[1.0, -1.0]]}, r"row 2, query 'b': label must be between"),
    ],
)
def test_both_ways_to_read_say_the_same(first, second, wrong, cached, tmp_path):
    table = {"query": ["a"], "document": [["x", "y"]], "label": [[1.0, 0.0]]}
    for name, columns in (("a", first), ("b", second)):
        pq.write_table(pa.table(table | columns), tmp_path / f"{name}.parquet")
    with pytest.raises(ValueError, match=wrong) as caught:
        read_parquet([tmp_path / "a.parquet", tmp_path / "b.parquet"], cache=tmp_path / "cache" if cached else None)
    assert str(caught.value).startswith(tuple(str(tmp_path / name) for name in ("a.parquet", "b.parquet")))
    assert not (cached and entries(tmp_path / "cache"))


def test_what_was_not_read_for_longest_is_removed(tmp_path, monkeypatch):
    cache, paths = tmp_path / "cache", [tmp_path / f"{i}.parquet" for i in range(4)]
    for i, path in enumerate(paths):
        write_parquet(made_lists(50, seed=i), path)

    def read(i, **options):
        known = {entry.name for entry in entries(cache)} if cache.exists() else set()
        lists = read_parquet(paths[i], cache=cache, **options)
        time.sleep(0.02)
        return lists, {entry.name for entry in entries(cache)} - known

    keys = [read(i)[1].pop() for i in range(3)]
    assert not read(0)[1]
    size = sum(file.stat().st_size for file in (cache / keys[0]).iterdir())
    monkeypatch.setenv("PLACKETT_CACHE_BYTES", str(int(3.5 * size)))
    lists, new = read(3)
    assert {entry.name for entry in entries(cache)} == {keys[0], keys[2], *new}
    assert read(1, cache_bytes=0)[0].fingerprint() == read_parquet(paths[1]).fingerprint()
    assert [entry.name for entry in entries(cache)] == [keys[1]]
    assert lists.fingerprint() == read_parquet(paths[3]).fingerprint()  # those mapped stay
    monkeypatch.setenv("PLACKETT_CACHE_BYTES", "50 GB")
    with pytest.raises(ValueError, match=r"PLACKETT_CACHE_BYTES must be a whole number of bytes .*, but is '50 GB'"):
        read(0)


def test_left_overs_of_other_entries_go_too(path, tmp_path):
    cache = tmp_path / "cache"
    (cache / ("partial-" + "0" * 24 + "-abc")).mkdir(parents=True)
    (cache / "notes of mine").mkdir()
    read_parquet(path, cache=cache)
    assert [folder.name for folder in entries(cache) if len(folder.name) != 24] == ["notes of mine"]


def test_a_full_disk_is_told_and_leaves_nothing(path, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_cache, "sync", full)
    with pytest.raises(OSError, match=r"cache.* could not be written: No space left on device"):
        read_parquet(path, cache=tmp_path / "cache")
    assert entries(tmp_path / "cache") == []


def test_columns_of_queries_may_change_their_type(tmp_path, monkeypatch):
    """Whole numbers of which some are missing are not whole in every part."""
    monkeypatch.setattr("plackett.data.formats.parquet.TABLE", 1)
    rows = {"query": ["a", "b"], "label": [[1.0], [0.0]], "day": pa.array([7, None]), "new": pa.array([True, None])}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    lists, expected = (read_parquet(tmp_path / "a.parquet", cache=cache) for cache in (tmp_path / "cache", None))
    same(lists, expected)
    np.testing.assert_array_equal(lists.query_columns["day"], [7, np.nan])


def test_what_another_process_removes_is_gone(path, tmp_path, monkeypatch):
    """It goes between the look at its index and that at its time."""
    cache, other, read = tmp_path / "cache", tmp_path / "b.parquet", _cache._read_index
    write_parquet(made_lists(5, seed=3), other)
    read_parquet(other, cache=cache)
    (entry,) = entries(cache)

    def read_and_remove(folder):
        index = read(folder)
        if folder == entry and index:
            shutil.rmtree(entry)
        return index

    monkeypatch.setattr(_cache, "_read_index", read_and_remove)
    expected = read_parquet(path).fingerprint()
    assert read_parquet(path, cache=cache).fingerprint() == expected
    assert entry not in entries(cache)


def test_the_index_counts_too(tmp_path):
    """Where there is room for one byte less than all files take, one entry goes."""
    cache, paths = tmp_path / "cache", [tmp_path / f"{name}.parquet" for name in "ab"]
    for path in paths:
        write_parquet(made_lists(2, seed=0), path)
        read_parquet(path, cache=cache)
    both = sum(file.stat().st_size for entry in entries(cache) for file in entry.iterdir())
    for limit, kept in ((both, 2), (both - 1, 1)):
        shutil.rmtree(entries(cache)[0])
        for path in paths:
            read_parquet(path, cache=cache, cache_bytes=limit)
        assert len(entries(cache)) == kept


@pytest.mark.parametrize("name", ["afile", "afile/cache"])
def test_a_cache_is_a_folder(name, path, tmp_path):
    (tmp_path / "afile").touch()
    with pytest.raises(NotADirectoryError, match=r"^cache must be a folder, but .*afile.* is a file, or lies in one"):
        read_parquet(path, cache=tmp_path / name)
