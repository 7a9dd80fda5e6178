"""CSV and TSV files with a header, one row a document."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.csv

from plackett.data._grouping import group_by_query, of_documents, type_of
from plackett.data._ranking_lists import RankingLists
from plackett.data._roles import Roles
from plackett.data._streams import open_unpacked
from plackett.data._tables import from_tables

BLOCK = 16 * 2**20
MISSING = ["", "NA", "NaN", "nan", "null", "NULL"]


def read_delimited(
    path: str | os.PathLike,
    *,
    query: str = "query",
    label: str = "label",
    document: str | None = None,
    features: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    ids: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    query_columns: Sequence[str] = (),
    separator: str | None = None,
    together: bool = True,
) -> RankingLists:
    """The lists of a CSV or TSV file with a header.

    Args:
        path: the file, plain or compressed (gzip, zstd, bzip2). An empty field, NA, NaN or null is missing.
        query, label, document, features, categorical, ids, columns, query_columns: what its columns mean, by their
            names, as in `RankingLists.from_frame`.
        separator: between fields. None = a tab if the header has one, else a comma.
        together: whether the rows of a query must stand together. False = they are grouped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the header lacks a column, or a field is not what its role needs; says which row.
    """
    roles = Roles(query, label, document, features, categorical, ids, columns or {}, query_columns)
    return from_tables(delimited_tables(path, roles, separator=separator, together=together), str(path))


def delimited_tables(
    path: str | os.PathLike, roles: Roles, *, separator: str | None = None, together: bool = True
) -> Iterator[pa.Table]:
    """The queries of a CSV or TSV file, in tables of the form of `plackett.data._schema`; see `read_delimited`."""
    header = _header(path)
    separator = separator or ("\t" if "\t" in header else ",")
    names = next(csv.reader(io.StringIO(header), delimiter=separator))
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: two columns have the same name: {', '.join(names)}")
    of_columns = roles.of_columns(names, str(path))
    types = {name: type_of(role) for name, role in of_columns.items()}
    options = pa.csv.ConvertOptions(
        column_types={name: kind for name, kind in types.items() if kind is not None},
        include_columns=list(types),
        null_values=MISSING,
    )
    reading = pa.csv.ReadOptions(block_size=BLOCK, use_threads=False)
    parsing = pa.csv.ParseOptions(delimiter=separator)

    def documents():
        row = 0
        try:
            with open_unpacked(path) as file, pa.csv.open_csv(file, reading, parsing, options) as reader:
                for batch in reader:
                    yield of_documents(pa.table(batch), of_columns, row + 2, str(path))
                    row += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path}: {error}") from None

    yield from group_by_query(documents(), str(path), together=together)


def _header(path):
    """The first row."""
    with open_unpacked(path) as file:
        try:
            header = file.readline().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}, row 1: this is not UTF-8 text: {error.reason}") from None
        except OSError as error:
            raise ValueError(f"{path}: the compressed file is damaged: {error}") from None
    if "\x00" in header:
        raise ValueError(f"{path}, row 1: there is a NUL character")
    if not header:
        raise ValueError(f"{path}: there is no header with the names of the columns")
    return header
