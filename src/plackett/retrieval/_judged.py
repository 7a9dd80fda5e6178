"""Judgements or choices of people, by the ids of query and document, as lists without features."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from plackett.data import Missed, RankingLists, Strings
from plackett.data._arrays import find_twice, positions
from plackett.data._ids import ids_as_text, read_ids
from plackett.data._row_splits import splits

ALLOWED = (
    "a dict {query: {document: grade}} or {query: [document, ...]}, a tuple of arrays (queries, documents) or "
    "(queries, documents, grades) with an entry a pair, or RankingLists, as from plackett.data.read_qrels(path)"
)


def judgements_of(judged: Any, what: str = "judged") -> RankingLists:
    """Returns the judged documents of each query, with their grades and no features.

    >>> lists = judgements_of({"ann": {"heat": 2, "alien": 0}, "bob": ["big"]})
    >>> lists.queries.tolist(), lists.documents.tolist(), lists.labels.tolist()
    (['ann', 'bob'], ['heat', 'alien', 'big'], [2.0, 0.0, 1.0])
    >>> judgements_of((["ann", "bob", "ann"], [7, 7, 9])).documents.tolist()
    ['7', '9', '7']

    Args:
        judged: {query: {document: grade}}, {query: documents of grade 1}, arrays (queries, documents) or (queries,
            documents, grades), or lists. A grade below 0 is not a judgement, as in qrels.
        what: the name of the argument in errors.

    Raises:
        ValueError: it is none of these, an id is neither a string nor a whole number, a grade is not a finite number, a
            document has two grades for a query, or lists have a query twice or miss documents that were judged.
    """
    if isinstance(judged, RankingLists):
        return _check_lists(judged, what)
    if isinstance(judged, Mapping):
        return _of_mapping(judged, what)
    if isinstance(judged, tuple) and len(judged) in (2, 3):
        return _of_pairs(*judged, what=what)
    given = f"a tuple of {len(judged)}" if isinstance(judged, tuple) else f"a {type(judged).__name__}"
    raise ValueError(f"{what} must be {ALLOWED}, but got {given}")


def check_queries(name: str, queries: Strings, judgements: RankingLists) -> None:
    """Raises a ValueError if there are queries and judgements, but no query is judged."""
    if not len(queries) or not len(judgements):
        return
    if not set(queries.tolist()) & set(judgements.queries.tolist()):
        raise ValueError(
            f"no query of {name} is judged: it has queries such as {queries[0]!r}, the judgements such as "
            f"{judgements.queries[0]!r}"
        )


def check_named(what: str, judgements: RankingLists, known: Iterable[str]) -> None:
    """Raises a ValueError if lists know documents only by their positions, and none of these is a known id."""
    documents = judgements.documents
    if not len(documents) or documents.tolist() != positions(judgements.row_splits).tolist():
        return
    if not set(documents.tolist()) & set(known):
        raise ValueError(
            f"the lists of {what} have no ids of documents except their positions in the query, 1, 2 and so on: give "
            "documents=ids to RankingLists.from_arrays, or the name of the id column to plackett.data.read"
        )


def texts_of(name: str, ids: Any) -> Strings:
    """Returns ids as strings; equal ids have equal codes.

    Raises:
        ValueError: one is neither a string nor a whole number, or is empty.
    """
    ids = ids if isinstance(ids, Strings) or hasattr(ids, "__len__") else list(ids)
    return ids_as_text(name, read_ids(name, ids, len(ids)), range(len(ids)))


def _check_lists(lists, what):
    if lists.missed is not None and (lists.missed.grades >= 0).any():
        raise ValueError(
            f"the lists of {what} miss judged documents, whose ids they do not know: give the judgements, as from "
            "plackett.data.read_qrels(path)"
        )
    queries, documents = texts_of("queries", lists.queries), texts_of("documents", lists.documents)
    if twice := find_twice(queries, np.array([0, len(queries)])):
        raise ValueError(f"the lists of {what} have query {twice[1]!r} twice: join its judgements into one list")
    if twice := find_twice(documents, lists.row_splits):
        raise ValueError(f"the lists of {what} have document {twice[1]!r} twice for query {queries[twice[0]]!r}")
    return lists


def _of_mapping(judged, what):
    documents: list = []
    grades: list = []
    for query, of_query in judged.items():
        if hasattr(of_query, "to_dict"):
            raise ValueError(
                f"{what}[{query!r}] is a {type(of_query).__name__}, which may hold grades or documents: give its "
                ".to_dict(), from document to grade, or its .tolist(), of documents"
            )
        if isinstance(of_query, str | bytes) or not isinstance(of_query, Iterable):
            raise ValueError(f"{what} must be {ALLOWED}, but {what}[{query!r}] is {of_query!r}")
        documents.append(list(of_query))
        grades.append(list(of_query.values()) if isinstance(of_query, Mapping) else [1] * len(documents[-1]))
    lengths = [len(one) for one in documents]
    query_of = np.repeat(np.arange(len(lengths)), lengths)
    texts = texts_of(f"the documents of {what}", list(itertools.chain.from_iterable(documents)))
    every = list(itertools.chain.from_iterable(grades))
    return _lists(texts_of(f"the queries of {what}", list(judged)), query_of, texts, every, what)


def _of_pairs(queries, documents, grades=None, *, what):
    texts = texts_of(f"the queries of {what}", queries)
    documents = texts_of(f"the documents of {what}", documents)
    grades = np.ones(len(texts)) if grades is None else np.asarray(grades)
    if not len(texts) == len(documents) == len(grades):
        raise ValueError(
            f"{what} must have as many documents and grades as queries, but got {len(texts)} queries, "
            f"{len(documents)} documents and {len(grades)} grades"
        )
    known, first, codes = np.unique(texts.codes, return_index=True, return_inverse=True)
    order = np.argsort(first)  # queries in the order of their first pair
    places = np.empty(len(known), "int64")
    places[order] = np.arange(len(known))
    return _lists(texts[np.sort(first)], places[codes], documents, grades, what)


def _lists(queries, query_of, documents, grades, what):
    """Makes lists of pairs of a query, given by its position, and a document. A repeated pair counts once."""
    grades = _check_grades(grades, queries, query_of, documents, what)
    pairs = query_of * max(len(documents.dictionary), 1) + documents.codes
    _, first, again = np.unique(pairs, return_index=True, return_inverse=True)
    if (differs := grades[first][again] != grades).any():
        place = int(differs.argmax())
        raise ValueError(
            f"{what}: document {documents[place]!r} of query {queries[int(query_of[place])]!r} has two grades, "
            f"{grades[first[again[place]]]:g} and {grades[place]:g}"
        )
    first = np.sort(first)
    rows = first[np.argsort(query_of[first], kind="stable")]
    query_of, grades = query_of[rows], grades[rows]
    no_verdict = grades < 0
    return RankingLists(
        labels=np.maximum(grades, 0),
        row_splits=splits(np.bincount(query_of, minlength=len(queries))),
        queries=queries,
        documents=documents[rows],
        features=np.zeros((len(rows), 0), "float32"),
        columns={"judged": (~no_verdict).astype("float32")},
        missed=Missed(grades[no_verdict], splits(np.bincount(query_of[no_verdict], minlength=len(queries)))),
    )


def _check_grades(grades, queries, query_of, documents, what):
    grades = np.asarray(grades, "float32" if not len(grades) else None)
    if grades.dtype.kind not in "biuf":
        raise ValueError(f"the grades of {what} must be numbers, but hold {grades.dtype}")
    grades = grades.astype("float32")
    if len(wrong := np.flatnonzero(~np.isfinite(grades) | (grades >= 2**24))):
        place = int(wrong[0])
        raise ValueError(
            f"the grades of {what} must be finite and below 2^24, but that of document {documents[place]!r} of query "
            f"{queries[int(query_of[place])]!r} is {grades[place]}"
        )
    return grades
