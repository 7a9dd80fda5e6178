"""Gradient and curvature of losses of pairs and of soft ranks, in all ways of the engine, against float64."""

import functools

import numpy as np
import pytest
from backends import at_once, compiled, compilers
from keras import ops

from plackett import lambdas, losses
from plackett.kernels import pair_tiles, smooth_sums
from plackett.losses import _pairs
from plackett.losses._curvature import gradient_and_curvature

RANDOM = np.random.default_rng(0)
LISTS, SIZE = 4, 700
LABELS = RANDOM.integers(0, 5, (LISTS, SIZE)).astype("float32")
REAL = RANDOM.random((LISTS, SIZE)) < 0.9
WEIGHTS = RANDOM.uniform(0.5, 2.0, (LISTS, SIZE)).astype("float32")
SPREAD = RANDOM.normal(size=(LISTS, SIZE)).astype("float32")


def sigma(d):
    return 1 / (1 + np.exp(-d))


# The first and the second derivative; of the hinge, which is piecewise linear, the square of the slope, and of soft
# zero-one, whose own is 0 where it is steepest, that of the logistic loss.
PHI = {
    "hinge": lambda d: (-1.0 * (d < 1), 1.0 * (d < 1)),
    "squared_hinge": lambda d: (-2 * np.maximum(0, 1 - d), 2.0 * (d < 1)),
    "logistic": lambda d: (-sigma(-d), sigma(d) * sigma(-d)),
    "soft_zero_one": lambda d: (-sigma(d) * sigma(-d), sigma(d) * sigma(-d)),
}
LOSSES = {
    "hinge": losses.PairwiseHingeLoss,
    "squared_hinge": losses.PairwiseSquaredHingeLoss,
    "logistic": losses.PairwiseLogisticLoss,
    "soft_zero_one": losses.PairwiseSoftZeroOneLoss,
}


def of_pairs(name, labels, scores, mask, weights, pair_weights=1.0):
    """(gradient, curvature) of the sum over all preferred pairs, in float64."""
    exact = scores.astype("float64")
    counts = (labels[:, :, None] > labels[:, None, :]) & mask[:, :, None] & mask[:, None, :]
    counts = counts * weights[:, :, None].astype("float64") * pair_weights
    slope, bend = (counts * x for x in PHI[name](exact[:, :, None] - exact[:, None, :]))
    return slope.sum(axis=2) - slope.sum(axis=1), bend.sum(axis=2) + bend.sum(axis=1)


def of_loss(loss, labels, scores, mask, weights=None, noise=None):
    """(gradient, curvature) of a loss."""
    given = {"labels": labels, "scores": scores, "mask": mask, "weights": weights, "noise": noise}
    given = {k: ops.convert_to_tensor(v) for k, v in given.items() if v is not None}
    fn = at_once(lambda given: gradient_and_curvature(loss, **given))
    return [ops.convert_to_numpy(x) for x in fn(given)]


def cleaned(labels, scores, mask, weights=1.0):
    return [np.where(mask, x, 0).astype("float32") for x in (labels, scores, weights)]


def close(found, expected, mask, tolerance=1e-5):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, np.where(mask, theirs, 0), atol=tolerance * np.abs(theirs).max())


def tiles(monkeypatch, **sizes):
    for name, size in sizes.items():
        monkeypatch.setattr(pair_tiles, name, size)


IN_ONE, IN_MANY = {"WHOLE": 10**7}, {"WHOLE": 1, "TILE": 640, "NARROW": 16, "LOW": 10}


@pytest.mark.parametrize("sizes", [IN_ONE, IN_MANY], ids=["in one tile", "in many tiles"])
@pytest.mark.parametrize("name", PHI)
def test_pairs_of_short_lists(name, sizes, monkeypatch):
    tiles(monkeypatch, **sizes)
    labels, scores, weights = cleaned(LABELS[:, :90], SPREAD[:, :90], REAL[:, :90], WEIGHTS[:, :90])
    mask = REAL[:, :90]
    found = of_loss(LOSSES[name](), labels, scores, mask, weights)
    close(found, of_pairs(name, labels, scores, mask, weights), mask)


@pytest.mark.parametrize("grades", [5, 700], ids=["few grades", "a grade for each document"])
@pytest.mark.parametrize("name", PHI)
def test_pairs_of_long_lists(name, grades):
    labels = LABELS if grades == 5 else RANDOM.permuted(np.tile(np.arange(SIZE), (LISTS, 1)), axis=1)
    labels, scores, weights = cleaned(labels, SPREAD, REAL, WEIGHTS)
    found = of_loss(LOSSES[name](), labels, scores, REAL, weights)
    close(found, of_pairs(name, labels, scores, REAL, weights), REAL)


LAMBDAS = {
    "ranks": lambdas.NDCGLambdaWeight(topn=20, smooth_fraction=0.3),
    "neighbours": lambdas.YetiDCGLambdaWeight(normalized=True),
    "values": lambdas.LabelDiffLambdaWeight(),
}


def pair_weights(weight, labels, scores, mask):
    ranks = np.argsort(np.argsort(np.where(mask, -scores, np.inf), axis=1), axis=1).astype("float32") + 1
    return ops.convert_to_numpy(weight.pair_weights(labels, ranks, mask))


@pytest.mark.parametrize("size", [60, SIZE])
@pytest.mark.parametrize("weight", LAMBDAS)
def test_pairs_with_a_lambda_weight_at_fixed_ranks(weight, size):
    weight, mask = LAMBDAS[weight], REAL[:, :size]
    labels, scores, weights = cleaned(LABELS[:, :size], SPREAD[:, :size], mask, WEIGHTS[:, :size])
    found = of_loss(losses.PairwiseLogisticLoss(lambda_weight=weight), labels, scores, mask, weights)
    fixed = pair_weights(weight, labels, scores, mask)
    close(found, of_pairs("logistic", labels, scores, mask, weights, fixed), mask)


def test_rare_grades_and_many_have_the_same_derivatives_by_pairs_and_by_ranks(monkeypatch):
    labels, scores, weights = cleaned(LABELS, SPREAD, REAL, WEIGHTS)
    loss = losses.PairwiseLogisticLoss(lambda_weight=LAMBDAS["ranks"])
    found = []
    for by_ranks in (True, False):
        monkeypatch.setattr(_pairs, "_ranks_pay", lambda *_, by_ranks=by_ranks: ops.convert_to_tensor(by_ranks))
        found.append(of_loss(loss, labels, scores, REAL, weights))
    close(*found, REAL)


def test_the_pairs_of_all_documents():
    labels, scores, weights = cleaned(LABELS[:, :50], SPREAD[:, :50], REAL[:, :50], WEIGHTS[:, :50])
    mask = REAL[:, :50]
    both = mask[:, :, None] & mask[:, None, :] & ~np.eye(50, dtype=bool)
    error = labels - scores
    for weight in (None, LAMBDAS["values"]):
        fixed = 1.0 if weight is None else pair_weights(weight, labels, scores, mask)
        counts = both * weights[:, :, None].astype("float64") * fixed
        slope = -2 * counts * (error[:, :, None] - error[:, None, :])
        expected = slope.sum(axis=2) - slope.sum(axis=1), 2 * (counts.sum(axis=2) + counts.sum(axis=1))
        close(of_loss(losses.PairwiseMSELoss(lambda_weight=weight), labels, scores, mask, weights), expected, mask)


def test_yeti_is_the_mean_over_its_samples():
    size, samples, temperature = 40, 3, 0.7
    labels, scores, weights = cleaned(LABELS[:, :size], SPREAD[:, :size], REAL[:, :size], WEIGHTS[:, :size])
    mask = REAL[:, :size]
    noise = RANDOM.random((LISTS, samples, size)).astype("float32")
    loss = losses.YetiLogisticLoss(sample_size=samples, temperature=temperature)
    expected = np.zeros((2, LISTS, size))
    for k in range(samples):
        z = (scores - np.log(-np.log(noise[:, k]))) / temperature
        fixed = pair_weights(lambdas.YetiDCGLambdaWeight(), labels, z, mask)
        slope, bend = of_pairs("logistic", labels, z, mask, weights, fixed)
        expected += np.stack([slope / temperature, bend / temperature**2]) / samples
    close(of_loss(loss, labels, scores, mask, weights, noise), expected, mask)


def test_neighbours_in_lists_of_a_size_that_the_compiler_does_not_know():
    given = [ops.convert_to_tensor(x) for x in cleaned(LABELS[:, :9], SPREAD[:, :9], REAL[:, :9])[:2]]

    def fn(labels, scores):
        return losses.pairwise_logistic(labels, scores, lambda_weight=LAMBDAS["neighbours"])

    expected = ops.convert_to_numpy(fn(*given))
    for name, compiler in compilers(2, 2).items():
        np.testing.assert_allclose(ops.convert_to_numpy(compiler(fn)(*given)), expected, rtol=1e-5, err_msg=name)


# Soft ranks


def of_soft_ranks(factor, discounts, scores, mask):
    """(gradient, curvature) of -sum_i factor_i discount(r_i) in float64, of one temperature."""
    s = scores.astype("float64")
    away = ~np.eye(s.shape[1], dtype=bool) & mask[:, None, :] & mask[:, :, None]
    ahead = sigma(s[:, None, :] - s[:, :, None])  # i, j
    slope = np.where(away, ahead * (1 - ahead), 0)
    bend = slope * (1 - 2 * ahead)
    rank = 1 + np.where(away, ahead, 0).sum(axis=2)
    first, second = (-factor * x for x in discounts(rank))
    gradient = np.einsum("bi,bik->bk", first, slope) - first * slope.sum(axis=2)
    curvature = np.einsum("bi,bik->bk", first, bend) + np.einsum("bi,bik->bk", second, slope**2)
    return gradient, curvature + first * bend.sum(axis=2) + second * slope.sum(axis=2) ** 2


def log2_discount(rank):
    log = np.log(1 + rank)
    first = -np.log(2) / (log**2 * (1 + rank))
    return first, np.log(2) * (2 / log**3 + 1 / log**2) / (1 + rank) ** 2


def reciprocal(rank):
    return -1 / rank**2, 2 / rank**3


def ndcg_gains(labels, mask):
    gain = np.where(mask, 2.0**labels - 1, 0)
    falling = -np.sort(-gain, axis=1)
    return gain / (falling / np.log2(np.arange(gain.shape[1]) + 2)).sum(axis=1, keepdims=True)


def shares(labels, mask):
    return labels / labels.sum(axis=1, keepdims=True)


def precisions(labels, scores, mask):
    relevant = mask & (labels >= 1)
    up_to = ((scores[:, None, :] >= scores[:, :, None]) & relevant[:, None, :]).sum(axis=2)
    return relevant * up_to / relevant.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("size", [50, SIZE], ids=["directly", "through the cells"])
@pytest.mark.parametrize("name", ["ndcg", "mrr", "average precision"])
def test_losses_at_soft_ranks(name, size):
    mask = REAL[:, :size]
    labels, scores, _ = cleaned(LABELS[:, :size], SPREAD[:, :size], mask)
    loss, factor, discounts = {
        "ndcg": (losses.ApproxNDCGLoss, ndcg_gains(labels, mask), log2_discount),
        "mrr": (losses.ApproxMRRLoss, shares(labels, mask), reciprocal),
        "average precision": (losses.ApproxAveragePrecisionLoss, precisions(labels, scores, mask), reciprocal),
    }[name]
    close(of_loss(loss(temperature=1.0), labels, scores, mask), of_soft_ranks(factor, discounts, scores, mask), mask)


def second_differences(fn, scores, mask, step=1e-3):
    """d^2 fn / ds_i^2 in float64; the documents of all lists are moved one place at a time."""
    found = np.zeros(scores.shape)
    for place in range(scores.shape[1]):
        move = step * (np.arange(scores.shape[1]) == place)
        found[:, place] = (fn(scores + move) - 2 * fn(scores) + fn(scores - move)) / step**2
    return np.where(mask, found, 0)


def test_the_float64_formula_of_soft_ranks_is_that_of_second_differences():
    mask, scores = REAL[:, :20], SPREAD[:, :20].astype("float64")
    gain = ndcg_gains(LABELS[:, :20], mask)

    def loss(s):
        ahead = np.where(mask[:, None, :] & ~np.eye(20, dtype=bool), sigma(s[:, None, :] - s[:, :, None]), 0)
        return -(gain / np.log2(2 + ahead.sum(axis=2))).sum(axis=1)

    expected = second_differences(loss, scores, mask)
    found = of_soft_ranks(gain, log2_discount, scores, mask)[1]
    np.testing.assert_allclose(np.where(mask, found, 0), expected, atol=1e-6)


def test_gumbel_approx_ndcg_is_the_mean_over_its_samples():
    size, samples, temperature = 80, 3, 0.5
    mask = REAL[:, :size]
    labels, scores, _ = cleaned(LABELS[:, :size], SPREAD[:, :size], mask)
    noise = RANDOM.random((LISTS, samples, size)).astype("float32")
    loss = losses.GumbelApproxNDCGLoss(sample_size=samples, temperature=temperature)
    expected = np.zeros((2, LISTS, size))
    for k in range(samples):
        z = (scores - np.log(-np.log(noise[:, k]))) / temperature
        slope, bend = of_soft_ranks(ndcg_gains(labels, mask), log2_discount, z, mask)
        expected += np.stack([slope / temperature, bend / temperature**2]) / samples
    close(of_loss(loss, labels, scores, mask, noise=noise), expected, mask)


@pytest.mark.parametrize("loss", [losses.ApproxNDCGLoss(bound=True), losses.ApproxMRRLoss(bound=True)], ids=repr)
def test_bounds_of_ranks_have_the_second_derivative_of_the_backend(loss):
    mask = REAL[:, :6]
    labels, scores, _ = cleaned(LABELS[:, :6], SPREAD[:, :6] / 10, mask)
    ranks = functools.partial(np.maximum, 0.0)

    def value(s):
        gaps = 1 + (s[:, None, :] - s[:, :, None]) / 0.1
        rank = 1 + np.where(mask[:, None, :] & ~np.eye(6, dtype=bool), ranks(gaps), 0).sum(axis=2)
        if isinstance(loss, losses.ApproxMRRLoss):
            return -(shares(labels, mask) / rank).sum(axis=1)
        return -(ndcg_gains(labels, mask) / np.log2(1 + rank)).sum(axis=1)

    expected = second_differences(value, scores.astype("float64"), mask, step=1e-5)
    np.testing.assert_allclose(of_loss(loss, labels, scores, mask)[1], expected, atol=1e-3 * np.abs(expected).max())


def test_the_bound_of_the_docstring_of_cells():
    """Each pair of places in cells, at each distance: what a document would read of another."""
    x = np.linspace(0.0, 2.0, 33)[:-1]
    sums = compiled(lambda *x: (*smooth_sums.slope_and_bend_sums(*x), smooth_sums.squared_slope_sum(*x)))
    for far in np.arange(-40.0, 41.0, 2.0):
        pairs = np.stack(np.broadcast_arrays(x[:, None], x[None, :] + far), axis=-1).reshape(-1, 2).astype("float32")
        every = ops.ones((len(pairs), 2), "bool")
        slope, bend, square = sums(ops.convert_to_tensor(pairs), every, ops.ones((len(pairs), 2)))
        ahead = sigma((pairs[:, 1] - pairs[:, 0]).astype("float64"))
        exact = ahead * (1 - ahead)
        np.testing.assert_allclose(ops.convert_to_numpy(slope)[:, 0] - 0.25, exact, atol=1.2e-6)
        np.testing.assert_allclose(ops.convert_to_numpy(bend)[:, 0], exact * (1 - 2 * ahead), atol=4e-6)
        np.testing.assert_allclose(ops.convert_to_numpy(square)[:, 0] - 0.0625, exact**2, atol=4e-6)


def test_a_loss_of_another_function_has_not_the_derivatives_of_its_base():
    class Squares(losses.PairwiseLogisticLoss):
        """The sum of squared scores."""

        fn = staticmethod(lambda labels, scores, *, mask, lambda_weight, weights: ops.sum(scores**2, axis=-1))

    mask = REAL[:, :6]
    labels, scores, _ = cleaned(LABELS[:, :6], SPREAD[:, :6], mask)
    gradient, curvature = of_loss(Squares(), labels, scores, mask)
    np.testing.assert_allclose(gradient, 2 * scores, rtol=1e-6)
    np.testing.assert_allclose(curvature[mask], 2.0, rtol=1e-6)
