"""Our losses and metrics in LightGBM's wrapper for scikit-learn."""

import copy
import pickle

import numpy as np
import pytest
from lightgbm import LGBMRanker
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_trees import LISTS, OTHERS, TREES, ndcg, train_lightgbm

from plackett.boosting import lightgbm_metric, lightgbm_objective

TRAINING = {"X": LISTS.features, "y": LISTS.labels, "group": LISTS.lengths}
VALIDATION = {"eval_X": (OTHERS.features,), "eval_y": (OTHERS.labels,), "eval_group": [OTHERS.lengths]}


def ranker(objective, **options):
    return LGBMRanker(objective=objective, n_estimators=20, **TREES | options)


def test_the_wrapper_trains_what_train_does():
    objective = lightgbm_objective("gumbel_approx_ndcg", seed=1)
    by_wrapper = ranker(objective).fit(**TRAINING)
    np.testing.assert_allclose(
        by_wrapper.predict(OTHERS.features), train_lightgbm(objective).predict(OTHERS.features), rtol=1e-6
    )


def test_validation_lists_stop_training_by_our_metric():
    feval = lightgbm_metric("ndcg@10")
    model = ranker(lightgbm_objective("softmax"), metric="none", early_stopping_round=3, learning_rate=0.8)
    model.fit(**TRAINING, **VALIDATION, eval_metric=feval)
    assert model.best_iteration_ < 20
    assert model.best_score_["valid_0"][feval.name] == pytest.approx(ndcg(model.predict(OTHERS.features)))


def test_weights_reach_the_loss():
    objective = lightgbm_objective("unique_softmax")
    plain, weighed = (ranker(objective).fit(**TRAINING, sample_weight=x) for x in (None, LISTS.labels + 1))
    assert np.abs(plain.predict(OTHERS.features) - weighed.predict(OTHERS.features)).max() > 1e-3


def test_rankers_are_cloned_and_pickled():
    first = ranker(lightgbm_objective("gumbel_approx_ndcg")).fit(**TRAINING)
    expected = first.predict(OTHERS.features)
    for other in (clone(first).fit(**TRAINING), copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(other.predict(OTHERS.features), expected)


def test_a_grid_of_losses():
    half = np.repeat(np.arange(20), 6)  # 40 lists of 3 documents, cut into halves of 20
    x = np.random.default_rng(0).normal(size=(120, 3))
    grid = {"objective": [lightgbm_objective("softmax"), lightgbm_objective("mean_squared")]}
    search = GridSearchCV(
        ranker(None),
        grid,
        cv=[(np.flatnonzero(half < 10), np.flatnonzero(half >= 10))],
        scoring=lambda model, x, y: np.corrcoef(model.predict(x), y)[0, 1],
        refit=False,
    )
    search.fit(x, (x[:, 0] > 0).astype("float32"), group=[3] * 20)
    assert (search.cv_results_["mean_test_score"] > 0.5).all()
