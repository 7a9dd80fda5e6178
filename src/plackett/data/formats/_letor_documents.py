"""The blocks of a LETOR file as a stream, and tables of them, which become dense only if they fit into memory."""

import collections
import concurrent.futures
import os
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl
import pyarrow as pa

from plackett.data._free_memory import check_fits
from plackett.data._grouping import LINE
from plackett.data._streams import blocks_of_lines
from plackett.data.formats._letor_blocks import Block, parse_block
from plackett.data.formats._letor_lines import Layout

THREADS = min(4, pl.thread_pool_size())
TABLE = 32 * 2**20  # bytes of dense features at a time
CHECK = 1.25  # scanning all features takes one more byte per feature
ON_DISK = (
    "convert them to Parquet with plackett.data.convert (plackett convert), and read that with read_parquet(..., "
    "cache=FOLDER), which keeps them on disk"
)


def parsed_blocks(path: str | os.PathLike, layout: Layout, size: int, encoding: str) -> Iterator[Block]:
    """The documents of a file in blocks of about `size` bytes; the next blocks are parsed while one is used.

    Raises:
        ValueError: a line is malformed, or the file damaged; the error gives file, line number and what is wrong.
    """
    texts, line = blocks_of_lines(path, size, encoding), 1
    waiting: collections.deque[concurrent.futures.Future[Block | None]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        try:
            while True:
                text, damage = _next(texts)
                while waiting and (not text or len(waiting) > THREADS):
                    block = waiting.popleft().result()
                    if block is not None:
                        yield block
                if damage:
                    raise damage
                if not text:
                    return
                waiting.append(pool.submit(parse_block, text, layout, path, line))
                line += int(np.count_nonzero(np.frombuffer(text, "uint8") == ord("\n")))
        finally:
            for future in waiting:
                future.cancel()


def _next(texts):
    """(the next text, empty at the end; the error in its place), so that earlier errors are reported first."""
    try:
        return next(texts, b""), None
    except ValueError as error:
        return b"", error


def tables_of(blocks: Iterable[Block], features: int) -> Iterator[pa.Table]:
    """The documents, one per row, in tables of at most 32 MB of features."""
    rows = max(TABLE // (4 * max(features, 1)), 1)
    for block in blocks:
        heads = _heads(block)
        for start in range(0, len(heads), rows):
            stop = min(start + rows, len(heads))
            yield _with_features(heads.slice(start, rows), block.columns.dense(start, stop))


def table_of(blocks: Iterable[Block], features: int, path: str | os.PathLike) -> Iterator[pa.Table]:
    """All documents, one per row, in one table; no table if there are none.

    Raises:
        ValueError: the features do not fit into memory.
    """
    waiting = collections.deque(blocks)
    if not waiting:
        return
    heads = pa.concat_tables(map(_heads, waiting))
    what = f"{path}: {len(heads):,} documents of {features:,} features"
    check_fits(CHECK * 4 * len(heads) * features, what, ON_DISK)
    values, row = np.zeros((len(heads), features), "float32"), 0
    while waiting:
        columns = waiting.popleft().columns
        columns.write(values[row : row + len(columns.labels)])
        row += len(columns.labels)
    yield _with_features(heads, values)


def _heads(block):
    """The documents without their features."""
    rows = len(block.lines)
    columns = {
        "query": block.columns.queries,
        "document": pa.array(block.documents, pa.string()) if block.documents else pa.nulls(rows, pa.string()),
        "label": pa.array(block.columns.labels),
        LINE: pa.array(block.lines),
    }
    return pa.table(columns)


def _with_features(table, values):
    features = values.shape[1]
    if not features:
        return table
    rows = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), features)
    return table.append_column("features", rows)
