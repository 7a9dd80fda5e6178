"""Scores of any sign and scale, brought to one scale list by list."""

import itertools

import numpy as np
import pytest

from plackett.distillation import standardize
from plackett.distillation._scales import all_equal

LENGTHS = np.array([4, 1, 0, 6])
SPLITS = np.append(0, np.cumsum(LENGTHS))
RAW = np.random.default_rng(0).normal(size=11)


def by_loops(scores):
    """Each list alone, in 80 bits."""
    parts = [np.asarray(scores[a:b], "longdouble") for a, b in itertools.pairwise(SPLITS)]
    return np.concatenate([(x - x.mean()) / x.std() if len(x) > 1 else np.zeros(len(x)) for x in parts]).astype(float)


@pytest.mark.parametrize("scale", [1, 1e-3, 1e9, 1e250, 1e-250])
def test_the_scale_of_a_teacher_does_not_matter(scale):
    np.testing.assert_allclose(standardize(RAW * scale, SPLITS), by_loops(RAW), rtol=1e-9, atol=1e-12)


def test_small_differences_of_large_scores_are_kept():
    scores = 1e15 + np.arange(11.0)
    np.testing.assert_allclose(standardize(scores, SPLITS), by_loops(np.arange(11.0)), rtol=1e-12, atol=1e-12)


def test_each_list_has_mean_0_and_deviation_1():
    found = standardize(RAW, SPLITS)
    for start, stop in ((0, 4), (5, 11)):
        assert found[start:stop].mean() == pytest.approx(0, abs=1e-12)
        assert found[start:stop].std() == pytest.approx(1)
    assert found[4] == 0  # a document alone


def test_equal_scores_prefer_nothing():
    scores = np.array([0.1, 0.1, 0.1, 0.1, 5.0, *np.arange(6)])
    assert standardize(scores, SPLITS)[:4].tolist() == [0, 0, 0, 0]
    assert all_equal(scores, SPLITS).tolist() == [True, False, False, False]


def test_whole_numbers_and_half_precision_are_scores_too():
    whole = np.arange(11)
    for dtype in ("int8", "int64", "float16", "bool"):
        given = whole.astype(dtype)
        np.testing.assert_allclose(standardize(given, SPLITS), standardize(given.astype("float64"), SPLITS))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(wrong):
    with pytest.raises(ValueError, match="scores must be finite, but 1 of 11 are not"):
        standardize(np.append(RAW[:10], wrong), SPLITS)


def test_whole_numbers_that_float64_rounds_are_refused():
    with pytest.raises(ValueError, match=f"the score {2**60 + 1} is a whole number that float64 rounds"):
        standardize(np.append(np.arange(10), 2**60 + 1), SPLITS)
