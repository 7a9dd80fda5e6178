"""Tests, effects and corrections, beside scipy's and by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from plackett.evaluation import _significance as significance

RANDOM = np.random.default_rng(0)
NAN = float("nan")


def test_few_differences_are_tested_under_all_signs():
    differences = RANDOM.normal(0.3, 1, 9)
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product([1, -1], repeat=9)]
    wanted = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)
    assert significance.randomisation_test(differences) == wanted


def test_the_exact_test_is_that_of_scipy():
    differences = RANDOM.integers(-3, 6, 11) / 10
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert significance.randomisation_test(differences) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("queries", [16, 61])
def test_random_signs_come_near_all_signs(queries):
    differences = RANDOM.normal(0.25, 1, queries)
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=2**16, rng=0)
    ours = significance.randomisation_test(differences, permutations=2**15)
    assert ours == pytest.approx(theirs.pvalue, abs=0.015)


def test_a_random_p_is_never_0():
    assert significance.randomisation_test(np.ones(100), permutations=999) == 1 / 1000


def test_chunks_of_signs_count_all_permutations(monkeypatch):
    differences = RANDOM.normal(0.2, 1, 40)
    whole = significance.randomisation_test(differences, permutations=4_000)
    monkeypatch.setattr(significance, "CHUNK", 300)
    assert significance.randomisation_test(differences, permutations=4_000) == pytest.approx(whole, abs=0.05)
    assert significance.randomisation_test(np.ones(40), permutations=4_000) == 1 / 4001


def test_a_difference_is_the_same_either_way_round():
    differences = RANDOM.normal(0.2, 1, 40)
    assert significance.randomisation_test(differences) == significance.randomisation_test(-differences)
    assert significance.t_test(differences) == significance.t_test(-differences)


def test_the_t_test_is_that_of_scipy():
    first, second = RANDOM.random((2, 30))
    differences = np.append(first - second, NAN)
    assert significance.t_test(differences) == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=1e-9)


def test_systems_that_are_equal_everywhere_do_not_differ():
    same = np.array([0.0, 1e-12, -1e-12, NAN])
    assert significance.t_test(same) == significance.randomisation_test(same) == 1
    assert np.isnan(significance.effect_size(same)).all()
    assert np.isnan(significance.detectable_difference(same))
    assert significance.outcomes(same) == (0, 3, 0)


def test_one_gain_everywhere_is_no_chance():
    assert significance.t_test(np.full(10, 0.1)) == 0
    assert significance.randomisation_test(np.full(10, 0.1)) == 2 / 2**10


@pytest.mark.parametrize("differences", [[], [NAN], [0.5]])
def test_fewer_than_two_queries_show_nothing(differences):
    differences = np.array(differences)
    assert np.isnan(significance.t_test(differences))
    assert np.isnan(significance.effect_size(differences)).all()
    assert np.isnan(significance.detectable_difference(differences))
    wanted = 1.0 if np.isfinite(differences).any() else NAN
    np.testing.assert_equal(significance.randomisation_test(differences), wanted)


def test_an_effect_is_the_mean_in_standard_deviations():
    differences = RANDOM.normal(0.5, 1, 30)
    effect = significance.effect_size(differences)
    assert effect.size == pytest.approx(differences.mean() / differences.std(ddof=1))
    t = effect.size * np.sqrt(30)
    assert stats.nct.cdf(t, 29, effect.low * np.sqrt(30)) == pytest.approx(0.975, abs=1e-4)
    assert stats.nct.cdf(t, 29, effect.high * np.sqrt(30)) == pytest.approx(0.025, abs=1e-4)


def test_the_interval_of_an_effect_holds_the_true_one_as_often_as_it_says():
    samples = np.random.default_rng(3).normal(0.4, 1, (1_000, 15))
    effects = [significance.effect_size(sample, confidence=0.9) for sample in samples]
    held = np.mean([effect.low <= 0.4 <= effect.high for effect in effects])
    assert 0.87 < held < 0.93


def test_holm_multiplies_by_the_tests_that_are_left():
    p = np.array([0.01, 0.04, NAN, 0.03, 0.005])
    np.testing.assert_allclose(significance.holm(p), [0.03, 0.06, NAN, 0.06, 0.02])
    np.testing.assert_allclose(significance.holm(np.array([0.6, 0.9])), [1, 1])
    assert len(significance.holm(np.array([]))) == 0


def test_where_less_is_better_the_lower_value_wins():
    differences = np.array([-0.1, 0.2, 0.3, 1e-10, NAN])
    assert significance.outcomes(differences) == (2, 1, 1)
    assert significance.outcomes(differences, less_is_better=True) == (1, 1, 2)


def test_the_detectable_difference_is_that_of_the_tables():
    # Cohen 1988, G*Power: a paired t-test of 34 pairs at .05 finds d = .5 with power .8.
    differences = RANDOM.normal(0, 1, 34)
    differences = (differences - differences.mean()) / differences.std(ddof=1)
    assert significance.detectable_difference(differences) == pytest.approx(0.5, abs=0.01)


def test_more_power_needs_a_larger_difference():
    differences = RANDOM.normal(0, 1, 50)
    detectable = [significance.detectable_difference(differences, power=power) for power in (0.51, 0.8, 0.99)]
    assert detectable == sorted(detectable)
    assert significance.detectable_difference(differences, level=0.01) > detectable[1]


@pytest.mark.parametrize("options", [{"power": 0.3}, {"power": 1}, {"level": 0}, {"level": 5}])
def test_levels_and_powers_out_of_range_are_named(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be above"):
        significance.detectable_difference(np.array([0.1, 0.2]), **options)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_effect_whose_interval_cannot_be_computed_has_none(sign):
    differences = sign * (0.5 + 1e-5 * RANDOM.normal(size=300))
    effect = significance.effect_size(differences)
    assert abs(effect.size) > 1e4
    assert np.isnan([effect.low, effect.high]).all()
