"""Measures parts of the queries, and finds the queries on which a system is worst."""

from typing import NamedTuple

import numpy as np

from plackett.data import Strings
from plackett.evaluation._bootstrap import CONFIDENCE, RESAMPLES, bootstrap, check_count
from plackett.evaluation._comparison import metric_place
from plackett.evaluation._results import Results, mean
from plackett.evaluation._significance import difference
from plackett.registry import check_known

BINS = 5
MOST = 20  # texts that get a slice of their own
OTHERS, MISSING = "(others)", "(missing)"


class Slice(NamedTuple):
    """The mean of one metric of one system over a part of the queries; see `slices`.

    >>> Slice("list_size", "11 to 20", "mrr[]", "bm25", 0.5, 0.4, 0.6, 50).name
    '11 to 20'

    Args:
        by: the column that the queries were sliced by.
        name: the name of the slice, such as "11 to 20".
        metric: the stated name of the metric.
        system: the name of the system.
        mean: the mean over the queries that count; NaN if none does.
        low: the lower end of its interval; NaN if fewer than two queries count.
        high: the upper end of its interval; NaN if fewer than two queries count.
        queries: the number of queries that count.
    """

    by: str
    name: str
    metric: str
    system: str
    mean: float
    low: float
    high: float
    queries: int


class QueryValue(NamedTuple):
    """One query under one metric and system; see `worst_queries`.

    >>> QueryValue("q7", 6, 0.25, 0.5, -0.25).difference
    -0.25

    Args:
        query: the id of the query.
        place: its position among the queries of the results, and of the lists that they were measured on.
        value: the value of the system.
        baseline: the value of the baseline. None = there is none.
        difference: the value minus that of the baseline. None = there is none.
    """

    query: str
    place: int
    value: float
    baseline: float | None
    difference: float | None


def slices(
    results: Results,
    by: str,
    *,
    bins: int = BINS,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Returns the means of all metrics and systems over parts of the queries, with their intervals.

    Numbers are cut into bins with about the same number of queries, and equal numbers stay together. If there are no
    more different numbers than bins, each is a slice. The 20 most frequent texts are a slice each, and the others are
    one more. Queries whose number is NaN or whose text is empty are also a slice.

    >>> from plackett.data import Strings
    >>> facts = {"list_size": np.array([5, 40, 8, 31])}
    >>> values = np.array([[[0.2, 0.4, 0.4, 0.6]]])
    >>> results = Results(("bm25",), ("mrr",), ("mrr[]",), (False,), Strings.of("abcd"), values, facts)
    >>> [(part.name, round(part.mean, 3), part.queries) for part in slices(results, "list_size", bins=2)]
    [('5 to 8', 0.3, 2), ('31 to 40', 0.5, 2)]

    Args:
        results: the results of `evaluate`.
        by: "list_size", the number of documents of a query, "relevant", the number of them with a label of at least 1,
            or a column of queries.
        bins: the largest number of bins for numbers.
        confidence: the confidence of the intervals, see `bootstrap`.
        resamples: the number of resamples for the intervals.
        seed: the seed of the draws.

    Returns:
        The slices, with rising numbers and texts of falling frequency; within a slice by metric, then by system.

    Raises:
        ValueError: there is no such column, it holds several numbers a query, or an option is out of range.
    """
    check_known("column of queries", by, results.facts)
    check_count("bins", bins)
    rows = []
    for name, members in _parts(by, results.facts[by], bins):
        values = results.influences(members)
        intervals = bootstrap(values, confidence=confidence, resamples=resamples, seed=seed)
        for metric, stated in enumerate(results.stated):
            for place, system in enumerate(results.systems):
                found = values[place, metric]
                low, high = intervals[place, metric].tolist()
                queries = int((~np.isnan(found)).sum())
                rows.append(Slice(by, name, stated, system, float(mean(found)), low, high, queries))
    return tuple(rows)


def worst_queries(
    results: Results, system: str, metric: str, n: int = 10, baseline: str | None = None
) -> tuple[QueryValue, ...]:
    """Returns the queries on which a system is worst, the worst first. Equal ones keep the order of the results.

    Queries without relevant documents are left out: all systems are equal there.

    >>> from plackett.data import Strings
    >>> values = np.array([[[0.2, 0.9, 0.5]], [[0.3, 0.1, 0.5]]])
    >>> results = Results(("bm25", "ours"), ("mrr",), ("mrr[]",), (False,), Strings.of("abc"), values, {})
    >>> [(one.query, one.value) for one in worst_queries(results, "ours", "mrr", 2)]
    [('b', 0.1), ('a', 0.3)]
    >>> worst_queries(results, "ours", "mrr", baseline="bm25")
    (QueryValue(query='b', place=1, value=0.1, baseline=0.9, difference=-0.8),)

    Args:
        results: the results of `evaluate`.
        system: the name of the system.
        metric: the name of the metric, plain or stated.
        n: the number of queries.
        baseline: another system. None = the queries with the worst values; else those with the largest loss against it.

    Returns:
        `n` queries. There are fewer if fewer count or, against a baseline, fewer lose. Values that differ only by the
        noise of float32, see `Pair`, are equal.

    Raises:
        ValueError: an unknown system, metric or baseline, or `n` is not a whole number of at least 1.
    """
    check_known("system", system, results.systems)
    check_count("n", n)
    row = metric_place(results, metric)
    values = results.values[results.systems.index(system), row]
    if "relevant" in results.facts:
        values = np.where(results.facts["relevant"] > 0, values, np.nan)
    sign = -1 if results.less_is_better[row] else 1
    if baseline is None:
        order = np.argsort(sign * values, kind="stable")[: (~np.isnan(values)).sum()]  # NaN comes last
        return tuple(QueryValue(results.queries[i], i, float(values[i]), None, None) for i in order[:n].tolist())
    check_known("baseline", baseline, results.systems)
    others = results.values[results.systems.index(baseline), row]
    differences = difference(values, others)
    order = np.argsort(sign * differences, kind="stable")
    order = order[sign * differences[order] < 0]  # False for NaN
    return tuple(
        QueryValue(results.queries[i], i, float(values[i]), float(others[i]), float(differences[i]))
        for i in order[:n].tolist()
    )


def _parts(by, column, bins):
    """The (name, positions of its queries) of each slice."""
    if isinstance(column, Strings):
        return _parts_of_texts(column)
    if column.ndim != 1:
        raise ValueError(
            f"queries must be sliced by a column with one entry per query, but {by!r} has the shape {column.shape}"
        )
    return _parts_of_numbers(column, bins)


def _parts_of_numbers(column, bins):
    """Makes bins with about the same number of queries, in which equal numbers stay together."""
    missing = column != column  # True for NaN and NaT alone
    there = np.flatnonzero(~missing)
    numbers, place, counts = np.unique(column[there], return_inverse=True, return_counts=True)
    of_number = np.arange(len(numbers))
    if len(numbers) > bins:
        middles = np.cumsum(counts) - counts / 2
        of_number = (bins * middles / max(len(there), 1)).astype("int64")
    parts, first = np.unique(of_number, return_index=True)
    last = np.searchsorted(of_number, parts, side="right") - 1
    ends = np.unique(np.append(first, last))
    words = dict(zip(ends, _in_words(numbers[ends]), strict=True))
    for part, low, high in zip(parts, first, last, strict=True):
        name = words[low] if low == high else f"{words[low]} to {words[high]}"
        yield name, there[of_number[place] == part]
    if missing.any():
        yield MISSING, np.flatnonzero(missing)


def _parts_of_texts(column):
    """Makes slices of the most frequent texts, the others, and empty ones."""
    ranks = column.ranks()
    empty = np.asarray(column == "")
    _, first, place, counts = np.unique(ranks, return_index=True, return_inverse=True, return_counts=True)
    order = [text for text in np.argsort(-counts, kind="stable").tolist() if not empty[first[text]]]
    # A single other text is as easy to read as "(others)".
    kept = order if len(order) <= MOST + 1 else order[:MOST]
    for text in kept:
        yield _name(column[first[text]]), np.flatnonzero(place == text)
    if len(kept) < len(order):
        yield OTHERS, np.flatnonzero(~np.isin(place, kept) & ~empty)
    if empty.any():
        yield MISSING, np.flatnonzero(empty)


def _name(text):
    """The text itself; in quotes if it could be taken for the name of the slice of others or of missing texts."""
    return f"'{text}'" if text.strip("'") in (OTHERS, MISSING) else text


def _in_words(numbers):
    """Shows numbers in few digits, or in more if they would look equal."""
    if numbers.dtype.kind != "f":
        return [str(number) for number in numbers]
    for form in (".4g", ".15g", ".17g"):
        words = [f"{number:.0f}" if number.is_integer() else f"{number:{form}}" for number in numbers.tolist()]
        if len(set(words)) == len(words):
            break
    return words
