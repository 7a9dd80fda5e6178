"""A loss as an objective of boosted trees: its gradient and its curvature, of arrays, on each backend."""

import copy
import pickle

import keras
import numpy as np
import pytest
from backends import value_and_grad
from keras import ops

from plackett import losses
from plackett.boosting import Objective, _buckets
from plackett.boosting._objective import LEAST

GROUP = [5, 0, 1, 12, 3]
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 4, 21).astype("float32")
SCORES = RANDOM.normal(size=21)
LOSSES = {
    "softmax": losses.SoftmaxLoss(),
    "unique softmax": losses.UniqueSoftmaxLoss(temperature=0.5),
    "approx ndcg": losses.ApproxNDCGLoss(),
    "lambda weights": losses.PairwiseLogisticLoss(lambda_weight=losses.NDCGLambdaWeight(topn=3)),
    "pointwise": losses.SigmoidCrossEntropyLoss(),
    "keras": keras.losses.MeanSquaredError(),
}


def lists_of(*arrays):
    """Each list by itself, as [1, list_size] arrays."""
    return zip(*(np.split(np.asarray(x, "float32"), np.cumsum(GROUP)[:-1]) for x in arrays), strict=True)


def slope(loss, labels, scores):
    """The gradient of a loss of one list, by the backend."""
    if not len(labels):
        return scores
    mask = ops.convert_to_tensor(np.ones((1, len(labels)), bool))
    loss = losses.as_ranking_loss(loss)
    labels = ops.convert_to_tensor(labels[None])
    return value_and_grad(lambda x: loss._losses(labels, x, mask), scores[None])[1][0]


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_the_loss_of_each_list(name):
    gradient, curvature = Objective(LOSSES[name])(LABELS, SCORES, GROUP)
    expected = np.concatenate([slope(LOSSES[name], *one) for one in lists_of(LABELS, SCORES)])
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
    assert gradient.dtype == curvature.dtype == np.float32
    assert (curvature >= np.float32(LEAST) * np.abs(gradient)).all()


# With lambda weights the ranks are held fixed, which a step may change.
@pytest.mark.parametrize("name", [name for name in LOSSES if name != "lambda weights"])
def test_the_curvature_is_the_size_of_the_slope_of_the_gradient(name):
    objective, step = Objective(LOSSES[name]), 1e-2
    gradient, curvature = objective(LABELS, SCORES, GROUP)
    slopes = []
    for i in range(len(SCORES)):
        ahead, behind = (objective(LABELS, SCORES + sign * step * np.eye(21)[i], GROUP)[0][i] for sign in (1, -1))
        slopes.append((ahead - behind) / (2 * step))
    np.testing.assert_allclose(curvature, np.maximum(np.abs(slopes), LEAST * np.abs(gradient)), rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("name", ["softmax", "approx ndcg", "pointwise"])
def test_weights_of_lists_and_of_documents_weigh_alike(name):
    objective = Objective(LOSSES[name])
    of_lists = np.array([2.0, 7.0, 0.5, 0.0, 1.0])
    plain, *weighed = (
        objective(LABELS, SCORES, GROUP, weights) for weights in (None, of_lists, np.repeat(of_lists, GROUP))
    )
    for derivatives in weighed:
        for one, derivative in zip(plain, derivatives, strict=True):
            np.testing.assert_allclose(derivative, np.repeat(of_lists, GROUP) * one, rtol=1e-4, atol=1e-6)


def test_a_document_weighs_its_own_term_or_its_list():
    twice = np.ones(21)
    twice[0] = 3.0
    for name, expected in (("pointwise", [3, 1, 1, 1, 1]), ("approx ndcg", [7 / 5] * 5)):
        objective = Objective(LOSSES[name])
        weighed, plain = (objective(LABELS, SCORES, GROUP, weights)[0] for weights in (twice, None))
        np.testing.assert_allclose(weighed[:5], expected * plain[:5], rtol=1e-4)


@pytest.mark.parametrize("name", ["gumbel_approx_ndcg", "coupled_rank_distil"])
def test_noise_is_a_function_of_the_seed_and_the_scores(name):
    def gradient(seed, scores):
        return Objective(name, seed=seed)(LABELS, scores, GROUP)[0]

    first = gradient(1, SCORES)
    np.testing.assert_array_equal(first, gradient(1, SCORES))
    assert np.abs(first - gradient(2, SCORES)).max() > 1e-3
    # Another constant beside each list's scores changes nothing but the noise.
    assert np.abs(first - gradient(1, SCORES + 1)).max() > 1e-3


def test_the_noise_has_the_gradient_of_the_loss_in_the_mean():
    loss = losses.GumbelApproxNDCGLoss(sample_size=2000, temperature=1.0)
    gradients = [Objective(loss.copy())(LABELS, SCORES, GROUP)[0] for _ in range(2)]
    np.testing.assert_allclose(*gradients, atol=0.03)
    assert np.abs(gradients[0] - gradients[1]).max() > 0


def test_copies_go_on_as_the_first_does():
    objective = Objective("gumbel_approx_ndcg")
    expected = objective(LABELS, SCORES, GROUP)
    for other in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective)), objective):
        for one, derivative in zip(expected, other(LABELS, SCORES, GROUP), strict=True):
            np.testing.assert_array_equal(derivative, one)


def test_scores_of_a_teacher_have_any_sign():
    teacher = LABELS - 5
    gradient, _ = Objective("coupled_rank_distil")(teacher, SCORES, GROUP)
    assert ((np.abs(gradient) > 1e-6) == (np.repeat(GROUP, GROUP) > 1)).all()
    with pytest.raises(ValueError, match=r"softmax_loss reads labels as grades, >= 0, but that of row 0, of list 0 "):
        Objective("softmax")(teacher, SCORES, GROUP)


def test_lists_are_laid_out_once_a_dataset(monkeypatch):
    sizes, chunk = [], _buckets._chunk
    monkeypatch.setattr(_buckets, "_chunk", lambda *arguments: sizes.append(arguments[-1]) or chunk(*arguments))
    objective = Objective("softmax")
    for shift in range(3):
        objective(LABELS, SCORES + shift, GROUP)
    assert sizes == [8, 16]
    objective(LABELS + 1, SCORES, GROUP)
    assert sizes == [8, 16] * 2


def test_many_lists_are_computed_in_parts(monkeypatch):
    expected = Objective("softmax")(LABELS, SCORES, GROUP)
    monkeypatch.setattr(_buckets, "PLACES", 16)
    for one, derivative in zip(expected, Objective("softmax")(LABELS, SCORES, GROUP), strict=True):
        np.testing.assert_allclose(derivative, one, rtol=1e-5, atol=1e-7)
