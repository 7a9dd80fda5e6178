"""Losses of pairs in linear time a grade, against float64 over all pairs, on hard lists."""

import functools

import numpy as np
import pytest
from backends import differentiated
from keras import ops

from plackett import grades, losses

RANDOM = np.random.default_rng(0)
LISTS, SIZE = 4, 700
LABELS = RANDOM.integers(0, 5, (LISTS, SIZE)).astype("float32")
REAL = RANDOM.random((LISTS, SIZE)) < 0.9
WEIGHTS = RANDOM.random((LISTS, SIZE)).astype("float32")
SPREAD = RANDOM.normal(size=(LISTS, SIZE))
HARD = {
    "normal": SPREAD,
    "wide": 10.0 * SPREAD,
    "all ties": np.zeros((LISTS, SIZE)),
    "on the borders of cells, or just 1 apart": np.round(2.0 * SPREAD) / 2.0,
    "two far clusters": 100.0 * (SPREAD > 0) + SPREAD,
    "far from 0": SPREAD + 1000.0,
    "well ordered": 3.0 * LABELS + SPREAD,
    "each grade far above the next": 25.0 * LABELS + SPREAD,
    "in the wrong order": -25.0 * LABELS + SPREAD,
}


def hinge(d):
    return np.maximum(0, 1 - d), -1.0 * (d < 1)


def logistic(d):
    return np.logaddexp(0, -d), -1 / (1 + np.exp(d))


def soft_zero_one(d):
    wrong = 1 / (1 + np.exp(d))
    return wrong, -wrong * (1 - wrong)


def over_all_pairs(phi, labels, scores, mask, weights):
    """(losses, gradient) in float64."""
    exact = scores.astype("float32").astype("float64")
    pairs = (labels[:, :, None] > labels[:, None, :]) & mask[:, :, None] & mask[:, None, :]
    value, slope = phi(exact[:, :, None] - exact[:, None, :])
    counts = pairs * weights[:, :, None].astype("float64")
    return (counts * value).sum(axis=(1, 2)), (counts * slope).sum(axis=2) - (counts * slope).sum(axis=1)


@functools.cache
def step_of(phi):
    fn = getattr(losses, f"pairwise_{phi.__name__}")
    return differentiated(lambda s, labels, mask, weights: fn(labels, s, mask=mask, weights=weights))


def check(phi, labels, scores, mask=REAL, weights=WEIGHTS):
    value, gradient = map(ops.convert_to_numpy, step_of(phi)(scores.astype("float32"), labels, mask, weights))
    expected, slope = over_all_pairs(phi, labels, scores, mask, weights)
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(gradient, slope, atol=2e-6 * np.abs(slope).max())


def pays(labels, scores, mask=REAL):
    return bool(grades.pays(*map(ops.convert_to_tensor, (labels, scores.astype("float32"), mask))))


@pytest.mark.parametrize("phi", [hinge, logistic, soft_zero_one])
@pytest.mark.parametrize("name", HARD)
def test_hard_lists(name, phi):
    assert pays(LABELS, HARD[name])
    check(phi, LABELS, HARD[name])


@pytest.mark.parametrize("phi", [hinge, logistic, soft_zero_one])
def test_lists_with_other_grades_each(phi):
    """None, one, two and three grades, fractional, with a list of one document and one without."""
    labels = np.stack([LABELS[0], np.ones(SIZE), LABELS[2] > 2, np.minimum(LABELS[3], 2) / 3]).astype("float32")
    mask = REAL & (np.arange(SIZE) < np.array([[0], [SIZE], [SIZE], [SIZE]]))
    mask[1] = np.arange(SIZE) == 9
    assert pays(labels, SPREAD, mask)
    check(phi, labels, SPREAD, mask)


@pytest.mark.parametrize("phi", [hinge, logistic, soft_zero_one])
@pytest.mark.parametrize(
    "labels,scores",
    [
        (RANDOM.random((LISTS, SIZE)).astype("float32"), SPREAD),
        ((RANDOM.random((LISTS, SIZE)) < 0.01).astype("float32"), SPREAD),
        (LABELS, 1000.0 * SPREAD),
    ],
    ids=["a grade for each document", "few documents", "wider than the cells"],
)
def test_where_pairs_are_visited_one_by_one(labels, scores, phi):
    assert not pays(labels, scores)
    with np.errstate(over="ignore"):
        check(phi, labels, scores)
