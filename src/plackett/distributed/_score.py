"""Scoring by several processes and machines."""

import functools
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from plackett._files import PARTIAL_FILE, check_parent, errors_of_writing, sync
from plackett.data import RankingLists
from plackett.data._reading import Paths
from plackett.data._scores import table_of_scores
from plackett.data.formats._parquet_pieces import Layout, Piece, pieces_of
from plackett.data.formats.parquet import write_tables
from plackett.distributed._cluster import check_workers
from plackett.distributed._piece_answers import answers_of
from plackett.distributed._piece_worker import PieceTask
from plackett.distributed._systems import SYSTEM, check_systems, for_workers, notes_of, recall
from plackett.evaluation._scored import System
from plackett.evaluation._systems import open_systems
from plackett.evaluation.systems.base import check_scores, labels_to_rank
from plackett.evaluation.systems.kinds import PART

NAME = "part-{:0{}}.parquet"


class Summary(NamedTuple):
    """What `score` did.

    Args:
        queries: how many were scored.
        documents: how many.
        notes: what must be known of how, in whole sentences.
    """

    queries: int
    documents: int
    notes: tuple[str, ...]


def score(
    system: Any,
    data: Paths,
    output: str | os.PathLike,
    *,
    workers: int,
    address: str | None = None,
    overwrite: bool = False,
    columns: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
) -> Summary:
    """Scores Parquet files by several workers, on this machine or on a cluster, into a folder of Parquet files.

        plackett.distributed.score("runs/first", "new/", "scores/", workers=8)

    A worker reads some row groups, scores them as one process does, and writes a file of their scores; Ray Data gives
    them out. Each query of the data is in the folder once, in the order of the data, also where workers die: what one
    had begun is done again. The folder gets its name when all is there, so that a job that was killed leaves none but
    `plackett-partial-...`. The scores are the same for any number of workers.

    Args:
        system: what ranks, as `plackett.evaluation.open_system` takes it, but for what knows documents by their ids
            alone. Each worker opens it, so that a path must be there on each machine; an object is sent to them.
        data: Parquet files, folders or URLs, with one row a query, as docs/data.md shows; they need no labels.
        output: the folder, which all machines see. Its files have the columns query, document, score and rank, the
            last three lists with one entry a document.
        workers: how many, of one core each.
        address: that of a Ray cluster, as `ray.init` takes it. None = the one that this process is connected to, that
            of $RAY_ADDRESS, or one that is started on this machine.
        overwrite: whether a folder that such a call made is replaced.
        columns, ids: see `plackett.data.read_parquet`.

    Raises:
        ChildProcessError: workers died again and again at one part of the data.
        FileExistsError: the output exists.
        FileNotFoundError: there is no such file or folder.
        ImportError: Ray is not installed.
        ValueError: as one process raises it, of what a worker read or scored.

    Cost: some seconds before the first score; then the time of one process over the workers. A worker takes the memory
        of about three row groups; this process 8 bytes a query.
    """
    check_workers(workers)
    output = check_output(output, overwrite=overwrite)
    opened = open_systems({SYSTEM: system})
    check_systems(opened)
    pieces, layout = pieces_of(data, Layout(dict(columns or {}), tuple(ids), labels_to_rank(opened.values())))
    digits = max(5, len(str(len(pieces))))
    partial = output.with_name(f"{PARTIAL_FILE}{output.name}-{secrets.token_hex(8)}")
    with errors_of_writing(output):
        partial.mkdir()
    try:
        write = functools.partial(write_piece, folder=partial.absolute(), digits=digits)
        answers = []
        task = PieceTask(functools.partial(open_systems, for_workers({SYSTEM: system})), layout, write)
        for answer in answers_of(task, pieces, workers=workers, address=address):
            answers.append(answer)
        recall(opened, answers)
        _check_files(partial, [NAME.format(number, digits) for number in range(len(pieces))])
        with errors_of_writing(output):
            _take_name(partial, output, overwrite)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    queries, documents = (sum(each) for each in zip(*(answer.found for answer in answers), strict=True))
    return Summary(queries, documents, notes_of(opened, [], pieces, workers))


def check_output(output: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """The folder that scores are to be written to.

    Raises:
        FileExistsError: it exists, and is not to be replaced or was not made so.
        FileNotFoundError: the folder that it is to be in is not there.
        ValueError: it is a URL.
    """
    if "://" in os.fspath(output):
        raise ValueError(
            f"scores are written to a folder that all machines see, such as of a network file system, but got {output}"
        )
    path = pathlib.Path(output)
    check_parent(path)
    if path.exists():
        if not overwrite:
            raise FileExistsError(f"{path} exists: choose another output, or replace it by overwrite (--overwrite)")
        if not path.is_dir() or any(not PART.fullmatch(one.name) for one in path.iterdir()):
            raise FileExistsError(f"{path} is no folder of scores alone, and is not replaced: choose another output")
    return path


def write_piece(
    piece: Piece, lists: Iterator[RankingLists], systems: Mapping[str, System], *, folder: pathlib.Path, digits: int
) -> tuple[int, int]:
    """Writes the scores of a piece to a whole file, which is the same at each call; (queries, documents)."""
    (system,), path, counts = systems.values(), folder / NAME.format(piece.number, digits), [0, 0]

    def tables() -> Iterator[pa.Table]:
        for part in lists:
            counts[0] += len(part)
            counts[1] += len(part.labels)
            scored = check_scores(SYSTEM, part, system(part))
            if scored.beyond is not None:
                raise ValueError(f"the system {SYSTEM} ranks documents that the data lacks, which have no place here")
            yield table_of_scores(part, scored.scores)

    write_tables(tables(), path)
    return counts[0], counts[1]


def _check_files(folder, names):
    """Raises an error unless these files are in the folder: workers of other machines may see another one."""
    if lacking := set(names) - {path.name for path in folder.iterdir()}:
        raise FileNotFoundError(
            f"{len(lacking)} of {len(names)} files that workers wrote are not in {folder}: the output must lie on a "
            "file system that all machines share"
        )
    for path in folder.iterdir():
        if path.name not in names:  # what a worker that died had begun
            path.unlink()


def _take_name(partial, output, overwrite):
    """Gives the folder its name; the one before it goes where it may."""
    sync(partial)
    if overwrite and output.exists():
        old = output.with_name(f"{partial.name}-old")
        output.rename(old)
        partial.rename(output)
        shutil.rmtree(old)
    else:
        partial.rename(output)
    sync(output.parent)
