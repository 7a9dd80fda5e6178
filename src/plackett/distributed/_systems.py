"""Systems that each worker opens."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plackett.data.formats._parquet_pieces import Piece
from plackett.distributed._piece_worker import Answer
from plackett.evaluation._evaluate import notes
from plackett.evaluation._scored import System
from plackett.evaluation.systems.base import count, parts_of_systems
from plackett.evaluation.systems.simple import Scores
from plackett.metrics import RankingMetric

SYSTEM = "that was given"  # the name of a system that was given without a name


def check_systems(systems: Mapping[str, System]) -> None:
    """Raises a ValueError if each worker would have to read all scores of a system."""
    for name, system in systems.items():
        for one in parts_of_systems([system]):
            if getattr(one, "by_ids", False) or isinstance(one, Scores):
                raise ValueError(
                    f"the system {name} is a set of scores, and each worker would have to read all of them: leave out "
                    "workers (--workers)"
                )


def for_workers(systems: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the systems with absolute paths, since workers may start in another folder.

    >>> for_workers({"chance": "random:7", "here": "."}) == {"chance": "random:7", "here": os.getcwd()}
    True
    """
    return {name: os.path.abspath(what) if _is_path(what) else what for name, what in systems.items()}


def _is_path(what):
    return isinstance(what, str | os.PathLike) and os.path.exists(what)


def notes_of(
    systems: Mapping[str, System], measures: Sequence[RankingMetric], pieces: Sequence[Piece], workers: int
) -> tuple[str, ...]:
    """What a reader needs to know about systems, metrics, and workers that had nothing to do."""
    idle = workers - len(pieces)
    more = (
        f"{idle} of {workers} workers had nothing to do: a worker takes whole row groups, of about 64 MB together, but "
        f"the data has only {count(len(pieces), 'part')} of this size: write larger data in more row groups or files"
    )
    return (*notes(systems.values(), measures), *([more] if idle > 0 else []))


def recall(systems: Mapping[str, System], answers: Iterable[Answer]) -> None:
    """Passes the states of the workers' systems to systems, for their notes, in the order of the data."""
    for answer in sorted(answers, key=lambda answer: answer.piece):
        for name, memory in answer.memories.items():
            systems[name].recall(memory)  # type: ignore[attr-defined]
