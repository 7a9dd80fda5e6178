"""Parquet files in pieces, so that several processes can read them."""

import concurrent.futures
import dataclasses
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from plackett.data._ranking_lists import RankingLists
from plackett.data._schema import in_order_of, kinds_of_columns, rename, to_be_ranked, with_judged, without_labels
from plackett.data._tables import parts
from plackett.data.formats.parquet import (
    ROW_GROUP,
    Paths,
    bytes_of_groups,
    open_parquet,
    parquet_files,
    tables_of_file,
)

FOOTERS = 16  # that are read at a time: on a network each is a wait


class Piece(NamedTuple):
    """Consecutive row groups of a file that one process reads.

    >>> piece = Piece(number=0, file="a.parquet", row_groups=(0, 1), first_row=0, rows=20)
    >>> Piece.from_json(piece.to_json()) == piece
    True

    Args:
        number: the place of the piece among all pieces, from 0.
        file: the name of the file, as from `parquet_files`.
        row_groups: the numbers of the row groups.
        first_row: the number of rows of the file before the piece.
        rows: the number of rows of the piece.
    """

    number: int
    file: str
    row_groups: tuple[int, ...]
    first_row: int
    rows: int

    def to_json(self) -> str:
        """The piece as text."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Piece":
        """The piece from the output of `to_json`."""
        number, file, row_groups, first_row, rows = json.loads(text)
        return cls(number, file, tuple(row_groups), first_row, rows)


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the rows of files become lists, the same in each piece.

    Args:
        columns, ids: see `read_parquet`.
        labelled: see `plackett.data._sources.read_acting`.
        names: the columns of the first table, in its order. () = not known yet.
    """

    columns: Mapping[str, str]
    ids: Collection[str]
    labelled: bool | None
    names: tuple[str, ...] = ()

    def table(self, table: pa.Table, file: str) -> pa.Table:
        """Rows of a file as a table in the form of `plackett.data._schema`.

        Raises:
            ValueError: a column is missing, or the columns differ from those of the first table.
        """
        ids = list(self.ids)
        if self.labelled is False:
            table = to_be_ranked(rename(table, {}, ids, file), self.columns.values(), file)
        else:
            table = rename(table, self.columns, ids, file)
            if self.labelled is None:
                table = with_judged(table) if "label" in table.column_names else without_labels(table, file)
        return in_order_of(table, pa.schema([(name, pa.null()) for name in self.names or table.column_names]), file)


def pieces_of(paths: Paths, layout: Layout) -> tuple[list[Piece], Layout]:
    """(the pieces of files in the order of their rows, the layout with the columns of the first file).

    A piece has row groups of about 64 MB, and at least one. Pieces do not depend on the number of workers, so neither
    do results. Only the footers of the files are read.

    Raises:
        FileNotFoundError: a file does not exist, or a folder has no Parquet file.
        ValueError: a file is not Parquet, does not have the form in docs/data.md, or there are no queries.
    """
    files = list(parquet_files(paths))
    with concurrent.futures.ThreadPoolExecutor(FOOTERS) as threads:
        found = list(threads.map(_runs_of_groups, files))
    name, file = files[0]
    with open_parquet(name, file) as parquet:
        first = layout.table(parquet.schema_arrow.empty_table(), name)
    kinds_of_columns(first.schema, name)
    numbers = itertools.count()
    pieces = [
        Piece(next(numbers), name, groups, first_row, rows)
        for (name, _), runs in zip(files, found, strict=True)
        for groups, first_row, rows in runs
    ]
    if not pieces:
        raise ValueError(f"{', '.join(name for name, _ in files)}: there are no queries")
    return pieces, dataclasses.replace(layout, names=tuple(first.column_names))


def _runs_of_groups(file):
    """[(row groups, rows before, rows)] of a file."""
    with open_parquet(*file) as parquet:
        sizes, metadata = bytes_of_groups(parquet), parquet.metadata
        rows = [metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    runs, before = [], 0
    held, held_bytes, held_rows = [], 0, 0
    for group, (size, number) in enumerate(zip(sizes, rows, strict=True)):
        if held_rows and held_bytes + size > ROW_GROUP:
            runs.append((tuple(held), before, held_rows))
            before += held_rows
            held, held_bytes, held_rows = [], 0, 0
        held.append(group)
        held_bytes += size
        held_rows += number
    return [*runs, (tuple(held), before, held_rows)] if held_rows else runs


def lists_of_piece(piece: Piece, layout: Layout) -> Iterator[RankingLists]:
    """The lists of a piece, in parts of about 32 MB.

    Raises:
        ValueError: the data is malformed; the error gives the file, the row and the query, as in `read_parquet`.
    """
    ((name, file),) = parquet_files(piece.file)
    with open_parquet(name, file) as parquet:
        rows = tables_of_file(name, parquet, piece.row_groups)
        yield from parts((layout.table(table, name) for table in rows), name, piece.first_row)


def queries_of_piece(piece: Piece) -> list[str]:
    """The ids of the queries of a piece."""
    ((name, file),) = parquet_files(piece.file)
    with open_parquet(name, file) as parquet:
        queries = _queries(parquet, piece.row_groups)
    return queries.cast(pa.string()).to_pylist()


def _queries(parquet: pq.ParquetFile, row_groups) -> pa.ChunkedArray:
    return parquet.read_row_groups(list(row_groups), columns=["query"])["query"]
