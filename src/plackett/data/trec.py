"""TREC runs and qrels: what a retrieval system returned, and what assessors said of it."""

import os
from collections.abc import Iterator

import pyarrow as pa

from plackett.data.grouping import LINE, grouped
from plackett.data.ranking_lists import RankingLists
from plackett.data.schema import lists_of
from plackett.data.streams import blocks_of_lines

BLOCK = 4 * 2**20


def trec_tables(run: str | os.PathLike, qrels: str | os.PathLike, *, together: bool = True) -> Iterator[pa.Table]:
    """The queries of a run with the grades of qrels, in tables of the form of `plackett.data.schema`.

    A run has lines of `query Q0 document rank score tag`, and its score becomes the one dense feature, `score`; qrels
    have lines of `query iteration document grade`. As trec_eval has it, a document that is not judged, and one with a
    negative grade, have label 0; `rank` is not read. Documents that the run lacks are left out.

    Args:
        run: the file of the run, plain or compressed.
        qrels: the file of the judgements.
        together: whether the lines of a query must stand together. False = they are grouped, in memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed, or a document has two grades; says file and line.
    """
    grades = _grades(qrels)

    def documents():
        for lines in _lines(run, ("query", "Q0", "document", "rank", "score", "tag")):
            numbers, fields = zip(*lines, strict=True)
            queries, _, names, _, scores, _ = zip(*fields, strict=True)
            labels = [max(grades.get(pair, 0.0), 0.0) for pair in zip(queries, names, strict=True)]
            scores = [_number(*each, run, "score") for each in zip(scores, numbers, strict=True)]
            yield pa.table(
                {
                    "query": pa.array(queries),
                    "document": pa.array(names),
                    "label": pa.array(labels, pa.float32()),
                    "score": pa.array(scores, pa.float32()),
                    LINE: pa.array(numbers),
                }
            )

    yield from grouped(documents(), str(run), together=together)


def read_trec(run: str | os.PathLike, qrels: str | os.PathLike, *, together: bool = True) -> RankingLists:
    """The lists of a run and qrels; see `trec_tables`."""
    return lists_of(trec_tables(run, qrels, together=together), where=str(run))


def _grades(qrels):
    """(query, document) -> grade."""
    grades = {}
    for lines in _lines(qrels, ("query", "iteration", "document", "grade")):
        for number, (query, _, document, grade) in lines:
            value = _number(grade, number, qrels, "grade")
            if grades.setdefault((query, document), value) != value:
                raise ValueError(f"{qrels}, line {number}: document {document!r} of query {query!r} has two grades")
    if not grades:
        raise ValueError(f"{qrels}: there are no judgements in this file")
    return grades


def _lines(path, names):
    """Lists of (line number, fields), as the file streams by."""
    number = 0
    for block in blocks_of_lines(path, BLOCK):
        found = []
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            try:
                fields = line.decode().split()
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}, line {number}: this is not UTF-8 text: {error.reason}") from None
            if b"\x00" in line:
                raise ValueError(f"{path}, line {number}: there is a NUL character")
            if fields and len(fields) != len(names):
                raise ValueError(
                    f"{path}, line {number}: there must be {len(names)} fields, {' '.join(names)}, but there are "
                    f"{len(fields)}"
                )
            if fields:
                found.append((number, fields))
        if found:
            yield found


def _number(text, line, path, what):
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{path}, line {line}: the {what} must be a number, but got {text!r}") from None
