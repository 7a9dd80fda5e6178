"""The estimates, as tables and sentences."""

import dataclasses
import html
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from plackett import _lazy
from plackett.clicks.off_policy._intervals import Interval
from plackett.evaluation._comparison_tables import Table, html_of, text_of

if TYPE_CHECKING:
    import polars as pl

LOGGED = "as logged"  # the name of the old ranker in tables


class Estimate(NamedTuple):
    """The clicks per session of one system by one estimator; see `estimate`.

    >>> Estimate._fields[:4]
    ('system', 'estimator', 'clicks', 'low')

    Args:
        system: the name of the system.
        estimator: the name of the estimator.
        clicks: the clicks per session among the first `topn` documents.
        low: the lower end of the interval. NaN if no click counts, since nothing is then known of their spread.
        high: the upper end of the interval, or NaN.
        difference: the difference from the clicks that were logged among the first `topn` positions.
        difference_low: the lower end of its interval, in which clicks that count for both are paired.
        difference_high: the upper end of its interval.
        effective_sample_size: (sum w)^2 / sum w^2 over the clicks of weight w. This number of clicks of equal weight
            would say as much.
        largest_weight: the largest weight of a click.
        clicks_used: the share of the log's clicks that have a weight.
    """

    system: str
    estimator: str
    clicks: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    effective_sample_size: float
    largest_weight: float
    clicks_used: float


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimates:
    """Systems beside the logged ranker, made by `estimate`. `print` shows it as text, a notebook as a table.

    >>> one = Estimate("new", "ips", 0.52, 0.44, 0.6, 0.02, -0.01, 0.05, 410.2, 3.5, 0.9)
    >>> found = Estimates(Interval(0.5, 0.45, 0.55), (one,), 10, 0.95, 1000, 40, (0, 0), ())
    >>> found.of("new", "ips").clicks
    0.52
    >>> print(found)
    Clicks per session among the first 10
    system     estimator       clicks per session                  difference  effective clicks  largest weight  used
    as logged             0.5000 [0.4500, 0.5500]
    new        ips        0.5200 [0.4400, 0.6000]  +0.0200 [-0.0100, +0.0500]               410             3.5   90%

    Args:
        logged: the clicks per session that were logged among the first `topn` positions, with their interval.
        estimates: one for each system and estimator.
        topn: the number of documents of each ranking that count.
        confidence: the confidence of the intervals.
        sessions: the number of sessions behind the estimates.
        queries: the number of queries of these sessions.
        left_out: (queries, sessions) that were left out, since the log cannot judge what a system shows there.
        captions: explanations of the numbers, in whole sentences.
    """

    logged: Interval
    estimates: tuple[Estimate, ...]
    topn: int
    confidence: float
    sessions: int
    queries: int
    left_out: tuple[int, int]
    captions: tuple[str, ...]

    def of(self, system: str, estimator: str) -> Estimate:
        """Returns the estimate of one system by one estimator.

        Raises:
            KeyError: there is none.
        """
        for one in self.estimates:
            if (one.system, one.estimator) == (system, estimator):
                return one
        raise KeyError(f"there is no estimate of {system} by {estimator}")

    def to_frame(self) -> "pl.DataFrame":
        """Returns a polars frame with one row per estimate and the fields of `Estimate`, without the logged clicks.

        Raises:
            ImportError: polars is not installed.
        """
        polars = _lazy.load("polars", "data", needed_by="Estimates.to_frame")
        return polars.DataFrame([one._asdict() for one in self.estimates])

    def table(self) -> Table:
        """Shows the numbers in words: the logged clicks, and below them one row per estimate."""
        of_clicks, of_weights = ("clicks per session", "difference"), ("effective clicks", "largest weight", "used")
        header = ("system", "estimator", *of_clicks, *of_weights)
        rows: list[tuple[str, ...]] = [(LOGGED, "", _with_interval(*self.logged), "", "", "", "")]
        for one in self.estimates:
            rows.append(
                (
                    *one[:2],
                    _with_interval(*one[2:5]),
                    _with_interval(*one[5:8], sign="+"),
                    f"{one.effective_sample_size:,.0f}",
                    f"{one.largest_weight:.4g}",
                    f"{one.clicks_used:.0%}",
                )
            )
        return Table(f"Clicks per session among the first {self.topn}", 2, header, rows)

    def __str__(self):
        return "\n\n".join([text_of(self.table()), *(["\n".join(self.captions)] if self.captions else [])])

    __repr__ = __str__

    def _repr_html_(self):
        sentences = [f"<p>{html.escape(sentence)}</p>" for sentence in self.captions]
        return "\n".join(['<div style="overflow-x: auto">', html_of(self.table()), *sentences, "</div>"])


def _with_interval(mean, low, high, sign=""):
    interval = "[-]" if np.isnan(low) else f"[{low:{sign}.4f}, {high:{sign}.4f}]"
    return f"{mean:{sign}.4f} {interval}"
