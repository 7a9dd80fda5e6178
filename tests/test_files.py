"""Files that are whole or not there."""

import errno
import os
import pathlib
import stat

import pytest

from plackett import _files, data


def partials(folder):
    return [path for path in folder.iterdir() if _files.is_partial(path.name, ["a.txt"])]


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    path, synced = tmp_path / "a.txt", []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    with _files.replace(path) as partial:
        partial.write_text("one")
    assert path.read_text() == "one"
    assert synced == [str(partial), str(tmp_path)]  # what it holds, and that it has its name

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
    with _files.replace(tmp_path / "a.txt") as partial:
        partial.write_text("one")
    assert opened == [(partial, os.O_RDWR)]


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
    with pytest.raises(FileNotFoundError, match=r"^there is no folder .*none for a\.txt: make it first$"):
        _files.write_whole(tmp_path / "none" / "a.txt", "one")
    with pytest.raises(OSError, match=r"^a\.txt could not be written: it is so$"), _files.errors_of_writing("a.txt"):
        raise OSError("it is so")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.txt could not be written: No space left on device"):
        _files.write_whole(tmp_path / "a.txt", "one")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_replaced_is_there_again(tmp_path, monkeypatch):
    folder, rename = tmp_path / "a", pathlib.Path.rename
    folder.mkdir()
    (folder / "a.txt").write_text("one")

    def fail_once(path, to):
        if to == folder:
            monkeypatch.undo()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, to)

    monkeypatch.setattr(pathlib.Path, "rename", fail_once)
    with pytest.raises(OSError, match="a could not be written: Input/output error"), _files.replace_folder(folder):
        pass
    assert [one.name for one in tmp_path.rglob("*")] == ["a", "a.txt"]


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^there is no file .*none\.txt$"):
        _files.check_file(tmp_path / "none.txt")
    with pytest.raises(IsADirectoryError, match="is a folder, where a file is needed"):
        _files.check_file(tmp_path)


def test_each_writer_has_a_file_of_its_own_of_the_same_suffix(tmp_path):
    path, theirs = tmp_path / "a.txt", tmp_path / "partial-a.txt"
    theirs.write_text("precious")
    with _files.replace(path) as first, _files.replace(path) as second:
        assert {first.suffix, second.suffix} == {".txt"}
        assert sorted(partials(tmp_path)) == sorted([first, second])
        first.write_text("one")
        second.write_text("two")
    assert path.read_text() == "one"  # the outer one ends last
    assert theirs.read_text() == "precious"
    assert not partials(tmp_path)


def test_a_file_may_be_read_by_those_who_may_read_other_new_files(tmp_path):
    (tmp_path / "other").write_text("")
    _files.write_whole(tmp_path / "a.txt", "one")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def no_links(*_):
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("link", [os.link, no_links])
def test_a_name_that_was_taken_meanwhile_is_replaced_only_where_that_is_allowed(tmp_path, monkeypatch, link):
    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "a.txt"
    with _files.replace(path, overwrite=False) as partial:
        partial.write_text("one")
    assert path.read_text() == "one"
    with (
        pytest.raises(
            FileExistsError, match=r"a\.txt exists, though it did not when the writing began: choose another output"
        ),
        _files.replace(path, overwrite=False) as partial,
    ):
        partial.write_text("two")
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_only_what_killed_writers_left_is_removed(tmp_path):
    left = [f"plackett-partial-{name}" for name in ("a-0123456789abcdef.txt", ".b-fedcba9876543210.json")]
    others = ["partial-a.txt", "plackett-partial-a.txt", "plackett-partial-c-0123456789abcdef.txt", "a.txt"]
    for name in (*left, *others):
        (tmp_path / name).write_text("")
    _files.remove_partial(tmp_path, ["a.txt", ".b.json"])
    assert {file.name for file in tmp_path.iterdir()} == set(others)


def test_the_name_of_a_new_folder_is_on_the_disk_and_those_above_it(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(_files, "sync", synced.append)
    _files.make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    _files.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


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
