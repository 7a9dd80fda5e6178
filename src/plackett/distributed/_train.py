"""Trains a ranker in several processes, on one machine or many."""

import dataclasses
import pathlib
import platform
import warnings
from collections.abc import Callable
from typing import Any, Unpack

import keras
from ray.util.metrics import Gauge

from plackett import backend
from plackett.backend import process_groups
from plackett.data import RankingLists
from plackett.distributed._cluster import connect
from plackett.distributed._group_member import Place
from plackett.distributed._run_in_group import check_group_size, make_task, run_group
from plackett.training._group import Group
from plackett.training._interrupt import Interrupt, catch_interrupts
from plackett.training._lock import HOLDER
from plackett.training._loop import prepare, train_all
from plackett.training._output_folder import read_history
from plackett.training._run import Run, Trained, has_state, warn_of_no_checkpoint
from plackett.training._settings import Settings, SettingsKeywords
from plackett.training.callbacks.checkpoints import CHECKPOINTS, positions


def train(
    lists: RankingLists,
    validation: RankingLists | None = None,
    *,
    workers: int,
    output: str | pathlib.Path,
    address: str | None = None,
    max_failures: int = 3,
    overwrite: bool = False,
    resume: bool = False,
    provenance: dict | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Trained:
    """Trains a ranker as `plackett.train` does, in several processes that share each batch.

        trained = plackett.distributed.train(lists, workers=2, output="runs/first", loss="softmax", batch_size=64)

    Each step is that of one process with the whole batch, so the losses and the weights are those of `plackett.train`
    up to rounding. If an optimizer divides by the size of a gradient, as Adam does, rounding may also move a weight
    that changes no score, such as a bias before a normalisation. Ray Train starts the processes. On JAX they form one
    program over global arrays. On PyTorch gradients are averaged; there a layer of your own that looks at other lists
    of its batch, or draws at random, sees only its worker's part. A loss that draws noise draws that of one process.
    The first worker measures the epochs and writes files. Each worker takes a part of a batch of `batch_size` lists.
    The lists are put into Ray's object store once, and processes of one machine share them.

    On PyTorch the first worker listens on all addresses of its machine, since PyTorch does, although a cluster on this
    machine alone listens on no other address. On an open network, close the ports of the machine.

    After a worker or a machine is lost, all workers start again from the last checkpoint in `output`, with the same
    result. Set `checkpoint_minutes` by how much work may be lost.

    Args:
        lists: the training lists.
        validation: as in `plackett.train`.
        workers: the number of processes. A given `batch_size` must be a multiple of it.
        output: as in `plackett.train`, but it must be given, and be on storage that all machines share.
        address: the address of a Ray cluster: "auto", "host:port" or "ray://host:port". None = a cluster on this
            machine, which ends with the training.
        max_failures: how often all workers may start again.
        overwrite, resume, provenance: as in `plackett.train`. A run may continue with another number of workers or in
            one process, and vice versa.
        on_epoch: is called in this process with the history entry of each epoch. For an ensemble, whose members are
            trained one after the other, the entry has the number of the member too, `member`.
        settings: fields of `Settings`.

    Raises:
        ConnectionError: workers were lost more often than `max_failures`, or there is no cluster at the address.
        KeyboardInterrupt: Ctrl-C came, and the workers have stopped after a checkpoint; a second Ctrl-C ends them at
            once.
        ValueError: the backend is TensorFlow; `batch_size` is not a multiple of `workers`; a machine does not see
            `output`; or as in `plackett.train`.
        OSError, TrainingDivergedError: as in `plackett.train`.
    """
    check_group_size(workers, max_failures)
    given = Settings.from_dict(dict(settings))
    if given.batch_size is not None:
        check_batch_size(given.batch_size, workers)
    choices: dict[str, Any] = {"output": output, "overwrite": overwrite, "resume": resume, "provenance": provenance}

    def train_one(number, lists, validation, settings, **choices):
        def hear(entry):
            if on_epoch is not None:
                on_epoch({"member": number} | entry if given.ensemble > 1 else entry)

        group = {"workers": workers, "address": address, "max_failures": max_failures}
        return _train_one(lists, validation, settings, choices, group, hear)

    return train_all(train_one, lists, validation, dict(settings), **choices, parts=workers)


def _train_one(lists, validation, settings, choices, group, hear):
    """Runs one training of workers."""
    workers = group["workers"]
    with catch_interrupts(), prepare(lists, validation, settings, **choices, parts=workers) as ready:
        run, folder, chosen = ready.run, pathlib.Path(choices["output"]), ready.run.settings
        check_batch_size(run.budget.batch_size, workers)
        record = run.read_record(folder, ready.config)
        if not record.ends(run.budget.epochs):
            if ready.goes_on:
                warn_of_no_checkpoint(folder)
            if has_state(chosen) and not positions(folder / CHECKPOINTS):
                run.write_start(record)
            arguments = {
                "lists": ready.lists,
                "validation": ready.validation,
                "settings": _without_models(chosen, ready.config),
                "folder": folder.absolute(),
                "holder": (folder / HOLDER).read_text(),
                "objects": _objects_of_user(),
            }
            with connect(group["address"], workers) as threads:
                task = make_task(_train_here, arguments, workers, threads, group["max_failures"])
                run_group(task, ready.interrupt, _Hearer(hear, folder))
            record = run.read_record(folder)
        return run.take_trained(record)


class _Hearer:
    """Passes on messages of workers, each epoch once, even if it was trained again after a failure.

    Args:
        on_epoch: what hears of the epochs.
        folder: of the run. Epochs before its last checkpoint are known.
    """

    def __init__(self, on_epoch, folder):
        self.on_epoch, self.folder = on_epoch, folder
        self.epochs = max(positions(folder / CHECKPOINTS), default=(0, 0))[0]

    def __call__(self, kind, what):
        if kind == "epoch":
            self._hear(what)
        if kind == "lost":
            for entry in read_history(self.folder):
                self._hear(entry)  # of the last one the lost worker may not have told
            words, left = what
            warnings.warn(
                f"a worker was lost ({words}): all start again from the last checkpoint; {left} more may be lost",
                stacklevel=5,
            )

    def _hear(self, entry):
        if entry["epoch"] > self.epochs:
            self.epochs = entry["epoch"]
            self.on_epoch(entry)


def check_batch_size(batch_size: int, workers: int) -> None:
    """Raises a ValueError with the nearest allowed sizes unless a batch can be divided among the workers."""
    if batch_size % workers:
        below = batch_size // workers * workers
        nearest = f"{below} or {below + workers}" if below else f"{workers}"
        raise ValueError(
            f"batch_size must be a multiple of the {workers} workers, which take equal parts of each batch, but got "
            f"{batch_size}: give batch_size={nearest} (--batch-size)"
        )


def _without_models(settings, config):
    """The settings with models and optimizers as configs; their weights are in a checkpoint."""
    kinds = keras.Model | keras.optimizers.Optimizer
    models = {name: config[name] for name in ("scorer", "optimizer") if isinstance(getattr(settings, name), kinds)}
    return dataclasses.replace(settings, **models)


def _objects_of_user():
    """The objects that others have registered with Keras, by name."""
    known = keras.saving.get_custom_objects()
    return {name: x for name, x in known.items() if x.__module__.partition(".")[0] not in ("keras", "plackett")}


def _train_here(
    place: Place,
    *,
    lists: RankingLists,
    validation: RankingLists,
    settings: Settings,
    folder: pathlib.Path,
    holder: str,
    objects: dict[str, Any],
) -> None:
    """The part of a worker in a run."""
    check_folder(folder, holder)
    keras.saving.get_custom_objects().update(objects)
    group = Group(place.number, place.size, place.tell_all, process_groups.together)
    interrupt = Interrupt()
    with place.watch_for_stop(interrupt) if group.leads else catch_interrupts(), backend.keep_generators():
        backend.seed_all_generators(settings.seed)
        run = Run(lists, validation, settings, interrupt, group)
        record = run.make_record(folder)
        place.begin()
        run.fit(record, [Teller(place, folder)] if group.leads else [])


def check_folder(folder: pathlib.Path, holder: str) -> None:
    """Raises a ValueError if this machine does not see the output folder that another process holds.

    Args:
        folder: the path of the folder there.
        holder: the content of the file beside its lock.
    """
    path = folder / HOLDER
    if not path.exists() or path.read_text() != holder:
        raise ValueError(
            f"the machine {platform.node()} does not see the output folder {folder} of the process that started the "
            "training: give a folder on storage that all machines share (output, --output)"
        )


class Teller(keras.callbacks.Callback):
    """Reports each epoch to the process that asked, and to Ray, whose Prometheus endpoint then shows it."""

    def __init__(self, place: Place, folder: pathlib.Path) -> None:
        super().__init__()
        self.place, self.output = place, str(folder)
        about = "The results of the last epoch of a training, by the name of the metric."
        self.gauge = Gauge("plackett_epoch", about, tag_keys=("metric", "output"))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        entry = {"epoch": epoch + 1} | {name: float(x) for name, x in (logs or {}).items()}
        self.place.tell("epoch", entry)
        for name, value in entry.items():
            self.gauge.set(value, {"metric": name, "output": self.output})
