"""TREC runs and qrels: the results of a retrieval system, and the judgements of assessors."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plackett._files import list_paths
from plackett.data._grouping import LINE, group_by_query
from plackett.data._ranking_lists import RankingLists
from plackett.data._row_splits import splits
from plackett.data._schema import array_of
from plackett.data._tables import from_tables
from plackett.data.formats._judgements import nothing_judged, pairs_of, parts_of, read_judgements
from plackett.data.formats._trec_lines import RUN, tables_of_lines

NUMBERS = {"label": pa.float32(), "score": pa.float32(), "judged": pa.float32(), "run_score": pa.float64()}


def read_trec(
    run: str | os.PathLike | Sequence[str | os.PathLike],
    qrels: str | os.PathLike | None,
    *,
    together: bool = True,
    encoding: str = "utf-8",
) -> RankingLists:
    """The lists of a run with the grades of qrels.

    A run has lines of `query Q0 document rank score tag`. The score becomes the column `run_score`, with which
    `plackett.evaluate_scores` measures the run, and the only dense feature, `score`, in float32. `rank` is not read.
    Qrels have lines of `query iteration document grade`. As in trec_eval, documents without a judgement or with a
    negative grade have label 0 and are not `judged`. ASCII white space separates fields; lines that begin with # are
    comments.

    Nothing in the qrels is lost. `missed` holds the grades of documents that the run lacks, and negative grades. Judged
    queries that the run lacks come last, as empty lists.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "bm25.run").write_text("1 Q0 a 1 .9 bm25\\n1 Q0 b 2 .8 bm25\\n")
    >>> _ = (folder / "qrels").write_text("1 0 a 1\\n1 0 z 2\\n")
    >>> lists = read_trec(folder / "bm25.run", folder / "qrels")
    >>> lists.labels.tolist(), lists.columns["judged"].tolist(), lists.missed.grades.tolist()
    ([1.0, 0.0], [1.0, 0.0], [2.0])

    Args:
        run: the file of the run, plain or compressed, or several files that form one run.
        qrels: the file of judgements. None = nobody judged the documents, for example documents to be ranked.
        together: whether the lines of a query must stand together. False = they are grouped, in memory.
        encoding: the encoding of all these files, as in Python's `open`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a line is malformed, or a document has two grades; the error gives the file and the line.

    Cost: about a second for a million lines of the run or of the qrels.
    """
    return from_tables(
        trec_tables(run, qrels, together=together, encoding=encoding), ", ".join(map(str, list_paths(run)))
    )


def read_qrels(path: str | os.PathLike, *, encoding: str = "utf-8") -> RankingLists:
    """Reads only qrels: the judged documents of each query, without features.

    Use it to compare runs: `plackett evaluate a.run b.run --data judgements.qrels`. Grades are read as in `read_trec`:
    a document with a negative grade has label 0 and is not `judged`, as in trec_eval, and its grade is in `missed`. A
    repeated judgement with the same grade counts once. Lines of a query need not stand together.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "judgements.qrels"
    >>> _ = path.write_text("1 0 a 1\\n1 0 z 2\\n2 0 a -1\\n")
    >>> lists = read_qrels(path)
    >>> lists.documents.tolist(), lists.labels.tolist(), lists.columns["judged"].tolist()
    (['a', 'z', 'a'], [1.0, 2.0, 0.0], [1.0, 1.0, 0.0])

    Args:
        path: the file, plain or compressed, with lines of `query iteration document grade`.
        encoding: the encoding of the file, as in Python's `open`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: there are no lines, a line is malformed, or a document has two grades; the error gives the file and
            the line.
    """
    return from_tables(qrels_tables(path, encoding=encoding), str(path))


def qrels_tables(path: str | os.PathLike, *, encoding: str = "utf-8") -> Iterator[pa.Table]:
    """The queries of qrels in tables of the form of `plackett.data._schema`; see `read_qrels`."""
    judgements = read_judgements(path, encoding)
    for start, stop in parts_of(judgements.row_splits):
        row_splits = judgements.row_splits[start : stop + 1]
        rows = slice(int(row_splits[0]), int(row_splits[-1]))
        grades, lengths = judgements.grades[rows], np.diff(row_splits)
        columns = {
            "query": pa.array(judgements.queries[start:stop], pa.string()),
            "document": _lists(judgements.documents_of([(start, stop)]), lengths),
        }
        known = _known(grades, lengths) | {"missed": _missed(grades < 0, grades, lengths)}
        yield pa.table(columns | known)


def trec_tables(
    run: str | os.PathLike | Sequence[str | os.PathLike],
    qrels: str | os.PathLike | None,
    *,
    together: bool = True,
    encoding: str = "utf-8",
) -> Iterator[pa.Table]:
    """The queries of a run in tables of the form of `plackett.data._schema`; see `read_trec`."""
    judgements = nothing_judged() if qrels is None else read_judgements(qrels, encoding)
    seen, schema = np.zeros(len(judgements.queries), bool), None
    for path in list_paths(run):
        for table in group_by_query(_documents(path, encoding), str(path), together=together):
            for start, stop in parts_of(array_of(table["document"]).offsets.to_numpy()):
                graded = _with_grades(table.slice(start, stop - start), judgements, seen)
                schema = graded.schema
                yield graded
    left = np.flatnonzero(~seen)
    if len(left) and schema is not None:
        yield _of_no_documents([judgements.queries[place] for place in left], judgements).cast(schema)


def _documents(path, encoding):
    """The lines of a run in tables, one row per document."""
    for table in tables_of_lines(path, RUN, encoding):
        scores = table["score"]
        columns = {"query": table["query"], "document": table["document"], "score": pc.cast(scores, pa.float32())}
        yield pa.table(columns | {"run_score": scores, LINE: table[LINE]})


def _with_grades(table, judgements, seen):
    """The queries with the grades of their documents, and the grades of documents that they lack."""
    queries, documents = table["query"].to_pylist(), array_of(table["document"])
    seen[[judgements.places[query] for query in queries if query in judgements.places]] = True
    judged, given, judgements_of = judgements.of(queries)
    retrieved = np.diff(documents.offsets.to_numpy())
    query_of = np.concatenate([np.repeat(np.arange(len(queries)), lengths) for lengths in (retrieved, judgements_of)])
    pairs = pairs_of(pa.concat_arrays([documents.flatten(), judged]), query_of)
    of_run, of_qrels = np.split(pairs, [len(pairs) - len(given)])
    order = np.argsort(of_qrels)
    places = np.searchsorted(of_qrels, of_run, sorter=order)
    rows = np.append(order, len(given))[places]  # there is none after the last judgement
    there = np.append(of_qrels, -1)[rows] == of_run
    grades = np.where(there, np.append(given, -1)[rows], -1)
    beyond = np.ones(len(given), bool)
    beyond[rows[there]] = False
    missed = _missed(beyond | (given < 0), given, judgements_of)
    columns = dict(zip(table.column_names, table.columns, strict=True)) | _known(grades, retrieved)
    return pa.table({name: columns[name] for name in ("query", "document", *NUMBERS)} | {"missed": missed})


def _of_no_documents(queries, judgements):
    """Queries that the run lacks."""
    _, grades, lengths = judgements.of(queries)
    nothing = np.zeros(len(queries), "int64")
    numbers = {name: _lists(pa.array([], kind), nothing) for name, kind in NUMBERS.items()}
    columns = {"query": pa.array(queries, pa.string()), "document": _lists(pa.array([], pa.string()), nothing)}
    return pa.table(columns | numbers | {"missed": _missed(np.ones(len(grades), bool), grades, lengths)})


def _known(grades, lengths):
    """The columns `label` and `judged` from grades; a grade below 0 is not a verdict."""
    judged = (grades >= 0).astype("float32")
    return {
        "label": _lists(pa.array(np.maximum(grades, 0).astype("float32")), lengths),
        "judged": _lists(pa.array(judged), lengths),
    }


def _missed(which, grades, lengths):
    query_of = np.repeat(np.arange(len(lengths)), lengths)
    return _lists(pa.array(grades[which].astype("float32")), np.bincount(query_of[which], minlength=len(lengths)))


def _lists(values, lengths):
    """The values cut into lists of these lengths."""
    return pa.ListArray.from_arrays(pa.array(splits(lengths).astype("int32")), values)
