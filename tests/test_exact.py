"""What holds for every loss and metric at the borders of their numbers: far scores, float64, NaN, nothing at all."""

import contextlib
import functools

import numpy as np
import pytest
from backends import BACKEND, at_once, compiled, differentiated
from keras import ops
from laws import (
    BY_NAME,
    LISTS,
    LISTWISE,
    LOSSES,
    METRICS,
    SIZE,
    TABLE,
    batch,
    by_difference,
    by_fn,
    close,
    computed,
    default_losses,
    made,
    marked_by_label,
    number,
    over,
)

from plackett import losses, metrics

DIFFERENCES = [row for row in TABLE if row.shift_invariant]


# Scores that are far from the rest, or from 0


# A bound of a rank, and a squared difference, grow with the outlier: it takes part in all that there is.
SATURATED = [row for row in DIFFERENCES if not (row.quadratic or row.square or row.models or "bound" in row.name)]


@over(SATURATED)
@pytest.mark.parametrize("far", [1e2, 1e4, 1e7, 1e8, 1e30])
@pytest.mark.parametrize("side", [1, -1], ids=["above", "below"])
def test_one_score_far_from_the_rest_spoils_nothing(row, far, side):
    """The outlier has another grade in each list; the last list has all scores at an offset too."""
    given = batch(row)
    scores = np.round(given.scores * 16) / 16
    scores[:, 0] = side * far
    scores[5, 1:] += np.float32(1e6) if far > 1e7 else 0
    value, gradient = computed(row, given.but(scores=scores))
    # Where the value no longer grows, float64 would lose the digits of the loop.
    known = np.clip(scores, -1e8, 1e8) if row.name == "neural_sort_ndcg" else scores
    np.testing.assert_allclose(value, by_fn(row, given.but(scores=known)), rtol=1e-5, atol=1e-6)
    if not row.metric:
        # No gradient depends on a difference of more than 1,000; beyond it the loop has no digits for a difference.
        near = scores - np.where(np.arange(LISTS) == 5, np.median(scores, axis=1), 0)[:, None]
        near = given.but(scores=np.clip(near, -1e3, 1e3))
        np.testing.assert_allclose(gradient, by_difference(row, near), rtol=1e-4, atol=2e-5)
        assert np.all(np.abs(gradient.sum(axis=-1)) < 1e-5 * max(1.0, np.abs(gradient).max()))


@pytest.mark.parametrize("far", [1e2, 1e4, 1e7, 1e8, 1e30])
def test_what_does_not_compete_with_the_outlier_keeps_its_digits(far):
    labels, scores = np.array([0, 1, 2], "float32"), np.array([0.3, 1.1, far], "float32")
    for name in ("unique_softmax", "list_mle"):
        np.testing.assert_allclose(number(BY_NAME[name].fn(labels, scores)), 0.3711007, rtol=1e-6)


@over(DIFFERENCES)
@pytest.mark.parametrize("constant", [8.0, -1024.0, 1e6, -1e6])
def test_a_constant_added_to_all_scores_changes_nothing(row, constant):
    """The scores are multiples of 1/16, so that their sum with the constant is exact."""
    given = batch(row)
    given = given.but(scores=np.round(given.scores * 16) / 16)
    value, gradient = computed(row, given)
    shifted_value, shifted_gradient = computed(row, given.but(scores=given.scores + np.float32(constant)))
    close(shifted_value, value)
    close(shifted_gradient, gradient, atol=2e-6)


# float64


@contextlib.contextmanager
def doubles():
    """JAX has float64 within this alone."""
    if BACKEND != "jax":
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield


@over(TABLE)
def test_float64_is_computed_in_float64(row):
    given = batch(row)
    given = given.map(lambda x: x if x.dtype == bool else x.astype("float64"))
    given = given.but(scores=given.scores + np.random.default_rng(8).normal(size=given.scores.shape) * 1e-9)

    def fn(scores, labels, mask, noise):
        return row.fn(labels, scores, mask=mask, **({"noise": noise} if row.stochastic else {}))

    with doubles():
        tensors = [ops.convert_to_tensor(x) for x in (given.scores, given.labels, given.mask, given.noise)]
        value, gradient = (at_once(fn)(*tensors), None) if row.metric else differentiated(fn)(*tensors)
        assert ops.dtype(value) == "float64"
        np.testing.assert_allclose(number(value), by_fn(row, given), rtol=1e-12, atol=1e-13)
        if not row.metric:
            assert ops.dtype(gradient) == "float64"
            close(number(gradient), by_difference(row, given, 1e-5), rtol=1e-6, atol=1e-7)


@over(LISTWISE)
def test_classes_compute_in_float64(row):
    given = batch(row)
    scores, weights = given.scores.astype("float64"), np.linspace(0.5, 2, LISTS)
    exact = given.but(scores=scores, noise=given.noise.astype("float64"))
    with doubles():
        loss = made(row, exact)
        value = loss(*map(ops.convert_to_tensor, (marked_by_label(given), scores, weights)))
        assert ops.dtype(value) == "float64"
        np.testing.assert_allclose(number(value), (weights * default_losses(row, exact)).mean(), rtol=1e-12, atol=1e-13)


@over(METRICS)
def test_scores_that_differ_in_float64_alone_are_no_tie(row):
    labels, scores = np.array([[1.0, 0.0, 0.0]]), np.array([[1.0, 1.0 + 1e-9, 0.5]])
    with doubles():
        value = number(row.fn(ops.convert_to_tensor(labels), ops.convert_to_tensor(scores)))
    close(value, [row.loop(labels[0], scores[0], None)])
    assert value < 1


@pytest.mark.skipif(BACKEND != "torch", reason="torch.autograd.gradcheck")
@over(LOSSES)
def test_gradcheck(row):
    import torch

    given = batch(row)
    labels, mask, noise = (torch.as_tensor(x) for x in (given.labels.astype("float64"), given.mask, given.noise))
    noise = {"noise": noise.double()} if row.stochastic else {}
    scores = torch.tensor(given.scores.astype("float64"), requires_grad=True)
    if row.held is None:  # elsewhere part of the loss is held fixed, which the check does not know
        assert torch.autograd.gradcheck(lambda x: row.fn(labels, x, mask=mask, **noise), scores)
        assert torch.autograd.gradgradcheck(lambda x: row.fn(labels, x, mask=mask, **noise), scores, atol=1e-4)


# What is no number, and what is not there


@functools.cache
def compiled_function(row):
    """(scores, labels) -> the pure function with the mask and the noise of a batch."""
    given = batch(row)
    noise = {"noise": given.noise} if row.stochastic else {}
    return compiled(lambda scores, labels: row.fn(labels, scores, mask=given.mask, **noise))


@over(LISTWISE)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_label_that_is_not_finite_is_no_padding(row, wrong):
    given = batch(row)
    labels = given.labels.copy()
    labels[1, 2] = wrong
    with pytest.raises(ValueError, match="labels must be finite numbers, but 1 of 72 are NaN"):
        row.fn(labels, given.scores, mask=given.mask, **({"noise": given.noise} if row.stochastic else {}))
    with pytest.raises(ValueError, match="labels must be finite numbers, but 1 of 72 are NaN"):
        row.make()(labels, given.scores)
    if BACKEND != "torch":  # which computes while it compiles
        value = number(compiled_function(row)(*map(ops.convert_to_tensor, (given.scores, labels))))
        assert np.isnan(value).tolist() == [False, True, *[False] * 4]


@over(LISTWISE)
def test_a_score_of_nan_makes_the_loss_of_its_list_nan(row):
    given = batch(row)
    scores = given.scores.copy()
    scores[1, 2] = np.nan
    assert np.isnan(computed(row, given.but(scores=scores))[0]).tolist() == [False, True, *[False] * 4]


@over([row for row in LISTWISE if not row.models])
def test_labels_of_one_list_are_not_those_of_many(row):
    with pytest.raises(ValueError, match="scores must have the shape of labels"):
        row.make()(np.ones((1, SIZE)), np.ones((LISTS, SIZE), "float32"))


@over([row for row in TABLE if not row.square])
def test_without_a_mask_a_label_below_0_is_padding(row):
    given = batch(row)
    labels = np.where(given.mask, given.labels, np.float32(-1))
    noise = {"noise": given.noise} if row.stochastic else {}
    value = at_once(lambda labels, scores: row.fn(labels, scores, **noise))(labels, given.scores)
    close(number(value), by_fn(row, given))


@over([BY_NAME[name] for name in ("mean_squared", "pairwise_mse", "pairwise_logistic")])
def test_negative_labels_that_a_mask_makes_real_count(row):
    given = batch(row)
    given = given.but(labels=given.labels - 2)
    close(computed(row, given)[0], by_fn(row, given))


@over(TABLE)
def test_a_batch_of_no_lists(row):
    """A worker of a data-parallel step may be handed one: its losses are none, their mean is 0."""
    given = batch(row).map(lambda x: x[:0])
    value, gradient = computed(row, given)
    assert value.shape == (0,)
    assert gradient.shape == given.scores.shape
    labels, scores = given.labels, given.scores
    if row.metric:
        metric = row.keras_class()
        metric.update_state(labels, scores)
        assert number(metric.result()) == 0
    elif not row.square:
        loss, of_each = row.make(), row.make(reduction="none")

        def every(labels, scores):
            weights = [None, np.ones(0, "float32"), np.ones((0, SIZE), "float32")]
            return of_each(labels, scores), [loss(labels, scores, own) for own in weights]

        each, means = at_once(every)(*map(ops.convert_to_tensor, (labels, scores)))
        assert number(each).shape == (0,)
        assert [float(number(mean)) for mean in means] == [0.0] * 3


def test_a_batch_of_no_pairs():
    similarities = np.zeros((0, 0), "float32")
    for fn, kind, labels in (
        (losses.npairs, losses.NpairsLoss, np.zeros(0, "int32")),
        (losses.npairs_multilabel, losses.NpairsMultilabelLoss, np.zeros((0, 3), "float32")),
    ):
        assert number(fn(labels, similarities)).shape == (0,)
        assert number(kind()(labels, similarities)) == 0
    assert number(metrics.ordered_pair_accuracy(np.zeros((0, 3)), np.zeros((0, 3)))).shape == (0,)


@over(TABLE)
def test_lists_of_no_places(row):
    given = batch(row)
    given = given.map(lambda x: x[..., :0] if x.ndim < 3 or not row.models else x[:, :0])
    if row.square:
        given = given.but(scores=given.scores[:, :0])
    given = given.but(noise=np.zeros((LISTS, 3, 0), "float32"))
    value, gradient = computed(row, given)
    assert np.all(value == np.zeros(LISTS))
    assert gradient.shape == given.scores.shape
