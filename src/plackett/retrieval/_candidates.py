"""The candidates of a first stage: documents in order, their judgements, and judged documents that are missing."""

import dataclasses
import functools
from typing import Any

import numpy as np

from plackett.data import Missed, RankingLists, Strings
from plackett.data._row_splits import rows_of, splits
from plackett.retrieval._exact import score_places

FOUND = 2**18  # the number of documents that are searched for together
BLOCK = 1024  # pairs, and documents of the index, that are compared together


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of a query and a document of the index, sorted, each once.

    Args:
        keys: [pairs] int64, query x documents of the index + document.
        grades: [pairs] float32.
        elsewhere: the judgements of documents that the index lacks, by query.
    """

    keys: np.ndarray
    grades: np.ndarray
    elsewhere: Missed

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Returns the position of each key among these pairs, [keys] int64; -1 = it is not there."""
        if not len(self.keys):
            return np.full(keys.shape, -1)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


class Places:
    """The documents of an index, found by their ids."""

    def __init__(self, ids: Strings):
        self.ids = ids

    @functools.cached_property
    def _places(self):
        return {text: place for place, text in enumerate(self.ids.tolist())}

    def __len__(self) -> int:
        """The number of documents."""
        return len(self.ids)

    def of(self, documents: Strings) -> np.ndarray:
        """Returns the place of each document in the index, [documents] int64; -1 = it is not there."""
        codes = documents.codes
        used, of_code = np.unique(codes, return_inverse=True)
        texts = Strings(used, documents.dictionary).tolist()
        return np.array([self._places.get(text, -1) for text in texts], "int64")[of_code]


class Verdicts:
    """Judgements of the documents of an index, for some queries at a time.

    Args:
        judgements: the judged lists. None = there are none.
        known: the documents of the index.
        every: whether a grade below 0, which is not a judgement, counts too.
    """

    def __init__(self, judgements: RankingLists | None, known: Places, *, every: bool = False):
        self.judgements, self.known, self.every = judgements, known, every
        queries = [] if judgements is None else judgements.queries.tolist()
        self._queries = {query: place for place, query in enumerate(queries)}

    def of(self, queries: Strings) -> Pairs:
        """Returns the judgements of these queries."""
        lists = self.judgements
        if lists is None:
            empty = np.zeros(0, "float32")
            return Pairs(np.zeros(0, "int64"), empty, Missed(empty, np.zeros(len(queries) + 1, "int64")))
        found = np.array([self._queries.get(query, -1) for query in queries.tolist()], "int64")
        asked = np.flatnonzero(found >= 0)
        rows = rows_of(lists.row_splits, found[asked])
        query_of = np.repeat(asked, lists.lengths[found[asked]])
        if "judged" in lists.columns and not self.every:
            verdict = lists.columns["judged"][rows] > 0
            rows, query_of = rows[verdict], query_of[verdict]
        places, grades = self.known.of(lists.documents[rows]), lists.labels[rows]
        there = places >= 0
        keys = query_of[there] * len(self.known) + places[there]
        order = np.argsort(keys)
        lacking = splits(np.bincount(query_of[~there], minlength=len(queries)))
        return Pairs(keys[order], grades[there][order], Missed(grades[~there], lacking))


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Candidate documents of some queries, list by list.

    Args:
        row_splits: [queries + 1] int64.
        places: [documents] int64, the place of each in the index.
        similarity: [documents] float32, its similarity to the query.
        rank: [documents] int64, its rank in the first stage, from 1.
    """

    row_splits: np.ndarray
    places: np.ndarray
    similarity: np.ndarray
    rank: np.ndarray

    @property
    def query_of(self) -> np.ndarray:
        """The position of each document's query, [documents]."""
        return np.repeat(np.arange(len(self.row_splits) - 1), np.diff(self.row_splits))

    def take(self, rows: np.ndarray) -> "Candidates":
        """Returns the candidates in `rows`, which are in the order of their queries."""
        lengths = np.bincount(self.query_of[rows], minlength=len(self.row_splits) - 1)
        return Candidates(splits(lengths), self.places[rows], self.similarity[rows], self.rank[rows])


def find_candidates(retriever: Any, queries: Any, number: int, excluded: Pairs) -> Candidates:
    """Finds the best documents of each query, except those that are excluded. Their ranks do not count these either.

    Cost: the search of a query asks for `number` and at most twice as many documents as are excluded for it. Documents
        that are excluded for other queries do not count.
    """
    documents = len(retriever.index.ids)
    parts = []
    for rows, wanted in _searches(excluded, len(queries), number, documents):
        found = retriever.search(queries.take(rows), wanted)
        places, scores = np.asarray(found.places), np.asarray(found.scores)
        kept = (excluded.find(rows[:, None] * documents + places) < 0) & (places >= 0)
        rank = np.cumsum(kept, axis=1)
        kept &= rank <= number
        parts.append((np.repeat(rows, kept.sum(axis=1)), places[kept], scores[kept], rank[kept]))
    query_of, places, scores, rank = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(query_of, kind="stable")
    lengths = np.bincount(query_of, minlength=len(queries))
    return Candidates(splits(lengths), places[order], scores[order], rank[order])


def _searches(excluded, queries, number, documents):
    """Yields (rows of queries, number of documents to search for), such that the results fit into memory.

    The number is one of a few values, so that there are few searches, and depends only on the query.
    """
    more = np.bincount(excluded.keys // max(documents, 1), minlength=queries)
    more = np.where(more > 0, 2 ** np.ceil(np.log2(np.maximum(more, 1))), 0).astype("int64")
    of_query = np.minimum(number + more, documents)
    for wanted in np.unique(of_query) if queries else [number]:
        rows = np.flatnonzero(of_query == wanted)
        step = max(1, FOUND // max(int(wanted), 1))
        for start in range(0, max(len(rows), 1), step):
            yield rows[start : start + step], int(wanted)


def add_pairs(found: Candidates, pairs: np.ndarray, retriever: Any, queries: Any, excluded: Pairs) -> Candidates:
    """Adds other documents after the candidates, with the similarity and the rank of an exact search.

    Args:
        found: the candidates.
        pairs: [pairs], keys of `Pairs`.
        retriever: the retriever of the index.
        queries: the queries.
        excluded: documents that have no rank.

    Cost: an exact search for the queries that get a document.
    """
    query_of, places = np.divmod(pairs, len(retriever.index.ids))
    asked, row_of = np.unique(query_of, return_inverse=True)
    vectors, embeddings = retriever.embed(queries.take(asked)), retriever.index.embeddings
    similarity = np.zeros(len(pairs), "float32")
    for start in range(0, len(pairs), BLOCK):
        block = slice(start, start + BLOCK)
        similarity[block] = score_places(vectors[row_of[block]], embeddings, places[block, None])[:, 0]
    above = _number_above(vectors, embeddings, row_of, places, similarity, _of_rows(excluded, asked, len(embeddings)))
    every = np.concatenate([found.query_of, query_of])
    order = np.lexsort((np.concatenate([found.rank, above + 1]), every))
    return Candidates(
        splits(np.bincount(every, minlength=len(found.row_splits) - 1)),
        np.concatenate([found.places, places])[order],
        np.concatenate([found.similarity, similarity.astype("float32")])[order],
        np.concatenate([found.rank, above + 1])[order],
    )


def _of_rows(excluded, asked, documents):
    """The (row, place) of documents that are excluded for the queries `asked`, one row each."""
    query_of, places = np.divmod(excluded.keys, documents)
    rows = np.searchsorted(asked, query_of)
    meant = np.append(asked, -1)[rows] == query_of
    return rows[meant], places[meant]


def _number_above(vectors, embeddings, row_of, places, similarity, excluded):
    """Counts the documents that an exact search ranks above each pair, [pairs]: better or equal and before it."""
    above = np.zeros(len(places), "int64")
    exact = vectors.astype("float64")
    for start in range(0, len(embeddings), BLOCK):
        block = embeddings[start : start + BLOCK].astype("float64")
        scores = (exact @ block.T).astype("float32")
        gone = (excluded[1] >= start) & (excluded[1] < start + len(block))
        scores[excluded[0][gone], excluded[1][gone] - start] = -np.inf
        # A document is not above itself, even if its two products are rounded differently.
        here = np.flatnonzero((places >= start) & (places < start + len(block)))
        for first in range(0, len(places), BLOCK):
            rows = slice(first, first + BLOCK)
            of_pair, own = scores[row_of[rows]], similarity[rows, None]
            before = np.arange(start, start + len(block)) < places[rows, None]
            above[rows] += ((of_pair > own) | ((of_pair == own) & before)).sum(axis=1)
        above[here] -= scores[row_of[here], places[here] - start] > similarity[here]
    return above


def missed_by(found: Candidates, judged: Pairs, documents: int) -> np.ndarray:
    """Whether each judged pair is missing from the candidates, [pairs] bool."""
    missed = np.ones(len(judged.keys), bool)
    places = judged.find(found.query_of * documents + found.places)
    missed[places[places >= 0]] = False
    return missed


def grades_missed(judged: Pairs, missed: np.ndarray, documents: int, queries: int) -> Missed:
    """The grades of judged documents that are not candidates, by query, including those that the index lacks."""
    query_of = np.concatenate(
        [judged.keys[missed] // max(documents, 1), np.repeat(np.arange(queries), np.diff(judged.elsewhere.row_splits))]
    )
    grades = np.concatenate([judged.grades[missed], judged.elsewhere.grades])
    order = np.argsort(query_of, kind="stable")
    return Missed(grades[order], splits(np.bincount(query_of, minlength=queries)))
