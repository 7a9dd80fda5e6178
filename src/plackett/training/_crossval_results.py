"""The result of a cross-validation: each seed tests each query once; the spread over folds and seeds."""

import dataclasses
import html
import pathlib
from typing import Any, NamedTuple

import numpy as np

from plackett.evaluation._comparison import Comparison, compare
from plackett.evaluation._comparison_tables import Table, html_of, text_of
from plackett.evaluation._results import Results, mean
from plackett.training._crossval_folder import Outcome, Run


class Spread(NamedTuple):
    """The mean and spread of one configuration by one metric.

    Args:
        configuration: the name of the configuration.
        metric: the metric with its conventions.
        mean: the mean over all queries of each query's mean over seeds.
        over_folds: the standard deviation of `of_folds`.
        over_seeds: the standard deviation of the means over all queries, one for each seed; NaN if there is one seed.
        of_folds: for each fold, the mean over its queries of each query's mean over seeds.
    """

    configuration: str
    metric: str
    mean: float
    over_folds: float
    over_seeds: float
    of_folds: tuple[float, ...]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """The result of `crossval`. When printed, or shown in a notebook, it is a table of `spreads()`.

    >>> from plackett.data import Strings
    >>> values, facts = np.array([[[0.25, 0.5, 0.5, 1.0]]]), {"fold": np.array([1, 1, 2, 2])}
    >>> results = Results(("ours",), ("mrr",), ("mrr[]",), (False,), Strings.of("abcd"), values, facts)
    >>> CrossValidation(results, values[:, :, None], (0,), {}, None).spreads()[0].of_folds
    (0.375, 0.75)

    Args:
        results: the values of all queries. Each seed tests each query once, with the training of its fold; the value is
            the mean over seeds. The systems are the configurations, and the fact "fold" is the turn that tested the
            query.
        by_seed: [configurations, metrics, seeds, queries], the values before that mean.
        seeds: the seeds of the trainings.
        runs: each training with its outcome.
        output: the folder that holds the runs, or None.
    """

    results: Results
    by_seed: np.ndarray
    seeds: tuple[int, ...]
    runs: dict[Run, Outcome]
    output: pathlib.Path | None

    def spreads(self) -> list[Spread]:
        """Returns one entry for each configuration and metric: the mean, and its spread over folds and over seeds."""
        fold = np.asarray(self.results.facts["fold"])
        folds = [fold == k for k in range(1, fold.max() + 1)]
        values, weights = self.results.values, self.results.weights
        of_folds = np.stack([mean(values[..., one], self.results.weights_of(one)) for one in folds], axis=-1)
        of_seeds = mean(self.by_seed, None if weights is None else weights[:, None])
        over_folds, over_seeds = _deviation(of_folds), _deviation(of_seeds)
        means = self.results.means()
        return [
            Spread(
                configuration,
                metric,
                float(means[c, m]),
                float(over_folds[c, m]),
                float(over_seeds[c, m]),
                tuple(of_folds[c, m].tolist()),
            )
            for m, metric in enumerate(self.results.stated)
            for c, configuration in enumerate(self.results.systems)
        ]

    def compare(self, baseline: str | None = None, **options: Any) -> Comparison:
        """Runs the paired tests over queries between configurations; see `plackett.evaluation.compare`.

        The tests say whether these trained models, averaged over seeds, differ on queries like these. The spread over
        seeds and over folds says how far another training would move a mean.

        Args:
            baseline: the configuration that the others are compared with. None = the first.
            options: keywords of `plackett.evaluation.compare`.

        Raises:
            ValueError: there is no such configuration, or an option is wrong; see `compare`.
        """
        return compare(self.results, baseline, **options)

    def in_words(self) -> str:
        """Says what the numbers of the tables are, in a few sentences."""
        folds = int(np.max(self.results.facts["fold"]))
        return (
            f"{len(self.results.queries)} queries in {folds} folds, each tested once by each of the seeds "
            f"{', '.join(map(str, self.seeds))}; the value of a query is its mean over seeds. Spread: the standard "
            f"deviation of the means of the folds, and of the means of the seeds. Fold 1 tests on part {folds} of the "
            "data, fold 2 on part 1, and so on."
        )

    def __repr__(self) -> str:
        """The tables and their explanation, as text."""
        return "\n\n".join([*map(text_of, self._tables()), self.in_words()])

    def _repr_html_(self) -> str:
        """The tables, their explanation and `compare()`, for a notebook."""
        tables = "\n".join(map(html_of, self._tables()))
        return f"<div>\n{tables}\n<p>{html.escape(self.in_words())}</p>\n</div>\n{self.compare()._repr_html_()}"

    def _tables(self):
        """`spreads()`, one table per metric."""
        folds = (f"fold {k}" for k in range(1, int(np.max(self.results.facts["fold"])) + 1))
        header = ("configuration", "mean", "spread over folds", "spread over seeds", *folds)
        for metric in self.results.stated:
            rows = [
                (x.configuration, *map(_in_short, (x.mean, x.over_folds, x.over_seeds, *x.of_folds)))
                for x in self.spreads()
                if x.metric == metric
            ]
            yield Table(metric, 1, header, rows)


def _deviation(values):
    """The sample standard deviation along the last axis; NaN for a single value."""
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return values.std(axis=-1, ddof=1)


def _in_short(number):
    return "-" if np.isnan(number) else f"{number:.4f}"
