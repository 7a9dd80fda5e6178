"""Tables from files: Parquet, CSV and JSON lines, as Arrow data."""

import functools
import io
import json
import os
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.json
import pyarrow.types as kinds

from plackett._files import check_path
from plackett.data._columns import check_column
from plackett.data._roles import check_table_names
from plackett.data._schema import in_order_of, is_list
from plackett.data._streams import open_unpacked
from plackett.data._suffixes import PACKED
from plackett.data.formats._csv_fields import Fields
from plackett.data.formats._csv_layout import find_layout
from plackett.data.formats.delimited import text_batches
from plackett.data.formats.parquet import open_parquet, parquet_files

SUFFIXES = {"parquet": (".parquet",), "csv": (".csv", ".tsv"), "json": (".jsonl", ".ndjson", ".json")}
LEADING_ZERO = r"^\s*[+-]?0\d"

Choose = Callable[[Sequence[str], str], list[str]]


def read_files(
    path: str | os.PathLike, choose: Choose, always_texts: Collection[str], *, form: str | None, **of_csv: Any
) -> pa.Table:
    """Reads the rows of a file, or of a folder of Parquet files.

    Args:
        path: the file; CSV and JSON lines may be compressed (gzip, zstd, bzip2).
        choose: a function of the names of the columns and of the name of the file in errors. It returns the columns to
            read.
        always_texts: the columns of ids and of lists, which are text in CSV.
        form: "parquet", "csv" or "json". None = by the suffix; a folder holds Parquet files.
        of_csv: options of CSV.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the format is unknown, an option has no effect on it, or the file is malformed; the message says
            where.
    """
    check_path(path)
    form = form or _form_of(path)
    if form not in SUFFIXES:
        raise ValueError(f"form must be one of {', '.join(SUFFIXES)}, but got {form!r}")
    given = {name: value for name, value in of_csv.items() if value is not None}
    if form == "csv":
        return _read_csv(path, choose, always_texts, **given)
    if given:
        raise ValueError(f"{next(iter(given))} is an option of CSV, but {path} is read as {form}: leave it out")
    return _read_parquet(path, choose) if form == "parquet" else _read_json(path, choose)


def _form_of(path):
    if os.path.isdir(path):
        return "parquet"
    suffixes = [suffix for suffix in pathlib.PurePath(path).suffixes if suffix not in PACKED]
    last = suffixes[-1].lower() if suffixes else ""
    form = next((form for form, known in SUFFIXES.items() if last in known), None)
    if form is None and "://" in str(path):  # a folder, as far as can be known
        return "parquet"
    if form is None:
        known = ", ".join(suffix for known in SUFFIXES.values() for suffix in known)
        raise ValueError(f"the suffix of {path} must be one of {known}, or the format must be given by form=")
    return form


def _read_parquet(path, choose):
    tables: list[pa.Table] = []
    for name, file in parquet_files(path):
        with open_parquet(name, file) as parquet:
            names = parquet.schema_arrow.names
            check_table_names(names, name)
            try:
                table = parquet.read(columns=choose(names, name))
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: the Parquet file is damaged: {error}") from None
        tables.append(in_order_of(table, tables[0].schema, name) if tables else table)
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: the files in a folder must have columns of the same types: {error}") from None


def _read_csv(path, choose, always_texts, texts=(), separator=None, decimal=".", encoding="utf-8", missing_values=()):
    layout, fields = find_layout(path, separator, encoding), Fields(decimal, missing_values)
    check_table_names(layout.names, str(path))
    for name in texts:
        check_column(name, layout.names, str(path))
    chosen, texts = choose(layout.names, str(path)), {*always_texts, *texts}
    batches = list(text_batches(layout, chosen))
    nothing = pa.schema([(name, pa.string()) for name in chosen])  # if there is no row below the header
    table = pa.Table.from_batches(batches, None if batches else nothing).select(chosen)
    columns = [table[name] if name in texts else _typed(table[name].combine_chunks(), fields) for name in chosen]
    return pa.table(columns, names=chosen)


def _typed(texts, fields):
    """The type that fits all fields of a column. Digits after a zero, as in 02139, are text."""
    texts = texts if isinstance(texts, pa.Array) else pa.concat_arrays(texts.chunks)
    kind = fields.find_type(texts)
    if kinds.is_integer(kind) and pl.Series(pl.from_arrow(texts)).str.contains(LEADING_ZERO).any():
        kind = pa.string()
    return fields.values(texts, kind)[0]


def _read_json(path, choose):
    try:
        with open_unpacked(path) as file:
            text = file.read()
    except OSError as error:
        if isinstance(error, FileNotFoundError | IsADirectoryError):
            raise
        raise ValueError(f"{path}: the compressed file is damaged: {error}") from None
    if not text.strip():
        raise ValueError(f"{path}: there are no rows in this file")
    parse = functools.partial(_parse, path, text)
    table = parse(None)
    names = choose(table.column_names, str(path))
    # JSON has no times: a string that looks like a time is text.
    texts = {field.name: kind for field in table.schema if (kind := _with_texts(field.type)) != field.type}
    return (parse(pa.schema(texts.items())) if texts else table).select(names)


def _with_texts(kind):
    """A type with text in place of times."""
    if is_list(kind):
        return pa.list_(_with_texts(kind.value_type))
    return pa.string() if kinds.is_timestamp(kind) else kind


def _parse(path, text, schema):
    reading = pyarrow.json.ReadOptions(block_size=min(len(text) + 1, 2**31 - 1), use_threads=False)
    parsing = pyarrow.json.ParseOptions(explicit_schema=schema)
    try:
        return pyarrow.json.read_json(io.BytesIO(text), reading, parsing)
    except pa.ArrowInvalid as error:
        raise ValueError(_damage(path, text) or f"{path}: {error}") from None


def _damage(path, text):
    """Describes the first line that is not an object, or unlike those before; None = it is not known."""
    known: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            return f"{path}, line {number}: this is not JSON: {error}"
        if not isinstance(row, dict):
            return f"{path}, line {number}: a line must be an object, {{column: value}}, but is {line[:60].decode()!r}"
        for name, value in row.items():
            kind = _kind(value)
            first, of_line = known.setdefault(name, (kind, number)) if kind else ("", 0)
            if first != kind:
                return f"{path}, line {number}: {name} is {kind}, but in line {of_line} it is {first}"
    return None


def _kind(value):
    """The kind of a value, in words; "" if it is missing, or an empty list."""
    if isinstance(value, list):
        inner = " and ".join(sorted({kind for entry in value if (kind := _kind(entry))}))
        return inner and f"a list of {inner}"
    known = {str: "text", bool: "true or false", int: "a number", float: "a number", type(None): ""}
    return known.get(type(value), "an object")
