"""Measures what was retrieved on what people judged or chose."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plackett import evaluation
from plackett.data._arrays import find_twice
from plackett.data._row_splits import splits
from plackett.evaluation.systems.runs import Run
from plackett.metrics import RankingMetric
from plackett.retrieval._judged import check_named, check_queries, judgements_of, texts_of

METRICS = ("recall@100", "mrr", "ndcg@10")
SINGLE = "what was retrieved"


def evaluate(
    retrieved: Any,
    judged: Any,
    metrics: Sequence[str | RankingMetric] = METRICS,
    *,
    like: str | None = None,
    queries: str | None = None,
) -> "evaluation.Results | dict[str, float]":
    """Measures what was retrieved by metrics, query by query. Judged documents that were not retrieved count.

    The result is that of `plackett evaluate OUT.run --qrels Q` for the same documents in the same order. A relevant
    document that was not retrieved counts as missed. A document that nobody judged takes a rank and gains nothing. A
    judged query for which nothing was retrieved counts 0, unless `queries` says otherwise. A query that nobody judged
    does not count.

    >>> import collections
    >>> found = collections.namedtuple("Retrieved", "queries ids scores")(
    ...     ["ann", "bob"], [["heat", "big"], ["big", "heat"]], [[0.9, 0.1], [0.8, 0.3]]
    ... )
    >>> judged = {"ann": {"heat": 2, "alien": 1}, "bob": ["heat"]}
    >>> evaluate(found, judged, ["recall@2", "mrr"])
    {'recall@2': 0.75, 'mrr': 0.75}
    >>> results = evaluate({"first": found}, judged, ["recall@2", "mrr"])
    >>> results.queries.tolist(), results.of("first", "recall@2").tolist()
    (['ann', 'bob'], [0.5, 1.0])

    Args:
        retrieved: the result of a `Retriever` or a `Pipeline`: an object with `queries`, their ids, `ids` [queries, k],
            the best first, and `scores` [queries, k], -inf if there is no document; or several of these by name.
        judged: {query: {document: grade}}; {query: documents}, all of grade 1; arrays (queries, documents) or (queries,
            documents, grades), one pair an entry; or `RankingLists`, as from `plackett.data.read_qrels`.
        metrics: names, or metrics with their own conventions, see `plackett.metrics`. Retrieved documents have an
            order, so there are no ties.
        like: the library whose convention is used, see `plackett.evaluation.evaluate`.
        queries: which queries count: "judged", those that were judged; "answered", those of them for which something
            was retrieved, as in trec_eval. None = that of `like`, or "judged".

    Returns:
        For one retrieval, the mean of each metric by its name; for several, the `Results`, which
        `plackett.evaluation.compare` takes.

    Raises:
        ValueError: nothing was judged, or no query of the retrieval was judged; a document occurs twice for a query;
            the shapes do not fit; scores are not numbers, or rise; or a metric, `like` or `queries` is unknown.
    """
    judgements = judgements_of(judged)
    several = isinstance(retrieved, Mapping)
    runs = {name: run_of(name, one) for name, one in (retrieved if several else {SINGLE: retrieved}).items()}
    for name, run in runs.items():
        check_queries(name, run.queries, judgements)
    check_named("judged", judgements, itertools.chain.from_iterable(run.documents.tolist() for run in runs.values()))
    if not several:
        return evaluation.evaluate(runs[SINGLE], judgements, metrics, like=like, queries=queries)
    results = evaluation.evaluate(runs, judgements, metrics, like=like, queries=queries)
    return dataclasses.replace(results, notes=(*results.notes, *_short(runs, metrics)))


def run_of(name: str, retrieved: Any) -> Run:
    """Returns a retrieval as a run, whose scores fall with the rank.

    Raises:
        ValueError: it lacks its queries, the shapes do not fit, scores are not numbers, or rise, or a query or a
            document occurs twice.
    """
    queries, ids, scores = (getattr(retrieved, one, None) for one in ("queries", "ids", "scores"))
    if queries is None or ids is None or scores is None:
        raise ValueError(
            f"{name} must have queries, ids and scores, like the result of a Retriever or a Pipeline for a Table with "
            f"ids, but is a {type(retrieved).__name__} without {'queries' if ids is not None else 'ids'}"
        )
    queries, scores = texts_of(f"the queries of {name}", queries), np.asarray(scores)
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.shape != scores.shape or len(ids) != len(queries):
        raise ValueError(
            f"the ids and scores of {name} must be [queries, k], but got {ids.shape} and {scores.shape} for "
            f"{len(queries)} queries"
        )
    _check_scores(name, scores, queries)
    there = scores > -np.inf
    documents, row_splits = texts_of(f"the ids of {name}", ids[there]), splits(there.sum(axis=1))
    if twice := find_twice(documents, row_splits):
        raise ValueError(f"{name}: document {twice[1]!r} occurs twice for query {queries[twice[0]]!r}")
    if twice := find_twice(queries, np.array([0, len(queries)])):
        raise ValueError(f"{name}: query {twice[1]!r} occurs twice")
    rank = np.arange(len(documents)) - np.repeat(row_splits[:-1], np.diff(row_splits))
    return Run(name, queries, row_splits, documents, -rank.astype("float64"))


def _check_scores(name, scores, queries):
    """Raises a ValueError if the scores do not give the order of the documents."""
    if scores.dtype.kind not in "iuf":
        raise ValueError(f"the scores of {name} must be numbers, but hold {scores.dtype}")
    for what, wrong in (("nan", np.isnan(scores)), ("above the one before", scores[:, 1:] > scores[:, :-1])):
        if wrong.any():
            row = int(wrong.any(axis=1).argmax())
            raise ValueError(
                f"the scores of {name} must fall from the best document on, but one of query {queries[row]!r} is "
                f"{what}; negate distances to make them scores, and use -inf if there is no document"
            )


def _short(runs, metrics):
    """Notes that a metric asks for more documents than a query has."""
    names = [one if isinstance(one, str) else one.name for one in metrics]
    cuts = {name: int(name.rpartition("@")[2]) for name in names if name.rpartition("@")[2].isdecimal()}
    for name, run in runs.items():
        longest = int(np.diff(run.row_splits).max(initial=0))
        if above := [metric for metric, cut in cuts.items() if cut > longest]:
            yield f"{name} has {longest} documents a query at most: {', '.join(above)} counts no more of them"
