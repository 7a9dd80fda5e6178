"""Files of scores."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from plackett._files import errors_of_writing, replace
from plackett.data._numbers import first_inexact
from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import to_arrow
from plackett.data._suffixes import OF_SCORES

TAG = "plackett"
SCHEMA = pa.schema(  # of scores with one row per query
    [
        ("query", pa.string()),
        ("document", pa.large_list(pa.string())),
        ("score", pa.large_list(pa.float64())),
        ("rank", pa.large_list(pa.int32())),
    ]
)


def write_scores(lists: RankingLists, scores: np.ndarray, path: str | os.PathLike) -> None:
    """Writes the score and the rank of each document to a file, completely or not at all.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scores.csv"
    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], query=["a", "a"], documents=["x", "y"])
    >>> write_scores(lists, np.array([0.25, 0.75], "float32"), path)
    >>> print(path.read_text(), end="")
    query,document,score,rank
    a,x,0.25,2
    a,y,0.75,1

    Args:
        lists: the documents.
        scores: [documents], in the order of `lists`.
        path: NAME.parquet or NAME.csv: the columns query, document, score and rank, one row per document in the order
            of `lists`; NAME.run: a TREC run, with the documents of a query in the order of their ranks. Ranks begin at
            1, and equal scores keep the order of the lists.

    Raises:
        OSError: the file cannot be written.
        ValueError: the suffix is another one, there is not one score per document, a score is NaN, or a run cannot hold
            an id or a score.
    """
    path = pathlib.Path(path)
    check_suffix(path)
    scores = _numbers(lists, scores)
    allowed = np.isfinite(scores) if path.suffix == ".run" else ~np.isnan(scores)
    if not allowed.all():
        place = int(np.argmin(allowed))
        raise ValueError(
            f"{path}: the score of document {lists.documents[place]!r} is {scores[place]}, which "
            + ("a run of TREC cannot hold" if path.suffix == ".run" else "has no rank")
        )
    order, ranks = _order_and_ranks(lists, scores)
    query = np.repeat(np.array(lists.queries.tolist(), object), lists.lengths)
    table = pl.DataFrame(
        {
            "query": pl.Series(query, dtype=pl.String),
            "document": lists.documents.tolist(),
            "score": scores,
            "rank": ranks,
        },
        schema_overrides={"document": pl.String},
    )
    with replace(path) as partial, errors_of_writing(path):
        match path.suffix:
            case ".parquet":
                try:
                    table.write_parquet(partial)
                except pl.exceptions.ComputeError as error:  # by which polars tells that a disk is full
                    raise OSError(str(error)) from error
            case ".csv":
                table.write_csv(partial)
            case _:
                _write_run(table[order], path, partial)


def table_of_scores(lists: RankingLists, scores: np.ndarray) -> pa.Table:
    """The scores and the ranks of documents, one row per query.

    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], query=["a", "a"], documents=["x", "y"])
    >>> table_of_scores(lists, np.array([0.25, 0.75])).to_pylist()
    [{'query': 'a', 'document': ['x', 'y'], 'score': [0.25, 0.75], 'rank': [2, 1]}]

    Args:
        lists: the documents.
        scores: [documents], in the order of `lists`; -inf = not retrieved.

    Returns:
        The columns query, document, score (float64) and rank, from 1; equal scores keep the order of the lists.

    Raises:
        ValueError: there is not one score per document, or float64 rounds a whole number.
    """
    scores = _numbers(lists, scores)
    if (place := first_inexact(scores)) is not None:
        raise ValueError(f"the score {scores[place]} is a whole number that float64 rounds")
    _, ranks = _order_and_ranks(lists, scores)
    splits = pa.array(lists.row_splits, pa.int64())
    of_documents = {
        "document": to_arrow(lists.documents),
        "score": pa.array(scores.astype("float64")),
        "rank": pa.array(ranks.astype("int32")),
    }
    nested = {name: pa.LargeListArray.from_arrays(splits, values) for name, values in of_documents.items()}
    return pa.table({"query": to_arrow(lists.queries), **nested}, schema=SCHEMA)


def _numbers(lists, scores):
    """The scores as an array of numbers, one per document."""
    scores = np.asarray(scores)
    if scores.dtype.kind not in "iuf":
        raise ValueError(f"scores must be numbers, but got an array of {scores.dtype}")
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry per document, {lists.labels.shape}, but got {scores.shape}")
    return scores


def _order_and_ranks(lists, scores):
    """([documents] places, with the best of each query first, [documents] ranks from 1)."""
    order = np.lexsort((-scores, np.repeat(np.arange(len(lists)), lists.lengths)))
    ranks = np.empty(len(scores), "int64")
    ranks[order] = np.arange(len(scores)) - np.repeat(lists.row_splits[:-1], lists.lengths) + 1
    return order, ranks


def check_suffix(path: pathlib.Path) -> None:
    """Raises a ValueError unless this is a valid name for a file of scores."""
    if path.suffix not in OF_SCORES:
        raise ValueError(f"the file of scores must be NAME{' or NAME'.join(OF_SCORES)}, but got {path}")


def check_ids_of_run(path: pathlib.Path, column: str, ids: Sequence[str] | pl.Series) -> None:
    """Raises a ValueError unless a TREC run can hold these ids, of the column "query" or "document"."""
    # A line that begins with # is a comment, and a file may begin with a byte-order mark.
    texts = pl.Series(ids, dtype=pl.String)
    unfit = texts.filter(texts.str.contains(r"\s|^$" + r"|^[#\ufeff]" * (column == "query")))
    if len(unfit):
        raise ValueError(
            f"{path}: the {column} {unfit[0]!r} cannot stand in a TREC run, where white space separates fields and # "
            "begins a comment: write a .csv or .parquet file"
        )


def _write_run(table, path, partial):
    for column in ("query", "document"):
        check_ids_of_run(path, column, table[column])
    fields = ["query", pl.lit("Q0"), "document", "rank", "score", pl.lit(TAG)]
    lines = table.select(pl.concat_str(fields, separator=" "))
    lines.write_csv(partial, include_header=False, quote_style="never")
