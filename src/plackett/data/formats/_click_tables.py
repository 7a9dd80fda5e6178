"""Click logs in Arrow tables: the roles of their columns, and their values."""

import bisect
import functools
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from plackett._files import list_paths
from plackett.data._click_log_checks import Place
from plackett.data._columns import check_column
from plackett.data._roles import check_table_names
from plackett.data._schema import array_of, cast_numbers, from_arrow, is_number, is_string
from plackett.data._strings import Strings
from plackett.data._suffixes import form_of
from plackett.data.formats._csv_fields import Fields
from plackett.data.formats._csv_layout import find_layout
from plackett.data.formats.delimited import text_batches
from plackett.data.formats.frames import WHERE, columns_of_frame
from plackett.data.formats.parquet import open_parquet, parquet_files

EXACT = 2**53


class Part(NamedTuple):
    """A file, or a frame.

    Args:
        table: the columns to read.
        where: its name in errors.
        place: the name of a row of it in errors, by its number from 1.
        is_text: whether its numbers are text.
    """

    table: pa.Table
    where: str
    place: Place
    is_text: bool = False


Choose = Callable[[Sequence[str], str], Collection[str]]  # (names of all columns, where) -> those that are read


def parts_of_frame(frame: Any, choose: Choose) -> list[Part]:
    """A data frame, with the chosen columns."""
    table = columns_of_frame(frame, lambda names: choose(names, WHERE))
    return [Part(table, WHERE, lambda row: f"{WHERE}, row {row}")]


def parts_of_files(paths: Any, choose: Choose, *, separator: str | None, encoding: str) -> list[Part]:
    """Files, with the chosen columns.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a file is of another format or damaged, or lacks columns that `choose` needs.
    """
    paths = list_paths(paths)
    if not paths:
        raise ValueError("paths must name at least one file, but got none")
    form = form_of(paths)
    if form == "parquet":
        return list(_parquet(paths, choose))
    if form != "csv":
        raise ValueError(f"click logs are read from Parquet, CSV and TSV, but {paths[0]} is of the format {form}")
    try:
        return [_delimited(path, choose, separator, encoding) for path in paths]
    except ValueError as error:
        # On the command line, the flags of the data do not apply to a log.
        of_log = re.sub(r"\(--(separator|encoding) ?(\S*) on the", _flag_of_log, str(error))
        raise ValueError(of_log) from None


def _flag_of_log(match):
    return f"(--click-reading {match[1]}={match[2] or 'CHARACTER'} on the"


def _parquet(paths, choose) -> Iterator[Part]:
    for name, file in parquet_files(paths):
        with open_parquet(name, file) as parquet:
            names = parquet.schema_arrow.names
            check_table_names(names, str(name))
            chosen = choose(names, str(name))
            try:
                table = parquet.read(list(dict.fromkeys(chosen)))
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name}: the Parquet file is damaged: {error}") from None
        yield Part(table, str(name), functools.partial(_row_of, str(name)))


def _row_of(name, row):
    return f"{name}, row {row}"


def _delimited(path: str | os.PathLike, choose, separator, encoding):
    layout = find_layout(path, separator, encoding)
    check_table_names(layout.names, str(path))
    chosen = list(dict.fromkeys(choose(layout.names, str(path))))
    batches = [batch.select(chosen) for batch in text_batches(layout, chosen)]
    empty = pa.schema([(name, pa.string()) for name in chosen])
    return Part(
        pa.Table.from_batches(batches, schema=batches[0].schema if batches else empty),
        str(path),
        layout.place,
        is_text=True,
    )


def column_of(role: str, name: str, names: Sequence[str], where: str) -> str:
    """The name of a required column.

    Raises:
        ValueError: it is missing; the error lists the columns.
    """
    try:
        check_column(name, names, where)
    except ValueError as error:
        option = (
            "context=[...] must name existing columns"
            if role == "context"
            else (f"use {role}=NAME for the column of the {role} (--click-column {role}=NAME on the command line)")
        )
        raise ValueError(f"{error}; {option}") from None
    return name


class Parts:
    """Several parts, concatenated, and the names of their rows in errors."""

    def __init__(self, parts: Sequence[Part]):
        self.parts = parts
        self.firsts = np.cumsum([0] + [len(part.table) for part in parts]).tolist()

    @property
    def where(self) -> str:
        """The name of all parts in errors."""
        names = list(dict.fromkeys(part.where for part in self.parts))
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    def place(self, row: int) -> str:
        """The name of a row in errors, by its number from 1 across all parts."""
        part = bisect.bisect_left(self.firsts, row) - 1
        return self.parts[part].place(row - self.firsts[part])

    def strings(self, role: str, names: Sequence[str]) -> Strings:
        """The ids in the column of this name in each part."""
        found = [_texts(part.table[name], role, part.place) for part, name in zip(self.parts, names, strict=True)]
        return strings_of([chunk for column in found for chunk in column])

    def numbers(self, role: str, names: Sequence[str]) -> np.ndarray:
        """The numbers in the column of this name in each part; NaN where one is missing."""
        return np.concatenate([_numbers(part, name, role) for part, name in zip(self.parts, names, strict=True)])

    def context(self, name: str, names: Sequence[str]) -> np.ndarray | Strings:
        """The values in the column of this name in each part: strings, numbers or times."""
        columns = [part.table[column] for part, column in zip(self.parts, names, strict=True)]
        if any(part.is_text for part in self.parts):
            column = pa.concat_arrays([array_of(column) for column in columns])
            kind = Fields().find_type(column)
            columns = [pa.chunked_array([Fields().values(column, kind)[0]])]
        if all(is_string(_plain(column.type)) for column in columns):
            return strings_of([pc.fill_null(chunk, "") for column in columns for chunk in column.chunks])
        if any(is_string(_plain(column.type)) for column in columns):
            raise ValueError(f"{self.where}: the column {name!r} holds text in one file and numbers in another")
        return np.concatenate([column.to_numpy() for column in columns])


def _plain(kind):
    return kind.value_type if kinds.is_dictionary(kind) else kind


def strings_of(chunks: Sequence[pa.Array]) -> Strings:
    """The strings of chunks, concatenated; equal strings have equal codes."""
    if not chunks:
        return Strings.of([])
    return from_arrow(array_of(pa.chunked_array([_encoded(chunk) for chunk in chunks]).unify_dictionaries()))


def _encoded(chunk):
    """The same strings, each text once, with codes of one type."""
    known = chunk if kinds.is_dictionary(chunk.type) else chunk.dictionary_encode()
    words = pc.cast(known.dictionary, pa.large_string())
    return pa.DictionaryArray.from_arrays(pc.cast(known.indices, pa.int32()), words)


def _texts(column, role, place):
    """The chunks of a column of ids, as text."""
    if column.null_count:
        raise ValueError(f"{place(_first(pc.is_null(column)) + 1)}: {role} is missing")
    return [text_of(chunk, role, lambda row, first=first: place(first + row)) for first, chunk in _chunks(column)]


def _chunks(column):
    first = 0
    for chunk in column.chunks:
        yield first, chunk
        first += len(chunk)


def text_of(values: pa.Array, role: str, place: Place) -> pa.Array:
    """Ids as text: strings, or whole numbers, which may be floats, as pandas holds them next to missing values."""
    if kinds.is_dictionary(values.type):
        words = text_of(values.dictionary, role, lambda _: place(1))
        words = words.dictionary_decode() if kinds.is_dictionary(words.type) else words
        return pa.DictionaryArray.from_arrays(values.indices, words)
    if is_string(values.type):
        return pc.cast(values, pa.large_string()) if kinds.is_string_view(values.type) else values
    if kinds.is_floating(values.type):
        numbers = values.to_numpy(zero_copy_only=False).astype("float64")
        bad = ~((np.abs(numbers) < EXACT) & (numbers == np.trunc(numbers)))
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(f"{place(row + 1)}: {role} must be text or a whole number, but got {numbers[row]!r}")
        values = pa.array(numbers.astype("int64"))
    if not kinds.is_integer(values.type):
        raise ValueError(f"{place(1)}: {role} must hold text or whole numbers, but holds {values.type}")
    known = values.dictionary_encode()  # fewer numbers are made text
    return pa.DictionaryArray.from_arrays(known.indices, pc.cast(known.dictionary, pa.string()))


def _numbers(part, name, role):
    column = part.table[name]
    if not part.is_text:
        return number_of(array_of(column), role, part.where)
    found = [np.zeros(0)]
    for first, chunk in _chunks(column):
        values, wrong = Fields().numbers(chunk, pa.float64())
        if len(wrong):
            row = int(wrong[0])
            raise ValueError(
                f"{part.place(first + row + 1)}: column {name!r} must hold numbers to be the {role}, but holds "
                f"{chunk[row].as_py()!r:.100}"
            )
        found.append(number_of(values, role, part.where))
    return np.concatenate(found)


def number_of(values: pa.Array, role: str, where: str) -> np.ndarray:
    """Numbers as a NumPy array; NaN = missing."""
    if not (is_number(values.type) or kinds.is_null(values.type)):
        raise ValueError(f"{where}: {role} must hold numbers, but holds {values.type}")
    if values.null_count or kinds.is_decimal(values.type) or kinds.is_float16(values.type):
        return cast_numbers(values, pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return values.to_numpy(zero_copy_only=False)


def _first(truths):
    return int(np.flatnonzero(truths.to_numpy())[0])
