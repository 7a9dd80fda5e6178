"""Losses of a teacher's scores: of any sign and size, under a mask; and their second derivatives."""

import numpy as np
import pytest
from backends import differentiated
from keras import ops

from plackett import losses
from plackett.backend.curvature import hessian_diagonal
from plackett.losses._curvature import gradient_and_curvature

RANDOM = np.random.default_rng(0)
MASK = np.arange(9) < np.array([9, 5, 1, 0])[:, None]
TEACHER = np.round(RANDOM.normal(size=MASK.shape), 1).astype("float32")
TEACHER[:, 3] = TEACHER[:, 0]
STUDENT = RANDOM.normal(size=MASK.shape).astype("float32")
BEST = (1, 3, None)


def numbers(fn, labels, scores, **options):
    """The value and the gradient of a loss."""
    run = differentiated(lambda scores, labels: fn(labels, scores, mask=MASK, **options))
    return [ops.convert_to_numpy(x) for x in run(scores.astype("float32"), labels.astype("float32"))]


@pytest.mark.parametrize(
    ("fn", "options"),
    [(losses.list_net, {}), (losses.pairwise_mse, {}), *((losses.margin_mse, {"topk": topk}) for topk in BEST)],
)
def test_an_offset_of_all_scores_changes_nothing(fn, options):
    """Sixteenths, so that float32 holds what is offset."""
    labels, scores = (np.round(x * 16) / 16 for x in (TEACHER, STUDENT))
    for expected, got in zip(
        numbers(fn, labels, scores, **options),
        numbers(fn, labels - 2.0**18, scores + 2.0**19, **options),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_far_scores_of_a_teacher_choose_its_best():
    for labels in (1e4 * TEACHER, -1e4 * TEACHER):
        labels[:, 3] -= 1e4
        value, _ = numbers(losses.list_net, labels, STUDENT)
        best = np.where(MASK, labels, -np.inf).argmax(axis=1)
        for place in (0, 1):
            real = STUDENT[place][MASK[place]].astype("float64")
            expected = np.log(np.exp(real).sum()) - real[best[place]]
            assert value[place] == pytest.approx(expected, rel=1e-5)
        assert value[3] == 0


def test_a_teacher_of_one_score_for_all_asks_for_equal_scores():
    equal = np.full_like(TEACHER, -3.0)
    value, gradient = numbers(losses.list_net, equal, 0 * STUDENT)
    np.testing.assert_allclose(value, np.log(np.maximum(MASK.sum(axis=1), 1)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)
    value, gradient = numbers(losses.margin_mse, equal, 0 * STUDENT + 2)
    assert (value == 0).all()
    assert (gradient == 0).all()


def test_all_pairs_are_half_of_those_of_pairwise_mse():
    value, gradient = numbers(losses.margin_mse, TEACHER, STUDENT, topk=None)
    expected, slope = numbers(losses.pairwise_mse, TEACHER, STUDENT)
    np.testing.assert_allclose(2 * value, expected, rtol=1e-5)
    np.testing.assert_allclose(2 * gradient, slope, rtol=1e-4, atol=1e-5)


def test_documents_below_the_best_are_not_compared():
    labels, scores = np.array([3.0, 2.0, 1.0, 0.0]), np.array([3.0, 2.0, 1.0, 5.0])
    assert float(losses.margin_mse(labels, scores)) == pytest.approx(25)
    assert float(losses.margin_mse(labels, scores, topk=2)) == pytest.approx(50)
    assert float(losses.margin_mse(labels, scores, topk=9)) == pytest.approx(75)
    with pytest.raises(ValueError, match="topk must be a whole number of at least 1, or None, but got topk=0"):
        losses.margin_mse(labels, scores, topk=0)


@pytest.mark.parametrize(
    "loss",
    [
        losses.ListNetLoss(temperature=0.5),
        *(losses.MarginMSELoss(topk=topk, temperature=2.0) for topk in BEST),
    ],
    ids=lambda loss: f"{loss.name} {loss.options}",
)
def test_the_curvature_is_the_second_derivative(loss):
    weights = RANDOM.uniform(0.5, 2, MASK.shape).astype("float32")
    labels, scores, weights = (ops.convert_to_tensor(np.where(MASK, x, 0)) for x in (TEACHER, STUDENT, weights))
    mask = ops.convert_to_tensor(MASK)
    _, found = gradient_and_curvature(loss, labels, scores, mask, weights=weights)
    expected = hessian_diagonal(lambda x: loss._losses(labels, x, mask, weights), scores)
    found, expected = map(ops.convert_to_numpy, (found, expected))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert (found[~MASK] == 0).all()
    assert (found[0] > 0).any()
