"""Compares systems: their means, and whether the differences are more than chance."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plackett import _lazy
from plackett.evaluation import _comparison_tables as tables
from plackett.evaluation import _significance as significance
from plackett.evaluation._bootstrap import CONFIDENCE, RESAMPLES, bootstrap, check_share
from plackett.evaluation._comparison_tables import ALL
from plackett.evaluation._results import Results, mean
from plackett.registry import check_known

if TYPE_CHECKING:
    import polars as pl


class Mean(NamedTuple):
    """The mean of one metric of one system over the queries that count, with its interval.

    >>> Mean("mrr[]", "bm25", 0.5, 0.4, 0.6, 50).mean
    0.5
    """

    metric: str
    system: str
    mean: float
    low: float
    high: float
    queries: int


class Pair(NamedTuple):
    """One system and its baseline under one metric, over the queries that count for both; see `compare`.

    >>> Pair._fields[:4]
    ('metric', 'system', 'baseline', 'queries')

    Args:
        metric: the stated name of the metric.
        system: the name of the system.
        baseline: the name of the system that it is compared with.
        queries: the number of queries that count for both.
        mean: the mean of the system over those queries.
        baseline_mean: the mean of the baseline over those queries.
        difference: the mean of the system minus that of the baseline.
        low: the lower end of the interval of the difference.
        high: the upper end of this interval.
        effect: Cohen's d of the differences, see `effect_size`. NaN if all differences are the same.
        effect_low: the lower end of its interval, NaN if it cannot be computed.
        effect_high: the upper end of its interval, NaN if it cannot be computed.
        p_randomisation: the p-value of the paired randomisation test.
        p_t_test: the p-value of the paired t-test.
        p_holm: the p-value of the randomisation test with Holm's correction over the pairs of this metric.
        wins: the number of queries on which the system is better. If lower is better, those with the lower value.
        ties: the number of queries whose values differ by no more than 1e-6 x max(1, either value), the precision of
            float32.
        losses: the number of queries on which the baseline is better.
        detectable: the smallest difference that this number of queries could show, see `detectable_difference`.
        better: whether the mean of the system is the better one. None = the means are equal, or no query counts.
    """

    metric: str
    system: str
    baseline: str
    queries: int
    mean: float
    baseline_mean: float
    difference: float
    low: float
    high: float
    effect: float
    effect_low: float
    effect_high: float
    p_randomisation: float
    p_t_test: float
    p_holm: float
    wins: int
    ties: int
    losses: int
    detectable: float
    better: bool | None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Systems side by side, made by `compare`. A notebook shows it as a table, `print` as text.

    >>> from plackett.data import Strings
    >>> values = np.array([[[0.2, 0.4]], [[0.3, 0.5]]])
    >>> results = Results(("bm25", "ours"), ("mrr",), ("mrr[]",), (False,), Strings.of("ab"), values, {})
    >>> compare(results).differences("ours", "mrr").round(2).tolist()
    [0.1, 0.1]

    Args:
        results: the results that are compared.
        baseline: the name of the system that the others are compared with, or "all".
        metrics: the stated names of the metrics.
        confidence: the confidence of the intervals.
        level: the level of the tests. A difference is significant if its Holm-corrected p-value is at most this.
        power: the power for the smallest detectable difference.
        resamples: the number of resamples for the intervals.
        permutations: the number of permutations of the randomisation test.
        seed: the seed of the resamples and permutations.
        means: one entry for each metric and system.
        pairs: one entry for each metric and system that is compared; empty if there is one system.
    """

    results: Results
    baseline: str
    metrics: tuple[str, ...]
    confidence: float
    level: float
    power: float
    resamples: int
    permutations: int
    seed: int
    means: tuple[Mean, ...]
    pairs: tuple[Pair, ...]

    def differences(self, system: str, metric: str, baseline: str | None = None) -> np.ndarray:
        """Returns the values of a system minus those of the baseline, [queries]; NaN unless a query counts for both.

        If two values differ only by the noise of float32, see `Pair`, their difference is 0.

        Args:
            system: the name of the system.
            metric: the name of the metric, plain or stated.
            baseline: the system to compare with. None = the baseline of the comparison.

        Raises:
            ValueError: an unknown system or metric, or no baseline if all systems were compared with all.
        """
        if baseline is None and self.baseline == ALL:
            raise ValueError(
                "this comparison compares all systems with all; say which one to compare with: baseline=NAME"
            )
        baseline = self.baseline if baseline is None else baseline
        check_known("system", baseline, self.results.systems)
        check_known("system", system, self.results.systems)
        row = metric_place(self.results, metric)
        first, second = (self.results.values[self.results.systems.index(name), row] for name in (system, baseline))
        return significance.difference(first, second)

    def verdict(self, pair: Pair) -> str:
        """The verdict of the test on a pair: "better" or "worse" than its baseline; "" if no difference was shown."""
        if pair.better is None or pair.p_holm > self.level:
            return ""
        return "better" if pair.better else "worse"

    @property
    def captions(self) -> tuple[str, ...]:
        """Says in whole sentences how systems were compared, what this data could show and what to know about it."""
        return tables.captions(self)

    def to_frame(self) -> "pl.DataFrame":
        """Returns a polars frame with one row per pair, see `Pair`. NaN becomes null.

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.evaluation._frames", "data", needed_by="Comparison.to_frame")
        return frames.frame_of_rows(self.pairs, Pair)

    def means_to_frame(self) -> "pl.DataFrame":
        """Returns a polars frame with one row for each metric and system, see `Mean`. NaN becomes null.

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.evaluation._frames", "data", needed_by="Comparison.means_to_frame")
        return frames.frame_of_rows(self.means, Mean)

    def __repr__(self) -> str:
        """The two tables and the captions, as text."""
        return tables.as_text(self)

    def _repr_html_(self) -> str:
        return tables.as_html(self)


def compare(
    results: Results,
    baseline: str | None = None,
    *,
    metrics: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
    level: float = significance.LEVEL,
    power: float = significance.POWER,
    resamples: int = RESAMPLES,
    permutations: int = significance.PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compares each system with a baseline, query by query.

    Two systems are compared over the queries that count for both. The paired randomisation test says whether they
    differ; the paired t-test is given beside it. The chance of a false difference rises with the number of compared
    systems. Holm's correction over the pairs of each metric keeps it at the level.

    >>> from plackett.data import Strings
    >>> values = np.array([[[0.2, 0.4, 0.5, 0.6]], [[0.3, 0.5, 0.5, 0.9]]])
    >>> results = Results(("bm25", "ours"), ("mrr",), ("mrr[]",), (False,), Strings.of("abcd"), values, {})
    >>> pair = compare(results).pairs[0]
    >>> pair.system, round(pair.difference, 3), pair.wins, pair.ties, pair.losses, pair.p_holm
    ('ours', 0.125, 3, 1, 0, 0.25)

    Args:
        results: the metrics of the systems, from `evaluate`.
        baseline: the system that the others are compared with. None = the first; "all" = each pair of systems, the
            later one compared with the earlier.
        metrics: the names of some metrics, plain or stated. None = all.
        confidence: the confidence of the intervals, such as .95.
        level: the level of the tests, such as .05.
        power: the power for the smallest difference that the data could show.
        resamples: the number of resamples for the intervals.
        permutations: the number of permutations of the randomisation test, which tries all signs if there are fewer.
        seed: the seed of the draws of both.

    Raises:
        ValueError: an unknown baseline or metric, or a number that is out of range.

    Cost: 1 to 3 seconds for 100,000 queries, plus half a second for each pair and metric.

    Reference: see `bootstrap`, `randomisation_test`, `effect_size`, `detectable_difference` and `holm`.
    """
    baseline = _baseline(results, baseline)
    check_share("level", level)
    check_share("power", power, 0.5)
    rows = _rows(results, metrics)
    pairs = _pairs(results.systems, baseline)
    options: dict[str, Any] = {
        "confidence": confidence,
        "level": level,
        "power": power,
        "permutations": permutations,
        "seed": seed,
    }
    values = results.influences()[:, rows]
    first, second = ([results.systems.index(pair[i]) for pair in pairs] for i in (0, 1))
    differences = significance.difference(values[first], values[second])
    # All together, so that queries that count for the same systems are drawn once.
    intervals = bootstrap(np.concatenate([values, differences]), confidence=confidence, resamples=resamples, seed=seed)
    means, compared = [], []
    for column, row in enumerate(rows):
        for place, system in enumerate(results.systems):
            low, high = intervals[place, column].tolist()
            means.append(Mean(results.stated[row], system, *_mean(values[place, column], low, high)))
        of_metric = [
            _pair(results, row, pair, intervals[len(values) + place, column].tolist(), options)
            for place, pair in enumerate(pairs)
        ]
        corrected = significance.holm(np.array([pair.p_randomisation for pair in of_metric])).tolist()
        compared += [pair._replace(p_holm=p) for pair, p in zip(of_metric, corrected, strict=True)]
    stated = tuple(results.stated[row] for row in rows)
    return Comparison(
        results, baseline, stated, means=tuple(means), pairs=tuple(compared), resamples=resamples, **options
    )


def metric_place(results: Results, metric: str) -> int:
    """Returns the position of a metric among those of the results, by its stated or its plain name.

    Raises:
        ValueError: there is no such metric, or several have this plain name.
    """
    if metric in results.stated:
        return results.stated.index(metric)
    check_known("metric", metric, [*results.metrics, *results.stated])
    if results.metrics.count(metric) > 1:
        several = [stated for name, stated in zip(results.metrics, results.stated, strict=True) if name == metric]
        raise ValueError(f"several metrics are called {metric!r}; say which: {', '.join(several)}")
    return results.metrics.index(metric)


def _rows(results, metrics):
    """The positions of the metrics, each once."""
    if metrics is None:
        return list(range(len(results.stated)))
    if isinstance(metrics, str):
        raise ValueError(f"metrics must be a list of names, but got {metrics!r}; write [{metrics!r}]")
    if not metrics:
        raise ValueError("metrics must name at least one metric, but got none; None compares by all of them")
    return list(dict.fromkeys(metric_place(results, metric) for metric in metrics))


def _baseline(results, baseline):
    if baseline is None:
        return results.systems[0]
    if baseline == ALL and ALL in results.systems:
        raise ValueError('baseline="all" compares all systems with all, but a system has the name "all": rename it')
    if baseline != ALL:
        check_known("baseline", baseline, results.systems)
    return baseline


def _pairs(systems, baseline):
    """The (system, baseline) of each comparison."""
    if baseline == ALL:
        return [(system, other) for other, system in itertools.combinations(systems, 2)]
    return [(system, baseline) for system in systems if system != baseline]


def _mean(values, low, high):
    return float(mean(values)), low, high, int((~np.isnan(values)).sum())


def _pair(results, row, names, interval, options):
    """The entry of two systems under one metric, before Holm's correction."""
    places = [results.systems.index(name) for name in names]
    both = ~np.isnan(results.values[places, row]).any(axis=0)
    differences = significance.difference(*results.values[places, row][:, both])
    weights = results.weights_of(both)
    weighed = differences if weights is None else differences * weights[row] / weights[row].mean()
    system, baseline = results.influences(both)[places, row]
    of_mean = significance.difference(system, baseline)
    less = results.less_is_better[row]
    sizes = np.abs(weighed).sum()
    return Pair(
        results.stated[row],
        *names,
        len(differences),
        *(float(mean(values)) for values in (system, baseline)),
        float(mean(of_mean)),
        *interval,
        *significance.effect_size(of_mean, confidence=options["confidence"]),
        # The weight of a query moves with it when its two values are swapped.
        significance.randomisation_test(weighed, permutations=options["permutations"], seed=options["seed"]),
        significance.t_test(of_mean),
        float("nan"),
        *significance.outcomes(differences, less_is_better=less),
        significance.detectable_difference(of_mean, level=options["level"], power=options["power"]),
        bool(weighed.sum() < 0) == less if abs(weighed.sum()) > significance.ROUNDING * sizes else None,
    )
