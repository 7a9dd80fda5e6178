"""The lists that a method of `plackett.clicks.train` learns from."""

import dataclasses

import numpy as np

from plackett.data import ClickCounts, RankingLists, Sessions, Strings, lists_of_sessions
from plackett.data._click_rows import changes
from plackett.data._parts import split_queries
from plackett.data._ranking_lists import splits
from plackett.data._strings import concatenate_strings


def as_counts(log: Sessions | ClickCounts) -> ClickCounts:
    """The counts of a log."""
    return log.counts() if isinstance(log, Sessions) else log


def lists_of_documents(lists: RankingLists, counts: ClickCounts, weighted: np.ndarray | None = None) -> RankingLists:
    """One list a query: each document that was shown, once, with the mean of its weighted clicks.

    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], query=["q", "q"], documents=["a", "b"])
    >>> counts = ClickCounts.from_arrays(
    ...     query=["q"] * 3, document=["a", "b", "b"], position=[1, 1, 2], shown=[10, 5, 5], clicked=[4, 1, 1])
    >>> lists_of_documents(lists, counts).columns["click"].tolist()
    [0.4000000059604645, 0.20000000298023224]
    >>> lists_of_documents(lists, counts, np.array([4.0, 1.0, 2.0])).columns["click"].tolist()
    [0.4000000059604645, 0.30000001192092896]

    Args:
        lists: the documents of each query, found by the ids of query and document.
        counts: how often each was shown and clicked at each position.
        weighted: [rows], what the clicks of each row count for together. None = 1 each.

    Returns:
        Lists with the columns `click`, sum of weighted clicks / how often the document was shown, which estimates
        P(click | seen) where the weight is 1 / P(seen); and `weight`, how many sessions the query has, with mean 1.

    Raises:
        ValueError: a document has no features.
    """
    of_query = counts.row_splits
    query_of_row = np.repeat(np.arange(len(of_query) - 1), np.diff(of_query))
    starts = np.flatnonzero(changes(query_of_row) | changes(counts.documents.ranks()))
    clicks = counts.clicked if weighted is None else weighted
    labels = np.add.reduceat(clicks.astype("float64"), starts) / np.add.reduceat(counts.shown, starts)
    number = len(of_query) - 1
    lengths = np.bincount(query_of_row[starts], minlength=number)
    queries = counts.queries[of_query[:-1]]
    shown = Sessions(  # each query once, with all that it showed, which finds the features
        sessions=queries,
        queries=queries,
        row_splits=splits(lengths),
        documents=counts.documents[starts],
        positions=np.arange(1, len(starts) + 1, dtype="int32"),
        clicks=np.zeros(len(starts), bool),
    )
    found = lists_of_sessions(lists, shown)
    sessions = sessions_of_queries(counts, query_of_row, number)
    columns = {name: column for name, column in found.columns.items() if name not in ("position", "click")}
    columns |= {"click": labels.astype("float32"), "weight": np.repeat(sessions / sessions.mean(), lengths)}
    return dataclasses.replace(found, columns=columns | {"weight": columns["weight"].astype("float32")})


def sessions_of_queries(counts: ClickCounts, query_of_row: np.ndarray, number: int) -> np.ndarray:
    """[queries], how many sessions each had: as many as its most shown position was shown."""
    most = int(counts.positions.max(initial=0)) + 1
    keys, place = np.unique(query_of_row * most + counts.positions, return_inverse=True)
    sessions = np.zeros(number)
    np.maximum.at(sessions, keys // most, np.bincount(place, weights=counts.shown))
    return sessions


def rows_of_queries(log: Sessions | ClickCounts, queries: Strings) -> np.ndarray:
    """[sessions, or rows of counts] bool, those whose query is among these."""
    ranks = concatenate_strings([log.queries, queries]).ranks()
    return np.isin(ranks[: len(log.queries)], ranks[len(log.queries) :])


def split_log(
    lists: RankingLists, log: Sessions | ClickCounts, validation: RankingLists | None, share: float, seed: int
) -> tuple[Sessions | ClickCounts, Sessions | ClickCounts]:
    """(the part of a log to learn from, the part that chooses the epoch), which have no query in common.

    Args:
        lists: the documents of each query.
        log: the clicks.
        validation: the documents of queries whose clicks are held out. None = a share of the queries of the log.
        share: which share.
        seed: of the choice.

    Raises:
        ValueError: a query of the log is in no lists, or nothing is left to learn from or to validate on.
    """
    if validation is None:
        asked = lists.select(np.flatnonzero(_among(lists.queries, log.queries)))
        _check_known(log, rows_of_queries(log, lists.queries), "the lists have")
        if len(asked) < 2:
            raise ValueError(
                f"the log is of {len(asked)} query, but one part of the queries is learnt from and another is held "
                "out: give a log of at least 2 queries, or validation"
            )
        _, held_out = split_queries(asked, share, seed)
        of_validation = rows_of_queries(log, held_out.queries)
        return log[~of_validation], log[of_validation]
    learnt, of_validation = rows_of_queries(log, lists.queries), rows_of_queries(log, validation.queries)
    _check_known(log, learnt | of_validation, "neither the lists nor the validation lists have")
    for part, what in ((learnt & ~of_validation, "the training lists"), (of_validation, "the validation lists")):
        if not part.any():
            raise ValueError(f"the log has no session of a query of {what}")
    return log[learnt & ~of_validation], log[of_validation]


def _among(wanted, known):
    """[wanted] bool, which of these ids are known."""
    ranks = concatenate_strings([wanted, known]).ranks()
    return np.isin(ranks[: len(wanted)], ranks[len(wanted) :])


def _check_known(log, known, whose):
    if not known.all():
        row = int((~known).argmax())
        where = f"session {log.sessions[row]!r}" if isinstance(log, Sessions) else f"row {row + 1} of the counts"
        raise ValueError(f"{where}: {whose} no query {log.queries[row]!r}, so its documents have no features")


def distinct(log: Sessions) -> tuple[Sessions, np.ndarray]:
    """(each of the sessions that are the same once, [their number] how many they are).

    The mean of any loss over these, weighted, is that over the sessions. They are the same where query, documents,
    positions and clicks are; sessions of a context all stay.

    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 6, document=list("ababba"), position=[1, 2] * 3, click=[1, 0, 1, 0, 0, 1])
    >>> once, often = distinct(log)
    >>> len(once), often.tolist()
    (2, [2, 1])
    """
    if log.context:
        return log, np.ones(len(log), "int64")
    width = int(log.lengths.max(initial=0))
    where = np.arange(len(log.positions)) - np.repeat(log.row_splits[:-1], log.lengths)
    keys = np.zeros((len(log), 1 + 2 * width), "int64")
    keys[:, 0] = log.queries.ranks()
    keys[log.session_of_row, 1 + 2 * where] = 1 + log.documents.ranks()
    keys[log.session_of_row, 2 + 2 * where] = 2 * log.positions + log.clicks
    rows = np.ascontiguousarray(keys).view(f"V{keys.shape[1] * 8}")[:, 0]
    _, first, often = np.unique(rows, return_index=True, return_counts=True)
    order = np.argsort(first)
    return log[first[order]], often[order]
