"""Soft ranks on both of their ways, and sums over pairs in tiles, against float64 on hard lists."""

import numpy as np
import pytest
from backends import at_once, compiled, differentiated
from keras import ops

from plackett.kernels import pair_tiles, smooth_sums, soft_ranks
from plackett.lambdas import NDCGLambdaWeight
from plackett.losses import approx_ranks, neural_sort, neural_sort_ndcg

RANDOM = np.random.default_rng(0)
SIZE = 400
SPREAD = RANDOM.normal(size=(3, SIZE))
HARD = {
    "normal": 10.0 * SPREAD,
    "narrow": 0.01 * SPREAD,
    "all ties": np.zeros((3, SIZE)),
    "two far clusters": 400.0 * (SPREAD > 0) + SPREAD,
    "on the borders of cells": np.round(20.0 * SPREAD) / 2.0,
    "far from 0": 10.0 * SPREAD + 1000.0,
    "wider than the cells": 1000.0 * SPREAD,
    "one far away": np.where(np.arange(SIZE) == 7, 1e30, SPREAD),
}


def by_loops(scores, mask):
    """(ranks, sigma'(s_j - s_i)) in float64."""
    scores = scores.astype("float32").astype("float64")
    gap = scores[:, None, :] - scores[:, :, None]
    with np.errstate(over="ignore"):
        ahead = mask[:, None, :] / (1.0 + np.exp(-gap))
        slope = mask[:, None, :] * np.exp(-np.abs(gap)) / (1.0 + np.exp(-np.abs(gap))) ** 2
    return 0.5 + ahead.sum(axis=-1), slope


@pytest.fixture(scope="module")
def ranked():
    """Value and gradient of the weighted sum of soft ranks, compiled once."""
    return differentiated(lambda scores, mask, wanted, c: c * soft_ranks.soft_ranks(scores, mask > 0, wanted > 0))


@pytest.mark.parametrize("wanted", ["many", "few"])
@pytest.mark.parametrize("name", HARD)
def test_as_the_sum_in_float64(name, wanted, ranked):
    scores = HARD[name].astype("float32")
    mask = np.arange(SIZE) < np.array([[SIZE], [SIZE - 30], [1]])
    wanted = mask & ((RANDOM.random(mask.shape) < 0.8) if wanted == "many" else (np.arange(SIZE) % 100 == 5))
    c = np.where(wanted, RANDOM.normal(size=scores.shape), 0.0)
    value, gradient = ranked(*(ops.convert_to_tensor(x.astype("float32")) for x in (scores, mask, wanted, c)))
    ranks, slope = by_loops(scores, mask)
    np.testing.assert_allclose(ops.convert_to_numpy(value), (c * ranks).astype("float32"), rtol=2e-6, atol=1e-30)
    expected = np.einsum("bi,bij->bj", c, slope) - c * slope.sum(axis=-1)
    expected = np.where(mask, expected, 0.0)
    scale = np.maximum(np.abs(expected).max(axis=-1, keepdims=True), 0.1)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient) / scale, expected / scale, atol=2e-6)


@pytest.mark.parametrize("name", [name for name in HARD if name not in ("wider than the cells", "one far away")])
def test_both_ways_agree(name):
    scores = ops.convert_to_tensor(HARD[name].astype("float32"))
    every = ops.ones_like(scores, dtype="bool")
    assert bool(smooth_sums.fits(scores, every))
    both = at_once(
        lambda x, every: (
            smooth_sums.logistic_sums(x, every, ops.cast(every, "float32")),
            soft_ranks._directly(x, every, every),
        )
    )
    for ours, expected in zip(*both(scores, every), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), ops.convert_to_numpy(expected), rtol=3e-6, atol=1e-6)


def test_scores_that_do_not_fit_the_cells():
    for name in ("wider than the cells", "one far away"):
        scores = ops.convert_to_tensor(HARD[name].astype("float32"))
        assert not bool(smooth_sums.fits(scores, ops.ones_like(scores, dtype="bool"))), name
    scores = ops.convert_to_tensor(np.array([[0.0, np.nan]], "float32"))
    assert not bool(smooth_sums.fits(scores, ops.ones_like(scores, dtype="bool")))
    assert bool(smooth_sums.fits(scores, ops.convert_to_tensor([[True, False]])))


def test_the_bound_of_the_docstring():
    """Each pair of places in cells, at each distance: what a document would read of another."""
    x = np.linspace(0.0, 2.0, 33)[:-1]
    sums = at_once(smooth_sums.logistic_sums)
    for far in np.arange(-40.0, 41.0, 2.0):
        pairs = np.stack(np.broadcast_arrays(x[:, None], x[None, :] + far), axis=-1).reshape(-1, 2).astype("float32")
        every = ops.ones((len(pairs), 2), "bool")
        value, slope = sums(ops.convert_to_tensor(pairs), every, ops.ones((len(pairs), 2)))
        gap = (pairs[:, 1] - pairs[:, 0]).astype("float64")
        sigma = 1 / (1 + np.exp(-gap))
        np.testing.assert_allclose(ops.convert_to_numpy(value)[:, 0] - 0.5, sigma, atol=6e-7)
        np.testing.assert_allclose(ops.convert_to_numpy(slope)[:, 0] - 0.25, sigma * (1 - sigma), atol=1.2e-6)


def test_float16_and_one_document():
    scores = (HARD["normal"] / 10.0).astype("float16")
    ranks = ops.convert_to_numpy(approx_ranks(ops.convert_to_tensor(scores)))
    np.testing.assert_allclose(ranks, by_loops(scores, np.ones_like(scores, bool))[0], rtol=2e-6)
    assert ops.convert_to_numpy(approx_ranks([[3.0]])) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [70, 140, 5000])
def test_ranks_of_compiled_functions(size):
    scores = RANDOM.normal(size=(2, size)).astype("float32")
    eager, fast = approx_ranks(scores), compiled(approx_ranks)(ops.convert_to_tensor(scores))
    np.testing.assert_allclose(ops.convert_to_numpy(eager), ops.convert_to_numpy(fast), rtol=2e-6)


def product_and_difference(i, j):
    return i[0] * j[0], i[2] * j[1], j[0] - i[0]


@pytest.mark.parametrize("samples", [1, 3])
def test_sums_over_pairs_in_tiles(samples, monkeypatch):
    x, y = RANDOM.normal(size=(2, 6, 50)).astype("float32")
    matrix = RANDOM.normal(size=(6, 50, 50)).astype("float32")
    wanted = RANDOM.random((6 // samples, 50)) < np.linspace(0.0, 1.0, 6 // samples)[:, None]

    def sums():
        arguments = map(ops.convert_to_tensor, (wanted, x, y, matrix))
        return at_once(lambda *x: pair_tiles.pair_sums(product_and_difference, *x, by_row=2, by_column=1))(*arguments)

    rows = np.repeat(wanted, samples, axis=0)
    expected = (
        rows * (x * x.sum(axis=-1, keepdims=True)),
        rows * (matrix * y[:, None, :]).sum(axis=-1),
        (rows[:, :, None] * (x[:, None, :] - x[:, :, None])).sum(axis=-2),
    )
    for whole, tile in ((10**6, 1), (1, 900), (1, 2000), (1, 10**6)):
        monkeypatch.setattr(pair_tiles, "WHOLE", whole)
        monkeypatch.setattr(pair_tiles, "TILE", tile)
        for ours, theirs in zip(sums(), expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 3])
def test_sums_over_pairs_of_a_higher_and_a_lower_document(samples, monkeypatch):
    x, y = RANDOM.normal(size=(2, 6, 50)).astype("float32")
    labels = RANDOM.integers(-1, 3, (6 // samples, 50)).astype("float32")
    labels[0] = 1.0
    real = labels >= 0
    higher = np.repeat((labels[:, :, None] > labels[:, None, :]) & real[:, None, :], samples, axis=0)

    def terms(i, j):
        counts = ops.relu(ops.sign(i[0] - j[0])) * j[1]
        return [counts * (i[2] * j[3]), counts * i[3]]

    def sums(real, labels, x, y):
        each = [ops.repeat(ops.cast(z, "float32"), samples, axis=0) for z in (labels, real)]
        return pair_tiles.pair_sums(terms, real, *each, x, y, by_row=1, by_column=1, higher=labels)

    arguments = [ops.convert_to_tensor(z) for z in (real, labels, x, y)]
    expected = (higher * x[:, :, None] * y[:, None, :]).sum(axis=2), (higher * y[:, :, None]).sum(axis=1)
    for whole, tile, narrow, low in (
        (10**6, 1, 1, 1),
        (1, 900, 8, 10),
        (1, 2000, 16, 3),
        (1, 1, 50, 1),
        (1, 10**6, 9, 99),
    ):
        for name, value in {"WHOLE": whole, "TILE": tile, "NARROW": narrow, "LOW": low}.items():
            monkeypatch.setattr(pair_tiles, name, value)
        for ours, theirs in zip(at_once(lambda *x: sums(*x))(*arguments), expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("topn", [None, 7])
def test_neural_sort_in_tiles_and_as_a_matrix(topn, monkeypatch):
    metric = NDCGLambdaWeight(topn=topn)
    labels = RANDOM.integers(0, 4, (3, 200)).astype("float32")
    mask = RANDOM.random((3, 200)) < np.array([[0.9], [0.5], [0.0]])
    gain = np.where(mask, 2.0**labels - 1.0, 0.0).astype("float32")
    discount = ops.convert_to_numpy(metric.discount(ops.arange(1, 201, dtype="float32")))
    ideal = np.sum(-np.sort(-gain, axis=-1) * discount, axis=-1)

    def by_matrix(scores, gain):
        by_rank = ops.sum(neural_sort(scores, mask) * ops.convert_to_tensor(gain)[:, None, :], axis=-1)
        return -ops.sum(by_rank * ops.convert_to_tensor(discount / np.maximum(ideal, 1e-9)[:, None]), axis=-1)

    matrix = differentiated(by_matrix)
    for tile in (1, 5000):
        monkeypatch.setattr(pair_tiles, "WHOLE", 1)
        monkeypatch.setattr(pair_tiles, "TILE", tile)
        in_tiles = differentiated(lambda s: neural_sort_ndcg(labels, s, mask=mask, lambda_weight=metric))
        for name in ("normal", "all ties", "two far clusters", "on the borders of cells"):
            scores = HARD[name][:, :200].astype("float32")
            order = np.argsort(np.where(mask, -scores, np.inf), axis=-1, kind="stable")
            expected = matrix(scores, np.take_along_axis(gain, order, axis=-1))
            for ours, theirs in zip(in_tiles(scores), expected, strict=True):
                ours, theirs = (ops.convert_to_numpy(ops.stop_gradient(x)) for x in (ours, theirs))
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max() + 1e-9)
