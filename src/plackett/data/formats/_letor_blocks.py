"""Blocks of LETOR lines as arrays, by the fastest of three parsers that are sure of them.

The parsers agree: one for lines that list all features in order, as the benchmarks do, one for lines that leave some
out, and `parse_line`, which says what a line means and what is wrong with it. What the first two are not sure to
understand goes to the last.
"""

import codecs
import os
import pathlib
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._columns import LABEL
from plackett.data._streams import is_text
from plackett.data._suffixes import PACKED
from plackett.data.formats._letor_lines import Layout, NoQueryError, document_id, parse_line

FEATURE = r"^(\d{1,9}):([^:]*)$"


class Columns(NamedTuple):
    """The documents of a block."""

    labels: np.ndarray  # [documents]
    queries: pa.Array | None  # [documents]; None where the lines have none
    values: np.ndarray  # [documents, features]
    listed: np.ndarray  # [features] bool, whether a line lists it
    fewest: int  # features that a line lists
    zero: tuple[int, int] | None = None  # the document and the feature of a zero that is written, beside one left out


class Block(NamedTuple):
    """The documents of a block, their ids and where they stand."""

    columns: Columns
    documents: list[str | None] | None
    lines: np.ndarray


def parse_block(block: bytes, count: int, layout: Layout, path: str | os.PathLike, first_line: int) -> Block | None:
    """The documents of `count` lines; None where there are none.

    Raises:
        ValueError: a line is malformed; says file, line number and what is wrong.
    """
    documents, lines = None, list(range(first_line, first_line + count))
    sure = is_text(block)
    columns = dense(block, count, layout) if sure and b"#" not in block and not layout.comment_ids else None
    if columns is None:
        content, documents, lines = without_comments(block, layout, first_line)
        if sure and not lines:
            return None
        if sure and not (layout.comment_ids and None in documents):
            columns = dense(content, len(lines), layout) or _sparse(content, layout)
    if columns is None or not _are_allowed(columns):
        columns = _line_by_line(block, layout, path, first_line)
    return Block(columns, documents, np.asarray(lines))


def without_comments(block: bytes, layout: Layout, first_line: int) -> tuple[bytes, list[str | None], list[int]]:
    """(the lines that hold a document, less their comments; the ids that the comments give; their line numbers)."""
    contents, documents, lines = [], [], []
    for number, line in enumerate(block.split(b"\n"), first_line):
        content, _, comment = line.partition(b"#")
        content = content.strip()
        if content:
            contents.append(content)
            documents.append(document_id(comment, layout) if comment else None)
            lines.append(number)
    return b"\n".join(contents), documents, lines


def _are_allowed(columns):
    labels, queries = columns.labels, columns.queries
    named = queries is None or pc.all(pc.not_equal(queries, "")).as_py()
    fits = named and np.isfinite(labels).all() and (labels >= 0).all() and (labels <= LABEL.highest).all()
    return fits and not np.isinf(columns.values).any()


def dense(content: bytes, count: int, layout: Layout) -> Columns | None:
    """What lines say that list all features in order, a space between fields; None where they do not."""
    end = content.find(b"\n") % (len(content) + 1)
    if content.count(b":", 0, end) != layout.features + layout.has_queries or _has_other_gaps(content):
        return None
    names = [f"{number}:" for number in range(layout.first, layout.first + layout.features)]
    # What does not begin with its name becomes null; stripping alone would let a bare number pass.
    texts = {
        name: pl.when(pl.col(name).str.starts_with(name)).then(pl.col(name).str.strip_prefix(name))
        for name in [*["qid:"] * layout.has_queries, *names]
    }
    fields = [pl.col("label").cast(pl.Float32, strict=False)]
    fields += [text if name == "qid:" else _to_value(text, layout.missing).alias(name) for name, text in texts.items()]
    schema = dict.fromkeys(["label", *texts], pl.String)
    try:
        text = pl.read_csv(content, has_header=False, separator=" ", quote_char=None, schema=schema)
        columns = text.lazy().select(fields).collect()
    except pl.exceptions.PolarsError:
        return None
    if len(columns) != count or any(column.null_count() for column in columns):
        return None
    values = columns.select(names).to_numpy(order="c") if names else np.zeros((count, 0), "float32")
    queries = columns["qid:"].to_arrow() if layout.has_queries else None
    return Columns(columns["label"].to_numpy(), queries, values, np.ones(layout.features, bool), layout.features)


def _has_other_gaps(content):
    """Is there white space besides spaces and ends of lines, or a byte-order mark, which polars would pass over?"""
    returns = b"\r" in content and content.count(b"\r") != content.count(b"\r\n")
    return returns or content.startswith(codecs.BOM_UTF8) or any(gap in content for gap in (b"\t", b"\v", b"\f"))


def _to_value(text, missing):
    """The value of a feature in float32, NaN where it is missing, null where it is no number."""
    value = text.cast(pl.Float32, strict=False)
    if not missing:
        return value
    known = [text.cast(pl.Float64, strict=False).is_in(missing.numbers)] if missing.numbers else []
    known += [text.str.to_lowercase().is_in(missing.texts)] if missing.texts else []
    return pl.when(pl.any_horizontal(known)).then(pl.lit(float("nan"), pl.Float32)).otherwise(value)


def _sparse(content, layout):
    """What lines say that leave features out; None where one may be malformed."""
    lines = pl.Series(content.decode().split("\n"))
    if lines.str.contains(r"[^!-~ \t\r]").any():
        return None
    tokens = pl.DataFrame({"token": lines.str.extract_all(r"\S+")}).with_row_index("line")
    token = pl.col("token").list
    head = tokens.select(
        label=token.get(0, null_on_oob=True).cast(pl.Float32, strict=False),
        query=token.get(1, null_on_oob=True) if layout.has_queries else pl.lit("qid:"),
    )
    rest = tokens.with_columns(token.slice(1 + layout.has_queries)).explode("token").drop_nulls()
    split = rest.select(
        "line",
        number=pl.col("token").str.extract(FEATURE, 1).cast(pl.Int64),
        value=_to_value(pl.col("token").str.extract(FEATURE, 2), layout.missing),
    )
    line, column = split["line"].to_numpy(), split["number"].fill_null(-1).to_numpy() - layout.first
    falls = (np.diff(column) <= 0) & (np.diff(line.astype("int64")) == 0)
    malformed = head.null_count().to_numpy().any() or not head["query"].str.starts_with("qid:").all()
    if malformed or split["value"].null_count() or falls.any() or _outside(column, layout):
        return None
    queries = head["query"].str.slice(4).to_arrow() if layout.has_queries else None
    return _fill(head["label"].to_numpy(), queries, line, column, split["value"].to_numpy(), layout)


def _outside(column, layout):
    return (column < 0).any() or (column >= layout.features).any()


def _fill(labels, queries, line, column, entries, layout):
    """The columns of documents whose features are listed one by one."""
    values = np.zeros((len(labels), layout.features), "float32")
    values[line, column] = entries
    fewest = np.bincount(line, minlength=len(labels)).min(initial=layout.features)
    listed = np.zeros(layout.features, bool)
    listed[column] = True
    zeros = np.flatnonzero(entries == 0)[:1]
    zero = (int(line[zeros[0]]), int(column[zeros[0]])) if len(zeros) else None
    return Columns(labels, queries, values, listed, int(fewest), zero)


def _line_by_line(block, layout, path, first_line):
    """What the lines say, or the error that says which one is malformed."""
    labels: list[str] = []
    queries, rows, numbers, texts = [], [], [], []
    for number, line in enumerate(block.split(b"\n"), first_line):
        try:
            document = parse_line(line, layout)
        except ValueError as error:
            advice = _group_file_beside(path) if isinstance(error, NoQueryError) else ""
            raise ValueError(f"{path}, line {number}: {error}{advice}") from None
        if document is not None:
            rows += [len(labels)] * len(document[2])
            labels.append(document[0])
            queries.append(document[1])
            numbers += document[2]
            texts += document[3]
    return _fill(
        _to_float32(labels),
        pa.array(queries, pa.large_string()) if layout.has_queries else None,
        np.array(rows, "int64"),
        np.array(numbers, "int64") - layout.first,
        _to_float32(texts),
        layout,
    )


def _group_file_beside(path):
    """The option that a file without queries needs, in words, with the file of group sizes where one is found."""
    name = os.fspath(path)
    bare = name.removesuffix(pathlib.PurePath(name).suffix) if name.endswith(PACKED) else name
    found = [file for end in (".query", ".group") for file in (name + end, bare + end) if os.path.isfile(file)]
    if not found:
        return "; where a file beside it has the sizes of groups, name it by group_file=FILE (--group-file FILE)"
    return f"; {found[0]} stands beside it: for group sizes give group_file={found[0]!r} (--group-file {found[0]})"


def _to_float32(texts):
    """The float32 nearest to each number, as the other parsers have it; Python's float() would be rounded twice."""
    return pl.Series(texts, dtype=pl.String).str.to_lowercase().cast(pl.Float32).to_numpy()
