"""A training that waits in each epoch for what happens to its workers there, so that no luck is needed."""

import contextlib
import os
import pathlib
import signal
import time

import keras
import numpy as np
from clusters import SETTINGS, make_lists

import plackett
from plackett.distributed import _train
from plackett.metrics import RankingMetric
from plackett.training._output_folder import read_history

LIMIT = 300  # seconds, of which a machine that has other work may need many
LISTS = make_lists(weighted=True)
UNEVEN = SETTINGS | {"batch_size": 12}  # of the last batch of these lists the second of two workers has none


@keras.saving.register_keras_serializable("tests")
class FirstBehindGate(RankingMetric):
    """The label of the first document. An epoch after the first is measured once its gate is open.

    Args:
        folder: of the run.
        gates: a folder with a file by the number of each epoch that is told.
    """

    fn = staticmethod(lambda lists, *, topn, folder, gates: lists.or_nan(lists.of_retrieved(lists.labels)[..., 0]))

    def __init__(self, folder="", gates="", name="first", **options):
        super().__init__(folder=folder, gates=gates, name=name, **options)

    def improves(self, *values):
        """Waits at the gate; JAX compiles what else is called at each epoch."""
        if self.options["gates"] and (done := len(read_history(pathlib.Path(self.options["folder"])))):
            wait_until((pathlib.Path(self.options["gates"]) / str(done)).exists)
        return super().improves(*values)


def wait_until(true):
    """Waits until a function gives a true value, and gives it."""
    end = time.monotonic() + LIMIT
    while not (value := true()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    return value


def is_gone(process):
    """Whether there is no such process, or its parent has not yet heard of its end."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def processes_with(mark):
    """The processes whose environment has a variable of this value."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parts[2]))
        except OSError:
            continue
    return found


class Attack:
    """Does something to the workers of a training after an epoch, before the next one is measured.

    Args:
        acts: by the number of an epoch, a function of the `Begin` of each worker by its number.
        folder: of the test.
    """

    def __init__(self, acts, folder):
        self.acts, self.workers, self.starts = acts, {}, 0
        self.gates = folder / "gates"
        self.gates.mkdir()
        self.settings = {"metric": FirstBehindGate(str(folder / "run"), str(self.gates))}

    def __call__(self, entry):
        epoch = entry["epoch"]
        if epoch in self.acts:
            self.acts[epoch](self.workers)
        (self.gates / str(epoch)).touch()

    def attach(self, monkeypatch):
        """Lets this know of the workers."""
        attack = self

        class Hearer(_train._Hearer):
            def __call__(self, kind, what):
                if kind == "begins":
                    attack.workers[what.number] = what
                    attack.starts += what.number == 0
                super().__call__(kind, what)

        monkeypatch.setattr(_train, "_Hearer", Hearer)


def kill(number):
    """What kills the worker of a number as the system does when memory is short."""

    def act(workers):
        with contextlib.suppress(ProcessLookupError):
            os.kill(workers[number].process, signal.SIGKILL)
        wait_until(lambda: is_gone(workers[number].process))

    return act


def check_undisturbed(trained):
    """The history and the weights are those of one process."""
    alone = plackett.train(LISTS, **UNEVEN | {"metric": FirstBehindGate()})
    for entry, expected in zip(trained.history, alone.history, strict=True):
        np.testing.assert_allclose(list(entry.values()), list(expected.values()), rtol=1e-5)
    for ours, theirs in zip(trained.model.get_weights(), alone.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
