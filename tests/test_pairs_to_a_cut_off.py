"""A pair that lies below `topn` altogether weighs nothing in a DCG: rows end there, in all ways of the engine."""

import keras
import numpy as np
import pytest
from backends import compilers, differentiated
from keras import ops
from test_curvature_of_pairs import of_loss, of_pairs, pair_weights, tiles

from plackett import lambdas, losses
from plackett.kernels import pair_tiles, rank_blocks

RANDOM = np.random.default_rng(3)
LISTS, SIZE = 3, 60
LABELS = RANDOM.integers(0, 4, (LISTS, SIZE)).astype("float32")
SCORES, WEIGHTS = RANDOM.normal(size=(2, LISTS, SIZE)).astype("float32") + np.float32([[[0]], [[4]]])
REAL = np.arange(SIZE) < np.array([[SIZE], [40], [6]])
WAYS = {
    "in one tile": {"WHOLE": 10**7},
    "in one tile, of a batch of several": {"WHOLE": 9 * LISTS * SIZE},
    "in many tiles": {"WHOLE": 1, "TILE": 160, "NARROW": 16, "LOW": 10},
}


class Own(lambdas.DCGLambdaWeight):
    """Of pairs below the cut-off too."""

    def rank_term(self, every_rank):
        return self.neighbour_term(every_rank)


CUT_OFF = {
    "NDCG": lambdas.NDCGLambdaWeight(topn=9, smooth_fraction=0.3),
    "DCG": lambdas.DCGLambdaWeight(topn=1),
    "below the end": lambdas.NDCGLambdaWeight(topn=1000),
}
NOT_CUT_OFF = {"V2": lambdas.NDCGLambdaWeightV2(topn=9), "of a user's own": Own(topn=9)}


class Upward(lambdas.DCGLambdaWeight):
    """Of pairs whose preferred document ranks lower alone."""

    def neighbour_term(self, every_rank):
        return lambda i, j: ops.relu(i - j)


def in_float64(weight, labels, scores, mask, weights):
    """(the sum for each document, the gradient, the curvature) over all pairs."""
    fixed = pair_weights(weight, labels, scores, mask)
    exact = scores.astype("float64")
    counts = (labels[:, :, None] > labels[:, None, :]) & mask[:, :, None] & mask[:, None, :]
    value = counts * fixed * np.logaddexp(0, exact[:, None, :] - exact[:, :, None])
    return weights * value.sum(axis=2), *of_pairs("logistic", labels, scores, mask, weights, fixed)


@pytest.mark.parametrize("sizes", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", [*CUT_OFF, *NOT_CUT_OFF])
def test_all_sums_are_those_of_all_pairs(name, sizes, monkeypatch):
    tiles(monkeypatch, **sizes)
    weight = (CUT_OFF | NOT_CUT_OFF)[name]
    by_document, *derivatives = in_float64(weight, LABELS, SCORES, REAL, WEIGHTS)
    options = {"mask": REAL, "weights": WEIGHTS, "lambda_weight": weight}
    for per, value in (("list", by_document.sum(axis=1)), ("document", by_document)):
        found = differentiated(lambda x, per=per: losses.pairwise_logistic(LABELS, x, per=per, **options))(SCORES)
        close(found, (value, derivatives[0]))
    close(of_loss(losses.PairwiseLogisticLoss(lambda_weight=weight), LABELS, SCORES, REAL, WEIGHTS), derivatives)


def close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=1e-5 * np.abs(theirs).max())


def test_lists_of_a_size_that_the_compiler_does_not_know():
    given = [ops.convert_to_tensor(x) for x in (LABELS, SCORES)]
    weight = CUT_OFF["NDCG"]
    expected = in_float64(weight, LABELS, SCORES, REAL | True, np.ones_like(WEIGHTS))[0].sum(axis=1)
    for name, compiler in compilers(2, 2).items():
        found = compiler(lambda labels, x: losses.pairwise_logistic(labels, x, lambda_weight=weight))(*given)
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, err_msg=name)


def test_tiles_are_no_higher_than_the_cut_off(monkeypatch):
    """One list of 3,000 has 43 rows in a tile where all of its columns are."""
    heights, in_tiles = [], pair_tiles._in_tiles
    tiles(monkeypatch, WHOLE=1)
    monkeypatch.setattr(pair_tiles, "_in_tiles", lambda *given: heights.append(given[2].height) or in_tiles(*given))
    labels, scores = RANDOM.integers(0, 4, (1, 3000)).astype("float32"), RANDOM.normal(size=(1, 3000))
    losses.pairwise_logistic(labels, scores.astype("float32"), lambda_weight=lambdas.NDCGLambdaWeight(topn=10))
    assert 10 in heights


def test_a_term_of_your_own_may_tell_which_document_is_preferred():
    weight = Upward(topn=9)
    pairs = losses.pairwise_logistic(LABELS, SCORES, mask=REAL, lambda_weight=weight, per="pair")
    found = losses.pairwise_logistic(LABELS, SCORES, mask=REAL, lambda_weight=weight)
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (found, ops.sum(pairs, axis=(1, 2)))), rtol=1e-5)


@pytest.mark.parametrize(("kind", "size"), [(lambdas.NDCGLambdaWeight, SIZE), (lambdas.NDCGLambdaWeightV2, 1000)])
def test_a_cut_off_may_be_a_whole_number_in_floating_point(kind, size, monkeypatch):
    monkeypatch.setattr(pair_tiles, "WHOLE", 1)
    monkeypatch.setattr(rank_blocks, "NEAR", 0.0)
    monkeypatch.setattr(rank_blocks, "FAR", 0.0)
    labels, scores = RANDOM.integers(0, 4, (1, size)).astype("float32"), RANDOM.normal(size=(1, size)).astype("float32")
    values = [losses.pairwise_logistic(labels, scores, lambda_weight=kind(topn=topn)) for topn in (9.0, 9)]
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, values))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX computes in float32")
def test_float64_ends_at_the_cut_off_too(monkeypatch):
    heights, in_tiles = [], pair_tiles._in_tiles
    tiles(monkeypatch, WHOLE=1)
    monkeypatch.setattr(pair_tiles, "_in_tiles", lambda *given: heights.append(given[2].height) or in_tiles(*given))
    options = {"mask": REAL, "lambda_weight": lambdas.NDCGLambdaWeight(topn=9)}
    pairs = losses.pairwise_logistic(LABELS, SCORES.astype("float64"), per="pair", **options)
    found = losses.pairwise_logistic(LABELS, SCORES.astype("float64"), **options)
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (found, ops.sum(pairs, axis=(1, 2)))), rtol=1e-12)
    assert heights == [9]


def test_a_list_of_100_000_documents():
    """It has 5e9 pairs, a million of which reach into the first ten ranks."""
    size = 100_000
    labels, scores = RANDOM.integers(0, 4, (1, size)).astype("float32"), RANDOM.normal(size=(1, size)).astype("float32")
    weight = lambdas.NDCGLambdaWeight(topn=10)
    found = differentiated(lambda x: losses.pairwise_logistic(labels, x, lambda_weight=weight))(scores)
    order = np.argsort(-scores[0], kind="stable")
    y, s = labels[0, order], scores[0, order].astype("float64")
    gain = (2.0**y - 1) * size / np.sum(-np.sort(1 - 2.0**y)[:10] / np.log2(np.arange(2, 12)))
    distance = np.arange(size) - np.arange(10)[:, None]
    near = np.maximum(distance, 1)
    term = (distance > 0) * (1 / np.log2(1 + near) - 1 / np.log2(2 + near))
    pairs = term * np.abs(gain[:10, None] - gain) * (y[:10, None] != y)
    sign = np.sign(y[:10, None] - y)
    value = np.sum(pairs * np.logaddexp(0, -sign * (s[:10, None] - s)))
    slope = -sign * pairs / (1 + np.exp(sign * (s[:10, None] - s)))
    gradient = np.zeros(size)
    gradient[order[:10]] += slope.sum(axis=1)
    gradient[order] -= slope.sum(axis=0)
    close(found, (np.array([value]), gradient[None]))
