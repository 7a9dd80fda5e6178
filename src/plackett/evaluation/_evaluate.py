"""Measuring systems on lists."""

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
    """The metrics of any number of systems, query by query, in one pass over the lists.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> results = evaluate({"first": "feature:1", "last": "feature:-1"}, lists, ["mrr"])
    >>> results.systems, results.stated, results.means().tolist()
    (('first', 'last'), ('mrr[empty=0, ties=position]',), [[0.5], [1.0]])
    >>> evaluate("feature:1", lists, ["mrr"])
    {'mrr': 0.5}

    Args:
        systems: by name, or the paths of several, which get short names; or a single one. A system is a Keras model; an
            output folder of `train`; a file of LightGBM, XGBoost, CatBoost, Keras or ONNX; a run of TREC; a file of
            scores; "column:NAME" or "feature:NAME" of the lists; an array of scores, [documents]; or a function of
            lists that returns one. See `open_system`.
        lists: the documents with their labels, in memory, or in parts, as from `plackett.data.stream`.
        metrics: names, such as "ndcg@10", or metrics with conventions of their own, see `plackett.metrics`. None =
            ndcg@5, ndcg@10 and mrr, of which `like` may lack some.
        like: whose convention is meant: trec_eval, letor, lightgbm, xgboost, tf-ranking or sklearn. It takes names of
            metrics alone. None = that of `plackett.metrics`.
        queries: which queries count: "run": those whose lists have documents; "judged": also those without documents
            that have `missed` ones, as `trec_eval -c` has it; "answered": of each system those for which it retrieved
            a document, as trec_eval has it. None = that of `like`, or "run".

    Returns:
        The results by query; of a single system the mean of each metric by its name.

    Raises:
        ImportError: a system needs a library that is not installed.
        OSError: a file cannot be read.
        ValueError: two systems or metrics of one name; an unknown metric, `like` or `queries`; a system that is none,
            or whose scores are not one a document, NaN or infinite; lists that nobody judged; or labels whose gain is
            too high for a metric. Says which system, query and document.

    Cost: memory for one part of the lists, and for one number a query, system and metric.
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
    """The metrics of given scores, each the mean over queries.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[0.1], [0.4], [0.3], [0.2]], [1, 0, 0, 2], group=[2, 2])
    >>> evaluate_scores(lists.features[:, 0], lists, ["mrr", "ndcg@1"])
    {'mrr': 0.5, 'ndcg@1': 0.0}

    Judged documents that a list lacks (`lists.missed`) count as not retrieved: they take part in what is ideal and in
    how many documents are relevant. Where `lists` say which documents are `judged`, a query without any judgement is
    left out of the mean, and `bpref` leaves out the other documents, which elsewhere are not relevant.

    Args:
        scores: [documents], in the order of `lists`, of any type: float64 and whole numbers are not rounded. -inf =
            not retrieved.
        lists: the documents with their labels; their ids order equal scores where ties="trec".
        metrics: names, such as "ndcg@10", or metrics with conventions of their own, see `plackett.metrics`; their own
            state is neither used nor changed.
        queries: what the mean is over, see `evaluate`.
        batch_size: how many lists are measured at a time. None = as many as take a few MB.

    Returns:
        By the name of each metric, such as "ndcg@10".

    Raises:
        ValueError: an unknown metric, two metrics of one name, not one score a document, a score of NaN, unknown
            `queries`, lists that nobody judged, or labels whose gain is too high for a metric.
    """
    check_lists("lists", lists)
    measures, queries = convention(metrics, None, queries)
    scores = np.asarray(scores)
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry a document, {lists.labels.shape}, but got {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN, which has no rank")
    found = _measure(Scored(scores), lists, measures, queries, batch_size)
    if not judged_queries(lists).any():
        raise ValueError(NOT_JUDGED)
    return _means(measures, *_counted([found], measures))


def convention(metrics: Metrics | None, like: str | None, queries: str | None) -> tuple[list[RankingMetric], str]:
    """(metrics, queries that count), see `evaluate`.

    Raises:
        ValueError: one is unknown, two have one name, or there is none.
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
                "as plackett.metrics has it"
            )
    names = [each.name for each in measures]
    if len(set(names)) < len(names):
        raise ValueError(
            f"each metric must have a name of its own, but got {names}: give one a name, as in NDCG(10, name='other')"
        )
    if not names:
        raise ValueError("there must be at least one metric, but there is none")
    return measures, queries


def measure_part(
    name: str,
    system: System,
    lists: RankingLists,
    measures: Sequence[RankingMetric],
    queries: str,
    like: str | None,
) -> list[Measured]:
    """[measures] of `Measured`: what a system is of some lists, see `evaluate`."""
    scored = check_scores(name, lists, system(lists))
    if like is not None:
        scored = scored.mapped(lambda scores: scores_like(like, scores))
    return _measure(scored, lists, measures, queries)


def _measure(scored, lists, measures, queries, batch_size=None):
    """[measures] of `Measured`."""
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
    """([metrics, queries] values, their weights) of the parts of the lists behind each other."""
    joined = [Measured(*map(np.concatenate, zip(*of_metric, strict=True))) for of_metric in zip(*parts, strict=True)]
    counted = [each.counted(metric.empty) for each, metric in zip(joined, measures, strict=True)]
    return np.stack([values for values, _ in counted]), np.stack([weights for _, weights in counted])


def _means(measures, values, weights):
    """The mean of each metric by its name; NaN where no query counts."""
    with np.errstate(invalid="ignore"):
        means = (np.where(weights > 0, values, 0) * weights).sum(axis=1) / weights.sum(axis=1)
    return {each.name: float(mean) for each, mean in zip(measures, means, strict=True)}


def notes(systems: Iterable[System], measures: Sequence[RankingMetric]) -> Iterator[str]:
    """What must be known of the systems, and of metrics that weigh queries."""
    # A system that is part of a fusion too says the same twice.
    yield from dict.fromkeys(note for system in systems for note in getattr(system, "notes", list)())
    for metric in measures:
        if metric.average != "lists":
            yield f"{metric.name} weighs queries by their relevance in its mean"


def _facts(lists):
    """What is known of each query, see `Results`, its id, and `judged`: did anyone judge a document of it?"""
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
    taken = {*own, "system"}  # what a table of results has besides
    return own | {f"{name} (column)" if name in taken else name: x for name, x in lists.query_columns.items()}


def _join(facts):
    """What is known of the queries of all parts.

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
            raise ValueError(f"query {query!r} is in several parts of the lists: a query is there once")
    return known
