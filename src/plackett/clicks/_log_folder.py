"""A simulated log on disk: Parquet sessions, and beside them the truth that they were drawn by."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import yaml

from plackett._files import is_partial, make_folder, write_whole
from plackett.clicks._simulation import Simulation

LOG, TRUTH = "sessions.parquet", "truth.yaml"


@dataclasses.dataclass(frozen=True)
class ClicksByPosition:
    """How often each position was shown and clicked.

    >>> counts = ClicksByPosition(2, np.array([2, 2]), np.array([2, 1]))
    >>> counts.rates().tolist()
    [1.0, 0.5]

    Args:
        sessions: how many there are.
        shown: [positions].
        clicked: [positions].
    """

    sessions: int
    shown: np.ndarray
    clicked: np.ndarray

    def rates(self) -> np.ndarray:
        """[positions], clicked / shown; NaN where nothing was shown."""
        return np.divide(self.clicked, self.shown, out=np.full(len(self.shown), np.nan), where=self.shown > 0)


def check_log_folder(folder: pathlib.Path, *, overwrite: bool) -> None:
    """Checks that a simulated log may be written into a folder.

    Raises:
        FileExistsError: there is something in it that is no simulated log, or a log that may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: choose another output folder")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    there = {name for name in there if not is_partial(name, (LOG, TRUTH))}
    if not there:
        return
    if there <= {LOG, TRUTH}:
        if not overwrite:
            raise FileExistsError(
                f"{folder} holds a log: choose another output folder, or replace it (overwrite, --overwrite)"
            )
        return
    first = sorted(there - {LOG, TRUTH})[0]
    raise FileExistsError(f"{folder} is not empty: it holds {first}, which is no simulated log: choose another folder")


def write_log(
    simulation: Simulation,
    folder: pathlib.Path,
    *,
    overwrite: bool = False,
    origin: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ClicksByPosition:
    """Draws a log and writes it into a folder.

    Args:
        simulation: the log.
        folder: it need not be there yet.
        overwrite: whether a simulated log there is replaced.
        origin: what else the truth tells, such as the files of the data.
        progress: function of the number of sessions so far.

    Raises:
        FileExistsError: there is something else in the folder, or a log and not `overwrite`.
        OSError: it could not be written.
    """
    from plackett.data import SessionWriter

    check_log_folder(folder, overwrite=overwrite)
    make_folder(folder)
    shown, clicked, sessions = *np.zeros((2, simulation.positions), "int64"), 0
    (folder / TRUTH).unlink(missing_ok=True)  # which is that of another log from here on
    with SessionWriter(folder / LOG) as writer:
        for part in simulation.parts():
            writer.write(part)
            shown += np.bincount(part.positions, minlength=simulation.positions + 1)[1:]
            clicked += np.bincount(part.positions[part.clicks], minlength=simulation.positions + 1)[1:]
            sessions += len(part)
            if progress is not None:
                progress(sessions)
    truth = simulation.truth() | dict(origin or {})
    write_whole(folder / TRUTH, yaml.safe_dump(truth, sort_keys=False, allow_unicode=True))
    return ClicksByPosition(sessions, shown, clicked)
