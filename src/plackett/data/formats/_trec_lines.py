"""TREC lines as tables: by Arrow's parser where a block is certainly valid, else line by line, with exact errors."""

import codecs
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from plackett.data._columns import LABEL
from plackett.data._grouping import LINE
from plackett.data._numbers import INFINITY, check_number
from plackett.data._schema import array_of
from plackett.data._streams import blocks_of_lines, decode_line, is_text

BLOCK = 2**20  # so that their documents fit in the processor cache while they are joined
PIECE = 2**18  # what a thread parses at a time
OTHERS = b"\t", b"\r", b"\v", b"\f"  # ASCII white space, which separates fields in trec_eval as spaces do
SPACES = bytes.maketrans(b"".join(OTHERS), b" " * len(OTHERS))


class Fields(NamedTuple):
    """The fields of a line, which of them is a number, and its largest value."""

    names: tuple[str, ...]
    number: str
    highest: float = INFINITY


RUN = Fields(("query", "Q0", "document", "rank", "score", "tag"), "score")
QRELS = Fields(("query", "iteration", "document", "grade"), "grade", LABEL.highest)


def tables_of_lines(path: str | os.PathLike, fields: Fields, encoding: str) -> Iterator[pa.Table]:
    """`query`, `document`, the number (float64) and the line number of each line, as a stream.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a line is malformed; the error gives file, line and what is wrong.
    """
    first = 1
    for block in blocks_of_lines(path, BLOCK, encoding):
        ends = block.count(b"\n")
        table = _by_arrow(block, fields, first, ends)
        table = _table(list(lines_of_block(block, fields, path, first)), fields) if table is None else table
        first += ends
        if len(table):
            yield table


def _by_arrow(block, fields, first, ends):
    """The table of a block with this number of line ends; None if a line may be malformed."""
    if not is_text(block) or (not block.isascii() and codecs.BOM_UTF8 in block):
        return None
    text = block.removesuffix(b"\n")
    even = _is_even(text)
    text = text if even else _with_single_spaces(text)
    lines = np.arange(first, first + ends + (not block.endswith(b"\n")))
    blank = not even and (text.startswith(b"\n") or b"\n\n" in text)
    if blank or text.startswith(b"#") or (b"#" in text and b"\n#" in text):  # a single byte is found at once
        whole = text.split(b"\n")
        kept = [place for place, line in enumerate(whole) if line and not line.startswith(b"#")]
        text, lines = b"\n".join([whole[place] for place in kept]), lines[kept]
    if not text:
        return _table([], fields)
    texts = dict.fromkeys(("query", "document"), pa.string())
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            pyarrow.csv.ReadOptions(column_names=fields.names, block_size=PIECE),
            pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False, double_quote=False),
            pyarrow.csv.ConvertOptions(
                column_types=texts | {fields.number: pa.float64()},
                include_columns=["query", "document", fields.number],
                null_values=[],
            ),
        )
    except pa.ArrowInvalid:
        return None
    numbers = array_of(table[fields.number]).to_numpy()
    allowed = (np.abs(numbers) < INFINITY) & (numbers <= fields.highest)  # which NaN is not
    return table.append_column(LINE, pa.array(lines)) if len(table) == len(lines) and allowed.all() else None


def _is_even(text):
    """Is there exactly one space between fields, and none at the ends of lines? Then no line is blank."""
    gaps = np.frombuffer(text, "uint8") <= ord(" ")
    if not len(gaps) or gaps[0] or gaps[-1] or any(gap in text for gap in OTHERS):
        return False
    return not (gaps[1:] & gaps[:-1]).any()


def _with_single_spaces(text):
    """The lines with one space between fields and none at the ends."""
    text = text.translate(SPACES)
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ")


def _table(lines, fields):
    numbers, queries, documents, values = zip(*lines, strict=True) if lines else ((), (), (), ())
    return pa.table(
        {
            "query": pa.array(queries, pa.string()),
            "document": pa.array(documents, pa.string()),
            fields.number: pa.array(values, pa.float64()),
            LINE: pa.array(numbers, pa.int64()),
        }
    )


def lines_of_block(
    block: bytes, fields: Fields, path: str | os.PathLike, first: int
) -> Iterator[tuple[int, str, str, float]]:
    """(line number, query, document, number) of each line that is neither blank nor a comment.

    Raises:
        ValueError: a line is malformed; the error gives file, line and what is wrong.
    """
    for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first):
        found = _fields(line, fields.names, path, number)
        if not found:
            continue
        of_line = dict(zip(fields.names, found, strict=True))
        yield number, of_line["query"], of_line["document"], _number(of_line, fields, path, number)


def _fields(line, names, path, number):
    """The fields of a line, separated by ASCII white space as in trec_eval; empty if it is blank or a comment."""
    try:
        decode_line(line)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from None
    fields = [field.decode() for field in line.split()]
    if not fields or fields[0].startswith("#"):
        return []
    if len(fields) != len(names):
        words = f"{len(names)} fields, {' '.join(names)}"
        raise ValueError(f"{path}, line {number}: there must be {words}, but there are {len(fields)}")
    return fields


def _number(of_line, fields, path, line):
    text, whose = of_line[fields.number], f"for document {of_line['document']!r} of query {of_line['query']!r}"
    try:
        value = float(check_number(text, f"the {fields.number}"))
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error} {whose}") from None
    if value > fields.highest:
        raise ValueError(f"{path}, line {line}: the {fields.number} must be at most 2^24 - 1, but got {text} {whose}")
    return value
