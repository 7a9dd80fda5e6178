"""Plain LETOR lines as arrays, at the speed of polars, which reads each `NUMBER:VALUE` as a row of two columns.

The beginning of a line, `label qid:ID`, is cut out first and replaced by a row that marks where the line begins.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from plackett.data.formats._letor_columns import Columns, columns_of
from plackett.data.formats._letor_lines import Layout, MissingValues

GAPS = bytes.maketrans(b"\t\v\f\r", b" " * 4)
SPACE = ord(" ")
MARK = 99999  # above all numbers of features
HEAD = np.frombuffer(b"99999:0", "uint8")  # as long as the shortest label and query, "0 qid:a"
FIRST, LAST = b"0:0 ", b"\n0:0 "  # a row by which polars knows that there are two columns, and the end of the last line
LONGEST = 1000  # of the fields that begin a line


class Heads(NamedTuple):
    """The beginnings of the lines of a text."""

    labels: np.ndarray  # [documents]
    queries: pa.Array | None  # [documents]; None where the lines have none
    starts: np.ndarray  # [documents + 1], the places of the marks, and where the text ends


def parse(content: bytes, layout: Layout) -> Columns | None:
    """The content of lines that each hold a document and no comment; None if one may be malformed.

    Args:
        content: UTF-8 without NUL characters.
        layout: of the lines.
    """
    text = _framed(content, layout.has_queries)
    heads = _cut_heads(text, layout.has_queries)
    rows = None if heads is None else _rows(text.tobytes(), layout.missing)
    return None if rows is None else _columns(heads, rows["number"].to_numpy(), rows["value"].to_numpy(), layout)


def count_fields(content: bytes, has_queries: bool) -> tuple[int, int, int] | None:
    """(number of lines, number of features that they list in total, highest number of the last feature of a line).

    This comes from the colons and the last field of each line; the number is -1 if no line lists a feature. None if a
    line has an unexpected beginning, or ends with something other than a feature.

    Args:
        content: as `parse` takes it.
        has_queries: whether each line has a `qid:`.
    """
    text = _framed(content, has_queries)
    heads = _cut_heads(text, has_queries)
    if heads is None:
        return None
    lines = len(heads.labels)
    at = _skip(text, heads.starts[1:] - 2, spaces=False, step=-1)
    at = None if at is None else at[at >= heads.starts[:-1]] + 1  # where there is a field behind the mark
    numbers = None if at is None else _numbers(text, at)
    if numbers is None:
        return None
    colons = np.count_nonzero(text == ord(":")) - lines - FIRST.count(b":") - LAST.count(b":")
    return lines, int(colons), int(numbers.max(initial=-1))


def _numbers(text, at):
    """The whole numbers at these places, before colons; None if one is not a number of at most 9 digits."""
    at, numbers, moving = at.copy(), np.zeros(len(at), "int64"), np.arange(len(at))
    for _ in range(10):
        digits = text[at[moving]] - np.uint8(ord("0"))
        moving, digits = moving[digits < 10], digits[digits < 10]
        numbers[moving] = 10 * numbers[moving] + digits
        at[moving] += 1
    return numbers if (text[at] == ord(":")).all() else None


def _framed(content, has_queries):
    """The bytes of the text, to be written on, between `FIRST` and `LAST`, of lines that `HEAD` fits into."""
    if any(gap in content for gap in (b"\t", b"\v", b"\f", b"\r")):
        content = content.translate(GAPS)
    content = content.rstrip()
    if not has_queries:
        content = (b"\n" + content).replace(b"\n", b"\n" + b" " * len(HEAD))[1:]
    text = np.empty(len(FIRST) + len(content) + len(LAST), "uint8")
    text[: len(FIRST)], text[-len(LAST) :] = np.frombuffer(FIRST, "uint8"), np.frombuffer(LAST, "uint8")
    text[len(FIRST) : -len(LAST)] = np.frombuffer(content, "uint8")
    return text


def _cut_heads(text, has_queries):
    """The heads of the lines, which are overwritten with marks; None if one is malformed. Lines then end with a space.

    Spaces before a head become part of the mark.
    """
    ends = np.flatnonzero(text == ord("\n"))
    starts = np.concatenate([[len(FIRST)], ends[:-1] + 1])
    text[ends] = SPACE
    label = _next_field(text, starts, ends)
    query = _next_field(text, label[1], ends) if has_queries and label else label
    if not query:
        return None
    labels = pl.Series(_strings(text, *label)).cast(pl.Float32, strict=False)
    queries = _queries(text, *query) if has_queries else None
    last = _skip(text, ends - 1, spaces=True, step=-1)
    if labels.null_count() or (has_queries and queries is None) or last is None:
        return None
    starts[1:] = last[:-1] + 2
    text[_ranges(starts, query[1])] = ord("0")
    text[starts[:, None] + np.arange(len(HEAD))] = HEAD
    return Heads(labels.to_numpy(), queries, np.append(starts, ends[-1] + 1))


def _next_field(text, at, ends):
    """[lines], where the first fields begin that are not before `at`, and where they end; None where one lacks it."""
    begins = _skip(text, at, spaces=True)
    stops = None if begins is None else _skip(text, begins, spaces=False)
    return None if stops is None or (stops > ends).any() else (begins, stops)


def _skip(text, at, *, spaces, step=1):
    """[lines], the first places from `at` on where there is no space, or where there is one; None where it is far."""
    at, moving = at.copy(), np.arange(len(at))
    for _ in range(LONGEST):
        moving = moving[(text[at[moving]] == SPACE) == spaces]
        if not len(moving):
            return at
        at[moving] += step
    return None


def _queries(text, begins, ends):
    """The ids in these fields; None if one is not `qid:ID`."""
    named = ends - begins > len("qid:")
    for place, letter in enumerate(b"qid:"):
        named &= text[np.minimum(begins + place, ends)] == letter
    return _strings(text, begins + len("qid:"), ends) if named.all() else None


def _strings(text, begins, ends):
    """The strings at these places."""
    offsets = np.concatenate([[0], np.cumsum(ends - begins)])
    buffers = pa.py_buffer(offsets), pa.py_buffer(text[_ranges(begins, ends)])
    return pa.LargeStringArray.from_buffers(len(begins), *buffers)


def _ranges(begins, ends):
    """The places from each beginning to its end, concatenated."""
    lengths = ends - begins
    return np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())


def _rows(text, missing):
    """The columns `number` and `value` of the fields, separated by spaces; None if one is not NUMBER:VALUE."""
    if b"+" in text and b" +" in text:  # which polars takes for the sign of a number
        return None
    schema = {"number": pl.UInt32, "value": pl.String if missing else pl.Float32}
    try:
        rows = pl.read_csv(text, has_header=False, separator=":", eol_char=" ", quote_char=None, schema=schema)[1:-1]
    except pl.exceptions.PolarsError:
        return None
    if rows["number"].null_count():  # where there are several spaces; a colon alone would be such a row too
        if b" :" in text:
            return None
        rows = rows.filter(pl.any_horizontal(pl.col("number", "value").is_not_null()))
    rows = rows.with_columns(_to_value(pl.col("value"), missing).alias("value")) if missing else rows
    return None if rows["number"].null_count() or rows["value"].null_count() else rows


def _to_value(text: pl.Expr, missing: MissingValues) -> pl.Expr:
    """The value of a feature in float32; NaN = missing, null = not a number."""
    known = [text.cast(pl.Float64, strict=False).is_in(missing.numbers)] if missing.numbers else []
    known += [text.str.to_lowercase().is_in(missing.texts)] if missing.texts else []
    value = text.cast(pl.Float32, strict=False)
    return pl.when(pl.any_horizontal(known)).then(pl.lit(float("nan"), pl.Float32)).otherwise(value)


def _columns(heads, numbers, values, layout):
    """The columns of documents that begin at the marks; None if numbers do not ascend, or are not features."""
    documents, features = len(heads.labels), layout.features
    every = np.array([MARK, *range(layout.first, layout.first + features)], "uint32")
    if len(numbers) == documents * len(every) and (numbers.reshape(documents, -1) == every).all():
        values = np.ascontiguousarray(values.reshape(documents, -1)[:, 1:])
        return Columns(heads.labels, heads.queries, values, np.ones(features, bool))
    marks = np.flatnonzero(numbers == MARK)
    is_feature = numbers != MARK
    rises = (numbers[1:] > numbers[:-1]) | ~is_feature[:-1] | ~is_feature[1:]
    places = numbers[is_feature].astype("int32") - layout.first
    if len(marks) != documents or not rises.all() or (places < 0).any() or (places >= features).any():
        return None
    counts = np.diff(marks, append=len(numbers)) - 1
    return columns_of(heads.labels, heads.queries, counts, places, values[is_feature], features)
