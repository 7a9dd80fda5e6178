"""A simulated log on disk: Parquet sessions, and beside them the truth that they were drawn from."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import yaml

from plackett._files import is_partial, make_folder, remove_partial, write_whole
from plackett.clicks.simulation._simulate import Simulation

LOG, TRUTH = "sessions.parquet", "truth.yaml"


@dataclasses.dataclass(frozen=True)
class ClicksByPosition:
    """The number of times that each position was shown and clicked.

    >>> counts = ClicksByPosition(2, np.array([2, 2]), np.array([2, 1]))
    >>> counts.rates().tolist()
    [1.0, 0.5]

    Args:
        sessions: the number of sessions.
        shown: [positions], how often each was shown.
        clicked: [positions], how often each was clicked.
    """

    sessions: int
    shown: np.ndarray
    clicked: np.ndarray

    def rates(self) -> np.ndarray:
        """Returns clicked / shown, [positions]; NaN if nothing was shown."""
        return np.divide(self.clicked, self.shown, out=np.full(len(self.shown), np.nan), where=self.shown > 0)


def check_log_folder(folder: pathlib.Path, *, overwrite: bool) -> None:
    """Checks that a simulated log may be written into a folder.

    Raises:
        FileExistsError: the folder holds something that is not a simulated log, or a log that may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file: choose another output folder")
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    there = {name for name in there if not is_partial(name, (LOG, TRUTH))}
    others = there - {LOG, TRUTH} if TRUTH in there else there  # a log without a truth may be a real one
    if others:
        raise FileExistsError(
            f"{folder} is not empty: it holds {min(others)}, which is not part of a simulated log: choose another "
            "output folder"
        )
    if LOG in there and not overwrite:
        raise FileExistsError(
            f"{folder} holds a log: choose another output folder, or replace it (overwrite, --overwrite)"
        )


def write_simulation(
    simulation: Simulation,
    folder: str | os.PathLike,
    *,
    overwrite: bool = False,
    origin: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ClicksByPosition:
    """Draws a log and writes it into a folder: sessions.parquet, and truth.yaml, which says what it was drawn from.

    >>> import tempfile
    >>> from plackett.data import RankingLists, read_sessions
    >>> lists = RankingLists.from_arrays([[3.0], [2.0]], [0, 1], group=[2], feature_names=["price"])
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "log"
    >>> counts = write_simulation(Simulation(lists, "feature:price", sessions=100, model="ctr"), folder)
    >>> counts.shown.tolist()[:3], len(read_sessions(folder))
    ([100, 100, 0], 100)

    Args:
        simulation: the log.
        folder: the folder. It need not exist yet.
        overwrite: whether a simulated log there is replaced.
        origin: further entries of the truth, such as the files of the data.
        progress: a function of the number of sessions so far.

    Returns:
        The number of times that each position was shown and clicked.

    Raises:
        FileExistsError: the folder holds something else, or a log and `overwrite` is False.
        ImportError: pyarrow is not installed.
        OSError: it could not be written.

    Cost: about a second for a million impressions, and the memory of a million, whatever their number.
    """
    from plackett.data import SessionWriter

    folder = pathlib.Path(folder)
    check_log_folder(folder, overwrite=overwrite)
    make_folder(folder)
    shown, clicked, sessions = *np.zeros((2, simulation.positions), "int64"), 0
    remove_partial(folder, (LOG, TRUTH))
    # The truth of an earlier log is replaced first, so that no log ever has the truth of another one.
    write_whole(folder / TRUTH, "unfinished: the log that belongs here is being written, or its writer was stopped\n")
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
