"""Intervals of means over queries."""

import numpy as np
import pytest
from scipy import stats

from plackett.evaluation import _bootstrap
from plackett.evaluation._bootstrap import bootstrap

RANDOM = np.random.default_rng(0)


def test_an_interval_is_that_of_scipy_but_for_its_draws():
    values = RANDOM.random(80) ** 3
    ours = bootstrap(values, resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    np.testing.assert_allclose(ours, theirs, atol=0.003)


def test_each_resample_draws_as_many_queries_as_count():
    values = np.array([0.1, 0.9, 0.4, 0.7])
    draws = np.random.default_rng(7).integers(4, size=(500, 4))
    wanted = np.quantile(values[draws].mean(axis=1), [0.05, 0.95])
    np.testing.assert_allclose(bootstrap(values, confidence=0.9, resamples=500, seed=7), wanted)


def test_a_query_that_does_not_count_is_not_drawn():
    values = RANDOM.random((2, 3, 30))
    with_more = np.insert(values, [4, 9], np.nan, axis=-1)
    np.testing.assert_allclose(bootstrap(with_more, resamples=200), bootstrap(values, resamples=200))


def test_each_row_has_the_interval_that_it_has_alone():
    values = RANDOM.random((3, 20))
    values[1, 2:5] = np.nan
    alone = [bootstrap(row, resamples=200) for row in values]
    np.testing.assert_allclose(bootstrap(values, resamples=200), alone)


def test_rows_of_the_same_queries_share_their_resamples():
    values = RANDOM.random(25)
    np.testing.assert_allclose(np.diff(bootstrap(np.stack([values, values + 0.3])), axis=0), 0.3)


def test_small_blocks_change_nothing(monkeypatch):
    values = RANDOM.random((2, 50))
    whole = bootstrap(values, resamples=101)
    monkeypatch.setattr(_bootstrap, "BYTES", 10 * 8 * 50)
    np.testing.assert_allclose(bootstrap(values, resamples=101), whole, rtol=1e-12)


def test_fewer_than_two_queries_have_no_interval():
    assert np.isnan(bootstrap(np.array([0.5]))).all()
    assert np.isnan(bootstrap(np.array([0.5, np.nan]))).all()
    assert np.isnan(bootstrap(np.zeros((3, 2, 0)))).all()


def test_another_seed_draws_other_resamples():
    values = RANDOM.random(30)
    assert (bootstrap(values, seed=1) != bootstrap(values, seed=2)).any()


@pytest.mark.parametrize("options", [{"confidence": 1}, {"confidence": 95}, {"resamples": 0}, {"resamples": 1.5}])
def test_an_option_out_of_range_is_named(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        bootstrap(np.array([0.1, 0.2]), **options)
