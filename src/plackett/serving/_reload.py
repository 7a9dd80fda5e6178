"""A new file of the model takes the old one's place while the server runs. Internal.

The file is looked at, twice a second where it is watched, and no event of the file system is waited for: those do not
come from network file systems, nor from a link that is turned elsewhere, which is how Kubernetes replaces a file.
"""

import asyncio
import os
import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from plackett.serving._shutdown import Wish

TICK_SECONDS = 0.2
LOOK_SECONDS = 0.5
SETTLE_SECONDS = 0.5  # for which a file must not change before it is read: a copy may be under way


class Stamp(NamedTuple):
    """What changes where a file does."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, path: pathlib.Path) -> "Stamp | None":
        """The stamp of a file, or of what a link names; None where it is not there or out of reach."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Reloader:
    """Loads a file again when it is asked to, and where it watches, when the file changes.

    The old model serves until the new one has ranked a list. Where the new file is broken it serves on, and the file
    is looked at until it changes, so that a copy which had stopped half-way is loaded when it is whole.

    Args:
        path: of the file.
        load: opens a path; raises where the file is broken.
        serve: is given a model that is to serve from now on.
        model: what serves now.
        stamp: of the file when that was read.
        watch: whether to look for changes without being asked.
        wish: what asks, by its `reload`.
        tell: is given how a reload ended, one of `_metrics.RELOADS`, and what is known of it.
    """

    def __init__(
        self,
        path: pathlib.Path,
        *,
        load: Callable[[pathlib.Path], Any],
        serve: Callable[[Any], None],
        model: Any,
        stamp: Stamp | None,
        watch: bool,
        wish: Wish,
        tell: Callable[..., None],
    ):
        self._path, self._load, self._serve, self._tell = path, load, serve, tell
        self._model, self._watch, self._wish = model, watch, wish
        self._tried = stamp  # of the file that was loaded last, or that could not be
        self._seen, self._since = stamp, 0.0
        self._is_broken = self._asked = False

    async def run(self) -> None:
        """Looks at the file until it is cancelled."""
        looked = 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            looks = (self._watch or self._is_broken) and time.monotonic() - looked >= LOOK_SECONDS
            if self._wish.reload:
                # At once: another wish may come while the file is read.
                self._wish.reload, self._asked = False, True
            if self._asked or looks:
                looked = time.monotonic()
                await self._look()

    async def _look(self):
        # In a thread: a network file system may hang.
        stamp = await asyncio.to_thread(Stamp.of, self._path)
        if stamp != self._seen:
            self._seen, self._since = stamp, time.monotonic()
        if not self._asked and stamp == self._tried:
            return
        if stamp is None:
            self._end(stamp, "missing", error=f"there is no file {self._path} within reach")
        elif time.monotonic() - self._since >= SETTLE_SECONDS:
            await self._try(stamp)

    async def _try(self, stamp):
        begin = time.monotonic()
        error = None
        try:
            model = await asyncio.to_thread(self._load, self._path)
        except Exception as broken:
            error = broken
        if await asyncio.to_thread(Stamp.of, self._path) != stamp:
            return  # it changed while it was read: it may be half of two files
        seconds = round(time.monotonic() - begin, 3)
        if error is not None:
            self._end(stamp, "failed", error=f"{type(error).__name__}: {error}", seconds=seconds)
        elif model.fingerprint == self._model.fingerprint:
            self._end(stamp, "unchanged", seconds=seconds)
        else:
            old, self._model = self._model, model
            self._serve(model)
            self._end(stamp, "loaded", seconds=seconds, **_changes(old, model))

    def _end(self, stamp, result, **facts):
        self._tried, self._asked = stamp, False
        self._is_broken = result in ("missing", "failed")
        self._tell(result, model=self._model.fingerprint, **facts)


def _changes(old, new):
    """What a reader of the log must know of a new model: clients that send other features are refused from now on."""
    before, after = set(_inputs(old.signature)), set(_inputs(new.signature))
    changes = {"was": old.fingerprint, "inputs_gone": sorted(before - after), "inputs_new": sorted(after - before)}
    return {name: value for name, value in changes.items() if value}


def _inputs(signature):
    return (*signature.features, *signature.ids, *signature.columns)
