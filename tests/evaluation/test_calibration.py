"""What the tests find where there is nothing, and where there is something; all of it seeded.

The bounds are those that a binomial with the stated rate leaves in 999 of 1,000 runs.
"""

import numpy as np
import pytest
from scipy import stats

from plackett.evaluation import _significance as significance

RUNS = 2_000
TESTS = {
    "randomisation": lambda differences: significance.randomisation_test(differences, permutations=999),
    "t": significance.t_test,
}


def by_chance(queries, seed):
    """[runs, queries], differences of two systems whose queries are alike: reciprocal ranks, of which many tie."""
    ranks = np.random.default_rng(seed).geometric(0.4, (2, RUNS, queries))
    return 1 / ranks[0] - 1 / ranks[1]


def bounds(rate):
    return stats.binom.ppf([0.0005, 0.9995], RUNS, rate) / RUNS


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("queries", [20, 60])
def test_systems_that_differ_by_chance_alone_fire_5_times_in_100(test, queries):
    fired = np.mean([TESTS[test](differences) <= 0.05 for differences in by_chance(queries, seed=queries)])
    low, high = bounds(0.05)
    assert low <= fired <= high


def test_with_six_queries_all_signs_fire_no_more_than_5_times_in_100():
    fired = np.mean([TESTS["randomisation"](differences) <= 0.05 for differences in by_chance(6, seed=0)])
    assert 0 < fired <= bounds(0.05)[1]


def test_of_five_systems_that_are_alike_holm_finds_any_difference_5_times_in_100():
    values = 1 / np.random.default_rng(1).geometric(0.4, (RUNS, 6, 30))
    p = np.array([[significance.t_test(system - run[0]) for system in run[1:]] for run in values])
    plain = np.mean((p <= 0.05).any(axis=1))
    corrected = np.mean([(significance.holm(run) <= 0.05).any() for run in p])
    assert corrected <= bounds(0.05)[1]
    assert corrected > 0.02
    assert plain > 2 * corrected


@pytest.mark.parametrize("test", TESTS)
def test_the_detectable_difference_is_found_8_times_in_10(test):
    noise = np.random.default_rng(2).normal(0, 0.2, (RUNS, 40))
    spread = noise[0] - noise[0].mean()
    spread *= 0.2 / spread.std(ddof=1)  # a sample of the true standard deviation
    truth = significance.detectable_difference(spread)
    found = np.mean([TESTS[test](differences) <= 0.05 for differences in noise + truth])
    low, high = bounds(0.8)
    assert low <= found <= high
