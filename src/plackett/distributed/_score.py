"""Scores data in several processes and on several machines."""

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
    """The summary of a call of `score`.

    Args:
        queries: the number of queries that were scored.
        documents: the number of their documents.
        notes: what a reader needs to know about it, in whole sentences.
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
    """Scores Parquet files with several workers, on this machine or on a cluster, into a folder of Parquet files.

        plackett.distributed.score("runs/first", "new/", "scores/", workers=8)

    A worker reads some row groups, scores them as one process does, and writes a file of their scores; Ray Data
    distributes the row groups. The folder has each query of the data once, in the order of the data, even if workers
    die: the piece of a dead worker is done again. The folder gets its name when everything is there, so a killed job
    leaves only `plackett-partial-...`. The scores are the same for any number of workers.

    Args:
        system: the ranker, as in `plackett.evaluation.open_system`, but not one that knows documents only by their ids.
            Each worker opens it, so a path must exist on each machine. An object is sent to them.
        data: Parquet files, folders or URLs, with one row per query, as in docs/data.md. They need no labels.
        output: the folder, which all machines must see. Its files have the columns query, document, score and rank; the
            last three are lists with one entry per document.
        workers: the number of workers, of one core each.
        address: the address of a Ray cluster, as in `ray.init`. None = the cluster that this process is connected to,
            that of $RAY_ADDRESS, or one that is started on this machine.
        overwrite: whether a folder of an earlier call is replaced.
        columns, ids: see `plackett.data.read_parquet`.

    Raises:
        ChildProcessError: workers died repeatedly at one part of the data.
        FileExistsError: the output exists.
        FileNotFoundError: there is no such file or folder.
        ImportError: Ray is not installed.
        ValueError: as in one process, for what a worker read or scored.

    Cost: some seconds before the first score; then the time of one process divided by the workers. A worker takes the
        memory of about three row groups, and this process 8 bytes a query.
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
    """Returns the folder for scores, after checking that it may be written.

    Raises:
        FileExistsError: it exists, and may not be replaced or is not a folder of scores.
        FileNotFoundError: the parent folder does not exist.
        ValueError: it is a URL.
    """
    if "://" in os.fspath(output):
        raise ValueError(
            "scores must be written to a folder that all machines see, such as on a network file system, but got "
            f"{output}"
        )
    path = pathlib.Path(output)
    check_parent(path)
    if path.exists():
        if not overwrite:
            raise FileExistsError(f"{path} exists: choose another output, or replace it (overwrite, --overwrite)")
        if not path.is_dir() or any(not PART.fullmatch(one.name) for one in path.iterdir()):
            raise FileExistsError(f"{path} is not a folder of scores alone, and is not replaced: choose another output")
    return path


def write_piece(
    piece: Piece, lists: Iterator[RankingLists], systems: Mapping[str, System], *, folder: pathlib.Path, digits: int
) -> tuple[int, int]:
    """Writes the scores of a piece to a file, which is the same at each call. Returns (queries, documents)."""
    (system,), path, counts = systems.values(), folder / NAME.format(piece.number, digits), [0, 0]

    def tables() -> Iterator[pa.Table]:
        for part in lists:
            counts[0] += len(part)
            counts[1] += len(part.labels)
            scored = check_scores(SYSTEM, part, system(part))
            if scored.beyond is not None:
                raise ValueError(
                    f"the system {SYSTEM} ranks documents that the data lacks, which cannot be written here"
                )
            yield table_of_scores(part, scored.scores)

    write_tables(tables(), path)
    return counts[0], counts[1]


def _check_files(folder, names):
    """Raises an error unless these files are in the folder: workers on other machines may see another folder."""
    if lacking := set(names) - {path.name for path in folder.iterdir()}:
        raise FileNotFoundError(
            f"{len(lacking)} of {len(names)} files that workers wrote are not in {folder}: the output must be on a "
            "file system that all machines share"
        )
    for path in folder.iterdir():
        if path.name not in names:  # begun by a worker that died
            path.unlink()


def _take_name(partial, output, overwrite):
    """Renames the folder to its final name. An earlier one is removed if that is allowed."""
    sync(partial)
    if overwrite and output.exists():
        old = output.with_name(f"{partial.name}-old")
        output.rename(old)
        partial.rename(output)
        shutil.rmtree(old)
    else:
        partial.rename(output)
    sync(output.parent)
