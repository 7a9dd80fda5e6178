"""Files that are whole or not there."""

import errno
import os

import pytest

from plackett import _files, data


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path, synced = tmp_path / "a.txt", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    _files.write_whole(path, "one")
    assert path.read_text() == "one"
    assert synced == [str(tmp_path / "partial-a.txt"), str(tmp_path)]  # what it holds, and that it has its name

    def write_half(partial):
        partial.write_text("tw")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), _files.replace(path) as partial:
        write_half(partial)
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_windows_opens_no_folder_to_sync_it(tmp_path, monkeypatch):
    opened, by_the_system = [], os.open

    def note(path, flags):
        opened.append((path, flags))
        return by_the_system(path, flags)

    monkeypatch.setattr(_files, "ON_WINDOWS", True)
    monkeypatch.setattr(os, "open", note)
    _files.write_whole(tmp_path / "a.txt", "one")
    assert opened == [(tmp_path / "partial-a.txt", os.O_RDWR)]


def test_a_file_system_that_syncs_no_folder_is_written_to(tmp_path, monkeypatch):
    by_the_system = os.fsync

    def refuse(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        by_the_system(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    _files.write_whole(tmp_path / "a.txt", "one")
    assert (tmp_path / "a.txt").read_text() == "one"


def test_what_cannot_be_written_is_named(tmp_path, monkeypatch):
    with pytest.raises(OSError, match=r"none/a\.txt could not be written: No such file or directory"):
        _files.write_whole(tmp_path / "none" / "a.txt", "one")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.txt could not be written: No space left on device"):
        _files.write_whole(tmp_path / "a.txt", "one")
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^there is no file .*none\.txt$"):
        _files.check_file(tmp_path / "none.txt")
    with pytest.raises(IsADirectoryError, match="is a folder, where a file is needed"):
        _files.check_file(tmp_path)


@pytest.mark.parametrize("given", [[["a.txt"]], None, b"a.txt", 3], ids=repr)
@pytest.mark.parametrize(
    "read",
    [
        data.read,
        data.read_delimited,
        data.read_letor,
        data.read_parquet,
        lambda given: data.read_trec(given, qrels=None),
        lambda given: data.read_tfrecord(given, form="elwc"),
        lambda given: data.convert(given, "a.parquet"),
    ],
)
def test_what_is_no_path_is_told_so(read, given):
    with pytest.raises(TypeError, match=r"^a path must be a string or os\.PathLike, but got "):
        read(given)
