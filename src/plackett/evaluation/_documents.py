"""The documents to measure: those of the lists, those that a system retrieved besides, and those that are missed."""

import dataclasses
import functools

import numpy as np

from plackett.data import Missed, RankingLists
from plackett.data._row_splits import splits
from plackett.data._strings import Strings, concatenate_strings
from plackett.evaluation._scored import Scored


@dataclasses.dataclass(frozen=True)
class Documents:
    """The documents of some lists with the scores of one system, list by list.

    Args:
        row_splits: [queries + 1] int64.
        labels: [documents] float32.
        scores: [documents], in the precision of the system; -inf = not retrieved.
        judged: [documents] bool.
        ids: [documents]; "" for those that are missed.
    """

    row_splits: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    judged: np.ndarray
    ids: Strings

    @functools.cached_property
    def ranks_of_ids(self) -> np.ndarray:
        """Numbers that rise with the bytes of the ids, [documents], which is the order of trec_eval."""
        return self.ids.compact().ranks()


def documents_of(lists: RankingLists, scored: Scored) -> Documents:
    """Joins the documents of the lists, those of the system, and those that are judged but missing from the lists."""
    scores, beyond = scored
    judged = lists.columns["judged"] > 0 if "judged" in lists.columns else np.ones(len(scores), bool)
    if lists.missed is None and beyond is None:
        return Documents(lists.row_splits, lists.labels, scores, judged, lists.documents)
    if lists.missed is not None and beyond is not None:
        _check_known(lists, beyond)
    none = np.zeros(len(lists) + 1, "int64")
    missed = lists.missed or Missed(np.zeros(0, "float32"), none)
    extra = np.zeros(0, scores.dtype) if beyond is None else beyond.scores
    row_splits = [lists.row_splits, none if beyond is None else beyond.row_splits, missed.row_splits]
    every = np.arange(len(lists))
    query = np.concatenate([np.repeat(every, np.diff(each)) for each in row_splits])
    rows = np.argsort(query, kind="stable")
    no_ids = Strings.of([""])[np.zeros(len(missed.grades), "int64")]
    ids = concatenate_strings([lists.documents, *([] if beyond is None else [beyond.documents]), no_ids])[rows]
    return Documents(
        splits(np.bincount(query, minlength=len(lists))),
        np.concatenate([lists.labels, np.zeros(len(extra), "float32"), np.maximum(missed.grades, 0)])[rows],
        np.concatenate([scores, extra, np.full(len(missed.grades), -np.inf, scores.dtype)])[rows],
        np.concatenate([judged, np.zeros(len(extra), bool), missed.grades >= 0])[rows],
        ids,
    )


def _check_known(lists, beyond):
    """Raises a ValueError if a document beyond the lists may be one that they miss, since its id is not known."""
    missed = any_of_each(lists.missed.grades >= 0, lists.missed.row_splits)  # a grade below 0 is no judgement
    both = missed & (np.diff(beyond.row_splits) > 0)
    if both.any():
        query = lists.queries[int(both.argmax())]
        raise ValueError(
            f"a system has documents of query {query!r} that these lists lack, and the lists do not know the ids of "
            "the judged documents that they lack, so the two cannot be told apart: measure runs on the "
            "judgements, plackett.data.read_qrels(path) (on the command line --qrels without --data)"
        )


def queries_that_count(documents: Documents, lists: RankingLists, queries: str) -> np.ndarray:
    """Which queries count in the mean, [queries] bool, see `evaluate`. A query that nobody judged never counts."""
    counts = judged_queries(lists)
    match queries:
        case "run":
            return counts & (lists.lengths > 0)
        case "answered":
            return counts & any_of_each(documents.scores > -np.inf, documents.row_splits)
        case _:
            return counts


def judged_queries(lists: RankingLists) -> np.ndarray:
    """Whether anyone judged each query, [queries] bool."""
    judged = lists.lengths > 0
    if "judged" in lists.columns:
        judged = any_of_each(lists.columns["judged"] > 0, lists.row_splits)
    return judged if lists.missed is None else judged | (np.diff(lists.missed.row_splits) > 0)


def any_of_each(of_documents: np.ndarray, row_splits: np.ndarray) -> np.ndarray:
    """Whether it is true of any document of each query, [queries] bool."""
    before = np.concatenate([[0], np.cumsum(of_documents)])
    return before[row_splits[1:]] > before[row_splits[:-1]]
