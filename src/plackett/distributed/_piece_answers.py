"""Work on the pieces of Parquet files, which Ray Data gives to actors. Each piece counts once."""

import contextlib
import logging
import pickle
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import ray
import ray.data
from ray import cloudpickle

from plackett.data.formats._parquet_pieces import Piece, queries_of_piece
from plackett.distributed._cluster import check_no_client, connect
from plackett.distributed._environment import versions
from plackett.distributed._piece_worker import Answer, Attempts, PieceTask, PieceWorker

DEATHS = 5  # the number of workers that may die at one piece
WAITING = 2  # the number of pieces that a worker has at a time, so that it never waits for work


def answers_of(task: PieceTask, pieces: Sequence[Piece], *, workers: int, address: str | None) -> Iterator[Answer]:
    """Yields the answer for each piece, once, as pieces are finished.

    Args:
        task: the task.
        pieces: the pieces.
        workers: the number of actors, of one core each.
        address: see `connect`.

    Raises:
        ChildProcessError: workers died repeatedly at one piece.
        ValueError: as raised by a worker; or the pieces differ in their columns, or have a query twice.
    """
    check_no_client(address)
    packed, done = _pack(task), dict[int, Answer]()
    with connect(address, workers), _quiet(), _count_attempts() as attempts:
        rows = ray.data.from_items([{"piece": piece.to_json()} for piece in pieces], override_num_blocks=len(pieces))
        free = int(ray.cluster_resources().get("CPU", 1))
        pool = ray.data.ActorPoolStrategy(
            min_size=max(1, min(workers, free, len(pieces))),
            max_size=max(1, min(workers, len(pieces))),
            max_tasks_in_flight_per_actor=WAITING,
        )
        answers = rows.map_batches(
            PieceWorker,
            fn_constructor_args=(packed, versions(), attempts, DEATHS, keras.backend.backend()),
            batch_size=1,
            compute=pool,
            num_cpus=1,
        )
        for row in answers.iter_rows():
            answer: Answer = pickle.loads(row["answer"])
            if answer.failure is not None:
                answer.failure.raise_it()
            if answer.piece in done:
                raise RuntimeError(f"Ray gave piece {answer.piece} twice")
            done[answer.piece] = answer._replace(found=None, memories={})
            yield answer
    if lacking := [piece.number for piece in pieces if piece.number not in done]:
        raise RuntimeError(f"Ray gave no answer for the pieces {lacking}")
    check_together(pieces, done)


def check_together(pieces: Sequence[Piece], done: Mapping[int, Answer]) -> None:
    """Raises a ValueError if pieces differ in their columns, or have a query twice. `done` is by their numbers."""
    kind = done[0].kind
    for piece in pieces:
        if (other := done[piece.number].kind) != kind:
            where = f"{piece.file}, from row {piece.first_row + 1} on"
            raise ValueError(f"{where}: the parts differ in their columns: {kind} and {other}")
    hashes = np.concatenate([done[piece.number].queries for piece in pieces])
    of_piece = np.repeat(np.arange(len(pieces)), [len(done[piece.number].queries) for piece in pieces])
    order = np.argsort(hashes, kind="stable")
    again = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    # Two ids may have the same hash, so the ids decide.
    for first, second in zip(order[again].tolist(), order[again + 1].tolist(), strict=True):
        one, other = (pieces[of_piece[place]] for place in (first, second))
        if shared := set(queries_of_piece(one)) & set(queries_of_piece(other)):
            raise ValueError(
                f"{other.file}: query {min(shared)!r} occurs twice; the id of a query must be its own, "
                f"but {one.file} has it too"
            )


def _pack(task):
    try:
        return cloudpickle.dumps(task)
    except Exception as error:  # each class may have its own error
        raise ValueError(f"a system cannot be sent to workers: give the path of its file: {error}") from error


@contextlib.contextmanager
def _count_attempts():
    """Gives the actor that counts attempts. It ends here, since Ray Data would keep it as long as the cluster."""
    attempts = ray.remote(Attempts).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    try:
        yield attempts
    finally:
        ray.kill(attempts)


@contextlib.contextmanager
def _quiet():
    """Within this context, Ray Data shows no bars and reports only warnings."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        logger.setLevel(before[1])
