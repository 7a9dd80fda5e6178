"""CSV and TSV files with a header, one row per document."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from plackett.data._documents import NUMBERS, WHOLE, of_documents, type_of
from plackett.data._grouping import LINE, group_by_query
from plackett.data._ranking_lists import RankingLists
from plackett.data._roles import Role, Roles, check_new_names, hint_of_meaning, text_columns
from plackett.data._streams import open_unpacked
from plackett.data._tables import from_tables
from plackett.data.formats._csv_fields import Fields
from plackett.data.formats._csv_layout import Layout, find_layout

BLOCK = 16 * 2**20


def read_delimited(
    path: str | os.PathLike,
    *,
    query: str = "query",
    label: str | None = "label",
    document: str | None = None,
    features: Sequence[str] | Mapping[str, str] | None = None,
    categorical: Sequence[str] | Mapping[str, str] = (),
    ids: Sequence[str] | Mapping[str, str] = (),
    columns: Mapping[str, str] | None = None,
    query_columns: Sequence[str] | Mapping[str, str] = (),
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    missing_values: Sequence[str] = (),
    together: bool = True,
) -> RankingLists:
    """The lists of a CSV or TSV file with a header.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "shop.csv"
    >>> _ = path.write_text("session,grade,price,colour\\ns1,1,9.5,red\\ns1,0,,blue\\n")
    >>> read_delimited(path, query="session", label="grade", categorical=["colour"])
    RankingLists: 1 queries, 2 documents
      list size: 2 to 2, median 2
      labels: 0: 1, 1: 1
      features: 1: price
      ids: colour

    Args:
        path: the file, plain or compressed (gzip, zstd, bzip2). In columns of numbers, an empty field, NA, NaN or null
            is missing, and true and false count as 1 and 0, in upper or lower case.
        query, label, document, features, categorical, ids, columns, query_columns: the roles of the columns, by name,
            as in `RankingLists.from_frame`.
        separator: between fields. None = a tab if the header has one, else a comma.
        decimal: the decimal point, "." or ",".
        encoding: of the text, as Python's `open` takes it, such as "utf-16" or "latin-1".
        missing_values: more words that mean missing in columns of numbers. They are compared as text, ignoring case,
            and as numbers: "-999" matches -999.0 too.
        together: whether the rows of a query must stand together. False = they are grouped.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: the header lacks a column, a row has too many or too few fields, or a field does not fit its role;
            the error gives the line and the column.
    """
    roles = Roles(query, label, document, features, categorical, ids, columns or {}, query_columns)
    tables = delimited_tables(
        path,
        roles,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        missing_values=missing_values,
        together=together,
    )
    return from_tables(tables, str(path))


def delimited_tables(
    path: str | os.PathLike,
    roles: Roles,
    *,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    missing_values: Sequence[str] = (),
    together: bool = True,
) -> Iterator[pa.Table]:
    """The queries of a CSV or TSV file, in tables in the form of `plackett.data._schema`; see `read_delimited`."""
    layout, found = _find(path, roles, separator, decimal, encoding)
    documents = _documents(layout, found, Fields(decimal, missing_values))
    yield from group_by_query(documents, str(path), together=together, place=layout.place)


def first_missing(
    path: str | os.PathLike,
    roles: Roles,
    *,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    missing_values: Sequence[str] = (),
) -> tuple[int, str, str]:
    """(line, query, column) of the first missing feature, for a file that has one; see `delimited_tables`."""
    layout, found = _find(path, roles, separator, decimal, encoding)
    features = {role.name: role.column for role in found if role.kind == "features"}
    for table in _documents(layout, found, Fields(decimal, missing_values)):
        missing = np.stack([table[name].is_null().to_numpy() for name in features], axis=1)
        if missing.any():
            row, column = np.unravel_index(missing.argmax(), missing.shape)
            return layout.line(table[LINE][row].as_py()), table["query"][row].as_py(), list(features.values())[column]
    raise ValueError(f"{path}: no feature is missing")


def _find(path, roles, separator, decimal, encoding):
    """(the layout of a file, the roles of its columns)."""
    layout = find_layout(path, separator, encoding)
    return layout, roles.of_columns(layout.names, str(path), is_text=True)


def _documents(layout, roles, fields):
    """The documents of a file in tables, one row per document, as a stream."""
    row, reader = 1, _Blocks(layout, roles, fields)
    for batch in text_batches(layout, [role.column for role in roles]):
        yield of_documents(reader.columns(batch, row), roles, row, layout.place)
        row += len(batch)


def text_batches(layout: Layout, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The blocks of a file, with these columns as text.

    A quote that never closes is in the last column; otherwise the last row would have too few fields.
    """
    last, end = layout.names[-1], ""
    reading = pa.csv.ReadOptions(
        block_size=BLOCK,
        use_threads=False,
        skip_rows=layout.header_lines,
        column_names=layout.names,
    )
    parsing = pa.csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True)
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys([*names, last], pa.string()), include_columns=list(dict.fromkeys([*names, last]))
    )
    try:
        with (
            open_unpacked(layout.path, layout.encoding) as file,
            pa.csv.open_csv(file, reading, parsing, options) as reader,
        ):
            for batch in reader:
                end = batch.column(last)[-1].as_py() if len(batch) else end
                yield batch
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError):
            raise ValueError(f"{layout.path}: the compressed file is damaged: {error}") from None
        raise ValueError(layout.damage() or f"{layout.path}: {error}") from None
    if "\n" in end and (wrong := layout.open_quote()):
        raise ValueError(wrong)


class _Wrong(NamedTuple):
    """The first field of a column in a block that its role does not allow, and whether no field at all is a number."""

    row: int
    role: Role
    text: str
    is_text: bool


class _Blocks:
    """From blocks of text to columns of the types that their roles have, one block after another."""

    def __init__(self, layout, roles, fields):
        self.layout, self.roles, self.fields = layout, roles, fields
        self.types = {}  # of columns of queries, as the first block has them

    def columns(self, batch, first_row):
        """The values of each role; null where one is missing."""
        found, wrong = [], []
        for role in self.roles:
            texts = batch.column(role.column)
            values, rows = self._values(role, texts)
            found.append(pa.chunked_array([values]))
            if len(rows):
                text = texts[int(rows[0])].as_py()
                is_text = values.null_count == len(values) and not self.fields.decimal_hint(text)
                wrong.append(_Wrong(first_row + int(rows[0]), role, text, is_text))
        if any("\n" in one.text for one in wrong) and (damage := self.layout.open_quote()):
            raise ValueError(damage)
        if first_row == 1:
            self._check_text([one for one in wrong if one.is_text and one.role.kind == "features"])
            check_new_names(self.roles, str(self.layout.path))
        if wrong:
            first = min(wrong, key=lambda one: one.row)
            query = next(role.column for role in self.roles if role.kind == "query")
            raise self._error(first, batch.column(query)[first.row - first_row].as_py())
        return found

    def _values(self, role, texts):
        """(the values, the rows of those that the role does not allow)."""
        if role.kind in NUMBERS:
            return self.fields.numbers(texts, type_of(role))
        if role.kind != "query_columns":
            return texts, ()
        if role.name not in self.types:
            self.types[role.name] = self.fields.find_type(texts)
        return self.fields.values(texts, self.types[role.name])

    def _check_text(self, found):
        """Raises the error for all columns that should be features but hold text in the first block."""
        if found:
            places = [self.layout.place(one.row).removeprefix(f"{self.layout.path}, ") for one in found]
            columns = [(one.role, one.text, place) for one, place in zip(found, places, strict=True)]
            raise text_columns(str(self.layout.path), columns, self.roles)

    def _error(self, wrong, query):
        """The error for a field with a wrong value."""
        if wrong.role.kind == "query_columns":
            must = f"hold the type of its first rows ({self.types[wrong.role.name]})"
        else:
            must = f"hold {WHOLE if wrong.role.kind == 'ids' else 'numbers'} to be {wrong.role}"
        return ValueError(
            f"{self.layout.place(wrong.row)}, query {query!r}: column {wrong.role.column!r} must {must}, but holds "
            f"{wrong.text!r:.100}{self._hint(wrong)}"
        )

    def _hint(self, wrong):
        if wrong.text == wrong.role.column:
            return "; this looks like a second header, for example where files were joined"
        if "\n" in wrong.text:
            return "; this has several lines, for example because a quote opens and does not close in the same field"
        if wrong.role.kind == "ids":
            return "; categorical takes any text"
        if wrong.role.kind == "label":
            return self.fields.decimal_hint(wrong.text)
        return hint_of_meaning(wrong.role) or self.fields.hint(wrong.text)
