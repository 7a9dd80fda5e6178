"""Losses of pairs on long lists: in linear time a grade against float64, and by rank against by label."""

import functools

import numpy as np
import pytest
from backends import differentiated
from keras import ops

from plackett import gains, lambdas, losses
from plackett.kernels import by_grade, pair_tiles
from plackett.lambdas._uses import of_gains_and_ranks
from plackett.losses import _pairs

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
    # A matrix product of oneDNN, under TensorFlow, adds 700 numbers one after the other on some processors.
    np.testing.assert_allclose(gradient, slope, atol=6e-6 * np.abs(slope).max())


def pays(labels, scores, mask=REAL):
    return bool(by_grade.pays(*map(ops.convert_to_tensor, (labels, scores.astype("float32"), mask))))


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


@pytest.mark.parametrize(
    "weight",
    [
        lambdas.NDCGLambdaWeight(),
        lambdas.DCGLambdaWeight(topn=9, smooth_fraction=0.3, gain_fn=gains.pow_minus_1),
        lambdas.NDCGLambdaWeightV2(topn=20),
        lambdas.YetiDCGLambdaWeight(normalized=True),
    ],
    ids=lambda weight: type(weight).__name__,
)
def test_weights_of_ranks_in_tiles(weight, monkeypatch):
    """In one tile pairs are formed by label, in many by rank."""
    labels, mask, weights = LABELS[:, :90], REAL[:, :90], WEIGHTS[:, :90]

    def step():
        options = {"mask": mask, "weights": weights, "lambda_weight": weight}
        return differentiated(lambda s: losses.pairwise_logistic(labels, s, **options))

    in_one, in_many = step(), step()
    for name in ("normal", "on the borders of cells, or just 1 apart", "in the wrong order"):
        scores = HARD[name][:, :90].astype("float32")
        monkeypatch.setattr(pair_tiles, "WHOLE", 10**6)
        expected = in_one(scores)
        for constant, value in {"WHOLE": 1, "TILE": 640, "NARROW": 16, "LOW": 10}.items():
            monkeypatch.setattr(pair_tiles, constant, value)
        for ours, theirs in zip(in_many(scores), expected, strict=True):
            theirs = ops.convert_to_numpy(theirs)
            np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())


def test_rare_grades_are_visited_by_pairs(monkeypatch):
    """The number of pairs decides, and both ways agree."""
    few = (RANDOM.random((LISTS, SIZE)) < 0.1).astype("float32")
    assert bool(_pairs._ranks_pay(*map(ops.convert_to_tensor, (LABELS, REAL))))
    assert not bool(_pairs._ranks_pay(*map(ops.convert_to_tensor, (few, REAL))))

    def step(by_ranks):
        monkeypatch.setattr(_pairs, "_ranks_pay", lambda *_: ops.convert_to_tensor(by_ranks))
        weight = lambdas.NDCGLambdaWeight()
        fn = differentiated(lambda s, labels: losses.pairwise_logistic(labels, s, mask=REAL, lambda_weight=weight))
        return [fn(SPREAD.astype("float32"), labels) for labels in (LABELS, few)]

    for by_ranks, by_pairs in zip(step(True), step(False), strict=True):
        for ours, theirs in zip(by_ranks, by_pairs, strict=True):
            theirs = ops.convert_to_numpy(theirs)
            np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())


def test_a_rank_term_of_your_own_is_not_taken_for_symmetric():
    class Top(lambdas.NDCGLambdaWeight):
        def rank_term(self, every_rank):
            return lambda i, j: 1.0 / i

    class Doubled(lambdas.NDCGLambdaWeight):
        def gain(self, labels, mask):
            return 2.0 * super().gain(labels, mask)

    taken = [of_gains_and_ranks(weight) for weight in (Top(), Doubled(), lambdas.LabelDiffLambdaWeight())]
    assert taken == [False, True, False]
