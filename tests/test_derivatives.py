"""What holds for every loss beyond the first gradient: second derivatives, forward mode, batching, weights."""

import functools

import keras
import numpy as np
import pytest
from backends import batched, directional, gradient_of, value_and_grad
from keras import ops
from laws import (
    BY_NAME,
    LISTS,
    LOSSES,
    SIZE,
    batch,
    close,
    computed,
    loops_of_scores,
    number,
    one_list,
    over,
    scores_mask,
)

from plackett import losses

STEP = 1e-4


def direction(row, given):
    """A direction to move the scores in, that leaves padding where it is."""
    moved = np.random.default_rng(11).normal(size=given.scores.shape)
    return np.where(scores_mask(row, given.mask), moved, 0.0).astype("float32")


def of_scores(row, given):
    """The function of scores and, so that JAX compiles it once, of the rest of the batch."""
    noise = {"noise": given.noise} if row.stochastic else {}
    return lambda scores: row.fn(given.labels, scores, mask=given.mask, **noise)


def change_of_gradient(row, given, along):
    """How the gradient of the loop changes along a direction, by central differences in float64."""
    found = np.zeros(given.scores.shape)
    for b, scores, loop in loops_of_scores(row, given):
        place = scores_mask(row, given.mask)[b]
        move = along[b][place].reshape(scores.shape).astype("float64")
        found[b][place] = _mixed_difference(loop, scores, move).ravel()
    return found


def _mixed_difference(loop, scores, move):
    change = np.zeros(scores.shape)
    for place in np.ndindex(scores.shape):
        step = np.zeros(scores.shape)
        step[place] = STEP
        for a in (1, -1):
            for c in (1, -1):
                change[place] += a * c * loop(scores=scores + a * step + c * STEP * move) / (4 * STEP**2)
    return change


@over(LOSSES)
def test_second_derivative_is_that_of_the_loop(row):
    """Of lists of which some are padded: the derivative of the gradient along a direction, in every mode there is."""
    given = batch(row, lengths=(6, 4, 1, 5, 0, 6))
    along = direction(row, given)
    expected = change_of_gradient(row, given, along)
    for mode, got in directional(of_scores(row, given))(given.scores, along).items():
        tolerance = {"rtol": 1e-3, "atol": 2e-5 * max(1.0, np.abs(expected).max())}
        np.testing.assert_allclose(got, expected, **tolerance, err_msg=mode)
        assert np.all(got[~scores_mask(row, given.mask)] == 0), mode


def test_a_gradient_penalty():
    """The case that was wrong without an error on PyTorch: loss + |gradient|^2."""
    labels, scores = np.array([[2, 0, 1, 0]], "float32"), np.array([[0.13, -0.13, 0.64, 0.10]], "float32")
    along = value_and_grad(lambda x: losses.pairwise_logistic(labels, x), scores)[1]
    change = directional(lambda x: losses.pairwise_logistic(labels, x))(scores, along)["gradient twice"]
    np.testing.assert_allclose(along + 2 * change, [[-4.592, 2.236, -0.1394, 2.4954]], atol=1e-3)


@pytest.mark.parametrize("name", ["pairwise_logistic", "approx_ndcg", "unique_softmax"])
def test_second_derivative_of_long_lists(name):
    """Lists of more than one tile are the sum of what their documents do to each other, as a short list is."""
    random = np.random.default_rng(3)
    size = 1100
    scores = random.normal(size=(1, size)).astype("float32")
    labels = random.integers(0, 4, (1, size)).astype("float32")
    along = random.normal(size=(1, size)).astype("float32")
    fn = getattr(losses, name)
    h = 3e-3
    up, down = (value_and_grad(lambda x: fn(labels, x), scores + s * np.float32(h) * along)[1] for s in (1, -1))
    expected = (up.astype("float64") - down) / (2 * h)
    for mode, got in directional(lambda x: fn(labels, x))(scores, along).items():
        np.testing.assert_allclose(got, expected, atol=2e-2 * np.abs(expected).max(), err_msg=mode)


@over([row for row in LOSSES if row.weighs])
def test_gradient_by_weights_is_that_of_the_loop(row):
    given = batch(row)
    weights = np.random.default_rng(5).uniform(0.5, 2, (LISTS, SIZE)).astype("float32")
    noise = {"noise": given.noise} if row.stochastic else {}
    options = {} if row.temperature is None else {"temperature": row.fn_temperature}
    value, gradient = value_and_grad(
        lambda weights: row.fn(given.labels, given.scores, mask=given.mask, weights=weights, **noise), weights
    )
    for b in range(LISTS):
        labels, scores, drawn = one_list(row, given, b)
        real = weights[b][given.mask[b]].astype("float64")
        of_weights = functools.partial(row.loop, labels, scores, drawn, **options)
        unit = np.eye(len(real))
        # The loss is linear in the weights, but for those that a normalisation divides.
        by_difference = [
            (of_weights(weights=real + 1e-4 * e) - of_weights(weights=real - 1e-4 * e)) / 2e-4 for e in unit
        ]
        close(value[b], of_weights(weights=real))
        close(gradient[b][given.mask[b]], np.array(by_difference), rtol=1e-4)
    assert np.all(gradient[~given.mask] == 0)


@pytest.mark.parametrize(
    "name, weighed",
    [("pairwise_hinge", "by grade"), ("pairwise_logistic", "by rank"), ("pairwise_soft_zero_one", "by grade")],
)
def test_gradient_by_weights_of_long_lists(name, weighed):
    """By any way over the pairs the loss is linear in the weights: sum_i w_i dL/dw_i is the loss."""
    random = np.random.default_rng(4)
    scores = random.normal(size=(2, 1200)).astype("float32")
    labels = random.integers(0, 3, (2, 1200)).astype("float32")
    weights = random.uniform(0.5, 2, (2, 1200)).astype("float32")
    weight = losses.NDCGLambdaWeight() if weighed == "by rank" else None
    fn = functools.partial(getattr(losses, name), labels, lambda_weight=weight)
    value, gradient = value_and_grad(lambda weights: fn(scores, weights=weights), weights)
    np.testing.assert_allclose((weights.astype("float64") * gradient).sum(1), value, rtol=1e-4)
    np.testing.assert_allclose(
        number(fn(scores, weights=weights, per="document")), weights * gradient, rtol=2e-4, atol=1e-3
    )
    ones = number(fn(scores, weights=np.ones_like(weights)))
    np.testing.assert_allclose(ones, number(fn(scores)), rtol=1e-4)


@pytest.mark.parametrize("name", ["pairwise_hinge", "pairwise_logistic", "pairwise_soft_zero_one", "pairwise_mse"])
def test_terms_of_documents_and_pairs_add_up(name):
    row = BY_NAME[name]
    given = batch(row)
    weights = np.random.default_rng(5).uniform(0.5, 2, (LISTS, SIZE)).astype("float32")
    fn = functools.partial(row.fn, given.labels, mask=given.mask, weights=weights)
    expected, gradient = value_and_grad(fn, given.scores)
    for per, axes in (("document", (-1,)), ("pair", (-1, -2))):
        terms, of_terms = value_and_grad(functools.partial(fn, per=per), given.scores)
        assert terms.shape == (LISTS, *[SIZE] * len(axes))
        close(terms.sum(axis=axes), expected)
        close(of_terms, gradient, atol=1e-5)
        assert np.all(terms[~given.mask] == 0)
    by_document, by_pair = (number(fn(given.scores, per=per)) for per in ("document", "pair"))
    close(by_pair.sum(-1), by_document)
    shares = np.random.default_rng(6).normal(size=by_document.shape).astype("float32")
    through = [
        value_and_grad(lambda x: ops.sum(ops.convert_to_tensor(shares) * fn(x, per="document"), axis=-1), given.scores),
        value_and_grad(
            lambda x: ops.sum(ops.convert_to_tensor(shares[..., None]) * fn(x, per="pair"), axis=(-1, -2)), given.scores
        ),
    ]
    close(through[0][1], through[1][1], atol=1e-5)
    with pytest.raises(ValueError, match="per must be one of"):
        fn(given.scores, per="batch")


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="vectorized_map refuses loops of unknown length")
@over(LOSSES)
def test_batching_by_the_backend_is_a_leading_axis(row):
    """`jax.vmap` and `torch.func.vmap` of the function of one list, and of its gradient."""
    given = batch(row)
    tensors = [ops.convert_to_tensor(x) for x in (given.scores, given.labels, given.mask, given.noise)]

    def of_one(scores, labels, mask, noise):
        return row.fn(labels, scores, mask=mask, **({"noise": noise} if row.stochastic else {}))

    value, gradient = computed(row, given)
    close(number(batched(of_one)(*tensors)), value)
    close(number(batched(gradient_of(of_one))(*tensors)), gradient)
