"""Replaces the model by a new file while the server runs. Internal.

If the file is watched, it is checked twice a second. Events of the file system are not used, since there are none from
network file systems, or when a link changes its target, which is how Kubernetes replaces a file.
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
SETTLE_SECONDS = 0.5  # a file must not change for this time before it is read, since a copy may be running


class Stamp(NamedTuple):
    """Properties that change when a file changes."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, path: pathlib.Path) -> "Stamp | None":
        """The stamp of a file, or of the target of a link; None if it does not exist or cannot be reached."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Reloader:
    """Loads a file again when it is asked to, and if it watches, when the file changes.

    The old model serves until the new one has ranked a list. If the new file is broken, the old model stays, and the
    file is checked until it changes, so that an interrupted copy is loaded once it is complete.

    Args:
        path: the path of the file.
        load: opens a path; raises an error if the file is broken.
        serve: is called with a model that should serve from now on.
        model: the current model.
        stamp: the stamp of the file when it was read.
        watch: whether to look for changes without being asked.
        wish: asks for a reload by its `reload`.
        tell: is called with how a reload ended, one of `_metrics.RELOADS`, and facts about it.
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
        self._tried = stamp  # of the file that was last loaded, or that could not be loaded
        self._seen, self._since = stamp, 0.0
        self._is_broken = self._asked = False

    async def run(self) -> None:
        """Checks the file until it is cancelled."""
        looked = 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            looks = (self._watch or self._is_broken) and time.monotonic() - looked >= LOOK_SECONDS
            if self._wish.reload:
                # Reset at once, since another request may come while the file is read.
                self._wish.reload, self._asked = False, True
            if self._asked or looks:
                looked = time.monotonic()
                await self._look()

    async def _look(self):
        # In a thread, since a network file system may hang.
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
            return  # it changed while it was read, so it may be half of two files
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
