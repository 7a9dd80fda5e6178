"""How systems compare: their means, and whether what lies between them is more than chance."""

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
    """One system beside its baseline under one metric, over the queries that count for both; see `compare`.

    >>> Pair._fields[:4]
    ('metric', 'system', 'baseline', 'queries')

    Args:
        metric: its stated name.
        system: the name of the system.
        baseline: the name of the one that it is compared with.
        queries: how many count for both.
        mean: of the system, over those queries.
        baseline_mean: likewise.
        difference: the mean of the system less that of the baseline.
        low: of the interval of the difference.
        high: likewise.
        effect: Cohen's d of the differences, see `effect_size`. NaN where all differences are the same.
        effect_low: of its interval, NaN where that cannot be computed.
        effect_high: likewise.
        p_randomisation: of the paired randomisation test.
        p_t_test: of the paired t-test.
        p_holm: of the randomisation test, by Holm's correction over the pairs of this metric.
        wins: the queries on which the system is better; where less is better, those with the lower value.
        ties: those where the two values differ by no more than 1e-6 x max(1, either value): float32 holds no more.
        losses: those on which the baseline is better.
        detectable: the smallest difference that so many queries could show, see `detectable_difference`.
        better: whether the mean of the system is the better one. None = they are equal, or no query counts.
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
    """Systems side by side; `compare` makes it. A notebook shows it as a table, `print` as text.

    >>> from plackett.data import Strings
    >>> values = np.array([[[0.2, 0.4]], [[0.3, 0.5]]])
    >>> results = Results(("bm25", "ours"), ("mrr",), ("mrr[]",), (False,), Strings.of("ab"), values, {})
    >>> compare(results).differences("ours", "mrr").round(2).tolist()
    [0.1, 0.1]

    Args:
        results: what was compared.
        baseline: the name of the system that the others are compared with, or "all".
        metrics: the stated names of the metrics.
        confidence: of the intervals.
        level: of the tests. A difference is significant where its p-value of Holm's is no higher.
        power: of the smallest detectable difference.
        resamples: of the intervals.
        permutations: of the randomisation test.
        seed: of both.
        means: one a metric and system.
        pairs: one a metric and system that is compared; none where there is one system.
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
        """[queries], the values of a system less those of the baseline; NaN where a query does not count for both.

        Values that differ by the noise of float32 alone, see `Pair`, differ by 0.

        Args:
            system: its name.
            metric: its name, or its stated one.
            baseline: the system to compare with. None = the baseline of the comparison.

        Raises:
            ValueError: an unknown system or metric, or no baseline where all were compared with all.
        """
        if baseline is None and self.baseline == ALL:
            raise ValueError("here all systems are compared with all; say which one to compare with: baseline=NAME")
        baseline = self.baseline if baseline is None else baseline
        check_known("system", baseline, self.results.systems)
        check_known("system", system, self.results.systems)
        row = metric_place(self.results, metric)
        first, second = (self.results.values[self.results.systems.index(name), row] for name in (system, baseline))
        return significance.difference(first, second)

    def verdict(self, pair: Pair) -> str:
        """What the test says of a pair: "better" or "worse" than its baseline; "" where no difference was shown."""
        if pair.better is None or pair.p_holm > self.level:
            return ""
        return "better" if pair.better else "worse"

    @property
    def captions(self) -> tuple[str, ...]:
        """How it was compared, what this data could show and what must be known, in whole sentences."""
        return tables.captions(self)

    def to_frame(self) -> "pl.DataFrame":
        """A polars frame with one row a pair, see `Pair`; what is NaN is null.

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.evaluation._frames", "data", needed_by="Comparison.to_frame")
        return frames.frame_of_rows(self.pairs, Pair)

    def means_to_frame(self) -> "pl.DataFrame":
        """A polars frame with one row a metric and system, see `Mean`; what is NaN is null.

        Raises:
            ImportError: polars is not installed.
        """
        frames = _lazy.load("plackett.evaluation._frames", "data", needed_by="Comparison.means_to_frame")
        return frames.frame_of_rows(self.means, Mean)

    def __repr__(self) -> str:
        """The two tables and the captions as text."""
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

    Two systems are compared over the queries that count for both. Whether they differ says the paired randomisation
    test; the paired t-test stands beside it. Where several systems are compared, the chance of a false difference rises
    with their number; Holm's correction holds it, over the pairs of each metric.

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
        confidence: the share of the intervals, such as .95.
        level: of the tests, such as .05.
        power: of the smallest difference that the data could show.
        resamples: of the intervals.
        permutations: of the randomisation test, which tries all signs where there are fewer.
        seed: of the draws of both.

    Raises:
        ValueError: an unknown baseline or metric, or a number that is out of range.

    Cost: for 100,000 queries 1 to 3 seconds, and for each pair and metric half of one more.

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
    # Together, so that queries that count for the same systems are drawn once.
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
    """The place of a metric among those of results, by its stated name or its plain one.

    Raises:
        ValueError: there is no such metric, or there are several of this plain name.
    """
    if metric in results.stated:
        return results.stated.index(metric)
    check_known("metric", metric, [*results.metrics, *results.stated])
    if results.metrics.count(metric) > 1:
        several = [stated for name, stated in zip(results.metrics, results.stated, strict=True) if name == metric]
        raise ValueError(f"several metrics are called {metric!r}; say which: {', '.join(several)}")
    return results.metrics.index(metric)


def _rows(results, metrics):
    """The places of the metrics, each once."""
    if metrics is None:
        return list(range(len(results.stated)))
    if isinstance(metrics, str):
        raise ValueError(f"metrics must be a list of names, but got {metrics!r}; write [{metrics!r}]")
    if not metrics:
        raise ValueError("metrics must name at least one metric, but got none; None compares by all")
    return list(dict.fromkeys(metric_place(results, metric) for metric in metrics))


def _baseline(results, baseline):
    if baseline is None:
        return results.systems[0]
    if baseline == ALL and ALL in results.systems:
        raise ValueError('baseline="all" compares all systems with all, but one of them is called "all": rename it')
    if baseline != ALL:
        check_known("baseline", baseline, results.systems)
    return baseline


def _pairs(systems, baseline):
    """(system, baseline) of each comparison."""
    if baseline == ALL:
        return [(system, other) for other, system in itertools.combinations(systems, 2)]
    return [(system, baseline) for system in systems if system != baseline]


def _mean(values, low, high):
    return float(mean(values)), low, high, int((~np.isnan(values)).sum())


def _pair(results, row, names, interval, options):
    """The row of two systems under one metric, before Holm's correction."""
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
        # The two values of a query change places with its weight.
        significance.randomisation_test(weighed, permutations=options["permutations"], seed=options["seed"]),
        significance.t_test(of_mean),
        float("nan"),
        *significance.outcomes(differences, less_is_better=less),
        significance.detectable_difference(of_mean, level=options["level"], power=options["power"]),
        bool(weighed.sum() < 0) == less if abs(weighed.sum()) > significance.ROUNDING * sizes else None,
    )
