"""Weights of the DCG family on long lists, in blocks of ranks, against float64."""

import functools

import numpy as np
import pytest
from backends import at_once, differentiated
from keras import ops

from plackett import gains, lambdas, losses
from plackett.kernels import rank_blocks, rank_decays
from plackett.lambdas._uses import of_gains_and_ranks, rank_term_of
from plackett.losses._curvature import gradient_and_curvature

RANDOM = np.random.default_rng(0)
LISTS, SIZE = 2, 1200
LABELS = RANDOM.integers(0, 4, (LISTS, SIZE)).astype("float32")
REAL = RANDOM.random((LISTS, SIZE)) < 0.9
WEIGHTS = RANDOM.uniform(0.5, 2.0, (LISTS, SIZE)).astype("float32")
SPREAD = RANDOM.normal(size=(LISTS, SIZE))
HARD = {
    "normal": SPREAD,
    "wide": 10.0 * SPREAD,
    "all ties": np.zeros((LISTS, SIZE)),
    "many ties": np.round(2.0 * SPREAD) / 2.0,
    "two far clusters": 200.0 * (SPREAD > 1) + 1e-3 * SPREAD,
    "gaps of 10,000": 1e4 * SPREAD,
    "a few very far": RANDOM.standard_cauchy((LISTS, SIZE)),
    "one side": RANDOM.exponential(size=(LISTS, SIZE)),
    "far from 0": SPREAD + 1000.0,
    "well ordered": 3.0 * LABELS + SPREAD,
    "each grade far above the next": 25.0 * LABELS + SPREAD,
    "in the wrong order": -25.0 * LABELS + SPREAD,
}
WEIGHT = lambdas.NDCGLambdaWeight()
OTHERS = {
    "swaps": lambdas.NDCGLambdaWeight(smooth_fraction=0.3, rank_discount_fn=gains.letor_discount),
    "swaps alone": lambdas.DCGLambdaWeight(smooth_fraction=1.0, rank_discount_fn=gains.log2_inverse),
    "reciprocal ranks": lambdas.DCGLambdaWeight(),
    "below a cut-off": lambdas.NDCGLambdaWeightV2(topn=100),
}


def sigma(d):
    return 1 / (1 + np.exp(-d))


# The function, its slope and, for curvature, the second derivative; of soft zero-one that of the logistic loss.
PHI = {
    "logistic": lambda d: (np.logaddexp(0, -d), -sigma(-d), sigma(d) * sigma(-d)),
    "soft_zero_one": lambda d: (sigma(-d), -sigma(d) * sigma(-d), sigma(d) * sigma(-d)),
}


def pair_weights(weight, labels, scores, mask):
    """[lists, n, n], in float64."""
    discount = rank_decays.DISCOUNTS[weight.rank_discount_fn]
    gain = np.where(mask, labels if weight.gain_fn is gains.identity else 2.0**labels - 1, 0).astype("float64")
    if weight.normalized:
        ideal = -np.sort(-gain) * discount(np.arange(1.0, SIZE + 1))
        gain = gain / ideal[:, : weight.topn].sum(axis=1, keepdims=True)
    rank = 1.0 + np.argsort(np.argsort(np.where(mask, -scores, np.inf), axis=1, kind="stable"), axis=1)
    i, j = rank[:, :, None], rank[:, None, :]
    apart = np.maximum(np.abs(i - j), 1)
    swap = getattr(weight, "smooth_fraction", 0.0)
    term = (1 - swap) * np.abs(discount(apart) - discount(apart + 1)) + swap * np.abs(discount(i) - discount(j))
    if weight.topn is not None:
        lower = np.maximum(i, j)
        term = term / np.where(lower > weight.topn, 1 - discount(np.maximum(lower, 2)), 1)
    return mask.sum(axis=1)[:, None, None] * np.abs(gain[:, :, None] - gain[:, None, :]) * term


def over_all_pairs(name, weight, labels, scores, mask=REAL, weights=WEIGHTS):
    """(value a document, gradient, curvature) in float64."""
    exact = scores.astype("float32").astype("float64")
    pairs = (labels[:, :, None] > labels[:, None, :]) & mask[:, :, None] & mask[:, None, :]
    counts = pairs * weights[:, :, None].astype("float64") * pair_weights(weight, labels, exact, mask)
    with np.errstate(over="ignore"):
        value, slope, bend = (counts * x for x in PHI[name](exact[:, :, None] - exact[:, None, :]))
    return value.sum(axis=2), slope.sum(axis=2) - slope.sum(axis=1), bend.sum(axis=2) + bend.sum(axis=1)


@functools.cache
def step_of(name, weight, per="list"):
    fn = functools.partial(getattr(losses, f"pairwise_{name}"), lambda_weight=weight, per=per)
    return differentiated(lambda s, labels, mask, weights: fn(labels, s, mask=mask, weights=weights))


def pays(weight, labels, scores, mask=REAL, pairs=2e6):
    labels, scores, mask = map(ops.convert_to_tensor, (labels, scores.astype("float32"), mask))
    gain = weight.gain_of_pairs(labels, mask, ops.convert_to_tensor(WEIGHTS))
    return bool(rank_blocks.pays(labels, scores, mask, gain, ops.convert_to_tensor(pairs, dtype="float32")))


def check(name, weight, labels, scores, mask=REAL):
    value, gradient = map(ops.convert_to_numpy, step_of(name, weight)(scores.astype("float32"), labels, mask, WEIGHTS))
    expected, slope, _ = over_all_pairs(name, weight, labels, scores, mask)
    np.testing.assert_allclose(value, expected.sum(axis=1), rtol=1e-6, atol=1e-30)
    # The slope of soft zero-one at a pair far in the wrong order is 1 - 1.
    np.testing.assert_allclose(gradient, slope, atol=3e-6 * np.abs(slope).max() + 1e-7 * expected.max())


@pytest.mark.parametrize("name", PHI)
@pytest.mark.parametrize("scores", HARD)
def test_hard_lists(scores, name):
    assert pays(WEIGHT, LABELS, HARD[scores])
    check(name, WEIGHT, LABELS, HARD[scores])


@pytest.mark.parametrize("name", PHI)
@pytest.mark.parametrize("scores", ["normal", "two far clusters", "in the wrong order"])
@pytest.mark.parametrize("weight", OTHERS)
def test_other_terms_of_ranks(weight, scores, name):
    assert rank_term_of(OTHERS[weight]) is not None
    check(name, OTHERS[weight], LABELS, HARD[scores])


@pytest.mark.parametrize("name", PHI)
def test_lists_with_other_grades_each(name):
    """Two fractional grades and one document, then none."""
    labels = np.stack([LABELS[0] > 2, LABELS[1]]).astype("float32") / 3
    for documents in (1, 0):
        mask = REAL & (np.arange(SIZE) < np.array([[SIZE], [documents]]))
        assert pays(WEIGHT, labels, SPREAD, mask)
        value, gradient = map(
            ops.convert_to_numpy, step_of(name, WEIGHT)(SPREAD.astype("float32"), labels, mask, WEIGHTS)
        )
        expected, slope, _ = over_all_pairs(name, WEIGHT, labels[:1], SPREAD[:1], mask[:1], WEIGHTS[:1])
        np.testing.assert_allclose(value, [expected.sum(), 0.0], rtol=1e-6)
        np.testing.assert_allclose(gradient[:1], slope, atol=3e-6 * np.abs(slope).max())
        assert not gradient[1].any()


def test_lists_that_are_summed_one_after_the_other(monkeypatch):
    monkeypatch.setattr(rank_blocks, "TOGETHER", 1)
    step_of.cache_clear()
    weight = lambdas.NDCGLambdaWeight(rank_discount_fn=gains.letor_discount)  # of no other test: JAX keeps its step
    check("logistic", weight, LABELS, SPREAD)


@pytest.mark.parametrize("name", PHI)
def test_a_value_a_document(name):
    value, gradient = step_of(name, WEIGHT, "document")(SPREAD.astype("float32"), LABELS, REAL, WEIGHTS)
    expected, slope, _ = over_all_pairs(name, WEIGHT, LABELS, SPREAD)
    np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=1e-5, atol=1e-6 * expected.max())
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), slope, atol=3e-6 * np.abs(slope).max())


def test_the_gradient_by_the_weights_is_the_value_of_a_document():
    def value(weights, labels, mask, scores):
        return losses.pairwise_logistic(labels, scores, mask=mask, weights=weights, lambda_weight=WEIGHT)

    _, gradient = differentiated(value)(WEIGHTS, LABELS, REAL, SPREAD.astype("float32"))
    expected, _, _ = over_all_pairs("logistic", WEIGHT, LABELS, SPREAD)
    np.testing.assert_allclose(ops.convert_to_numpy(gradient) * WEIGHTS, expected, atol=2e-6 * expected.max())


@functools.cache
def curvature_of(name):
    kind = {"logistic": losses.PairwiseLogisticLoss, "soft_zero_one": losses.PairwiseSoftZeroOneLoss}[name]
    return at_once(lambda given: gradient_and_curvature(kind(lambda_weight=WEIGHT), **given))


@pytest.mark.parametrize("scores", ["normal", "all ties", "two far clusters"])
@pytest.mark.parametrize("name", PHI)
def test_curvature(name, scores):
    given = {"labels": LABELS, "scores": HARD[scores].astype("float32"), "mask": REAL, "weights": WEIGHTS}
    given = {k: ops.convert_to_tensor(v) for k, v in given.items()}
    _, *expected = over_all_pairs(name, WEIGHT, LABELS, HARD[scores])
    for ours, theirs in zip(curvature_of(name)(given), expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=5e-6 * np.abs(theirs).max())


def test_the_pairs_of_a_block_and_the_next_and_all_others_are_each_visited_once():
    """Of equal scores, the sum by ranks alone: a pair that is lost or counted twice would show in its document."""
    labels = (np.arange(SIZE) % 2 + np.zeros((LISTS, 1))).astype("float32")
    value, _ = step_of("soft_zero_one", WEIGHT, "document")(np.zeros_like(labels), labels, REAL, np.ones_like(labels))
    expected, _, _ = over_all_pairs("soft_zero_one", WEIGHT, labels, np.zeros_like(labels), REAL, np.ones_like(labels))
    np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=3e-6)


@pytest.mark.parametrize(
    "weight,labels,scores,pairs",
    [
        (lambdas.NDCGLambdaWeight(weighted=True), LABELS, SPREAD, 2e6),
        (WEIGHT, RANDOM.integers(0, 40, (LISTS, SIZE)).astype("float32"), SPREAD, 2e6),
        (WEIGHT, LABELS, SPREAD, 1e5),
        (WEIGHT, LABELS, np.where(SPREAD.max() == SPREAD, np.inf, SPREAD), 2e6),
        (WEIGHT, LABELS, np.where(SPREAD.max() == SPREAD, np.nan, SPREAD), 2e6),
    ],
    ids=["a gain for each document", "many grades", "few pairs", "an infinite score", "a score that is no number"],
)
def test_where_pairs_are_visited_one_by_one(weight, labels, scores, pairs):
    assert not pays(weight, labels, scores, pairs=pairs)


def test_gains_of_weighted_documents_are_not_those_of_their_grade():
    weight = lambdas.NDCGLambdaWeight(weighted=True)
    labels, mask = map(ops.convert_to_tensor, (LABELS, REAL))
    scores, weights = map(ops.convert_to_tensor, (SPREAD.astype("float32"), WEIGHTS))
    options = {"mask": mask, "weights": weights, "lambda_weight": weight}
    value = ops.convert_to_numpy(losses.pairwise_logistic(labels, scores, **options))
    matrix = ops.convert_to_numpy(losses.pairwise_logistic(labels, scores, per="pair", **options))
    np.testing.assert_allclose(value, matrix.astype("float64").sum(axis=(1, 2)), rtol=2e-6)


def test_weights_that_are_no_sum_of_exponentials():
    class Slow(lambdas.NDCGLambdaWeight):
        def neighbour_term(self, every_rank):
            return lambda i, j: 1.0 / ops.sqrt(ops.abs(i - j))

    others = [lambdas.NDCGLambdaWeight(topn=10), lambdas.DCGLambdaWeight(rank_discount_fn=lambda rank: rank**-0.5)]
    assert [rank_term_of(weight) for weight in (*others, lambdas.YetiDCGLambdaWeight())] == [None] * 3
    assert not of_gains_and_ranks(Slow())


@pytest.mark.parametrize("discount", rank_decays.DISCOUNTS, ids=lambda fn: fn.__name__)
def test_the_bounds_of_the_docstring_of_discounts(discount):
    """At each distance of lists of 192 to 262,144 ranks; a sum of terms no larger than 5 times itself."""
    ranks = np.arange(1, 70).astype("float32")
    found = ops.convert_to_numpy(discount(ops.convert_to_tensor(ranks)))
    np.testing.assert_allclose(found, rank_decays.DISCOUNTS[discount](ranks.astype("float64")), rtol=1e-6)
    for blocks in (3, 5, 19, 32, 100, 250, 1024, 4096):
        rates, amplitudes = rank_decays._exponentials(discount, blocks * rank_decays.WIDTH)
        distance = np.unique(np.linspace(rank_decays.WIDTH + 1, blocks * rank_decays.WIDTH, 20000).round())
        shares = np.exp(-np.outer(distance, rates)) * amplitudes / rank_decays.change_of(discount, distance)[:, None]
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=2e-7)
        assert np.abs(shares).sum(axis=1).max() < 5


@pytest.mark.parametrize(
    "name,divided,bound,times",
    [
        ("_NEAR", lambda u: np.log1p(u) / u, 6e-9, 4),
        ("_WRONG", lambda u: 1 / (1 + u), 5e-8, 16),
        ("_BEND", lambda u: 1 / (1 + u) ** 2, 7e-7, 130),
    ],
)
def test_the_bounds_of_the_docstring_of_functions(name, divided, bound, times):
    u = np.linspace(1e-6, 1.0, 4001)
    shares = u[:, None] ** np.arange(rank_blocks.POWERS) * getattr(rank_blocks, name)[1:-1] / divided(u)[:, None]
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=bound)
    assert np.abs(shares).sum(axis=1).max() < times
