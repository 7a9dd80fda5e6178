"""Our losses of single documents as objectives of CatBoost."""

import catboost
import numpy as np
import pytest
from small_trees import LISTS

from plackett.boosting import catboost_objective

CLICKS = (LISTS.labels > 0).astype("float32")
PARAMS = {
    "iterations": 10,
    "depth": 3,
    "thread_count": 1,
    "verbose": 0,
    "allow_writing_files": False,
    "eval_metric": "Logloss",
    "boost_from_average": False,
    "leaf_estimation_iterations": 1,
    "leaf_estimation_backtracking": "No",
}


def predict(objective):
    data = catboost.Pool(LISTS.features, CLICKS, weight=LISTS.labels + 1)
    return catboost.CatBoost(PARAMS | {"loss_function": objective}).fit(data).predict(LISTS.features)


def test_our_cross_entropy_grows_the_trees_of_theirs():
    np.testing.assert_allclose(predict(catboost_objective("sigmoid_cross_entropy")), predict("Logloss"), atol=1e-5)


def test_an_objective_says_what_it_is():
    assert repr(catboost_objective("mean_squared")) == "CatBoostObjective(MeanSquaredLoss())"


@pytest.mark.parametrize("name", ["softmax", "pairwise_logistic", "gumbel_approx_ndcg", "approx_recall"])
def test_losses_of_lists_are_refused_with_the_reason(name):
    with pytest.raises(ValueError, match=r"CatBoost gives an objective no groups, but .* is not a sum over single doc"):
        catboost_objective(name)
