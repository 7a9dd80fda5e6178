"""When a changed file is loaded, without a server."""

import asyncio
import dataclasses
import os

import pytest

from plackett.data._signature import Signature
from plackett.serving import _reload
from plackett.serving._reload import Reloader, Stamp
from plackett.serving._shutdown import Wish

SIGNATURE = Signature(features=("a",), named=True, missing=False)


@dataclasses.dataclass
class Model:
    fingerprint: str
    signature: Signature = SIGNATURE


def load(path):
    text = path.read_text()
    if "broken" in text:
        raise ValueError(text)
    return Model(text)


class Watch:
    """A reloader over a file, with what it told and what it served."""

    def __init__(self, path, *, watch=True, load=load):
        self.path, self.told, self.served, self.wish = path, [], [], Wish()
        self.reloader = Reloader(
            path,
            load=load,
            serve=lambda model: self.served.append(model.fingerprint),
            model=load(path),
            stamp=Stamp.of(path),
            watch=watch,
            wish=self.wish,
            tell=lambda result, **facts: self.told.append((result, facts)),
        )

    async def __aenter__(self):
        self._task = asyncio.create_task(self.reloader.run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, ends):
        async with asyncio.timeout(20):
            while len(self.told) < ends:
                await asyncio.sleep(0.005)
        return [result for result, _ in self.told]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(_reload, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(_reload, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(_reload, "SETTLE_SECONDS", 0.1)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_text("one")
    return file


def replace(path, text):
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def test_a_changed_file_is_served_and_an_unchanged_one_is_not_read(path):
    async def run():
        async with Watch(path) as watch:
            await asyncio.sleep(0.3)
            assert watch.told == []
            replace(path, "two")
            assert await watch.wait(1) == ["loaded"]
            assert watch.served == ["two"]

    asyncio.run(run())


def test_without_watch_a_change_waits_until_it_is_asked_for(path):
    async def run():
        async with Watch(path, watch=False) as watch:
            replace(path, "two")
            await asyncio.sleep(0.3)
            assert watch.served == []
            watch.wish.reload = True
            assert await watch.wait(1) == ["loaded"]

    asyncio.run(run())


def test_a_file_that_is_broken_and_then_mended_is_served_though_nobody_asks_again(path):
    async def run():
        async with Watch(path, watch=False) as watch:
            replace(path, "broken")
            watch.wish.reload = True
            assert await watch.wait(1) == ["failed"]
            assert "broken" in watch.told[0][1]["error"]
            await asyncio.sleep(0.3)
            assert len(watch.told) == 1  # it is not tried again and again
            replace(path, "two")
            assert await watch.wait(2) == ["failed", "loaded"]

    asyncio.run(run())


def test_a_file_that_vanishes_is_told_once_and_served_when_it_is_back(path):
    async def run():
        async with Watch(path) as watch:
            path.unlink()
            assert await watch.wait(1) == ["missing"]
            await asyncio.sleep(0.3)
            path.write_text("two")
            assert await watch.wait(2) == ["missing", "loaded"]

    asyncio.run(run())


def test_a_folder_that_vanishes_and_returns_is_watched_on(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    path = folder / "model.onnx"
    path.write_text("one")

    async def run():
        async with Watch(path) as watch:
            folder.rename(tmp_path / "elsewhere")
            assert await watch.wait(1) == ["missing"]
            folder.mkdir()
            path.write_text("two")
            assert await watch.wait(2) == ["missing", "loaded"]

    asyncio.run(run())


def test_a_file_is_not_read_while_it_is_copied(path):
    tried = []

    def load_whole(path):
        tried.append(path.read_text())
        return load(path)

    async def run():
        async with Watch(path, load=load_whole) as watch:
            with path.open("w") as file:
                for piece in "abcdefghij":
                    file.write(piece)
                    file.flush()
                    await asyncio.sleep(0.03)
            assert await watch.wait(1) == ["loaded"]
        assert tried == ["one", "abcdefghij"]

    asyncio.run(run())


def test_a_file_that_changes_while_it_is_read_is_read_again(path):
    reads = []

    def load_and_change(path):
        model = load(path)
        reads.append(model.fingerprint)
        if len(reads) == 2:
            replace(path, "three")
        return model

    async def run():
        async with Watch(path, load=load_and_change) as watch:
            replace(path, "two")
            assert await watch.wait(1) == ["loaded"]
            assert watch.served == ["three"]

    asyncio.run(run())


def test_a_link_that_is_turned_to_another_folder_is_a_change(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_text(name)
        os.utime(tmp_path / name / "model.onnx", (1, 1))  # Kubernetes may leave the time as it was
    link = tmp_path / "data"
    link.symlink_to(tmp_path / "one")

    async def run():
        async with Watch(link / "model.onnx") as watch:
            (tmp_path / "new").symlink_to(tmp_path / "two")
            (tmp_path / "new").replace(link)
            assert await watch.wait(1) == ["loaded"]
            assert watch.served == ["two"]

    asyncio.run(run())


def test_the_same_model_asked_for_again_is_not_served_anew(path):
    async def run():
        async with Watch(path, watch=False) as watch:
            watch.wish.reload = True
            assert await watch.wait(1) == ["unchanged"]
            assert watch.served == []

    asyncio.run(run())


def test_a_model_of_other_inputs_says_which(path):
    other = Signature(features=("b",), named=True, missing=False, ids={"film": "text"})

    def load_other(path):
        model = load(path)
        return dataclasses.replace(model, signature=other) if model.fingerprint == "two" else model

    async def run():
        async with Watch(path, load=load_other) as watch:
            replace(path, "two")
            await watch.wait(1)
            facts = watch.told[0][1]
            assert (facts["inputs_gone"], facts["inputs_new"], facts["was"]) == (["a"], ["b", "film"], "one")

    asyncio.run(run())


def test_a_wish_that_comes_while_the_file_is_read_is_not_lost(path):
    wishes = []

    def load_and_wish(path):
        if wishes:
            wishes.pop().reload = True
        return load(path)

    async def run():
        async with Watch(path, watch=False, load=load_and_wish) as watch:
            wishes.append(watch.wish)
            replace(path, "two")
            watch.wish.reload = True
            assert await watch.wait(2) == ["loaded", "unchanged"]

    asyncio.run(run())
