"""Tables with one row a document and named columns: CSV and TSV files, pandas, polars, Arrow, Hugging Face datasets."""

import csv
import dataclasses
import difflib
import io
import os
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from plackett.data._grouping import LINE, grouped
from plackett.data._ranking_lists import COLUMNS, RankingLists
from plackett.data._schema import is_list, is_number, is_string, kind_of_numbers, lists_of
from plackett.data._streams import opened

BLOCK = 16 * 2**20
MISSING = ["", "NA", "NaN", "nan", "null", "NULL"]


@dataclasses.dataclass(frozen=True)
class Roles:
    """What the columns of a table with one row a document mean, by their names.

    Args:
        query: the id of the query.
        label: the grade.
        document: the id of the document. None = its position in the query.
        features: the dense features. None = all columns that have no other role.
        categorical: the id features.
        columns: what else is known of documents: `click`, `propensity`, `position`, `teacher`, `weight`, `judged` or
            `run_score` -> the name of its column.
    """

    query: str = "query"
    label: str = "label"
    document: str | None = None
    features: Sequence[str] | None = None
    categorical: Sequence[str] = ()
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"columns must be among {', '.join(COLUMNS)}, but got {', '.join(unknown)}")

    def named(self, names: Sequence[str], where: str) -> dict[str, str]:
        """Name of a column -> its role: query, label, document, one of `columns`, "dense" or "ids".

        Raises:
            ValueError: there is no such column, or it has two roles.
        """
        roles = {"query": [self.query], "label": [self.label], "document": [self.document] if self.document else []}
        roles |= {role: [name] for role, name in self.columns.items()} | {"ids": self.categorical}
        found = {}
        for role, of_role in [*roles.items(), ("dense", self.features or ())]:
            for name in of_role:
                if name not in names:
                    close = difflib.get_close_matches(name, names, 1)
                    hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}"
                    raise ValueError(f"{where}: there is no column {name!r}{hint}")
                if name in found:
                    raise ValueError(f"{where}: column {name!r} cannot be both {found[name]} and {role}")
                found[name] = role
        if self.features is None:
            found |= {name: "dense" for name in names if name not in found}
        return found


def delimited_tables(
    path: str | os.PathLike, roles: Roles | None = None, *, separator: str | None = None, together: bool = True
) -> Iterator[pa.Table]:
    """The queries of a CSV or TSV file with a header, in tables of the form of `plackett.data._schema`.

    Args:
        path: the file, plain or compressed (gzip, zstd, bzip2). An empty field, NA, NaN or null is missing.
        roles: what its columns mean.
        separator: between fields. None = a tab if the header has one, else a comma.
        together: the documents of a query stand together. False = they need not, and the file is held in memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the header lacks a column, or a field is not a number; says which row.
    """
    try:
        with opened(path) as file:
            header = file.readline().decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}, row 1: this is not UTF-8 text: {error.reason}") from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{path}: the compressed file is damaged: {error}") from None
    if "\x00" in header:
        raise ValueError(f"{path}, row 1: there is a NUL character")
    if not header:
        raise ValueError(f"{path}: there is no header with the names of the columns")
    separator = separator or ("\t" if "\t" in header else ",")
    names = next(csv.reader(io.StringIO(header), delimiter=separator))
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: two columns have the same name: {', '.join(names)}")
    of_columns = (roles or Roles()).named(names, str(path))
    texts = ("query", "document", "ids")
    types = {name: pa.string() if role in texts else kind_of_numbers(role) for name, role in of_columns.items()}
    options = pa.csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=MISSING)
    reading = pa.csv.ReadOptions(block_size=BLOCK, use_threads=False)
    parsing = pa.csv.ParseOptions(delimiter=separator)

    def documents():
        row = 0
        try:
            with opened(path) as file, pa.csv.open_csv(file, reading, parsing, options) as reader:
                for batch in reader:
                    yield _documents(pa.table(batch), of_columns, row + 2)
                    row += len(batch)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path}: {error}") from None

    yield from grouped(documents(), str(path), together=together)


def read_delimited(
    path: str | os.PathLike,
    roles: Roles | None = None,
    *,
    separator: str | None = None,
    missing: bool = False,
    together: bool = True,
) -> RankingLists:
    """The lists of a CSV or TSV file; see `delimited_tables`.

    Args:
        path, roles, separator, together: as there.
        missing: whether features may be missing.
    """
    tables = delimited_tables(path, roles, separator=separator, together=together)
    return lists_of(tables, missing=missing, where=str(path))


def from_frame(frame, roles: Roles | None = None, *, missing: bool = False, together: bool = True) -> RankingLists:
    """The lists of a data frame or dataset.

    Args:
        frame: a pandas or polars frame, an Arrow table, a Hugging Face dataset, or anything else that gives an Arrow
            stream; one row a document, or one row a query in the form of `plackett.data._schema`.
        roles: what its columns mean, where there is one row a document.
        missing: whether features may be missing.
        together: whether the documents of a query must stand together. False = they are grouped.

    Raises:
        TypeError: the frame gives no Arrow stream.
        ValueError: a column is missing or of another type than its role has.
    """
    table = _arrow(frame)
    if "label" in table.column_names and is_list(table["label"].type):
        return lists_of(table, missing=missing, where="the frame")
    roles = (roles or Roles()).named(table.column_names, "the frame")
    for name, role in roles.items():
        kind = table[name].type
        if role not in ("query", "document", "ids") and not is_number(kind):
            raise ValueError(f"the frame: column {name!r} must hold numbers to be {role}, but holds {kind}")
        if role in ("query", "document", "ids") and not (is_number(kind) or is_string(kind)):
            raise ValueError(f"the frame: column {name!r} must hold strings or numbers to be {role}, but holds {kind}")
    tables = grouped(iter([_documents(table, roles, 1)] if len(table) else []), "the frame", together=together)
    return lists_of(tables, missing=missing, where="the frame")


def _arrow(frame):
    if hasattr(frame, "with_format") and not hasattr(frame, "__arrow_c_stream__"):  # a Hugging Face dataset
        frame = frame.with_format("arrow")[:]
    if not (isinstance(frame, pa.Table) or hasattr(frame, "__arrow_c_stream__")):
        raise TypeError(f"the frame must give an Arrow stream, as pandas and polars do, but got {type(frame).__name__}")
    return pa.table(frame)


def _documents(table, roles, first_line):
    """The table with the names and types that `grouped` and the schema know."""
    columns, fields = [], []
    for name, role in roles.items():
        text = role in ("query", "document", "ids")
        kind = pa.string() if text else kind_of_numbers(role)
        columns.append(pc.cast(table[name], kind, safe=False))
        fields.append(pa.field(name if role in ("dense", "ids") else role, kind))
    columns.append(pa.array(range(first_line, first_line + len(table))))
    fields.append(pa.field(LINE, pa.int64()))
    return pa.table(columns, schema=pa.schema(fields))
