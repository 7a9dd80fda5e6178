"""Makes the lists that a method of `plackett.clicks.train` learns from."""

import dataclasses
import functools

import numpy as np

from plackett.data import ClickCounts, RankingLists, Sessions, Strings, lists_of_sessions
from plackett.data._click_lists import find_rows, row_of_counts, row_of_session
from plackett.data._click_rows import changes
from plackett.data._parts import split_queries
from plackett.data._row_splits import splits
from plackett.data._strings import concatenate_strings


def as_counts(log: Sessions | ClickCounts) -> ClickCounts:
    """Returns the counts of a log."""
    return log.counts() if isinstance(log, Sessions) else log


def lists_of_documents(lists: RankingLists, counts: ClickCounts, weighted: np.ndarray | None = None) -> RankingLists:
    """Makes one list per query: each document that was shown, once, with the mean of its weighted clicks.

    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], query=["q", "q"], documents=["a", "b"])
    >>> counts = ClickCounts.from_arrays(
    ...     query=["q"] * 3, document=["a", "b", "b"], position=[1, 1, 2], shown=[10, 5, 5], clicked=[4, 1, 1])
    >>> lists_of_documents(lists, counts).columns["click"].tolist()
    [0.4000000059604645, 0.20000000298023224]
    >>> lists_of_documents(lists, counts, np.array([4.0, 1.0, 2.0])).columns["click"].tolist()
    [0.4000000059604645, 0.30000001192092896]

    Args:
        lists: the documents of each query, found by the ids of query and document.
        counts: how often each document was shown and clicked at each position.
        weighted: [rows], the total weight of the clicks of each row. None = 1 for each click.

    Returns:
        Lists with the columns `click`, the sum of weighted clicks / the number of times that the document was shown,
        which estimates P(click | seen) if the weight is 1 / P(seen); and `weight`, the number of sessions of the query,
        with mean 1.

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
    shown = Sessions(  # each query once, with all that it showed, to find the features
        sessions=queries,
        queries=queries,
        row_splits=splits(lengths),
        documents=counts.documents[starts],
        positions=np.arange(1, len(starts) + 1, dtype="int32"),
        clicks=np.zeros(len(starts), bool),
    )
    found = lists_of_sessions(lists, shown)
    sessions = counts.sessions
    columns = {name: column for name, column in found.columns.items() if name not in ("position", "click")}
    columns |= {"click": labels.astype("float32"), "weight": np.repeat(sessions / sessions.mean(), lengths)}
    return dataclasses.replace(found, columns=columns | {"weight": columns["weight"].astype("float32")})


def among(ids: Strings, known: Strings) -> np.ndarray:
    """Which ids are known, [ids] bool.

    >>> among(Strings.of(["a", "b", "a"], "ids"), Strings.of(["c", "a"], "known")).tolist()
    [True, False, True]
    """
    ranks = concatenate_strings([ids, known]).ranks()
    return np.isin(ranks[: len(ids)], ranks[len(ids) :])


def split_log(
    lists: RankingLists, log: Sessions | ClickCounts, validation: RankingLists | None, share: float, seed: int
) -> tuple[Sessions | ClickCounts, Sessions | ClickCounts]:
    """Splits a log by query: (the part to learn from, the part that chooses the epoch).

    Args:
        lists: the documents of each query.
        log: the clicks.
        validation: the documents of queries whose clicks are held out. None = a share of the queries of the log.
        share: the share that is held out.
        seed: the seed of the choice.

    Raises:
        ValueError: nothing is left to learn from or to validate on, or nothing was clicked there.
    """
    if validation is None:
        asked = lists.select(np.flatnonzero(among(lists.queries, log.queries)))
        if len(asked) < 2:
            raise ValueError(
                f"the log must have at least 2 queries, since one part is learnt from and another is held out, but has "
                f"{len(asked)}: give a larger log, or validation"
            )
        _, held_out = split_queries(asked, share, seed)
        of_validation = among(log.queries, held_out.queries)
        way_out = "take another seed or validation_share, or give validation"
    else:
        of_validation = among(log.queries, validation.queries)
        way_out = "give validation of other queries, or none: a share of the queries of the log is then held out"
        for part, what in ((~of_validation, "outside"), (of_validation, "in")):
            if not part.any():
                raise ValueError(f"the log has no session of a query {what} the validation lists: {way_out}")
    for part, what in ((~of_validation, "learnt from"), (of_validation, "held out to choose the epoch")):
        if not clicks_of(log)[part[log.session_of_row] if isinstance(log, Sessions) else part].any():
            raise ValueError(f"the part of the log that is {what} has no click at all: {way_out}")
    return log[~of_validation], log[of_validation]


def clicks_of(log: Sessions | ClickCounts) -> np.ndarray:
    """The number of clicks of each row of a log, [rows]."""
    return log.clicks if isinstance(log, Sessions) else log.clicked


def check_features(lists: RankingLists, log: Sessions | ClickCounts, validation: RankingLists | None) -> None:
    """Checks that each document of a log has features. It runs before the log is split, so rows are those of the log.

    Args:
        lists: the documents of each query.
        log: the clicks.
        validation: the documents of queries that are held out. None = none.

    Raises:
        ValueError: a document has none; the message names its row and session.

    Cost: sorting the ids of all impressions.
    """
    query_of_row = log.session_of_row if isinstance(log, Sessions) else np.arange(len(log.documents))
    words = row_of_session(log) if isinstance(log, Sessions) else row_of_counts
    of_validation = np.zeros(len(log.queries), bool) if validation is None else among(log.queries, validation.queries)
    for known, part in ((lists, ~of_validation), (validation or lists, of_validation)):
        rows = np.flatnonzero(part[query_of_row])
        places = (np.cumsum(part) - 1)[query_of_row[rows]]
        find_rows(known, log.queries[part], log.documents[rows], places, functools.partial(_of_part, words, rows))


def _of_part(words, rows, row):
    """The name of a row of a part of a log in an error."""
    return words(int(rows[row]))


def distinct(log: Sessions) -> tuple[Sessions, np.ndarray]:
    """Returns (each of the equal sessions once, [their number] how many there are).

    The weighted mean of any loss over these is the mean over all sessions. Sessions are equal if their query,
    documents, positions and clicks are. All sessions with a context are kept.

    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 6, document=list("ababba"), position=[1, 2] * 3, click=[1, 0, 1, 0, 0, 1])
    >>> once, often = distinct(log)
    >>> len(once), often.tolist()
    (2, [2, 1])
    """
    if log.context:
        return log, np.ones(len(log), "int64")
    queries, documents = log.queries.ranks(), log.documents.ranks()
    shown = 2 * log.positions.astype("int64") + log.clicks
    firsts, numbers = [], []
    for length in np.unique(log.lengths):  # one by one, so that a long session does not widen the others
        here = np.flatnonzero(log.lengths == length)
        rows = log.row_splits[here][:, None] + np.arange(length)
        keys = np.concatenate([queries[here][:, None], documents[rows], shown[rows]], axis=1)
        keys = np.ascontiguousarray(keys, "int64").view(f"V{keys.shape[1] * 8}")[:, 0]
        _, first, often = np.unique(keys, return_index=True, return_counts=True)
        firsts.append(here[first])
        numbers.append(often)
    first, often = (np.concatenate([np.zeros(0, "int64"), *parts]) for parts in (firsts, numbers))
    order = np.argsort(first)
    return log[first[order]], often[order]
