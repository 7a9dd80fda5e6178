"""From click logs to lists with features for training."""

import dataclasses
from collections.abc import Callable

import numpy as np

from plackett.data._click_counts import ClickCounts
from plackett.data._ranking_lists import RankingLists
from plackett.data._sessions import Sessions
from plackett.data._strings import Dictionary, Strings, concatenate_strings, dictionary_of, smaller

QUERY = "query_of_session"  # the query column that names the query of a session


def lists_of_sessions(lists: RankingLists, log: Sessions) -> RankingLists:
    """One list per session: the features of the documents that it showed, in the order shown, and its clicks.

    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], query=["q", "q"], documents=["a", "b"])
    >>> log = Sessions.from_arrays(
    ...     query=["q"] * 4, session=["s", "s", "t", "t"], document=["a", "b", "b", "a"], position=[1, 2, 1, 2],
    ...     click=[0, 1, 0, 1])
    >>> shown = lists_of_sessions(lists, log)
    >>> shown.queries.tolist(), shown.features[:, 0].tolist(), shown.columns["click"].tolist()
    (['s', 't'], [0.5, 0.10000000149011612, 0.10000000149011612, 0.5], [0.0, 1.0, 0.0, 1.0])

    Args:
        lists: the documents of each query. They are found by the ids of query and document.
        log: the sessions.

    Returns:
        Lists whose query ids are the ids of the sessions. The query column `query_of_session` names the query; the
        columns of the context become query columns too. Document columns are those of `lists`, `click`, `position` and,
        if the log has it, `propensity`. Labels are those of `lists`.

    Raises:
        ValueError: a document of a session has no features, or a name is taken; the error gives the session and the
            row, which are counted from 1.

    Cost: a sort of the ids, and the memory of the features of each impression.
    """
    rows, places = find_rows(lists, log.queries, log.documents, log.session_of_row, row_of_session(log))
    found = lists.take(rows, log.lengths, places)
    columns = {"click": log.clicks.astype("float32"), "position": log.positions.astype("float32")}
    columns |= {} if log.propensities is None else {"propensity": log.propensities}
    context = {QUERY: log.queries} | log.context
    _check_free(found, context)
    return dataclasses.replace(
        found,
        queries=log.sessions,
        documents=log.documents,
        columns=_without(found.columns) | columns,
        query_columns=found.query_columns | context,
        missed=None,
    )


def lists_of_counts(lists: RankingLists, counts: ClickCounts) -> RankingLists:
    """One list per query: for each document and position, one entry with a click and one without.

    >>> lists = RankingLists.from_arrays([[0.5], [0.1]], [1, 0], query=["q", "q"], documents=["a", "b"])
    >>> counts = ClickCounts.from_arrays(
    ...     query=["q", "q"], document=["a", "b"], position=[1, 2], shown=[10, 10], clicked=[4, 0])
    >>> counted = lists_of_counts(lists, counts)
    >>> counted.documents.tolist(), counted.columns["click"].tolist(), counted.columns["weight"].tolist()
    (['a@1#1', 'a@1#0', 'b@2#0'], [1.0, 0.0, 0.0], [0.4000000059604645, 0.6000000238418579, 1.0])

    Weights are scaled so that the mean over these lists of a weighted sum over entries equals the mean over sessions of
    the sum over impressions. A pointwise loss of scores and positions is then the same as on the sessions. The number
    of sessions comes from `ClickCounts.sessions`.

    Args:
        lists: the documents of each query. They are found by the ids of query and document.
        counts: how often each document was shown and clicked at each position.

    Returns:
        Lists of the queries of the counts, in their order. The columns of documents are those of `lists`, `click`, 0 or
        1, `weight`, `position`, and `propensity` where the counts know it. The id of an entry is
        "document@position#click", since ids in a list must be unique. Its features and label are those of the document.

    Raises:
        ValueError: a document has no features; the error gives the query and the row, from 1.

    Cost: a sort of the ids, and the memory of the features of each entry.
    """
    splits = counts.row_splits
    query_of_row = np.repeat(np.arange(len(splits) - 1), np.diff(splits))
    rows, queries = find_rows(lists, counts.queries[splits[:-1]], counts.documents, query_of_row, row_of_counts)
    often = np.stack([counts.clicked, counts.shown - counts.clicked], axis=1)  # with a click and without
    row, unclicked = np.nonzero(often)
    lengths = np.bincount(query_of_row[row], minlength=len(splits) - 1)
    found = lists.take(rows[row], lengths, queries)
    weights = often[row, unclicked] * (len(found) / max(int(counts.sessions.sum()), 1))
    columns = {
        "click": (1 - unclicked).astype("float32"),
        "weight": weights.astype("float32"),
        "position": counts.positions[row].astype("float32"),
    }
    columns |= {} if counts.propensities is None else {"propensity": counts.propensities[row]}
    return dataclasses.replace(
        found,
        documents=_entries(counts.documents[row], counts.positions[row], 1 - unclicked),
        columns=_without(found.columns) | columns,
        missed=None,
    )


def row_of_counts(row: int) -> str:
    """The name of a row of counts in errors, by its place from 0."""
    return f"row {row + 1} of the counts"


def row_of_session(log: Sessions) -> Callable[[int], str]:
    """The name of a row of a log in errors, by its place from 0."""

    def words(row):
        session = int(np.searchsorted(log.row_splits, row, side="right")) - 1
        return f"row {row + 1}, session {log.sessions[session]!r}"

    return words


def _without(columns):
    """The document columns without those that come from the log."""
    return {
        name: column for name, column in columns.items() if name not in ("click", "position", "propensity", "weight")
    }


def _check_free(lists, context):
    for name in context:
        if name in lists.query_columns:
            raise ValueError(f"the lists and the log both have a column of queries {name!r}: rename one of them")


def find_rows(
    lists: RankingLists,
    queries: Strings,
    documents: Strings,
    query_of_row: np.ndarray,
    words: Callable[[int], str],
) -> tuple[np.ndarray, np.ndarray]:
    """([rows] int64, the row of each document in the lists; [queries] int64, the place of each query in them).

    Args:
        lists: the lists to search.
        queries: the ids of queries.
        documents: [rows], the ids of documents.
        query_of_row: [rows], the place of the query of each document in `queries`.
        words: function that names a row in errors, by its place from 0.

    Raises:
        ValueError: there is no such query, or it has no such document; the error gives the row.
    """
    places, known = _search(lists.queries, queries)
    if not known.all():
        row = int((~known[query_of_row]).argmax()) if len(query_of_row) else 0
        query = queries[int(query_of_row[row])]
        raise ValueError(f"{words(row)}: the lists have no query {query!r}, so its documents have no features")
    ranks = concatenate_strings([lists.documents, documents]).ranks()
    of_lists, wanted = ranks[: len(lists.documents)], ranks[len(lists.documents) :]
    many = int(ranks.max(initial=0)) + 1
    in_lists = np.repeat(np.arange(len(lists)), np.diff(lists.row_splits)) * many + of_lists
    rows, known = _search_keys(in_lists, places[query_of_row] * many + wanted)
    if not known.all():
        row = int((~known).argmax())
        query = queries[int(query_of_row[row])]
        raise ValueError(
            f"{words(row)}: document {documents[row]!r} has no features: query {query!r} of the lists has "
            "no such document"
        )
    return rows, places


def _search(texts, wanted):
    ranks = concatenate_strings([texts, wanted]).ranks()
    return _search_keys(ranks[: len(texts)], ranks[len(texts) :])


def _search_keys(keys, wanted):
    """([wanted] the place of each among the keys; [wanted] bool, whether it is there)."""
    if not len(keys):
        return np.zeros(len(wanted), "int64"), np.zeros(len(wanted), bool)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    found = np.minimum(np.searchsorted(ordered, wanted), len(keys) - 1)
    return order[found], ordered[found] == wanted


def _entries(documents, positions, clicks):
    """The ids of entries, "document@position#click"."""
    known, at = np.unique(positions.astype("int64") * 2 + clicks, return_inverse=True)
    ends = dictionary_of([f"@{key // 2}#{key % 2}".encode() for key in known.tolist()])
    both = concatenate_strings([documents, Strings(at.astype("int32"), ends)])
    codes = both.codes.reshape(2, -1).T.reshape(-1)
    text = np.concatenate([np.zeros(0, "uint8"), *both.dictionary.pieces(codes)])
    lengths = both.dictionary.lengths[codes].astype("int64").reshape(-1, 2).sum(axis=1)
    dictionary = Dictionary(text, smaller(np.append(0, np.cumsum(lengths))))
    return Strings(np.arange(len(lengths), dtype="int32"), dictionary)
