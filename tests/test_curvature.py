"""The curvature of every loss of one score per document, against second differences of its loop.

A new loss of the table of `laws` is covered by itself.
"""

import functools

import keras
import numpy as np
import pytest
import references
from backends import BACKEND, at_once, compiled, size_of_program
from keras import ops
from laws import BY_NAME, LISTS, LOSSES, SIZE, batch, one_list, over, spoiled

from plackett import gains, losses
from plackett.backend.curvature import hessian_diagonal
from plackett.lists import clean, weights_of_documents
from plackett.losses._curvature import gradient_and_curvature

ROWS = [row for row in LOSSES if not row.models and not row.square]
RANDOM = np.random.default_rng(7)
WEIGHTS = RANDOM.uniform(0.5, 2, (LISTS, SIZE)).astype("float32")
BY_LIST = RANDOM.uniform(0.5, 2, (LISTS, 1)).astype("float32")
# Losses that are nowhere bent downwards.
CONVEX = {
    *("softmax", "calibrated_softmax", "unique_softmax", "list_mle", "coupled_rank_distil", "circle"),
    *("pairwise_hinge", "pairwise_squared_hinge", "pairwise_logistic", "pairwise_mse", "yeti_logistic"),
    *("sigmoid_cross_entropy", "mean_squared"),
}


def number(x):
    return ops.convert_to_numpy(x)


def close(got, expected, rtol=1e-4, atol=2e-6, temperature=None):
    """Equal in float32, relative to the largest number that is expected, or 1 / temperature^2."""
    largest = max((temperature or 1.0) ** -2, np.abs(expected).max())
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol * largest)


def derivatives_of(loss, *, noise=False, weighs=False):
    """Compiled: (batch, weights of documents, of lists) -> (gradient, curvature) of lists with junk at the padding."""

    @compiled
    def run(labels, scores, mask, drawn, weights, by_list):
        labels, scores, mask = clean(labels, scores, mask)
        return gradient_and_curvature(
            loss,
            labels,
            scores,
            mask,
            weights=weights_of_documents(weights, labels, mask) if weighs else None,
            by_list=by_list,
            noise=drawn if noise else None,
        )

    def of_batch(given, weights=WEIGHTS, by_list=BY_LIST):
        given = given.labels, given.scores, given.mask, given.noise, weights, by_list
        gradient, curvature = (number(x) for x in run(*map(ops.convert_to_tensor, given)))
        assert np.all(gradient[~number(given[2])] == 0)
        assert np.all(curvature[~number(given[2])] == 0)
        return gradient, curvature

    return of_batch


@functools.cache
def derivatives(row, other=False, weighs=False):
    """Those of the class of a row, with its defaults or with another value of every option."""
    loss = row.make(**(row.options if other else {}))
    return derivatives_of(loss, noise=loss.sample_size is not None, weighs=weighs)


def of_pairs(labels, scores, of_pair, weights=None):
    """sum_ij w_i of_pair(s_i - s_j) over the pairs with y_i > y_j that a document is in."""
    curvature = np.zeros(len(scores))
    for i, label in enumerate(labels):
        for j, other in enumerate(labels):
            if label > other:
                curvature[[i, j]] += (1.0 if weights is None else weights[i]) * of_pair(scores[i] - scores[j])
    return curvature


def squared_slope_of_hinge(gap):
    """Of max(0, 1 - gap)."""
    return float(gap < 1.0)


def bend_of_logistic(gap):
    """The second derivative of log(1 + e^-gap)."""
    return references.logistic(gap) * references.logistic(-gap)


def of_bound(labels, scores, divisor, topn=2, rank_temperature=1.0):
    """sum_i slope^2 / divisor over the relevant documents i, of how far they are inside the cut-off."""
    curvature = np.zeros(len(scores))
    for place, along in enumerate(1e-5 * np.eye(len(scores))):
        ends = [references.retrieved(scores + side * along, topn, True, rank_temperature, scores) for side in (1, -1)]
        slopes = (np.array(ends[0]) - ends[1]) / 2e-5
        curvature[place] = np.sum(slopes[labels >= 1] ** 2) / max(divisor(labels, topn), 1)
    return curvature


def in_place_of_exact(row, options):
    """The loop of what stands for a second derivative that is 0 almost everywhere, or at equal scores; else None."""
    if row.keras_class is losses.PairwiseHingeLoss:
        return functools.partial(of_pairs, of_pair=squared_slope_of_hinge)
    if row.keras_class is losses.PairwiseSoftZeroOneLoss:
        return functools.partial(of_pairs, of_pair=bend_of_logistic)
    bound = (options | row.always).get("bound")
    if bound and row.keras_class is losses.ApproxPrecisionLoss:
        return functools.partial(of_bound, divisor=lambda labels, topn: min(topn, len(labels)))
    if bound and row.keras_class is losses.ApproxRecallLoss:
        return functools.partial(of_bound, divisor=lambda labels, topn: np.sum(labels >= 1))
    return None


def differences(loop, scores, step):
    """(gradient, curvature) of a loop of scores, by differences of order h^4."""
    gradient, curvature = np.zeros((2, len(scores)))
    for place in range(len(scores)):
        far_down, down, middle, up, far_up = (
            loop(scores + k * step * np.eye(len(scores))[place]) for k in range(-2, 3)
        )
        gradient[place] = (8 * (up - down) - (far_up - far_down)) / (12 * step)
        curvature[place] = (16 * (up + down) - (far_up + far_down) - 30 * middle) / (12 * step**2)
    return gradient, curvature


def of_list(row, given, b, options, weights):
    """(gradient, curvature) of the loop of list b, by document of the list."""
    labels, scores, noise = one_list(row, given, b)
    temperature = options.get("temperature", row.temperature)
    options = options | ({} if temperature is None else {"temperature": temperature})
    options |= {"weights": weights[b][given.mask[b]].astype("float64")} if row.weighs and weights is not None else {}
    # What a gradient takes for a constant is read from the scores where they are.
    options |= {"held": scores / (temperature or 1.0)} if row.held else {}
    step = (1e-3 / 64 if row.unit else 1e-3) * (temperature or 1.0)
    gradient, curvature = differences(lambda x: row.loop(labels, x, noise, **options), scores, step)
    if loop := in_place_of_exact(row, options):
        told = {name: value for name, value in options.items() if name not in ("temperature", "held", "bound")}
        curvature = loop(labels, scores / temperature, **told) / temperature**2
    elif row.keras_class in (losses.ApproxPrecisionLoss, losses.ApproxRecallLoss):
        # At equal scores a cut-off is steep and hardly bent: a step is one temperature at most.
        curvature = np.maximum(np.abs(curvature), np.abs(gradient) / temperature)
    return gradient, curvature


def by_loop(row, given, options=None, weights=None):
    """(gradient, curvature) of the loops, [lists, list_size], times the weights of lists."""
    found = np.zeros((2, LISTS, SIZE))
    for b, real in enumerate(given.mask):
        if real.any():
            found[:, b, real] = of_list(row, given, b, options or {}, weights)
    return BY_LIST * found


@over(ROWS)
def test_curvature_is_that_of_the_loop(row):
    given = batch(row, lengths=(12, 7, 1, 5, 0, 9))
    gradient, curvature = derivatives(row)(spoiled(row, given))
    of_loop = by_loop(row, given)
    close(gradient, of_loop[0])
    close(curvature, of_loop[1], temperature=row.temperature)
    assert np.abs(curvature).max() > 1e-2


@over([row for row in ROWS if row.weighs or row.options])
def test_curvature_with_weights_and_other_options(row):
    given = batch(row, seed=3)
    spoiled_weights = np.where(given.mask, WEIGHTS, np.float32("nan"))
    gradient, curvature = derivatives(row, True, row.weighs)(spoiled(row, given), spoiled_weights)
    of_loop = by_loop(row, given, row.options, WEIGHTS)
    close(gradient, of_loop[0])
    close(curvature, of_loop[1])


@over(ROWS)
def test_the_order_of_documents_changes_nothing(row):
    given = batch(row)
    order = np.stack([RANDOM.permutation(SIZE) for _ in range(LISTS)])
    moved = given.but(
        labels=np.take_along_axis(given.labels, order, 1),
        scores=np.take_along_axis(given.scores, order, 1),
        mask=np.take_along_axis(given.mask, order, 1),
        noise=np.take_along_axis(given.noise, order[:, None, :], 2),
    )
    for got, expected in zip(derivatives(row)(moved), derivatives(row)(given), strict=True):
        close(got, np.take_along_axis(expected, order, 1))


@over(ROWS)
@pytest.mark.parametrize("extreme", ["equal", "x 1e4", "x 1e5", "gap of 200", "gap of 200 below"])
def test_curvature_of_extreme_scores_is_finite(row, extreme):
    given = batch(row)
    scores = given.scores.copy()
    match extreme:
        case "equal":
            scores[:] = 0.5
        case "gap of 200":
            scores[:, 0] += 200
        case "gap of 200 below":
            scores[:, 0] -= 200
        case _:
            scores *= float(extreme.removeprefix("x "))
    _, curvature = derivatives(row)(given.but(scores=scores))
    assert np.all(np.isfinite(curvature))
    if row.name in CONVEX:
        assert np.all(curvature >= 0)


@pytest.mark.parametrize("name", ["softmax", "unique_softmax", "list_mle", "coupled_rank_distil"])
def test_curvature_at_far_scores_is_that_of_the_loop(name):
    """Scores near 1000, of which some are 200 higher: what is left of them lies in their differences."""
    given = batch(BY_NAME[name])
    scores = given.scores + 1000
    scores[:, ::3] += 200
    given = given.but(scores=scores)
    close(derivatives(BY_NAME[name])(given)[1], by_loop(BY_NAME[name], given)[1], rtol=1e-3, atol=2e-5)


NDCG_GAINS = functools.partial(
    references.dcg_documents, gain=references.pow_minus_1, discount=references.log2_inverse, normalized=True
)


GAINED = {
    "softmax": lambda gained, labels, scores: references.softmax(gained, scores),
    "poly_one_softmax": lambda gained, labels, scores: references.poly_one_softmax(gained, scores),
    "unique_softmax": lambda gained, labels, scores: references.unique_softmax(labels, scores, gained),
    "calibrated_softmax": lambda gained, labels, scores: references.softmax(gained, [*scores, 0.0]),
}


@pytest.mark.parametrize("name", GAINED)
def test_lambda_weights_of_documents_are_constants(name):
    given = batch(BY_NAME[name])
    options = {"virtual_label": 0.5} if name == "calibrated_softmax" else {}
    loss = BY_NAME[name].make(lambda_weight=losses.NDCGLambdaWeight(), **options)
    curvature = derivatives_of(loss)(given)[1]
    for b, real in enumerate(given.mask):
        labels, scores, _ = one_list(BY_NAME[name], given, b)
        virtual = ([0.5], [0.0]) if options else ([], [])
        gained = NDCG_GAINS([*labels, *virtual[0]], references.ranks([*scores, *virtual[1]]))
        expected = differences(functools.partial(GAINED[name], gained, labels), scores, 1e-3)[1]
        close(curvature[b][real], BY_LIST[b] * expected)


def test_lambda_weights_of_positions_are_constants():
    row = BY_NAME["list_mle"]
    given = batch(row)
    loss = row.make(lambda_weight=losses.ListMLELambdaWeight(gains.inverse))
    curvature = derivatives_of(loss, noise=True)(given)[1]
    for b, real in enumerate(given.mask):
        labels, scores, noise = one_list(row, given, b)
        loop = functools.partial(references.list_mle, labels, noise=noise, discount=references.inverse)
        close(curvature[b][real], BY_LIST[b] * differences(loop, scores, 1e-3)[1])


def test_lambda_weights_of_pairs_are_constants():
    row = BY_NAME["pairwise_logistic"]
    given = batch(row)
    loss = row.make(lambda_weight=losses.NDCGLambdaWeight(topn=3, smooth_fraction=0.5))
    curvature = derivatives_of(loss, weighs=True)(given)[1]
    for b, real in enumerate(given.mask):
        labels, scores, _ = one_list(row, given, b)
        table = references.ndcg_pairs(labels, references.ranks(scores), topn=3, smooth_fraction=0.5)
        weights = WEIGHTS[b][real].astype("float64")
        loop = functools.partial(references.pairwise_logistic, labels, weights=weights, pair_weights=table)
        close(curvature[b][real], BY_LIST[b] * differences(loop, scores, 1e-3)[1])


# Of functions of which nothing is known


def diagonal(fn, scores):
    return number(at_once(functools.partial(hessian_diagonal, fn))(ops.convert_to_tensor(scores)))


SCORES = RANDOM.normal(size=(LISTS, SIZE)).astype("float32")


def test_the_diagonal_of_any_function():
    """Of sum_i s_i^3 + s_i s_(i+1) along the list, which is 6 s_i."""
    close(diagonal(lambda x: ops.sum(x**3 + x * ops.roll(x, 1, axis=-1), axis=-1), SCORES), 6 * SCORES)


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: ops.sum(2.0 * x, axis=-1),
        lambda x: ops.sum(ops.abs(x), axis=-1),
        lambda x: ops.sum(ops.relu(x - 0.5), axis=-1),
        lambda x: x[..., 0] * x[..., 1],
        lambda x: ops.zeros_like(x[..., 0]),
    ],
    ids=["linear", "absolute", "hinge", "a product", "a constant"],
)
def test_the_diagonal_is_0_without_an_error(fn):
    np.testing.assert_array_equal(diagonal(fn, SCORES), np.zeros(SCORES.shape))


@pytest.mark.skipif(BACKEND == "torch", reason="nothing is compiled")
def test_a_longer_list_compiles_no_more():
    fn = functools.partial(hessian_diagonal, lambda x: ops.logsumexp(x, axis=-1) ** 2)
    assert size_of_program(fn, SCORES[:, :3]) == size_of_program(fn, SCORES)


class QuarticLoss(losses.RankingLoss):
    """The sum of fourth powers of errors."""

    fn = staticmethod(lambda labels, scores, *, mask: ops.sum(ops.where(mask, scores - labels, 0.0) ** 4, axis=-1))


OWN = {
    "class": QuarticLoss(),
    "function of lists": losses.as_ranking_loss(
        lambda labels, scores, *, mask: QuarticLoss.fn(labels, scores, mask=mask)
    ),
    "function of documents": losses.as_ranking_loss(lambda labels, scores: ops.sum((scores - labels) ** 4, axis=-1)),
}


@pytest.mark.parametrize("kind", OWN)
def test_a_loss_of_your_own_has_a_curvature(kind):
    given = batch(BY_NAME["softmax"])
    gradient, curvature = derivatives_of(OWN[kind])(given)
    error = np.where(given.mask, given.scores - given.labels, 0.0)
    close(gradient, BY_LIST * 4 * error**3)
    close(curvature, BY_LIST * 12 * error**2)


def test_a_loss_of_keras_has_a_curvature():
    given = batch(BY_NAME["softmax"])
    loss = losses.as_ranking_loss(keras.losses.MeanSquaredError())
    curvature = derivatives_of(loss, weighs=True)(given)[1]
    close(curvature, np.where(given.mask, BY_LIST * 2 * WEIGHTS / given.mask.sum(axis=1, keepdims=True), 0.0))
