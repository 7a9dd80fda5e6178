"""A log and the rankings of a new ranker in numbers. Queries and documents are matched by their ids."""

import dataclasses
import functools

import numpy as np

from plackett.data import RankingLists, Sessions, Strings
from plackett.data._strings import concatenate_strings
from plackett.evaluation._documents import documents_of
from plackett.evaluation._scored import Scored

NEVER = -1  # the number of a query or document that the log does not have


@dataclasses.dataclass(frozen=True, eq=False)
class Logged:
    """The impressions of a log in numbers. A pair is a document of a query.

    Args:
        session: [impressions], the position of the session in the log.
        query: [impressions], from 0, rising with the ids.
        pair: [impressions], from 0.
        position: [impressions], from 1.
        click: [impressions] float64, 0 or 1.
        query_of_session: [sessions], the query of each session.
        query_of_pair: [pairs], the query of each pair.
        queries: the id of each impression's query.
        documents: the id of each impression's document.
    """

    session: np.ndarray
    query: np.ndarray
    pair: np.ndarray
    position: np.ndarray
    click: np.ndarray
    query_of_session: np.ndarray
    query_of_pair: np.ndarray
    queries: Strings
    documents: Strings

    @functools.cached_property
    def sessions_of(self) -> np.ndarray:
        """The number of sessions of each query, [queries]."""
        return np.bincount(self.query_of_session).astype("float64")

    def of_pairs(self, values: np.ndarray) -> np.ndarray:
        """Sums a number of each impression by pair, [pairs]."""
        return np.bincount(self.pair, values, minlength=len(self.query_of_pair))


@dataclasses.dataclass(frozen=True, eq=False)
class Top:
    """The first documents of a ranker for some queries, one row per document.

    Args:
        queries: [rows], the id of the query.
        documents: [rows], the id of the document.
        ranks: [rows], from 1, rising within a query. The rows of a query are together.
    """

    queries: Strings
    documents: Strings
    ranks: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Placed:
    """The first documents of a ranker for the queries of a log, in the numbers of the log.

    Args:
        query: [rows], the query.
        pair: [rows], the pair; `NEVER` = the log never showed the document for the query.
        rank: [rows], from 1.
        documents: [rows], the id of the document.
        rank_of_pair: [pairs], 0 = the ranker does not show it.
        depth: [queries], the number of documents that it shows; 0 = the query has no list.
    """

    query: np.ndarray
    pair: np.ndarray
    rank: np.ndarray
    documents: Strings
    rank_of_pair: np.ndarray
    depth: np.ndarray


def number_log(log: Sessions) -> Logged:
    """Turns the impressions of a log into numbers."""
    query_of_session = np.unique(log.queries.ranks(), return_inverse=True)[1]
    query = query_of_session[log.session_of_row]
    keys = _key(query, np.unique(log.documents.ranks(), return_inverse=True)[1], len(log.documents))
    _, first, pair = np.unique(keys, return_index=True, return_inverse=True)
    return Logged(
        session=log.session_of_row,
        query=query,
        pair=pair,
        position=log.positions.astype("int64"),
        click=log.clicks.astype("float64"),
        query_of_session=query_of_session,
        query_of_pair=query[first],
        queries=log.queries[log.session_of_row],
        documents=log.documents,
    )


def top_of(lists: RankingLists, scored: Scored, topn: int) -> Top:
    """Returns the first documents of each list by falling score. Equal scores keep the order of the list."""
    found = documents_of(dataclasses.replace(lists, missed=None), scored)
    of_row = np.repeat(np.arange(len(lists)), np.diff(found.row_splits))
    rising = np.unique(found.scores, return_inverse=True)[1]  # also for whole numbers, which floats might round
    order = np.lexsort((-rising, of_row))
    ranks = np.arange(len(order)) - found.row_splits[of_row] + 1
    rows = (ranks <= topn) & (found.scores[order] > -np.inf)
    return Top(lists.queries[of_row[rows]], found.ids[order[rows]], ranks[rows])


def join_tops(parts: list[Top]) -> Top:
    """Joins the rankings of parts of the queries."""
    return Top(
        concatenate_strings([part.queries for part in parts]),
        concatenate_strings([part.documents for part in parts]),
        np.concatenate([part.ranks for part in parts]),
    )


def place(log: Logged, top: Top, name: str) -> Placed:
    """Returns the rankings for the queries of the log.

    Raises:
        ValueError: a query has two lists.
    """
    query, pair = match(log, top.queries, top.documents)
    rows = query != NEVER
    query, pair, rank, documents = query[rows], pair[rows], top.ranks[rows], top.documents[rows]
    first = query[rank == 1]
    if len(twice := np.flatnonzero(np.bincount(first) > 1)):
        text = log.queries[int(np.flatnonzero(log.query == twice[0])[0])]
        raise ValueError(f"query {text!r} has two lists, so {name} ranks it twice: give one list for each query")
    rank_of_pair = np.zeros(len(log.query_of_pair), "int64")
    rank_of_pair[pair[pair != NEVER]] = rank[pair != NEVER]
    depth = np.bincount(query, minlength=len(log.sessions_of))
    return Placed(query, pair, rank, documents, rank_of_pair, depth)


def match(log: Logged, queries: Strings, documents: Strings) -> tuple[np.ndarray, np.ndarray]:
    """Returns (the query, the pair) of each row in the numbers of the log; `NEVER` if the log does not have it."""
    query = _look_up(log.queries, log.query, queries)
    codes, numbers = _as_numbers(log.documents, documents)
    known, first = np.unique(_key(log.query, codes, len(codes) + len(numbers)), return_index=True)
    wanted = _key(query, numbers, len(codes) + len(numbers))
    return query, np.where(query == NEVER, NEVER, _find(known, log.pair[first], wanted))


def _look_up(texts, numbers, wanted):
    codes, of_wanted = _as_numbers(texts, wanted)
    known, first = np.unique(codes, return_index=True)
    return _find(known, numbers[first], of_wanted)


def _as_numbers(first, second):
    """Numbers two arrays of texts. Equal texts get equal numbers, below the number of all texts."""
    numbers = np.unique(concatenate_strings([first, second]).ranks(), return_inverse=True)[1]
    return numbers[: len(first)], numbers[len(first) :]


def _find(known, numbers, wanted):
    """The number of each wanted key, among keys that rise."""
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, numbers[places], NEVER)


def _key(query, document, documents):
    return query.astype("int64") * (documents + 1) + document
