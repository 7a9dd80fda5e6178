"""Systems beside a baseline: the numbers of each pair, and which pairs there are."""

import dataclasses

import numpy as np
import pytest
from small_results import small_results

from plackett.evaluation import _significance as significance
from plackett.evaluation._bootstrap import bootstrap
from plackett.evaluation._comparison import compare

NAN = float("nan")
RANDOM = np.random.default_rng(0)
THREE = small_results(RANDOM.random((3, 2, 25)), ["a", "b", "c"], ["ndcg@10", "err"], [False, True])


def test_a_pair_says_all_of_its_differences():
    (pair,) = compare(small_results([[[0.2, 0.4, 0.5, 0.6]], [[0.3, 0.5, 0.5, 0.9]]])).pairs
    differences = np.array([0.1, 0.1, 0, 0.3])
    assert (pair.metric, pair.system, pair.baseline, pair.queries) == ("mrr[stated]", "ours", "bm25", 4)
    assert (pair.wins, pair.ties, pair.losses, pair.better) == (3, 1, 0, True)
    assert (pair.mean, pair.baseline_mean, pair.difference) == pytest.approx((0.55, 0.425, 0.125))
    assert (pair.low, pair.high) == pytest.approx(tuple(bootstrap(differences)))
    assert (pair.effect, pair.effect_low, pair.effect_high) == pytest.approx(significance.effect_size(differences))
    assert pair.p_randomisation == pair.p_holm == 2 / 8
    assert pair.p_t_test == pytest.approx(significance.t_test(differences))
    assert pair.detectable == pytest.approx(significance.detectable_difference(differences))


def test_a_mean_is_over_the_queries_that_count_for_the_system():
    comparison = compare(small_results([[[0.2, 0.4, NAN, 0.6]], [[0.3, 0.5, 0.5, 0.9]]]))
    assert [(mean.system, round(mean.mean, 3), mean.queries) for mean in comparison.means] == [
        ("bm25", 0.4, 3),
        ("ours", 0.55, 4),
    ]
    assert (comparison.means[1].low, comparison.means[1].high) == pytest.approx(
        tuple(bootstrap(np.array([0.3, 0.5, 0.5, 0.9])))
    )


def test_systems_are_compared_over_the_queries_that_count_for_both():
    comparison = compare(small_results([[[0.2, 0.4, NAN, 0.6]], [[0.3, NAN, 0.5, 0.9]]]))
    (pair,) = comparison.pairs
    assert (pair.queries, pair.mean, pair.baseline_mean) == (2, pytest.approx(0.6), pytest.approx(0.4))
    assert any("2 queries count for only one of ours and bm25" in sentence for sentence in comparison.captions)


def test_where_less_is_better_a_lower_value_wins():
    comparison = compare(small_results([[[4.0, 5, 6, 9, 7, 8]], [[3.0, 4, 6, 5, 4, 9]]], less=[True]), level=0.5)
    (pair,) = comparison.pairs
    assert (pair.wins, pair.ties, pair.losses, pair.better) == (4, 1, 1, True)
    assert pair.difference < 0
    assert comparison.verdict(pair) == "better"


def test_the_baseline_is_the_first_system_unless_named():
    assert {pair.baseline for pair in compare(THREE).pairs} == {"a"}
    pairs = compare(THREE, "b").pairs
    assert [(pair.system, pair.baseline) for pair in pairs] == [("a", "b"), ("c", "b")] * 2


def test_all_compares_each_pair_once():
    pairs = compare(THREE, "all", metrics=["err"]).pairs
    assert [(pair.system, pair.baseline) for pair in pairs] == [("b", "a"), ("c", "a"), ("c", "b")]


def test_holm_corrects_over_the_pairs_of_each_metric():
    for baseline in ("a", "all"):
        pairs = compare(THREE, baseline).pairs
        for metric in THREE.stated:
            of_metric = [pair for pair in pairs if pair.metric == metric]
            wanted = significance.holm(np.array([pair.p_randomisation for pair in of_metric]))
            assert [pair.p_holm for pair in of_metric] == wanted.tolist()


def test_a_system_alone_has_means_and_no_pairs():
    comparison = compare(small_results([[[0.2, 0.4]]], ["bm25"]))
    assert comparison.pairs == ()
    assert [mean.system for mean in comparison.means] == ["bm25"]
    assert "Differences" not in repr(comparison)
    assert len(comparison.captions) == 1


def test_one_query_gives_means_without_intervals():
    (pair,) = compare(small_results([[[0.2]], [[0.4]]])).pairs
    assert (pair.queries, pair.wins, pair.p_randomisation) == (1, 1, 1.0)
    assert np.isnan([pair.low, pair.effect, pair.p_t_test, pair.detectable]).all()


def test_systems_that_count_for_no_common_query_are_not_compared():
    (pair,) = (comparison := compare(small_results([[[0.2, NAN]], [[NAN, 0.4]]]))).pairs
    assert (pair.queries, pair.better, comparison.verdict(pair)) == (0, None, "")
    assert np.isnan([pair.mean, pair.difference, pair.p_randomisation, pair.p_holm]).all()


def test_a_metric_goes_by_its_plain_or_stated_name():
    assert compare(THREE, metrics=["err", "err[stated]"]).metrics == ("err[stated]",)


def test_differences_are_those_of_each_query():
    comparison = compare(THREE)
    np.testing.assert_array_equal(comparison.differences("c", "err"), THREE.of("c", "err") - THREE.of("a", "err"))
    np.testing.assert_array_equal(comparison.differences("c", "err", "b"), THREE.of("c", "err") - THREE.of("b", "err"))


def test_the_same_seed_gives_the_same_comparison():
    assert compare(THREE, seed=4).pairs == compare(THREE, seed=4).pairs
    assert compare(THREE, seed=4).pairs != compare(THREE, seed=5).pairs


def test_the_results_are_not_changed():
    before = THREE.values.copy()
    compare(THREE, "all")
    np.testing.assert_array_equal(THREE.values, before)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"baseline": "bm52"}, "unknown baseline 'bm52'; did you mean 'bm25'"),
        ({"metrics": ["mmr"]}, "unknown metric 'mmr'; did you mean 'mrr'"),
        ({"metrics": "mrr"}, r"metrics must be a list of names, but got 'mrr'; write \['mrr'\]"),
        ({"level": 5}, "level must be above 0 and below 1, but got 5"),
        ({"power": 0.2}, "power must be above 0.5"),
        ({"confidence": 95}, "confidence must be above 0 and below 1, but got 95"),
        ({"permutations": 0}, "permutations must be a whole number"),
    ],
)
def test_an_error_says_what_is_allowed(options, error):
    with pytest.raises(ValueError, match=error):
        compare(small_results([[[0.1, 0.2]], [[0.3, 0.4]]]), **options)


def test_a_system_called_all_is_no_baseline_of_all():
    with pytest.raises(ValueError, match='but a system has the name "all": rename it'):
        compare(small_results([[[0.1]], [[0.2]]], ["all", "b"]), "all")


def test_two_conventions_of_a_metric_need_the_stated_name():
    both = dataclasses.replace(THREE, metrics=("ndcg", "ndcg"), stated=("ndcg[a]", "ndcg[b]"))
    with pytest.raises(ValueError, match=r"several metrics are called 'ndcg'; say which: ndcg\[a\], ndcg\[b\]"):
        compare(both, metrics=["ndcg"])


def test_differences_need_a_baseline_where_all_are_compared():
    with pytest.raises(ValueError, match="say which one to compare with: baseline=NAME"):
        compare(THREE, "all").differences("a", "err")


def test_noise_of_float32_is_no_difference():
    base = np.random.default_rng(1).random(300) * np.repeat([1, 1e5], 150)
    noise = base * (1 + 2e-7 * np.random.default_rng(2).choice([-1, 1], 300))
    (pair,) = (comparison := compare(small_results([[base], [noise]]))).pairs
    assert (pair.wins, pair.ties, pair.losses, pair.better, pair.difference) == (0, 300, 0, None, 0)
    assert (pair.low, pair.high, pair.p_randomisation, pair.p_t_test) == (0, 0, 1, 1)
    assert not comparison.differences("ours", "mrr").any()


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, but got"):
        compare(THREE, seed=seed)


@pytest.mark.parametrize("options", [{"confidence": "a"}, {"resamples": None}, {"metrics": []}])
def test_an_option_of_another_kind_is_named(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must"):
        compare(THREE, **options)


def test_a_metric_that_weighs_queries_is_compared_by_its_weighted_mean():
    """Values that are the same on each query have no spread, whatever the weights."""
    random = np.random.default_rng(0)
    weights = random.integers(1, 20, (1, 200)).astype("float64")
    values = np.stack([np.ones(200), np.full(200, 5.0), 3 + random.normal(size=200)])[:, None]
    results = dataclasses.replace(small_results(values, ("a", "b", "c")), weights=weights)
    comparison = compare(results)
    assert [(one.mean, one.low, one.high) for one in comparison.means[:2]] == [(1, 1, 1), (5, 5, 5)]
    constant, other = comparison.pairs
    assert (constant.difference, constant.low, constant.high, constant.wins + constant.losses) == (4, 4, 4, 200)
    drawn = [random.integers(200, size=200) for _ in range(4000)]
    means = [np.average(values[2, 0, rows], weights=weights[0, rows]) for rows in drawn]
    low, high = np.quantile(means, [0.025, 0.975])
    assert (other.mean, comparison.means[2].mean) == (pytest.approx(np.average(values[2, 0], weights=weights[0])),) * 2
    assert (comparison.means[2].low, comparison.means[2].high) == pytest.approx((low, high), abs=0.02)
