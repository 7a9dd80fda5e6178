"""The metrics of scores, each the mean over queries."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from plackett.data import Missed, RankingLists
from plackett.data._batches import bucket_size, pad
from plackett.evaluation._scoring import batch_size_for, check_lists, score
from plackett.metrics import get
from plackett.metrics._base import RankingMetric

METRICS = ("ndcg@5", "ndcg@10", "mrr")
QUERIES = ("run", "judged")
SAFE = 60.0  # up to this label the gain 2^label is finite in float32, also where a list sums, weighs or multiplies it


def evaluate_scores(
    scores: np.ndarray,
    lists: RankingLists,
    metrics: Sequence[str | RankingMetric] = METRICS,
    *,
    queries: str = "run",
    batch_size: int = 64,
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
        queries: what the mean is over: "run": the queries whose lists have documents; "judged": also those without
            documents that have `missed` ones, as `trec_eval -c` has it.
        batch_size: how many lists are measured at a time.

    Returns:
        By the name of each metric, such as "ndcg@10".

    Raises:
        ValueError: an unknown metric, two metrics of one name, not one score a document, a score of NaN, unknown
            `queries`, lists that nobody judged, or labels whose gain is too high for a metric.
    """
    check_lists("lists", lists)
    if queries not in QUERIES:
        raise ValueError(f"queries must be one of {', '.join(QUERIES)}, but got {queries!r}")
    scores = np.asarray(scores)
    if scores.shape != lists.labels.shape:
        raise ValueError(f"scores must have one entry a document, {lists.labels.shape}, but got {scores.shape}")
    if (
        "judged" in lists.columns
        and not lists.columns["judged"].any()
        and not (lists.missed and len(lists.missed.grades))
    ):
        raise ValueError(
            "nobody judged a document of these lists, so there is nothing to measure: they were read without labels"
        )
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN, which has no rank")
    # Copies, whose state is fresh.
    fresh = [get(metric) if isinstance(metric, str) else metric.copy() for metric in metrics]
    measures = {measure.name: measure for measure in fresh}
    if len(measures) < len(fresh):
        raise ValueError(f"each metric must have a name of its own, but got {[measure.name for measure in fresh]}")
    row_splits, columns = _documents_to_measure(scores, lists, queries)
    batch_size = batch_size_for(lists, batch_size)
    place = np.arange(bucket_size(int(np.diff(row_splits).max(initial=0))))
    for start in range(0, len(lists), batch_size):
        splits = row_splits[start : start + batch_size + 1]
        lengths = np.zeros(batch_size, "int64")
        lengths[: len(splits) - 1] = np.diff(splits)
        mask = place < lengths[:, None]
        labels, batch, documents, judged = (
            pad(column[splits[0] : splits[-1]], mask, padding)
            for column, padding in zip(columns, (-1, 0, 0, False), strict=True)
        )
        # A list without any verdict has no relevant document, and counts as one for each metric.
        known = judged | ~judged.any(axis=-1, keepdims=True)
        for measure in measures.values():
            of_measure = np.where(known, labels, np.float32(-1)) if measure.judged_only else labels
            measure.update_state(of_measure, batch, documents=documents)
    values = {name: float(measure.result()) for name, measure in measures.items()}
    for name, value in values.items():
        if not math.isfinite(value) and (query := query_of_the_highest(lists.labels, lists)) is not None:
            raise too_high("label", lists.labels.max(), "measured", lists.queries[query], name, value)
    return values


def query_of_the_highest(target: np.ndarray, lists: RankingLists) -> int | None:
    """The position of the query with the highest number of `target`, [documents]; None where that is `SAFE`."""
    if not len(target) or not target.max() > SAFE:
        return None
    return int(np.searchsorted(lists.row_splits, target.argmax(), side="right")) - 1


def too_high(target: str, highest: float, which: str, query: str, what: str, value: float) -> ValueError:
    """The error of a loss or metric that is not finite, where labels are too high for its gain."""
    return ValueError(
        f"the highest {target} of the {which} lists is {highest:g}, of query {str(query)!r}, where {what} is {value}: "
        f"an exponential gain, 2^{highest:g} - 1, is more than float32 holds. Is the {target} an id or a price? Then "
        "choose another column. Grades from 0 to 4 are usual; for higher ones take a normalised loss and metric, such "
        "as approx_ndcg and ndcg@10, or one with the gain identity"
    )


def _documents_to_measure(scores, lists, queries):
    """(row splits, (labels, scores, numbers of the ids, judged or not)) of documents and missed ones, list by list.

    Lists that are left out of the mean are empty.
    """
    places = _places(scores, lists.row_splits)
    ids = lists.documents.ranks()  # by their bytes, as trec_eval has it
    judged = lists.columns["judged"] > 0 if "judged" in lists.columns else np.ones(len(scores), bool)
    missed = lists.missed or Missed(np.zeros(0, "float32"), np.zeros(len(lists) + 1, "int64"))
    every = np.arange(len(lists))
    query = np.concatenate([np.repeat(every, lists.lengths), np.repeat(every, np.diff(missed.row_splits))])
    answered = np.concatenate([judged, np.ones(len(missed.grades), bool)])
    counts = np.bincount(query, answered, len(lists)) > 0
    if queries == "run":
        counts &= lists.lengths > 0
    rows = np.argsort(query, kind="stable")
    rows = rows[counts[query[rows]]]
    columns = (
        (lists.labels, np.maximum(missed.grades, 0)),
        (places, np.full(len(missed.grades), -np.inf, "float32")),
        (ids, np.zeros(len(missed.grades), ids.dtype)),
        (judged, missed.grades >= 0),
    )
    lengths = np.bincount(query[rows], minlength=len(lists))
    return np.concatenate([[0], np.cumsum(lengths)]), [np.concatenate(column)[rows] for column in columns]


def _places(scores, row_splits):
    """[documents] float32, the order and the ties of the scores of each list in whole numbers; -inf stays.

    Metrics know scores by no more, and a backend may lack float64.
    """
    query = np.repeat(np.arange(len(row_splits) - 1), np.diff(row_splits))
    order = np.lexsort((scores, query))
    rising = scores[order]
    level = np.cumsum(np.concatenate([[False], rising[1:] != rising[:-1]])[: len(scores)])
    places = np.empty(len(scores), "float32")
    places[order] = level - level[row_splits[query]]
    return np.where(scores == -np.inf, np.float32("-inf"), places)


def evaluate(
    model: keras.Model,
    lists: RankingLists,
    metrics: Sequence[str | RankingMetric] = METRICS,
    *,
    queries: str = "run",
    batch_size: int = 64,
) -> dict[str, float]:
    """The metrics of a model's scores, as from `evaluate_scores`.

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> from plackett import scorers
    >>> list(evaluate(scorers.mlp(lists, hidden=[4]), lists, ["ndcg@3", "map"]))
    ['ndcg@3', 'map']
    """
    scores = score(model, lists, batch_size=batch_size)
    return evaluate_scores(scores, lists, metrics, queries=queries, batch_size=batch_size)
