"""Checks whether the log can judge what a new ranker shows."""

import numpy as np

from plackett.clicks.off_policy._estimators import OF_POSITIONS, Question, prefixes
from plackett.clicks.off_policy._logged import NEVER, Logged
from plackett.evaluation.systems.base import count

WHAT = {
    "item_position": "documents at ranks where the log never showed them for their query",
    "cascade": "documents below others that the log never showed above them in that order",
}
OF_PAIRS = "documents that the log never showed for their query"


def unsupported_rows(question: Question, estimator: str) -> np.ndarray:
    """The rows of the new rankings whose clicks the log cannot tell."""
    log, new = question.log, question.new
    never = new.pair == NEVER
    if estimator in OF_POSITIONS:
        looks = log.of_pairs(question.known()[0])
        return np.flatnonzero(never | (looks[new.pair] <= 0))
    if estimator == "cascade":
        return np.flatnonzero(new.rank > prefixes(log, new)[2][new.query])
    at_rank = log.position == new.rank_of_pair[log.pair]
    return np.flatnonzero(never | (log.of_pairs(at_rank)[new.pair] == 0))


def refusal(question: Question, system: str, estimator: str, topn: int, rows: np.ndarray) -> ValueError:
    """The error that says which documents of a system the log cannot judge, and the way out."""
    log, new = question.log, question.new
    what = WHAT.get(estimator, OF_PAIRS)
    if estimator in OF_POSITIONS and (question.known()[0] <= 0).any():
        what += ", or only at positions whose examination is not known"
    first = rows[0]
    query = log.queries[int(np.flatnonzero(log.query == new.query[first])[0])]
    return ValueError(
        f"the log cannot tell the clicks of {system} by {estimator}: among its first {topn} are {what}: for "
        f"{_of_how_many(log, np.unique(new.query[rows]))}, such as document {new.documents[int(first)]!r} of query "
        f"{query!r} at rank {new.rank[first]}; {way_out('take a smaller topn (--topn), or ')}"
    )


def refusal_without_list(question: Question, system: str) -> ValueError:
    """The error for a system that ranks no document for some queries of the log."""
    lacking = np.flatnonzero(question.new.depth == 0)
    log = question.log
    query = log.queries[int(np.flatnonzero(log.query == lacking[0])[0])]
    return ValueError(
        f"{system} ranks no document for {_of_how_many(log, lacking)} of the log, such as query {query!r}: give their "
        f"lists too; {way_out('or ')}"
    )


def way_out(before: str) -> str:
    """Says how queries can be left out."""
    return (
        f"{before}leave these queries out by missing='leave_out' (--missing leave_out): the estimate then covers the "
        "other sessions only"
    )


def _of_how_many(log: Logged, queries: np.ndarray) -> str:
    all_of_them = len(log.sessions_of)
    sessions = int(log.sessions_of[queries].sum())
    return (
        f"{len(queries):,} of {count(all_of_them, 'query', 'queries')} "
        f"({sessions:,} of {count(len(log.query_of_session), 'session')})"
    )
