"""The judgements of qrels: stored by query, checked, and looked up for the documents of a run."""

import os
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from plackett.data._row_splits import rows_of, splits
from plackett.data._schema import array_of
from plackett.data._streams import blocks_of_lines
from plackett.data.formats._trec_lines import BLOCK, QRELS, lines_of_block, tables_of_lines

ROWS = 2**15  # documents that are processed together: as many as fit in the processor cache


class Judgements:
    """The judgements of assessors, grouped by query, in the order of the file.

    Args:
        queries: the ids of the queries, in the order of their first judgement.
        row_splits: [queries + 1]; the judgements of query q are row_splits[q]:row_splits[q + 1].
        documents: [judgements] strings, the ids of the documents.
        grades: [judgements].
    """

    def __init__(self, queries: list[str], row_splits: np.ndarray, documents: pa.ChunkedArray, grades: np.ndarray):
        self.queries, self.row_splits, self.documents, self.grades = queries, row_splits, documents, grades
        self.places = {query: place for place, query in enumerate(queries)}

    def of(self, queries: list[str]) -> tuple[pa.Array, np.ndarray, np.ndarray]:
        """(documents, grades, counts) of these queries, concatenated; a query without judgements has none."""
        places = np.array([self.places.get(query, -1) for query in queries], "int64")
        lengths = np.append(np.diff(self.row_splits), 0)[places]
        places = places[places >= 0]
        rows = rows_of(self.row_splits, places)
        # Queries that are consecutive here too, as most are, are cut out together.
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        runs = [(one[0], one[-1] + 1) for one in np.split(places, cuts) if len(one)]
        return self.documents_of(runs), self.grades[rows], lengths

    def documents_of(self, runs: Iterable[tuple[int, int]]) -> pa.Array:
        """The documents of the queries from one up to another, of each of these runs."""
        chunks = [pa.array([], pa.string())]
        for start, stop in runs:
            chunks += self.documents[int(self.row_splits[start]) : int(self.row_splits[stop])].chunks
        return pa.concat_arrays(chunks)


def nothing_judged() -> Judgements:
    """Empty judgements."""
    return Judgements([], np.zeros(1, "int64"), pa.chunked_array([], pa.string()), np.zeros(0, "float32"))


def read_judgements(path: str | os.PathLike, encoding: str) -> Judgements:
    """The judgements of a file; a repeated judgement counts once.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a line is malformed, a document has two grades, or there is no line; the error gives the file and
            the line.

    Cost: about 20 bytes of memory a judgement, and its document's id, up to twice while it is read.
    """
    known: dict[str, int] = {}
    codes, documents, grades = [], [], []
    for table in tables_of_lines(path, QRELS, encoding):
        queries = array_of(table["query"]).dictionary_encode()
        of_block = [known.setdefault(query, len(known)) for query in queries.dictionary.to_pylist()]
        codes.append(np.array(of_block, "int32")[queries.indices.to_numpy()])
        documents.append(table["document"])
        grades.append(array_of(table["grade"]).to_numpy())
    if not known:
        raise ValueError(f"{path}: there are no judgements in this file")
    return _once_each(_by_query(list(known), np.concatenate(codes), documents, np.concatenate(grades)), path, encoding)


def _by_query(queries, codes, documents, grades):
    documents = pa.chunked_array([chunk for column in documents for chunk in column.chunks], pa.string())
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        documents, grades = array_of(documents.cast(pa.large_string())).take(pa.array(order)), grades[order]
        documents = pa.chunked_array([documents.slice(i, ROWS).cast(pa.string()) for i in range(0, len(order), ROWS)])
    return Judgements(queries, splits(np.bincount(codes, minlength=len(queries))), documents, grades)


def _once_each(judgements, path, encoding):
    """The judgements without repetitions, in float32.

    Raises:
        ValueError: a document has two grades.
    """
    again, differ = [], set()
    for start, stop in parts_of(judgements.row_splits):
        rows, other = _repetitions(judgements, start, stop)
        again.append(rows)
        differs = judgements.grades[rows] != judgements.grades[other]
        for row in rows[differs].tolist():
            query = judgements.queries[int(np.searchsorted(judgements.row_splits, row, side="right")) - 1]
            differ.add((query, judgements.documents[row].as_py()))
    if differ:
        raise _two_grades(path, encoding, differ)
    queries, row_splits, documents, grades = (
        judgements.queries,
        judgements.row_splits,
        judgements.documents,
        judgements.grades.astype("float32"),
    )
    rows = np.concatenate(again)
    if len(rows):
        kept = np.ones(len(grades), bool)
        kept[rows] = False
        row_splits = np.append(0, np.cumsum(kept))[row_splits]
        documents, grades = documents.filter(pa.array(kept)), grades[kept]
    return Judgements(queries, row_splits, documents, grades)


def _repetitions(judgements, start, stop):
    """(the rows of these queries that judge a document again, the row that judges it first)."""
    row_splits = judgements.row_splits[start : stop + 1]
    documents = judgements.documents_of([(start, stop)])
    pairs = pairs_of(documents, np.repeat(np.arange(stop - start), np.diff(row_splits)))
    ordered = np.sort(pairs)
    if not (ordered[1:] == ordered[:-1]).any():
        return np.zeros((2, 0), "int64")
    _, first, places = np.unique(pairs, return_index=True, return_inverse=True)
    rows = np.flatnonzero(first[places] != np.arange(len(pairs)))
    return row_splits[0] + rows, row_splits[0] + first[places[rows]]


def parts_of(row_splits: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first query, query after the last) of consecutive parts of the documents.

    >>> list(parts_of(np.array([0, 20000, 30000, 40000, 90000])))
    [(0, 2), (2, 3), (3, 4)]
    """
    start = 0
    while start < len(row_splits) - 1:
        behind = np.searchsorted(row_splits, row_splits[start] + ROWS, side="right") - 1
        yield start, max(int(behind), start + 1)
        start = max(int(behind), start + 1)


def pairs_of(documents: pa.Array, query_of: np.ndarray) -> np.ndarray:
    """[documents] int64, equal if both the document and its query are equal."""
    return query_of * max(len(documents), 1) + documents.dictionary_encode().indices.to_numpy()


def _two_grades(path, encoding, differ):
    """The error with the line where one of these pairs of query and document gets another grade."""
    grades, first = {}, 1
    for block in blocks_of_lines(path, BLOCK, encoding):
        for number, query, document, grade in lines_of_block(block, QRELS, path, first):
            if (query, document) in differ and grades.setdefault((query, document), grade) != grade:
                return ValueError(f"{path}, line {number}: document {document!r} of query {query!r} has two grades")
        first += block.count(b"\n")
    raise RuntimeError(f"{path} changed while it was read")
