"""An actor of Ray Data that works on pieces of Parquet files. Does not import Keras before it sets the backend."""

import collections
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import ray
from ray import cloudpickle
from ray.exceptions import RayError

from plackett.data import RankingLists
from plackett.data._parts import kind_of
from plackett.data.formats._parquet_pieces import Layout, Piece, lists_of_piece
from plackett.distributed._environment import check_versions, variables_of
from plackett.distributed._errors import Failure, failure_of
from plackett.evaluation._scored import System
from plackett.evaluation.systems.base import OpenSystem


class PieceTask(NamedTuple):
    """The task for each piece.

    Args:
        open: opens the systems by name.
        layout: how rows become lists.
        function: a function of a piece, its lists as they are read, and the systems. Its result is sent to the driver.
            It is called again for a piece whose worker died, and must then leave the same files.
    """

    open: Callable[[], dict[str, System]]
    layout: Layout
    function: Callable[[Piece, Iterator[RankingLists], dict[str, System]], Any]


class Answer(NamedTuple):
    """The answer for a piece.

    Args:
        piece: the number of the piece.
        found: the result of the function.
        kind: the columns of its lists.
        queries: [queries] int64, hashes of their ids.
        memories: by system, the state that its notes are made from.
        failure: the error of the worker. None = there is none.
    """

    piece: int
    found: Any = None
    kind: str = ""
    queries: np.ndarray = np.zeros(0, "int64")
    memories: Mapping[str, Any] = {}
    failure: Failure | None = None


class PieceWorker:
    """An actor that opens the systems when its first piece comes."""

    def __init__(self, task: bytes, versions: Mapping[str, str], attempts: Any, deaths: int, backend: str):
        # Before Keras is imported; the imports above choose no backend. A worker has one core.
        os.environ.update(variables_of(1, backend))
        self.versions = versions
        self.packed, self.attempts, self.deaths = task, attempts, deaths
        self.task: PieceTask | None = None
        self.systems: dict[str, System] = {}

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the answers for pieces."""
        answers = [self._answer(Piece.from_json(str(piece))) for piece in batch["piece"]]
        return {"answer": np.array([pickle.dumps(answer) for answer in answers], object)}

    def _answer(self, piece):
        try:
            if (deaths := ray.get(self.attempts.begin.remote(piece.number)) - 1) > self.deaths:
                raise _too_many_deaths(piece, deaths)
            if self.task is None:
                check_versions(self.versions)
                task: PieceTask = cloudpickle.loads(self.packed)
                self.systems, self.task = task.open(), task
            systems = {name: _afresh(system) for name, system in self.systems.items()}
            seen = _Seen(lists_of_piece(piece, self.task.layout))
            found = self.task.function(piece, seen, systems)
            memories = {name: one.memory() for name, one in systems.items() if isinstance(one, OpenSystem)}
            return Answer(piece.number, found, seen.kind, np.concatenate(seen.queries), memories)
        except RayError:  # reported by Ray itself
            raise
        except Exception as error:
            return Answer(piece.number, failure=failure_of(error, f"a worker, at {in_words(piece)}"))


class Attempts:
    """An actor that counts how often each piece was begun."""

    def __init__(self):
        self.of_pieces = collections.Counter()

    def begin(self, piece: int) -> int:
        """Counts an attempt, and returns the number so far."""
        self.of_pieces[piece] += 1
        return self.of_pieces[piece]


def in_words(piece: Piece) -> str:
    """Describes the place of a piece."""
    return f"{piece.file}, rows {piece.first_row + 1} to {piece.first_row + piece.rows}"


def _too_many_deaths(piece, deaths):
    return ChildProcessError(
        f"{in_words(piece)}: {deaths} workers died at these rows, which may not fit into memory: give fewer workers, "
        "or write the file with smaller row groups"
    )


class _Seen:
    """Lists as they are read. It keeps what the driver checks."""

    def __init__(self, lists):
        self.lists, self.queries, self.kind = lists, [], ""

    def __iter__(self):
        for part in self.lists:
            self.kind = self.kind or kind_of(part)
            self.queries.append(part.queries.hashes())
            yield part


def _afresh(system):
    return system.afresh() if isinstance(system, OpenSystem) else system
