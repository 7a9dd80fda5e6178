"""Measures systems in several processes and on several machines."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from plackett.data import RankingLists
from plackett.data._reading import Paths
from plackett.data.formats._parquet_pieces import Layout, Piece, pieces_of
from plackett.distributed._cluster import check_workers
from plackett.distributed._piece_answers import answers_of
from plackett.distributed._piece_worker import PieceTask
from plackett.distributed._systems import SYSTEM, check_systems, for_workers, notes_of, recall
from plackett.evaluation._aggregate import Aggregate, aggregate
from plackett.evaluation._evaluate import Metrics, convention
from plackett.evaluation._scored import System
from plackett.evaluation._systems import open_systems
from plackett.evaluation.systems.names import name_systems


@overload
def evaluate(
    systems: Mapping[str, Any] | list | tuple,
    data: Paths,
    metrics: Metrics | None = ...,
    *,
    workers: int,
    address: str | None = ...,
    like: str | None = ...,
    queries: str | None = ...,
    columns: Mapping[str, str] | None = ...,
    ids: Sequence[str] = ...,
) -> Aggregate: ...


@overload
def evaluate(
    systems: Any,
    data: Paths,
    metrics: Metrics | None = ...,
    *,
    workers: int,
    address: str | None = ...,
    like: str | None = ...,
    queries: str | None = ...,
    columns: Mapping[str, str] | None = ...,
    ids: Sequence[str] = ...,
) -> dict[str, float]: ...


def evaluate(
    systems: Any,
    data: Paths,
    metrics: Metrics | None = None,
    *,
    workers: int,
    address: str | None = None,
    like: str | None = None,
    queries: str | None = None,
    columns: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
) -> Aggregate | dict[str, float]:
    """Computes the means of metrics over Parquet files with several workers, on this machine or on a cluster.

        plackett.distributed.evaluate("runs/first", "test/", ["ndcg@10"], workers=8)

    Each worker measures some row groups as `plackett.evaluate` does. The sums are exact, so the means are the same for
    any number of workers. Only sums arrive here. Intervals and comparisons need the value of each query: use
    `plackett.evaluate` for them.

    Args:
        systems: systems by name, or the paths of several, or a single one, as in `plackett.evaluate`, but not systems
            that know documents only by their ids. Each worker opens them.
        data: Parquet files, folders or URLs, with one row per query, as in docs/data.md.
        metrics, like, queries: see `plackett.evaluate`.
        workers, address: see `plackett.distributed.score`.
        columns, ids: see `plackett.data.read_parquet`.

    Returns:
        The `plackett.evaluation.Aggregate` of all queries, whose `means` are [systems, metrics]; for a single system,
        the mean of each metric by its name.

    Raises:
        ChildProcessError: workers died repeatedly at one part of the data.
        FileNotFoundError: there is no such file or folder.
        ImportError: Ray is not installed.
        ValueError: as in `plackett.evaluate`.

    Cost: some seconds before the first piece; then the time of one process divided by the workers. This process takes 8
        bytes a query.
    """
    single = not isinstance(systems, Mapping | list | tuple)
    named = {SYSTEM: systems} if single else systems if isinstance(systems, Mapping) else name_systems(systems)
    found = evaluate_systems(
        open_systems(named),
        functools.partial(open_systems, for_workers(named)),
        data,
        metrics,
        workers=workers,
        address=address,
        like=like,
        queries=queries,
        columns=columns,
        ids=ids,
    )
    means = found.means()
    return dict(zip(found.metrics, means[0].tolist(), strict=True)) if single else found


def evaluate_systems(
    opened: dict[str, System],
    open_there: Callable[[], dict[str, System]],
    data: Paths,
    metrics: Metrics | None,
    *,
    workers: int,
    address: str | None,
    like: str | None,
    queries: str | None,
    columns: Mapping[str, str] | None = None,
    ids: Sequence[str] = (),
) -> Aggregate:
    """Returns the aggregate of systems; see `evaluate`.

    Args:
        opened: the systems in this process.
        open_there: a function that opens them in a worker.
        data, metrics, workers, address, like, queries, columns, ids: see `evaluate`.
    """
    check_workers(workers)
    measures, _ = convention(metrics, like, queries)
    check_systems(opened)
    pieces, layout = pieces_of(data, Layout(dict(columns or {}), tuple(ids), labelled=True))
    measure = functools.partial(_measure_piece, metrics=metrics, like=like, queries=queries)
    answers = list(answers_of(PieceTask(open_there, layout, measure), pieces, workers=workers, address=address))
    recall(opened, answers)
    found = functools.reduce(Aggregate.__add__, (answer.found for answer in answers))
    return dataclasses.replace(found, notes=notes_of(opened, measures, pieces, workers))


def _measure_piece(
    piece: Piece, lists: Iterator[RankingLists], systems: Mapping[str, System], **options: Any
) -> Aggregate:
    """Returns what a piece adds to the means."""
    found = [aggregate(systems, part, **options) for part in lists]
    return functools.reduce(Aggregate.__add__, found)
