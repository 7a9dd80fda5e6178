"""LETOR / SVMlight text: one document a line, `label qid:ID 1:0.5 2:0.1 ... # comment`."""

import gzip
import math
import pathlib
import re

import numpy as np

from plackett.data.ranking_lists import RankingLists

_DOCUMENT = re.compile(r"docid\s*=\s*(\S+)")


def read_letor(path: str | pathlib.Path, *, features: int | None = None) -> RankingLists:
    """Reads LETOR / SVMlight text with `qid:`, plain or gzipped.

    The documents of a query need not stand together: they are grouped, queries in the order of their first line.
    A feature that a line leaves out is 0. The document id is what the comment says after `docid =`, else the whole
    comment, else the position in the query, from 1.

    Args:
        path: the file.
        features: how many features there are. None = the highest number in the file.

    Returns:
        `RankingLists` with dense features; feature k of the file is column k - 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, or a line is malformed: says file, line number and what is wrong. Labels
            must be finite and >= 0, feature numbers >= 1, rising and not above `features`, values finite.
    """
    path = pathlib.Path(path)
    labels, queries, comments, numbers, values, counts = [], [], [], [], [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            document = _parse(line, features)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if document is None:
            continue
        label, query, comment, columns, entries = document
        labels.append(label)
        queries.append(query)
        comments.append(comment)
        numbers += columns
        values += entries
        counts.append(len(columns))
    if not labels:
        raise ValueError(f"{path}: there are no documents in this file")
    columns = np.array(numbers, "int64")
    dense = np.zeros((len(labels), features or int(columns.max(initial=0))), "float32")
    dense[np.repeat(np.arange(len(labels)), counts), columns - 1] = values
    return _grouped(np.array(labels, "float32"), queries, comments, dense)


def _lines(path):
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            yield from file
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: the gzip file is damaged: {error}") from None


def _parse(line, features):
    """(label, query, comment, feature numbers, feature values) of one line; None where it holds no document."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"this is not UTF-8 text: {error.reason}") from None
    content, _, comment = text.partition("#")
    tokens = content.split()
    if not tokens:
        return None
    label = _number(tokens[0], "the label")
    if label < 0:
        raise ValueError(f"the label must be at least 0, but got {tokens[0]}")
    if len(tokens) < 2 or not tokens[1].startswith("qid:") or tokens[1] == "qid:":
        raise ValueError(f"the second field must be qid:ID, but got {tokens[1] if len(tokens) > 1 else 'nothing'!r}")
    columns, values = [], []
    for token in tokens[2:]:
        column, colon, value = token.partition(":")
        if not colon or not column.isdecimal() or int(column) < 1:
            raise ValueError(f"a feature must be NUMBER:VALUE with NUMBER >= 1, but got {token!r}")
        if columns and int(column) <= columns[-1]:
            raise ValueError(f"feature numbers must rise, but {column} follows {columns[-1]}")
        columns.append(int(column))
        values.append(_number(value, f"feature {column}"))
    if features is not None and columns and columns[-1] > features:
        raise ValueError(f"feature {columns[-1]} is above the number of features, {features}")
    return label, tokens[1][4:], comment.strip(), columns, values


def _number(text, what):
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{what} must be a number, but got {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"{what} must be finite, but got {text!r}")
    return value


def _grouped(labels, queries, comments, features):
    """The documents of each query side by side, queries in the order of their first document."""
    positions = {query: i for i, query in enumerate(dict.fromkeys(queries))}
    query_of = np.array([positions[query] for query in queries])
    order = np.argsort(query_of, kind="stable")
    row_splits = np.concatenate([[0], np.cumsum(np.bincount(query_of))])
    place = np.arange(len(order)) - row_splits[query_of[order]] + 1
    names = [_document(comments[row], at) for row, at in zip(order, place, strict=True)]
    return RankingLists(
        labels=labels[order],
        row_splits=row_splits,
        queries=np.array(list(positions)),
        documents=np.array(names),
        features=features[order],
    )


def _document(comment, place):
    named = _DOCUMENT.search(comment)
    return named.group(1) if named else comment or str(place)
