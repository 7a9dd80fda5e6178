"""Blocks of LETOR lines as arrays, by the faster of two parsers that agree.

`_letor_text.parse` parses many lines together, and only those of which it is sure. `parse_line` gets the others; it
defines what a line means and says what is wrong with it.
"""

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
from plackett.data.formats._letor_columns import Columns, columns_of
from plackett.data.formats._letor_lines import Layout, NoQueryError, document_id, parse_line
from plackett.data.formats._letor_text import count_fields, parse


class Block(NamedTuple):
    """The documents of a block, their ids and their places."""

    columns: Columns
    documents: list[str | None] | None
    lines: np.ndarray


def parse_block(block: bytes, layout: Layout, path: str | os.PathLike, first_line: int) -> Block | None:
    """The documents of lines; None if there are none.

    Raises:
        ValueError: a line is malformed; the error gives file, line number and what is wrong.
    """
    columns, documents, lines = _parse(block, layout, first_line)
    if not lines and is_text(block):
        return None
    if columns is None or not _are_allowed(columns):
        columns = _line_by_line(block, layout, path, first_line)
    return Block(columns, documents, np.asarray(lines))


def count_features(block: bytes, layout: Layout) -> tuple[int, bool]:
    """(the number of features by the highest feature number in these lines, whether each line lists all of them).

    For malformed lines the result is arbitrary; parsing them raises an error.
    """
    sure, counted = is_text(block), None
    if sure and b"#" not in block:
        counted = count_fields(block, layout.has_queries)
    if sure and counted is None:
        contents = (line.partition(b"#")[0].strip() for line in block.split(b"\n"))
        counted = count_fields(b"\n".join(filter(None, contents)), layout.has_queries)
    if counted is None:
        return max(_highest(block) + 1 - layout.first, 0), False
    lines, listed, highest = counted
    features = max(highest + 1 - layout.first, 0)
    return features, listed == lines * features


def _highest(block):
    """The highest number before the last colon of each line; -1 if there is none."""
    numbers = set()
    for line in block.split(b"\n"):
        colon = line.partition(b"#")[0].rfind(b":")
        numbers.update(line[max(colon - 20, 0) : max(colon, 0)].split()[-1:])
    return max([-1, *(int(number) for number in numbers if number.isdigit())])


def _parse(block, layout, first_line):
    """(columns, None where a line may be malformed; the ids that comments give; the numbers of the lines)."""
    sure = is_text(block)
    if sure and b"#" not in block and not layout.comment_ids and (columns := parse(block, layout)) is not None:
        return columns, None, range(first_line, first_line + len(columns.labels))
    content, documents, lines = _without_comments(block, layout, first_line)
    known = sure and lines and not (layout.comment_ids and None in documents)
    return parse(content, layout) if known else None, documents, lines


def _without_comments(block, layout, first_line):
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


def _line_by_line(block, layout, path, first_line):
    """The content of the lines, or the error for the malformed one."""
    labels: list[str] = []
    queries, counts, numbers, texts = [], [], [], []
    for number, line in enumerate(block.split(b"\n"), first_line):
        try:
            document = parse_line(line, layout)
        except ValueError as error:
            advice = _group_file_beside(path) if isinstance(error, NoQueryError) else ""
            raise ValueError(f"{path}, line {number}: {error}{advice}") from None
        if document is not None:
            labels.append(document[0])
            queries.append(document[1])
            counts.append(len(document[2]))
            numbers += document[2]
            texts += document[3]
    return columns_of(
        _to_float32(labels),
        pa.array(queries, pa.large_string()) if layout.has_queries else None,
        np.array(counts, "int64"),
        np.array(numbers, "int64") - layout.first,
        _to_float32(texts),
        layout.features,
    )


def _group_file_beside(path):
    """Advice for a file without queries, with the file of group sizes if one is found."""
    name = os.fspath(path)
    bare = name.removesuffix(pathlib.PurePath(name).suffix) if name.endswith(PACKED) else name
    found = [file for end in (".query", ".group") for file in (name + end, bare + end) if os.path.isfile(file)]
    if not found:
        return "; if another file has the group sizes, use group_file=FILE (--group-file FILE)"
    option = f"group_file={found[0]!r} (--group-file {found[0]})"
    return f"; {found[0]} is in the same folder: if it has the group sizes, use {option}"


def _to_float32(texts):
    """The float32 nearest to each number, as the other parsers have it; Python's float() would be rounded twice."""
    return pl.Series(texts, dtype=pl.String).str.to_lowercase().cast(pl.Float32).to_numpy()
