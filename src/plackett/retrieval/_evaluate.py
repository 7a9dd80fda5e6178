"""Measuring what was retrieved on what people judged or chose."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plackett import evaluation
from plackett.data._arrays import find_twice
from plackett.data._ranking_lists import splits
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
    """The metrics of what was retrieved, query by query, with those documents that were not retrieved.

    It is what `plackett evaluate OUT.run --qrels Q` says of the same documents in the same order: a relevant document
    that was not retrieved counts as missed, and one that nobody judged takes a rank and gains nothing. A judged query
    for which nothing was retrieved counts 0, unless `queries` says otherwise; one that nobody judged does not count.

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
        retrieved: what a `Retriever` or a `Pipeline` gave: it has `queries`, their ids, `ids` [queries, k], the best
            first, and `scores` [queries, k], -inf where there is no document; or several of these by name.
        judged: {query: {document: grade}}; {query: documents}, all of grade 1; arrays (queries, documents) or (queries,
            documents, grades), a pair an entry; or `RankingLists`, as from `plackett.data.read_qrels`.
        metrics: names, or metrics with conventions of their own, see `plackett.metrics`. What is retrieved has an
            order, so that there are no ties.
        like: whose convention is meant, see `plackett.evaluation.evaluate`.
        queries: which queries count: "judged", those that were judged; "answered", of them those for which something
            was retrieved, as trec_eval has it. None = that of `like`, or "judged".

    Returns:
        Of one retrieval the mean of each metric by its name; of several the `Results`, which
        `plackett.evaluation.compare` takes.

    Raises:
        ValueError: nothing was judged, or no query of what was retrieved; a document is there twice in a query; the
            shapes do not fit; scores are no numbers or rise; or an unknown metric, `like` or `queries`.
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
    """What was retrieved as a run, whose scores fall with the rank.

    Raises:
        ValueError: it lacks its queries, the shapes do not fit, scores are no numbers or rise, or a query or a document
            is there twice.
    """
    queries, ids, scores = (getattr(retrieved, one, None) for one in ("queries", "ids", "scores"))
    if queries is None or ids is None or scores is None:
        raise ValueError(
            f"{name} must have queries, ids and scores, as what a Retriever or a Pipeline gives for a Table with ids, "
            f"but is a {type(retrieved).__name__} without {'queries' if ids is not None else 'ids'}"
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
        raise ValueError(f"{name}: document {twice[1]!r} is there twice for query {queries[twice[0]]!r}")
    if twice := find_twice(queries, np.array([0, len(queries)])):
        raise ValueError(f"{name}: query {twice[1]!r} is there twice")
    rank = np.arange(len(documents)) - np.repeat(row_splits[:-1], np.diff(row_splits))
    return Run(name, queries, row_splits, documents, -rank.astype("float64"))


def _check_scores(name, scores, queries):
    """Raises a ValueError where scores do not say the order that documents are in."""
    if scores.dtype.kind not in "iuf":
        raise ValueError(f"the scores of {name} must be numbers, but hold {scores.dtype}")
    for what, wrong in (("nan", np.isnan(scores)), ("above the one before", scores[:, 1:] > scores[:, :-1])):
        if wrong.any():
            row = int(wrong.any(axis=1).argmax())
            raise ValueError(
                f"the scores of {name} must fall from the best document on, but one of query {queries[row]!r} is "
                f"{what}; distances are scores once their sign is turned, and -inf says that there is no document"
            )


def _short(runs, metrics):
    """That a metric asks for more documents than a query has."""
    names = [one if isinstance(one, str) else one.name for one in metrics]
    cuts = {name: int(name.rpartition("@")[2]) for name in names if name.rpartition("@")[2].isdecimal()}
    for name, run in runs.items():
        longest = int(np.diff(run.row_splits).max(initial=0))
        if above := [metric for metric, cut in cuts.items() if cut > longest]:
            yield f"{name} has {longest} documents a query at most: {', '.join(above)} counts no more of them"
