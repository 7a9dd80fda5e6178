"""Turns results and comparisons into frames of polars."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from plackett.data import Strings
from plackett.data._schema import arrow_dictionary

if TYPE_CHECKING:
    from plackett.evaluation._results import Results


def frame_of(results: "Results") -> pl.DataFrame:
    """Makes a frame with one row for each query and system, one system after the other; see `Results.to_frame`.

    Raises:
        ValueError: a fact of queries has the name of another column.
    """
    names = ["query", "system", *results.facts, *results.stated]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            f"each column of a frame must have a name of its own, but {', '.join(map(repr, twice))} would occur "
            "twice: the columns are query, system, the columns of queries and the metrics; rename the column of queries"
        )
    systems, queries = len(results.systems), len(results.queries)
    columns = [_repeat("query", results.queries, systems)]
    columns += [pl.Series("system", results.systems, pl.String).gather(np.repeat(np.arange(systems), queries))]
    columns += [_repeat(name, fact, systems) for name, fact in results.facts.items()]
    columns += [
        pl.Series(name, results.values[:, metric].ravel(), nan_to_null=True)
        for metric, name in enumerate(results.stated)
    ]
    return pl.DataFrame(columns)


def frame_of_rows(rows: Iterable[Any], kind: Any) -> pl.DataFrame:
    """Makes a frame of named tuples of one kind. NaN becomes null.

    Args:
        rows: the tuples.
        kind: their class, whose annotations give the types of the columns, even if there are no rows.
    """
    types = {name: kind_of for name, kind_of in kind.__annotations__.items() if name in kind._fields}
    frame = pl.DataFrame(list(rows), schema=types, orient="row")
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _repeat(name, column, times):
    """Repeats a column of queries once for each system."""
    if not isinstance(column, Strings):
        return pl.Series(name, np.tile(column, times))
    words = pl.Series(name, arrow_dictionary(column), pl.String)
    return words.gather(np.tile(column.codes, times))
