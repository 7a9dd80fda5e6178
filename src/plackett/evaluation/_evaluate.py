"""Measures systems on lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from plackett.data import RankingLists
from plackett.data._parts import join_columns
from plackett.evaluation._conventions import state
from plackett.evaluation._documents import documents_of, judged_queries, queries_that_count
from plackett.evaluation._high_labels import query_of_the_highest, too_high
from plackett.evaluation._measures import Measured, measure
from plackett.evaluation._peers import check_like, metrics_like, peer_named, scores_like
from plackett.evaluation._results import Results
from plackett.evaluation._scored import Scored, System
from plackett.evaluation._scoring import check_lists
from plackett.evaluation._systems import open_system, open_systems
from plackett.evaluation.systems.base import check_scores
from plackett.metrics import RankingMetric, get

METRICS = ("ndcg@5", "ndcg@10", "mrr")
QUERIES = ("run", "judged", "answered")
Metrics = Sequence[str | RankingMetric]
NOT_JUDGED = "nobody judged a document of these lists, so there is nothing to measure: they were read without labels"


@overload
def evaluate(
    systems: Mapping[str, Any] | list | tuple,
    lists: RankingLists | Iterable[RankingLists],
    metrics: Metrics | None = ...,
    *,
    like: str | None = ...,
    queries: str | None = ...,
) -> Results: ...


@overload
def evaluate(
    systems: Any,
    lists: RankingLists | Iterable[RankingLists],
    metrics: Metrics | None = ...,
    *,
    like: str | None = ...,
    queries: str | None = ...,
) -> dict[str, float]: ...


def evaluate(
    systems: Any,
    lists: RankingLists | Iterable[RankingLists],
    metrics: Metrics | None = None,
    *,
    like: str | None = None,
    queries: str | None = None,
) -> Results | dict[str, float]:
    """Measures any number of systems by metrics, query by query, in one pass over the lists.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> results = evaluate({"first": "feature:1", "last": "feature:-1"}, lists, ["mrr"])
    >>> results.systems, results.stated, results.means().tolist()
    (('first', 'last'), ('mrr[empty=0, ties=position]',), [[0.5], [1.0]])
    >>> evaluate("feature:1", lists, ["mrr"])
    {'mrr': 0.5}

    Args:
        systems: systems by name, or the paths of several, which get short names; or a single system. A system is a
            Keras model; an output folder of `train`; a file of LightGBM, XGBoost, CatBoost, Keras or ONNX; a run of
            TREC; a file of scores; "column:NAME" or "feature:NAME" of the lists; an array of scores, [documents]; or a
            function of lists that returns one. See `open_system`.
        lists: the documents with their labels, in memory, or in parts, as from `plackett.data.stream`.
        metrics: names, such as "ndcg@10", or metrics with conventions of their own, see `plackett.metrics`. None =
            ndcg@5, ndcg@10 and mrr, or those of them that `like` has.
        like: the library whose convention is used: trec_eval, letor, lightgbm, xgboost, tf-ranking or sklearn. Metrics
            must then be given by name. None = the convention of `plackett.metrics`.
        queries: which queries count. "run": those whose lists have documents; "judged": also those without documents
            that have `missed` ones, as in `trec_eval -c`; "answered": for each system those for which it retrieved a
            document, as in trec_eval. None = that of `like`, or "run".

    Returns:
        The results by query; for a single system, the mean of each metric by its name.

    Raises:
        ImportError: a system needs a library that is not installed.
        OSError: a file cannot be read.
        ValueError: two systems or metrics have the same name; a metric, `like` or `queries` is unknown; a system cannot
            be opened, or does not give one finite score a document (or -inf); nobody judged the lists; or a label is so
            high that the gain of a metric overflows. The message names the system, query and document.

    Cost: memory for one part of the lists, and for one number for each query, system and metric.
    """
    measures, queries = convention(metrics, like, queries)
    single = not isinstance(systems, Mapping | list | tuple)
    opened = {"that was given": open_system(systems)} if single else open_systems(systems)
    facts: list[dict] = []
    found: dict[str, list] = {name: [] for name in opened}
    for part in [lists] if isinstance(lists, RankingLists) else lists:
        check_lists("lists", part)
        facts.append(_facts(part))
        if like is not None:
            check_like(like, part, [each.name for each in measures])
        for name, system in opened.items():
            found[name].append(measure_part(name, system, part, measures, queries, like))
    known = _join(facts)
    if not known.pop("judged").any():
        raise ValueError(NOT_JUDGED)
    tables = [_counted(of_system, measures) for of_system in found.values()]
    if single:
        return _means(measures, *tables[0])
    return Results(
        systems=tuple(opened),
        metrics=tuple(each.name for each in measures),
        stated=tuple(map(state, measures)),
        less_is_better=tuple(each.less_is_better for each in measures),
        queries=known.pop("query"),
        values=np.stack([values for values, _ in tables]),
        facts=known,
        notes=tuple(notes(opened.values(), measures)),
        weights=None if all(one.average == "lists" for one in measures) else np.max([x for _, x in tables], axis=0),
    )


def evaluate_scores(
    scores: np.ndarray,
    lists: RankingLists,
    metrics: Metrics = METRICS,
    *,
    queries: str = "run",
    batch_size: int | None = None,
) -> dict[str, float]:
    """Measures given scores by metrics. Each value is the mean over queries.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> evaluate_scores(lists.features[:, 0], lists, ["mrr", "ndcg@1"])
    {'mrr': 0.5, 'ndcg@1': 0.0}

    Judged documents that a list lacks (`lists.missed`) count as not retrieved. They take part in the ideal ranking and
    in the number of relevant documents. If `lists` say which documents are `judged`, a query without any judgement is
    left out of the mean. `bpref` leaves out documents that nobody judged; other metrics take them as not relevant.

    Args:
        scores: [documents], in the order of `lists`, of any type: float64 and whole numbers are not rounded. -inf = not
            retrieved.
        lists: the documents with their labels. Their ids order equal scores if ties="trec".
        metrics: names, such as "ndcg@10", or metrics with conventions of their own, see `plackett.metrics`. The state
            of such a metric is neither used nor changed.
        queries: the queries that the mean is over, see `evaluate`.
        batch_size: the number of lists that are measured at a time. None = as many as take a few MB.

    Returns:
        name -> mean, by the name of each metric, such as "ndcg@10".

    Raises:
        ValueError: a metric is unknown, two metrics have the same name, there is not one score per document, a score is
            NaN, `queries` is unknown, nobody judged the lists, or a label is so high that the gain of a metric
            overflows.
    """
    check_lists("lists", lists)
    measures, queries = convention(metrics, None, queries)
    scores = np.asarray(scores)
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry per document, {lists.labels.shape}, but got {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(
            f"scores must not be NaN, which has no rank, but {np.isnan(scores).sum()} of {len(scores)} are"
        )
    found = _measure(Scored(scores), lists, measures, queries, batch_size)
    if not judged_queries(lists).any():
        raise ValueError(NOT_JUDGED)
    return _means(measures, *_counted([found], measures))


def convention(metrics: Metrics | None, like: str | None, queries: str | None) -> tuple[list[RankingMetric], str]:
    """Returns (metrics, queries that count), see `evaluate`.

    Raises:
        ValueError: one is unknown, two have the same name, or there is none.
    """
    if queries not in (None, *QUERIES):
        raise ValueError(f"queries must be one of {', '.join(QUERIES)}, but got {queries!r}")
    if isinstance(metrics, str):
        raise ValueError(f"metrics must be a list of names and metrics, but got {metrics!r}: write [{metrics!r}]")
    if like is not None:
        metrics = [name for name in METRICS if peer_named(like).has(name)] if metrics is None else metrics
        measures, queries = metrics_like(like, metrics), queries or peer_named(like).queries
    else:
        metrics = METRICS if metrics is None else metrics
        measures, queries = [get(one) if isinstance(one, str) else one for one in metrics], queries or "run"
    for metric in measures:
        if metric.subtopics:
            raise ValueError(
                f"{metric.name} needs labels with an axis of subtopics, which lists do not have: call it with arrays, "
                "as described in plackett.metrics"
            )
    names = [each.name for each in measures]
    if len(set(names)) < len(names):
        raise ValueError(
            f"each metric must have a name of its own, but got {names}: give one a name, as in NDCG(10, name='other')"
        )
    if not names:
        raise ValueError("metrics must name at least one metric, but got none")
    return measures, queries


def measure_part(
    name: str,
    system: System,
    lists: RankingLists,
    measures: Sequence[RankingMetric],
    queries: str,
    like: str | None,
) -> list[Measured]:
    """Measures a system on some lists: [measures] of `Measured`, see `evaluate`."""
    scored = check_scores(name, lists, system(lists))
    if like is not None:
        scored = scored.mapped(lambda scores: scores_like(like, scores))
    return _measure(scored, lists, measures, queries)


def _measure(scored, lists, measures, queries, batch_size=None):
    """Returns [measures] of `Measured`."""
    documents = documents_of(lists, scored)
    found = measure(documents, queries_that_count(documents, lists, queries), measures, batch_size)
    for each, measured in zip(measures, found, strict=True):
        wrong = np.flatnonzero(~np.isfinite(measured.values))
        if not len(wrong):
            continue
        value = measured.values[wrong[0]]
        if (query := query_of_the_highest(lists.labels, lists)) is not None:
            raise too_high("label", lists.labels.max(), "measured", lists.queries[query], each.name, value)
        raise ValueError(
            f"{each.name} of query {lists.queries[wrong[0]]!r} is {value}: a metric must be a finite number"
        )
    return found


def _counted(parts, measures):
    """Returns ([metrics, queries] values, their weights) of all parts of the lists, in order."""
    joined = [Measured(*map(np.concatenate, zip(*of_metric, strict=True))) for of_metric in zip(*parts, strict=True)]
    counted = [each.counted(metric.empty) for each, metric in zip(joined, measures, strict=True)]
    return np.stack([values for values, _ in counted]), np.stack([weights for _, weights in counted])


def _means(measures, values, weights):
    """The mean of each metric by its name; NaN if no query counts."""
    with np.errstate(invalid="ignore"):
        means = (np.where(weights > 0, values, 0) * weights).sum(axis=1) / weights.sum(axis=1)
    return {each.name: float(mean) for each, mean in zip(measures, means, strict=True)}


def notes(systems: Iterable[System], measures: Sequence[RankingMetric]) -> Iterator[str]:
    """Facts that a reader needs about the systems, and about metrics that weigh queries."""
    # A system that is also part of a fusion gives the same note twice.
    yield from dict.fromkeys(note for system in systems for note in getattr(system, "notes", list)())
    for metric in measures:
        if metric.average != "lists":
            yield f"{metric.name} weighs queries by their relevance in its mean"


def _facts(lists):
    """The facts of each query, see `Results`, its id, and `judged`: whether anyone judged a document of it."""
    query = np.repeat(np.arange(len(lists)), lists.lengths)
    relevant = np.bincount(query, lists.labels >= 1, len(lists))
    if lists.missed is not None:
        query = np.repeat(np.arange(len(lists)), np.diff(lists.missed.row_splits))
        relevant += np.bincount(query, lists.missed.grades >= 1, len(lists))
    own = {
        "query": lists.queries,
        "judged": judged_queries(lists),
        "list_size": lists.lengths,
        "relevant": relevant.astype("int64"),
    }
    taken = {*own, "system"}  # the other columns of a table of results
    return own | {f"{name} (column)" if name in taken else name: x for name, x in lists.query_columns.items()}


def _join(facts):
    """Joins the facts of the queries of all parts.

    Raises:
        ValueError: there is no part.
    """
    if not facts:
        raise ValueError("there are no lists to measure")
    known = {name: join_columns(name, [part[name] for part in facts]) for name in facts[0]}
    if len(facts) > 1:
        _, first, counts = np.unique(known["query"].ranks(), return_index=True, return_counts=True)
        if (counts > 1).any():
            query = known["query"][int(first[counts.argmax()])]
            raise ValueError(f"query {query!r} is in several parts of the lists: a query must be in one part only")
    return known
