"""TREC runs and qrels: what a retrieval system returned, and what assessors said of it."""

import collections
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa

from plackett._files import list_paths
from plackett.data._columns import LABEL
from plackett.data._grouping import LINE, group_by_query
from plackett.data._numbers import check_number
from plackett.data._ranking_lists import RankingLists
from plackett.data._streams import blocks_of_lines, decode_line
from plackett.data._tables import from_tables

BLOCK = 4 * 2**20


def read_trec(
    run: str | os.PathLike | Sequence[str | os.PathLike],
    qrels: str | os.PathLike | None,
    *,
    together: bool = True,
    encoding: str = "utf-8",
) -> RankingLists:
    """The lists of a run with the grades of qrels.

    A run has lines of `query Q0 document rank score tag`. Its score becomes the column `run_score`, by which
    `plackett.evaluate_scores` measures the run, and the one dense feature, `score`, in float32; `rank` is not read.
    Qrels have lines of `query iteration document grade`. As trec_eval has it, a document that is not judged, and one
    with a negative grade, have label 0 and are not `judged`. Fields are parted by ASCII white space; lines that begin
    with # are comments.

    Nothing of the qrels is lost: `missed` are the grades of documents that the run lacks, and the negative ones. The
    judged queries that the run lacks come last, as lists of no documents.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "bm25.run").write_text("1 Q0 a 1 .9 bm25\\n1 Q0 b 2 .8 bm25\\n")
    >>> _ = (folder / "qrels").write_text("1 0 a 1\\n1 0 z 2\\n")
    >>> lists = read_trec(folder / "bm25.run", folder / "qrels")
    >>> lists.labels.tolist(), lists.columns["judged"].tolist(), lists.missed.grades.tolist()
    ([1.0, 0.0], [1.0, 0.0], [2.0])

    Args:
        run: the file of the run, plain or compressed, or several files, which make up one run.
        qrels: the file of the judgements. None = nobody judged the documents, as where they are to be ranked.
        together: whether the lines of a query must stand together. False = they are grouped, in memory.
        encoding: of all these files, as Python's `open` takes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed, or a document has two grades; says file and line.
    """
    return from_tables(
        trec_tables(run, qrels, together=together, encoding=encoding), ", ".join(map(str, list_paths(run)))
    )


def trec_tables(
    run: str | os.PathLike | Sequence[str | os.PathLike],
    qrels: str | os.PathLike | None,
    *,
    together: bool = True,
    encoding: str = "utf-8",
) -> Iterator[pa.Table]:
    """The queries of a run in tables of the form of `plackett.data._schema`; see `read_trec`."""
    grades = {} if qrels is None else _grades(qrels, encoding)
    left, schema = dict(grades), None
    for path in list_paths(run):
        for table in group_by_query(_documents(path, grades, encoding), str(path), together=together):
            queries, schema = table["query"].to_pylist(), table.schema
            documents = table["document"].to_pylist()
            yield _with_missed(
                table, [_beyond(grades.get(q, {}), set(names)) for q, names in zip(queries, documents, strict=True)]
            )
            for query in queries:
                left.pop(query, None)
    if left and schema is not None:
        columns = {name: [[]] * len(left) for name in schema.names} | {"query": list(left)}
        yield _with_missed(pa.table(columns, schema=schema), [_beyond(of_query) for of_query in left.values()])


def _documents(path, grades, encoding):
    """The lines of a run in tables, one row a document."""
    for lines in _lines(path, ("query", "Q0", "document", "rank", "score", "tag"), encoding):
        numbers, fields = zip(*lines, strict=True)
        queries, _, names, _, texts, _ = zip(*fields, strict=True)
        found = [grades.get(query, {}).get(name, -1.0) for query, name in zip(queries, names, strict=True)]
        scores = [_number(*each, path, "score") for each in zip(texts, numbers, strict=True)]
        yield pa.table(
            {
                "query": pa.array(queries),
                "document": pa.array(names),
                "label": pa.array([max(grade, 0.0) for grade in found], pa.float32()),
                "score": pa.array(scores, pa.float32()),
                "judged": pa.array([float(grade >= 0) for grade in found], pa.float32()),
                "run_score": pa.array(scores, pa.float64()),
                LINE: pa.array(numbers),
            }
        )


def _beyond(grades, documents=frozenset()):
    """What the judgements of a query say beyond the labels of these documents."""
    return [grade for name, grade in grades.items() if grade < 0 or name not in documents]


def _with_missed(table, missed):
    return table.append_column("missed", pa.array(missed, pa.list_(pa.float32())))


def _grades(qrels, encoding):
    """Query -> document -> grade."""
    grades: dict[str, dict[str, float]] = collections.defaultdict(dict)
    for lines in _lines(qrels, ("query", "iteration", "document", "grade"), encoding):
        for number, (query, _, document, grade) in lines:
            value = _number(grade, number, qrels, "grade")
            if value > LABEL.highest:
                raise ValueError(f"{qrels}, line {number}: the grade must be at most 2^24 - 1, but got {grade}")
            if grades[query].setdefault(document, value) != value:
                raise ValueError(f"{qrels}, line {number}: document {document!r} of query {query!r} has two grades")
    if not grades:
        raise ValueError(f"{qrels}: there are no judgements in this file")
    return dict(grades)


def _lines(path, names, encoding):
    """Lists of (line number, fields), as the file streams by."""
    number = 0
    for block in blocks_of_lines(path, BLOCK, encoding):
        found = []
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            fields = _fields(line, names, path, number)
            if fields:
                found.append((number, fields))
        if found:
            yield found


def _fields(line, names, path, number):
    """The fields of a line, parted by ASCII white space as trec_eval has it; none where it is blank or a comment."""
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


def _number(text, line, path, what):
    try:
        return float(check_number(text, f"the {what}"))
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
