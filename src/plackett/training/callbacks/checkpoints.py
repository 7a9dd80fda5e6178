"""Checkpoints: all that a run needs to continue as if it had never stopped, each written whole or not at all.

They hold all randomness of a run. The batches and their order are functions of the seed and the epoch. Dropout and the
noise of a loss draw from seed generators, whose states are variables, or from the generators of `generators`.
"""

import json
import math
import pathlib
import re
import shutil
import time

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett._files import PARTIAL, errors_of_writing, make_folder, sync
from plackett.losses._base import RankingLoss
from plackett.training._feed import Feed
from plackett.training._same_run import WAY_OUT
from plackett.training._settings import Settings
from plackett.training.callbacks.best_epoch import Record
from plackett.training.callbacks.divergence import Watch
from plackett.training.callbacks.randomness import EpochSeeds

CHECKPOINTS = "checkpoints"


class Checkpoints(keras.callbacks.Callback):
    """Writes checkpoints while a model is trained, and restores them.

    Args:
        root: the folder of the checkpoints, each in its own folder `epoch-step`.
        settings: how often a checkpoint is written and how many are kept.
        feed: the batches that the model is trained on.
        record: the history and the best weights so far. Its callback must come first.
        watch: checks the weights before they are written.
        seeds: the global generators.
        losses: the losses of the model.
        of_given_state: whether the run starts from weights or an optimizer that the caller gave, which no seed can make
            again. A checkpoint is then written before the first step.
    """

    def __init__(
        self,
        root: pathlib.Path,
        settings: Settings,
        feed: Feed,
        record: Record,
        watch: Watch,
        seeds: EpochSeeds,
        losses: list[RankingLoss],
        of_given_state: bool,
    ) -> None:
        super().__init__()
        self.seeds = seeds
        self.group = record.group
        self.root = root
        self.settings = settings
        self.feed = feed
        self.record = record
        self.watch = watch
        self.noise = [loss.seed_generator.state for loss in losses if loss.seed_generator is not None]
        self.of_given_state = of_given_state
        self.steps = len(feed)
        self.written = time.monotonic()
        self._means: list[np.ndarray] = []
        self._due = False

    def resume(self, model: keras.Model) -> tuple[int, int]:
        """Restores the last checkpoint, and returns its (epoch, step); (0, 0) if there is none."""
        if self.group.leads:
            _remove_partial(self.root)
        whole = self.group.ask_first(lambda: positions(self.root)[-1:])
        if not whole:
            if self.of_given_state:
                self.write_start(model)
            return 0, 0
        path = self.root / _name(*whole[-1])
        with np.load(path / "arrays.npz") as file:
            arrays = dict(file)
        progress = json.loads((path / "progress.json").read_text())
        self.record.take(progress["history"])
        self.record.best_weights = _group(arrays, "best")
        if self.settings.tasks:
            # Keras makes the running means of the losses of several outputs only when it first computes them.
            model._symbolic_build(data_batch=self.feed[0])
        weights = backend.variables_of(model)
        _check_fit(path, weights, _group(arrays, "model"))
        _assign(weights, _group(arrays, "model"))
        _assign(model.optimizer.variables, _group(arrays, "optimizer"))
        _assign(self.noise, _group(arrays, "noise"))
        self.seeds.take_up(_group(arrays, "generators"))
        # Keras resets its running means when an epoch begins; `on_epoch_begin` restores them after that.
        self._means = _group(arrays, "metrics")
        return whole[-1]

    def write_start(self, model: keras.Model) -> None:
        """Writes a checkpoint of a model and its optimizer before the first step."""
        self.set_model(model)
        self._write(0, 0)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._means:
            _assign(self.model.metrics_variables, [x / backend.parts_of_batch() for x in self._means])
            self._means = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not self.group.leads:
            return
        step = self.feed.batches.step + batch + 1
        every = self.settings.checkpoint_steps
        self._due |= every is not None and (self.feed.batches.epoch * self.steps + step) % every == 0
        self._due |= time.monotonic() - self.written >= 60 * self.settings.checkpoint_minutes
        if self._due:
            self.watch.check_weights(batch)
        if self._due and step < self.steps:
            self._write(self.feed.batches.epoch, step)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._due and not self.model.stop_training:
            self._write(epoch + 1, 0)

    def write_after_step(self, batch: int) -> bool:
        """Whether a checkpoint follows this batch. The checkpoint after the last batch is written after the epoch."""
        step = self.feed.batches.step + batch + 1
        if step == self.steps:
            return False
        self.watch.check_weights(batch)
        self._write(self.feed.batches.epoch, step)
        return True

    def write_after_epoch(self, epoch: int) -> None:
        """Writes a checkpoint of the end of this epoch."""
        self.watch.check_weights(len(self.feed) - 1)
        self._write(epoch + 1, 0)

    def write_the_end(self) -> None:
        """Writes a checkpoint of the last epoch, from which a run of more epochs can continue."""
        self._write(len(self.record.history), 0)

    def _write(self, epoch, step):
        if not self.group.leads:
            return
        if positions(self.root)[-1:] == [(epoch, step)]:  # just written for another reason
            self._due = False
            return
        groups = {
            "model": _values(backend.variables_of(self.model)),
            "optimizer": _values(self.model.optimizer.variables),
            "noise": _values(self.noise),
            # The state of an epoch begins anew with the next. If processes have parts of a batch, so are their running
            # sums. A
            # checkpoint holds those of the whole, so that any number of processes can continue.
            "metrics": [x * backend.parts_of_batch() for x in _values(self.model.metrics_variables)] if step else [],
            "generators": self.seeds.states() if step else [],
            "best": self.record.best_weights or [],
        }
        arrays = {f"{name}/{i}": x for name, group in groups.items() for i, x in enumerate(group)}
        write(self.root, (epoch, step), arrays, {"history": self.record.history})
        for old in positions(self.root)[: -self.settings.keep_checkpoints]:
            _remove(self.root / _name(*old))
        self.written, self._due = time.monotonic(), False


def write(root: pathlib.Path, position: tuple[int, int], arrays: dict[str, np.ndarray], progress: dict) -> None:
    """Writes one checkpoint whole or not at all, even if the process or the machine stops at any moment.

    Raises:
        OSError: it could not be written.
    """
    path = root / _name(*position)
    partial = root / f"{PARTIAL}{path.name}"
    with errors_of_writing(path):
        try:
            make_folder(root)
            partial.mkdir()
            with (partial / "arrays.npz").open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # no key is `allow_pickle`
            (partial / "progress.json").write_text(json.dumps(progress))
            for written in (partial / "arrays.npz", partial / "progress.json", partial):
                sync(written)
            partial.rename(path)
            sync(root)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def positions(root: pathlib.Path) -> list[tuple[int, int]]:
    """The (epoch, step) of each complete checkpoint in a folder, the last one last."""
    found = [re.fullmatch(r"(\d+)-(\d+)", path.name) for path in root.glob("*-*")]
    return sorted((int(match[1]), int(match[2])) for match in found if match)


def clear(root: pathlib.Path, keep: int = 0) -> None:
    """Removes the checkpoints except the last `keep`, and the folder if nothing else is in it."""
    places = positions(root)
    for position in places[: len(places) - keep]:
        _remove(root / _name(*position))
    _remove_partial(root)
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()


def _name(epoch, step):
    return f"{epoch:04d}-{step:06d}"


def _remove_partial(root):
    """Removes what was being written or removed when a run was killed."""
    for path in root.glob(f"{PARTIAL}*"):
        shutil.rmtree(path)


def _remove(path):
    """Removes a checkpoint. Under its own name it must be complete, so it is renamed first."""
    shutil.rmtree(path.rename(path.with_name(f"{PARTIAL}{path.name}")))


def _group(arrays, name):
    """The arrays of one group, in order."""
    return [arrays[key] for key in sorted(arrays, key=_place) if key.startswith(f"{name}/")]


def _place(key):
    return int(key.partition("/")[2])


def _check_fit(path, variables, values):
    """Raises a ValueError if a checkpoint has other weights than the model, for example from another version."""
    shapes, given = [tuple(x.shape) for x in variables], [x.shape for x in values]
    if shapes != given:
        raise ValueError(
            f"{path} has {len(given)} weights, of {sum(x.size for x in values):,} numbers, but the model of these "
            f"settings has {len(shapes)}, of {sum(map(math.prod, shapes)):,}: the run was begun by a version of "
            f"plackett whose scorer has other defaults. To train anew, {WAY_OUT}"
        )


def _values(variables):
    return [ops.convert_to_numpy(backend.local_value(variable)) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
