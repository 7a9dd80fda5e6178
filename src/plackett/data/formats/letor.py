"""LETOR / SVMlight text: one document a line, `label qid:ID 1:0.5 2:0.1 ... # comment`.

Three parsers agree: one for lines that list all features in order, as the benchmarks do, one for lines that leave some
out, and `parse_line`, which says what a line means and what is wrong with it; what the first two are not sure to
understand goes to the last.
"""

import os
import re
from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from plackett.data._columns import LABEL
from plackett.data._grouping import LINE, group_by_query
from plackett.data._ranking_lists import RankingLists
from plackett.data._streams import blocks_of_lines
from plackett.data._tables import from_tables

BLOCK = 16 * 2**20  # bytes of text parsed at a time
MOST = 2**16  # dense features
LARGEST = float(np.finfo("float32").max)
DOCUMENT = re.compile(r"docid\s*=\s*(\S+)")
MISSING = ("nan", "+nan", "-nan")
FEATURE = r"^(\d{1,9}):([^:]*)$"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_letor(path: str | os.PathLike, *, features: int | None = None, together: bool = False) -> RankingLists:
    """Reads LETOR / SVMlight text with `qid:`, plain or compressed (gzip, zstd, bzip2).

    A feature that a line leaves out is 0, one written `nan` is missing. The document id is what the comment says after
    `docid =`, else a comment of one word, else the position in the query, from 1.

    Args:
        path: the file.
        features: how many features there are. None = the highest number in the file.
        together: whether the documents of a query must stand together. False = they are grouped, queries in the order
            of their first line.

    Returns:
        `RankingLists` with dense features; feature k of the file is column k - 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, or a line is malformed: says file, line number and what is wrong. Labels
            must be finite and >= 0, feature numbers >= 1, rising and not above `features`, values finite or `nan`.

    Cost: 16 MB of text at a time, and what the lists take.
    """
    features = count_features(path) if features is None else features
    return from_tables(letor_tables(path, features=features, together=together), str(path))


def letor_tables(path: str | os.PathLike, *, features: int, together: bool = True) -> Iterator[pa.Table]:
    """The queries of a LETOR file, in tables of the form of `plackett.data._schema`; see `read_letor`."""

    def documents():
        line = 1
        for block in blocks_of_lines(path, BLOCK):
            count = block.count(b"\n")
            table = _parse(block, count, features, path, line)
            line += count
            if len(table):
                yield table

    yield from group_by_query(documents(), str(path), together=together)


def count_features(path: str | os.PathLike) -> int:
    """How many features a LETOR file has: the highest number in it.

    Where all lines of the first block list the same features in order, these are taken for all there are.

    Raises:
        ValueError: it is above 65,536.
    """
    blocks = blocks_of_lines(path, BLOCK)
    first = next(blocks, b"")
    highest = _highest_number(first)
    content, _, lines = _without_comments(first, 1)
    if highest <= MOST and _dense(content, len(lines), highest) is None:
        highest = max([highest, *map(_highest_number, blocks)])
    if highest > MOST:
        raise ValueError(f"{path}: there must be at most {MOST} features, but there is one numbered {highest}")
    return highest


def first_missing(path: str | os.PathLike) -> tuple[int, str, int]:
    """(line, query, feature) of the first missing value of a LETOR file that has one."""
    number = 0
    for block in blocks_of_lines(path, BLOCK):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            if b"nan" in line.lower() and (document := parse_line(line, MOST)):
                _, query, columns, values = document
                for column, value in zip(columns, values, strict=True):
                    if value.lower() in MISSING:
                        return number, query, column
    raise ValueError(f"{path}: no feature is missing")


def _highest_number(block):
    numbers = set()
    for line in block.split(b"\n"):
        colon = line.partition(b"#")[0].rfind(b":")
        numbers.update(line[max(colon - 20, 0) : max(colon, 0)].split()[-1:])
    return max([0, *(int(number) for number in numbers if number.isdigit())])


def _parse(block, count, features, path, first_line):
    """One row a document."""
    documents, lines = None, range(first_line, first_line + count + (not block.endswith(b"\n")))
    columns = None if b"#" in block else _dense(block, len(lines), features)
    if columns is None:
        content, documents, lines = _without_comments(block, first_line)
        if not lines:
            return pa.table({"query": pa.array([], pa.string())})
        columns = _dense(content, len(lines), features) or _sparse(content, features)
    if columns is None or not _are_allowed(*columns) or b"\x00" in block:
        columns = _line_by_line(block, features, path, first_line)
    labels, queries, values = columns
    columns = {
        "query": pa.array(queries, pa.string()),
        "document": pa.array(documents, pa.string()) if documents else pa.nulls(len(lines), pa.string()),
        "label": pa.array(labels),
        LINE: pa.array(np.asarray(lines)),
    }
    if features:
        columns["features"] = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), features)
    return pa.table(columns)


def _without_comments(block, first_line):
    """(the lines that hold a document, less their comments; the ids that the comments give; their line numbers)."""
    contents, documents, lines = [], [], []
    for number, line in enumerate(block.split(b"\n"), first_line):
        content, _, comment = line.partition(b"#")
        content = content.strip()
        if content:
            contents.append(content)
            documents.append(_document(comment.decode(errors="replace")) if comment else None)
            lines.append(number)
    return b"\n".join(contents), documents, lines


def _document(comment):
    """The document id that a comment gives, or None."""
    named = DOCUMENT.search(comment)
    if named:
        return named.group(1)
    words = comment.split()
    return words[0] if len(words) == 1 else None


def _are_allowed(labels, queries, values):
    named = pc.all(pc.not_equal(queries, "")).as_py()
    fits = named and np.isfinite(labels).all() and (labels >= 0).all() and (labels <= LABEL.highest).all()
    return fits and not np.isinf(values).any()


def _dense(content, count, features):
    """(labels, queries, values) of lines that list all features in order, a space between fields; or None."""
    if content.count(b":", 0, content.find(b"\n") % (len(content) + 1)) != features + 1 or _has_other_gaps(content):
        return None
    names = ["label", "qid:", *(f"{number}:" for number in range(1, features + 1))]
    # What does not begin with its name becomes null; stripping alone would let a bare number pass.
    named = {
        name: pl.when(pl.col(name).str.starts_with(name)).then(pl.col(name).str.strip_prefix(name))
        for name in names[1:]
    }
    fields = [pl.col("label").cast(pl.Float32), named.pop("qid:"), *(x.cast(pl.Float32) for x in named.values())]
    try:
        text = pl.read_csv(
            content, has_header=False, separator=" ", quote_char=None, schema=dict.fromkeys(names, pl.String)
        )
        columns = text.lazy().select(fields).collect()
    except pl.exceptions.PolarsError:
        return None
    if len(columns) != count or any(column.null_count() for column in columns):
        return None
    values = columns.select(names[2:]).to_numpy(order="c") if features else np.zeros((count, 0), "float32")
    return columns["label"].to_numpy(), columns["qid:"].to_arrow(), values


def _has_other_gaps(content):
    """Is there white space besides spaces and ends of lines, which parts fields too?"""
    returns = b"\r" in content and content.count(b"\r") != content.count(b"\r\n")
    return returns or any(gap in content for gap in (b"\t", b"\v", b"\f"))


def _sparse(content, features):
    """(labels, queries, values) of lines that leave features out; or None where a line may be malformed."""
    try:
        lines = pl.Series(content.decode().split("\n"))
    except UnicodeDecodeError:
        return None
    if lines.str.contains(r"[^!-~ \t\r]").any():
        return None
    tokens = pl.DataFrame({"token": lines.str.extract_all(r"\S+")})
    head = tokens.select(
        label=pl.col("token").list.get(0, null_on_oob=True).cast(pl.Float32, strict=False),
        query=pl.col("token").list.get(1, null_on_oob=True),
    )
    rest = tokens.with_row_index("line").with_columns(pl.col("token").list.slice(2)).explode("token").drop_nulls()
    split = rest.select(
        "line",
        number=pl.col("token").str.extract(FEATURE, 1).cast(pl.Int64),
        value=pl.col("token").str.extract(FEATURE, 2).cast(pl.Float32, strict=False),
    )
    line, number = split["line"].to_numpy(), split["number"].fill_null(0).to_numpy()
    falls = (np.diff(number) <= 0) & (np.diff(line.astype("int64")) == 0)
    malformed = head.null_count().to_numpy().any() or not head["query"].str.starts_with("qid:").all()
    if malformed or split["value"].null_count() or (number < 1).any() or (number > features).any() or falls.any():
        return None
    values = np.zeros((len(head), features), "float32")
    values[line, number - 1] = split["value"].to_numpy()
    return head["label"].to_numpy(), head["query"].str.slice(4).to_arrow(), values


def _line_by_line(block, features, path, first_line):
    """(labels, queries, values), or the error that says which line is malformed."""
    labels: list[str] = []
    queries, rows, columns, texts = [], [], [], []
    for number, line in enumerate(block.split(b"\n"), first_line):
        try:
            document = parse_line(line, features)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if document is not None:
            rows += [len(labels)] * len(document[2])
            labels.append(document[0])
            queries.append(document[1])
            columns += document[2]
            texts += document[3]
    values = np.zeros((len(labels), features), "float32")
    values[rows, np.array(columns, "int64") - 1] = _to_float32(texts)
    return _to_float32(labels), queries, values


def _to_float32(texts):
    """The float32 nearest to each number, as the other parsers have it; Python's float() would be rounded twice."""
    return pl.Series(texts, dtype=pl.String).str.to_lowercase().cast(pl.Float32).to_numpy()


def parse_line(line: bytes, features: int) -> tuple[str, str, list[int], list[str]] | None:
    """(label, query, feature numbers, feature values as text) of one line; None where it holds no document.

    Raises:
        ValueError: the line is malformed.
    """
    if b"\x00" in line:
        raise ValueError("there is a NUL character")
    try:
        tokens = [token.decode() for token in line.partition(b"#")[0].split()]
    except UnicodeDecodeError as error:
        raise ValueError(f"this is not UTF-8 text: {error.reason}") from None
    if not tokens:
        return None
    label = _number(tokens[0], "the label")
    if not 0 <= np.float32(label) <= LABEL.highest:
        raise ValueError(f"the label must be {LABEL.words}, but got {tokens[0]}")
    if len(tokens) < 2 or not tokens[1].startswith("qid:") or tokens[1] == "qid:":
        raise ValueError(f"the second field must be qid:ID, but got {tokens[1] if len(tokens) > 1 else 'nothing'!r}")
    columns: list[int] = []
    values = []
    for token in tokens[2:]:
        column, colon, value = token.partition(":")
        if not colon or not (column.isascii() and column.isdecimal()) or len(column) > 9 or int(column) < 1:
            raise ValueError(f"a feature must be NUMBER:VALUE with NUMBER >= 1, but got {token!r}")
        if columns and int(column) <= columns[-1]:
            raise ValueError(f"feature numbers must rise, but {column} follows {columns[-1]}")
        columns.append(int(column))
        values.append(value if value.lower() in MISSING else _number(value, f"feature {column}"))
    if columns and columns[-1] > features:
        raise ValueError(f"feature {columns[-1]} is above the number of features, {features}")
    return label, tokens[1][4:], columns, values


def _number(text, what):
    if not NUMBER.fullmatch(text):
        if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise ValueError(f"{what} must be finite, but got {text!r}")
        raise ValueError(f"{what} must be a number, but got {text!r}")
    if abs(float(text)) > LARGEST:
        raise ValueError(f"{what} must be finite, but got {text!r}")
    return text
