"""The layout of a CSV file: encoding, separator, header, and the line on which each row begins."""

import csv
import io
import itertools
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from plackett.data._streams import decode_line, open_unpacked

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CLOSE = re.compile('(?:[^"]|"")*"(?!")')  # the rest of a field in quotes
UNREAD = "surrogateescape"  # bytes that do not fit the encoding are examined in place


class Layout(NamedTuple):
    """How a CSV file is laid out.

    Args:
        path: the file.
        names: the names of the columns.
        separator: between fields.
        encoding: of its text.
        header_lines: how many lines the header ends on.
    """

    path: str | os.PathLike
    names: list[str]
    separator: str
    encoding: str
    header_lines: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(the line on which it begins, its fields) for each row that is not empty, the header first."""
        with _text(self.path, self.encoding) as file:
            reader, line = csv.reader(file, delimiter=self.separator), 1
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1

    def place(self, row: int) -> str:
        """The name of a row in errors, found by reading the file again; the first row below the header is 1."""
        try:
            return f"{self.path}, line {self.line(row)}"
        except csv.Error:  # a field is longer than Python reads
            return f"{self.path}, row {row}"

    def line(self, row: int) -> int:
        """The line on which a row begins."""
        line, _ = next(itertools.islice(self.rows(), row, None))
        return line

    def damage(self) -> str | None:
        """What is wrong with the first row that does not match the header, and where; None = nothing."""
        begins = self.header_lines
        try:
            for begins, fields in self.rows():
                if wrong := self._wrong_fields(fields):
                    open_quote = self.open_quote() if "\n" in "".join(fields) else None
                    return open_quote or f"{self.path}, line {begins}: {wrong}"
        except csv.Error as error:  # a field is longer than Python reads
            return self.open_quote() or f"{self.path}, below line {begins}: {error}"
        return None if begins > self.header_lines else f"{self.path}: there are no rows below the header"

    def open_quote(self) -> str | None:
        """The error for a quote that opens and never closes, with its line; None = there is none."""
        start, opened = re.compile(f'(?:^|{re.escape(self.separator)})"'), None
        with _text(self.path, self.encoding) as file:
            for line, text in enumerate(file, 1):
                found = start.search(text) if opened is None else CLOSE.match(text)
                while found:
                    opened = line if opened is None else None
                    found = (start.search if opened is None else CLOSE.match)(text, found.end())
        if opened is None:
            return None
        return (
            f"{self.path}, line {opened}: a quote opens here and never closes; put a field that begins with a quote "
            "in quotes, and double its own quote"
        )

    def _wrong_fields(self, fields):
        if wrong := _wrong_text("".join(fields)):
            return wrong
        if len(fields) == len(self.names):
            return None
        return (
            f"there are {len(fields)} fields, but the header has {len(self.names)}; put fields that contain "
            f"{self._name()} in quotes"
        )

    def _name(self):
        return SEPARATORS.get(self.separator, repr(self.separator))


def find_layout(path: str | os.PathLike, separator: str | None, encoding: str) -> Layout:
    """The layout of a file.

    Args:
        path: the file.
        separator: between fields. None = a tab if the header has one, else a comma.
        encoding: of its text.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: there is no header, or it looks like another separator or encoding; the error says which.
    """
    if separator is not None and (len(separator) != 1 or separator in '\r\n"\x00'):
        raise ValueError(f"separator must be one character, no quote and no end of a line, but got {separator!r}")
    try:
        with _text(path, encoding) as file:
            return _read_header(path, file, separator, encoding)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{path}: the compressed file is damaged: {error}") from None
    except csv.Error as error:
        raise ValueError(f"{path}: the header cannot be read: {error}") from None


def _read_header(path, file, separator, encoding):
    blank, first = 0, ""
    for first in file:
        if first.strip("\r\n"):
            break
        blank += 1
    place = f"{path}, line {blank + 1}"
    if wrong := _wrong_text(first):
        raise ValueError(f"{place}: {wrong}")
    if not first.strip("\r\n"):
        raise ValueError(f"{path}: there is no header with the names of the columns")
    chosen = separator or ("\t" if "\t" in first else ",")
    reader = csv.reader(itertools.chain([first], file), delimiter=chosen)
    names = next(reader)
    if wrong := _wrong_text("".join(names)):
        raise ValueError(f"{place}: {wrong}")
    _check_separator(first, names, separator, chosen, place)
    return Layout(path, names, chosen, encoding, blank + reader.line_num)


def _text(path, encoding):
    return io.TextIOWrapper(open_unpacked(path, encoding), "utf-8", errors=UNREAD, newline="")


def _wrong_text(text):
    """What is wrong with text that keeps bytes that are not UTF-8, or None."""
    try:
        decode_line(text.encode("utf-8", UNREAD))
    except ValueError as error:
        return str(error)
    return None


def _check_separator(header, names, given, chosen, place):
    """Another separator must be given; it is never guessed."""
    counts = {other: header.count(other) for other in SEPARATORS if other != chosen}
    likely = max(counts, key=lambda other: counts[other])
    alone = len(names) == 1 and counts[likely] > 0
    if alone or (given is None and counts[likely] > header.count(chosen)):
        raise ValueError(
            f"{place}: the header looks as if {SEPARATORS[likely]} were between its fields, but it was read with "
            f"{SEPARATORS.get(chosen, repr(chosen))}: {header.strip()[:100]!r}; say separator={likely!r} "
            f"(--separator on the command line)"
        )
