"""Long lists: what sorts needs memory in proportion to the list, not to its square."""

import numpy as np
import pytest
from backends import differentiated
from keras import ops

from plackett import losses

SIZE = 100_000  # squared, in float32: 40 GB


OF_SOFT_RANKS = [
    "approx_ndcg",
    "approx_mrr",
    "approx_precision",
    "approx_recall",
    "approx_average_precision",
    "gumbel_approx_ndcg",
]
OF_PAIRS = ["pairwise_hinge", "pairwise_logistic", "pairwise_soft_zero_one", "pairwise_mse"]
ALL_GRADED = ["unique_softmax", "coupled_rank_distil", "list_mle", "margin_mse", "softmax", *OF_PAIRS, *OF_SOFT_RANKS]
FEW_GRADED = ["approx_ndcg", "pairwise_logistic", "pairwise_hinge"]
NOISY = ["coupled_rank_distil", "gumbel_approx_ndcg"]


@pytest.mark.parametrize("name,graded", [(name, SIZE) for name in ALL_GRADED] + [(name, 5) for name in FEW_GRADED])
def test_a_list_of_100_000_documents(name, graded):
    random = np.random.default_rng(0)
    labels = np.zeros((1, SIZE), "float32")
    labels[:, :graded] = random.integers(0, 5, graded)
    scores = random.normal(size=(1, SIZE)).astype("float32")
    noise = [random.random((1, 1, SIZE), dtype="float32")] if name in NOISY else []

    def fn(scores, labels, *noise):
        return getattr(losses, name)(labels, scores, **({"noise": noise[0]} if noise else {}))

    value, gradient = map(ops.convert_to_numpy, differentiated(fn)(scores, labels, *noise))
    assert np.isfinite(value).all()
    assert (-1 < value < -1e-6) if name in OF_SOFT_RANKS else value > SIZE
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-3 * np.abs(gradient).sum())


def test_lambda_rank_of_a_list_of_100_000_documents():
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, (1, SIZE)).astype("float32")
    scores = random.normal(size=(1, SIZE)).astype("float32")
    weight = losses.NDCGLambdaWeight()
    step = differentiated(lambda scores, labels: losses.pairwise_logistic(labels, scores, lambda_weight=weight))
    value, gradient = map(ops.convert_to_numpy, step(scores, labels))
    assert value > SIZE
    np.testing.assert_allclose(gradient.sum(), 0, atol=1e-3 * np.abs(gradient).sum())
