"""Parts of the queries, and the worst of them."""

import numpy as np
import pytest
from small_results import small_results

from plackett.data import Strings
from plackett.evaluation._bootstrap import bootstrap
from plackett.evaluation._slices import slices, worst_queries

NAN = float("nan")
RANDOM = np.random.default_rng(0)


def parts(column, bins=5):
    """(name, queries) of each slice by a column."""
    values = np.zeros((1, 1, len(column)))
    found = slices(small_results(values, ["a"], facts={"x": column}), "x", bins=bins, resamples=1)
    return [(part.name, part.queries) for part in found]


def test_numbers_are_cut_into_bins_of_about_as_many_queries():
    assert parts(np.arange(1, 101), bins=4) == [("1 to 25", 25), ("26 to 50", 25), ("51 to 75", 25), ("76 to 100", 25)]


def test_equal_numbers_stay_together():
    numbers = np.array([1] * 50 + [2, 3, 4, 5, 6, 7, 8, 9])
    found = parts(numbers, bins=3)
    assert found[0] == ("1", 50)
    assert sum(queries for _, queries in found) == 58


def test_few_numbers_are_a_slice_each():
    assert parts(np.array([2, 0, 1, 1, 0, 0])) == [("0", 3), ("1", 2), ("2", 1)]


def test_fractions_are_named_in_few_digits_unless_they_would_read_the_same():
    assert parts(np.array([0.123456, 0.5, 2.0, 1e9 + 0.25]), bins=2) == [("0.1235 to 0.5", 2), ("2 to 1e+09", 2)]
    assert parts(np.array([0.123456, 0.123457])) == [("0.123456", 1), ("0.123457", 1)]


def test_numbers_that_are_infinite_have_a_slice():
    assert parts(np.array([1.0, np.inf])) == [("1", 1), ("inf", 1)]


def test_missing_numbers_are_a_slice_of_their_own():
    assert parts(np.array([1.0, NAN, 2.0, NAN])) == [("1", 1), ("2", 1), ("(missing)", 2)]
    assert parts(np.array([NAN, NAN])) == [("(missing)", 2)]


def test_times_are_numbers():
    times = np.array(["2024-01-01", "2024-01-02", "2024-02-01", "2024-03-01", "NaT"], "datetime64[D]")
    assert parts(times, bins=2) == [("2024-01-01 to 2024-01-02", 2), ("2024-02-01 to 2024-03-01", 2), ("(missing)", 1)]


def test_texts_are_sliced_by_their_values_the_most_frequent_first():
    assert parts(Strings.of(["web", "", "app", "web"])) == [("web", 2), ("app", 1), ("(missing)", 1)]


def test_the_texts_beyond_the_20_most_frequent_stand_together():
    texts = [f"t{i:02}" for i in range(30) for _ in range(30 - i)]
    found = parts(Strings.of(texts))
    assert found[:2] == [("t00", 30), ("t01", 29)]
    assert found[20:] == [("(others)", sum(range(1, 11)))]


def test_a_slice_has_the_mean_and_interval_of_its_queries():
    values = RANDOM.random((2, 2, 40))
    values[0, 1, ::3] = NAN
    kinds = np.arange(40) % 2
    results = small_results(values, ["a", "b"], ["mrr", "map"], facts={"kind": kinds})
    found = slices(results, "kind", resamples=300, seed=2, confidence=0.9)
    assert [(part.name, part.metric, part.system) for part in found[:4]] == [
        ("0", "mrr[stated]", "a"),
        ("0", "mrr[stated]", "b"),
        ("0", "map[stated]", "a"),
        ("0", "map[stated]", "b"),
    ]
    part, inside = found[6], values[0, 1, kinds == 1]
    assert part.queries == np.isfinite(inside).sum() < 20
    assert part.mean == pytest.approx(np.nanmean(inside))
    assert (part.low, part.high) == pytest.approx(tuple(bootstrap(inside, confidence=0.9, resamples=300, seed=2)))


def test_a_slice_in_which_no_query_counts_has_no_mean():
    results = small_results([[[0.5, NAN]]], ["a"], facts={"kind": np.array([0, 1])})
    part = slices(results, "kind")[1]
    assert part.queries == 0
    assert np.isnan(part.mean)


def test_an_unknown_column_is_named():
    results = small_results([[[0.5]]], ["a"], facts={"list_size": np.array([4])})
    with pytest.raises(ValueError, match="unknown column of queries 'listsize'; did you mean 'list_size'"):
        slices(results, "listsize")


def test_a_column_of_several_numbers_a_query_is_refused():
    with pytest.raises(ValueError, match=r"one entry per query, but 'x' has the shape \(4, 2\)"):
        parts(np.zeros((4, 2)))


def test_the_worst_queries_have_the_lowest_values():
    results = small_results([[[0.5, NAN, 0.1, 0.9, 0.1]]], ["a"])
    assert [(one.query, one.place, one.value) for one in worst_queries(results, "a", "mrr", 3)] == [
        ("q2", 2, 0.1),
        ("q4", 4, 0.1),
        ("q0", 0, 0.5),
    ]
    assert len(worst_queries(results, "a", "mrr")) == 4


def test_where_less_is_better_the_worst_queries_have_the_highest_values():
    results = small_results([[[5.0, NAN, 1.0, 9.0]]], ["a"], less=[True])
    assert [one.query for one in worst_queries(results, "a", "mrr", 2)] == ["q3", "q0"]


@pytest.mark.parametrize("less", [False, True])
def test_against_a_baseline_the_worst_queries_are_those_that_lose_most(less):
    values = np.array([[[0.5, 0.5, NAN, 0.5, 0.5]], [[0.4, 0.9, 0.1, 0.5, 0.1]]])
    results = small_results(-values if less else values, less=[less])
    found = worst_queries(results, "ours", "mrr", baseline="bm25")
    assert [one.query for one in found] == ["q4", "q0"]
    assert abs(found[0].difference) == pytest.approx(0.4)
    assert (found[0].value, found[0].baseline) == tuple(results.values[::-1, 0, 4])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"system": "us"}, "unknown system 'us'"),
        ({"metric": "mmr"}, "unknown metric 'mmr'; did you mean 'mrr'"),
        ({"baseline": "bm52"}, "unknown baseline 'bm52'; did you mean 'bm25'"),
        ({"n": 0}, "n must be a whole number of at least 1"),
    ],
)
def test_what_is_unknown_is_named(options, error):
    with pytest.raises(ValueError, match=error):
        worst_queries(small_results([[[0.5]], [[0.2]]]), **({"system": "ours", "metric": "mrr"} | options))


def test_numbers_that_differ_in_the_last_digit_have_names_of_their_own():
    numbers = np.array([0.1, np.nextafter(0.1, 1), 0.3])
    assert len({name for name, _ in parts(numbers)}) == 3


def test_texts_that_read_as_other_slices_stand_in_quotes():
    assert parts(Strings.of(["(missing)", "", "(others)", "'(missing)'"])) == [
        ("''(missing)''", 1),
        ("'(missing)'", 1),
        ("'(others)'", 1),
        ("(missing)", 1),
    ]


def test_a_loss_of_the_noise_of_float32_is_none():
    results = small_results([[[0.5, 0.5]], [[0.5 - 1e-7, 0.4]]])
    assert [one.query for one in worst_queries(results, "ours", "mrr", baseline="bm25")] == ["q1"]
