"""The flags of commands whose work several processes or machines can share."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from plackett.cli import _checks
from plackett.cli._flags import flag_of
from plackett.cli._systems import Measurement, open_measured, remarks
from plackett.cli._tables import in_digits, say, show
from plackett.data._suffixes import MOVIELENS, form_of

if TYPE_CHECKING:
    from plackett.evaluation import System

Workers = Annotated[
    int | None, typer.Option(help="Share the work on Parquet files among this many processes of one core, with Ray.")
]
Address = Annotated[
    str | None,
    typer.Option(
        help="The address of the Ray cluster of the workers. Default: $RAY_ADDRESS, else a new one on this machine."
    ),
]
# Flags that need the value of each query.
OF_QUERIES = ("baseline", "slice_by", "worst", "output", "overwrite", "seed")
MEANS_ALONE = "With --workers there are only means: intervals and comparisons need the value of each query."


def check_by_workers(workers: int | None, address: str | None, data: Sequence[str], reading: Mapping[str, Any]) -> None:
    """Checks that work can be shared.

    Raises:
        ImportError: Ray is not installed.
        ValueError: there is an address but no workers, there are fewer than 1, or the data is not Parquet.
    """
    if workers is None:
        if address is not None:
            raise ValueError(
                "--address is the cluster of --workers, but there are none: give --workers, or leave it out"
            )
        return
    if workers < 1:
        raise ValueError(f"--workers must be at least 1, but got {workers}")
    form = MOVIELENS if list(data) == [MOVIELENS] else reading.get("form") or form_of(data)
    if form != "parquet":
        raise ValueError(
            f"--workers can only share Parquet files, but the data is {form}: make it Parquet with plackett convert, "
            "or leave out --workers"
        )
    _checks.check_installed("ray", "--workers share the work with Ray", "'plackett[ray]'")


def check_means_alone(given: Mapping[str, Any]) -> None:
    """Raises a ValueError if a flag needs the value of each query, since workers give only means."""
    for name in OF_QUERIES:
        if name in given:
            flag = {"slice_by": "--slice"}.get(name) or flag_of(name)
            raise ValueError(
                f"{flag} needs the value of each query, but --workers give only means: leave out one of the two"
            )


def evaluate_by_workers(
    measurement: Measurement,
    opened: dict[str, System],
    measures: Sequence | None,
    *,
    like: str | None,
    queries: str | None,
    workers: int,
    address: str | None,
) -> None:
    """Shows the means of systems, measured by workers."""
    from plackett.distributed._evaluate import evaluate_systems
    from plackett.distributed._systems import for_workers

    there = dataclasses.replace(measurement, systems=for_workers(measurement.systems))
    options = {name: measurement.reading[name] for name in ("columns", "ids") if name in measurement.reading}
    found = evaluate_systems(
        opened,
        functools.partial(open_measured, there),
        measurement.data,
        measures,
        like=like,
        queries=queries,
        workers=workers,
        address=address,
        **options,
    )
    table = Table("metric", "system", title=f"{found.queries} queries, {found.documents} documents")
    table.add_column("mean", justify="right")
    for place, metric in enumerate(found.stated):
        for system, mean in zip(found.systems, found.means()[:, place].tolist(), strict=True):
            table.add_row(escape(metric), escape(system), in_digits(mean))
    show(table)
    for sentence in (MEANS_ALONE, *found.notes, *remarks(measurement)):
        say(sentence)
