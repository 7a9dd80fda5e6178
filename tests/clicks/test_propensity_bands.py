"""Bands of curves by the bootstrap over queries."""

import numpy as np
import pytest
from scipy import stats

from plackett.clicks.propensities._bootstrap import bands

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("queries", [6, 12, 200])
def test_the_band_of_a_mean_is_the_interval_of_students_t(queries):
    values = 1 + 0.01 * RANDOM.normal(size=queries)
    low, high, _ = bands(
        np.array([values.mean()]), lambda w: np.array([w @ values / w.sum()]), np.full(queries, 7.0), 4000, 0
    )
    wanted = stats.t.interval(0.95, queries - 1, values.mean(), values.std(ddof=1) / np.sqrt(queries))
    np.testing.assert_allclose((low[0] - 1, high[0] - 1), (wanted[0] - 1, wanted[1] - 1), atol=0.05 * np.ptp(wanted))


def test_a_band_of_few_resamples_is_no_narrower():
    def width(resamples):
        estimate = lambda w: np.array([w[0] / w.mean()])  # noqa: E731
        low, high, _ = bands(np.ones(1), estimate, np.ones(50), resamples, 0)
        return float(np.log(high / low)[0])

    assert width(2) > width(1000)


def test_queries_count_as_far_as_they_have_clicks():
    clicks = np.array([10_000.0, *np.ones(500)])
    low, high, notes = bands(np.ones(2), lambda w: np.ones(2), clicks, 10, 0)
    assert low is high is None
    assert notes == ("no band: the clicks are of 1.1 queries in effect, and a band over queries needs 5",)
