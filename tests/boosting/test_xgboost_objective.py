"""Our losses and metrics in `xgboost.train`."""

import copy
import pickle

import numpy as np
import pytest
import xgboost
from small_trees import LISTS, OTHERS, XGBOOST, matrix, ndcg, train_xgboost

from plackett import metrics
from plackett.boosting import xgboost_metric, xgboost_objective

NOISY = "gumbel_approx_ndcg"


@pytest.mark.parametrize("name", ["softmax", "unique_softmax", NOISY, "pairwise_logistic"])
def test_trees_learn_to_rank(name):
    theirs = xgboost.train(XGBOOST | {"objective": "rank:ndcg"}, matrix(), 20).predict(matrix(OTHERS))
    learnt = ndcg(train_xgboost(xgboost_objective(name)).predict(matrix(OTHERS)))
    assert learnt > ndcg(np.zeros(len(OTHERS.labels))) + 0.15
    assert learnt > ndcg(theirs) - 0.03


def test_a_seed_repeats_a_training_to_the_bit():
    raw = [bytes(train_xgboost(xgboost_objective(NOISY, seed=seed)).save_raw()) for seed in (1, 1, 2)]
    assert raw[0] == raw[1] != raw[2]


@pytest.mark.parametrize("name", ["softmax", NOISY])
def test_training_goes_on_from_a_model_as_if_it_had_not_stopped(name):
    objective = xgboost_objective(name)
    whole, half = (train_xgboost(objective, rounds) for rounds in (20, 10))
    rest = train_xgboost(objective, 10, xgb_model=half)
    np.testing.assert_allclose(rest.predict(matrix()), whole.predict(matrix()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("metric", [xgboost_metric("ndcg@10", like="xgboost"), xgboost_metric("mrr")])
def test_validation_lists_stop_training_by_our_metric(metric):
    told = {}
    booster = train_xgboost(
        xgboost_objective("softmax"),
        200,
        params={"eval_metric": "ndcg@10", "eta": 0.8},
        evals=[(matrix(), "train"), (matrix(OTHERS), "others")],
        custom_metric=metric,
        callbacks=[xgboost.callback.EarlyStopping(rounds=5, metric_name=metric.name, maximize=True)],
        evals_result=told,
        verbose_eval=False,
    )
    assert booster.best_iteration < 190
    if metric.like:
        # XGBoost writes what it is told with six digits.
        np.testing.assert_allclose(told["others"][metric.name], told["others"]["ndcg@10"], atol=1e-5)
    assert max(told["others"][metric.name]) == told["others"][metric.name][booster.best_iteration]


def test_weights_of_lists_reach_the_loss():
    weights = 1.0 + np.arange(len(LISTS)) % 3
    of_lists = matrix(weight=weights)
    plain, weighed = (
        train_xgboost(xgboost_objective("softmax"), data=data).predict(matrix()) for data in (matrix(), of_lists)
    )
    assert np.abs(plain - weighed).max() > 1e-3
    objective = xgboost_objective("softmax")
    derivatives = [objective(np.zeros(len(LISTS.labels)), data)[0] for data in (matrix(), of_lists)]
    np.testing.assert_allclose(derivatives[1], derivatives[0] * np.repeat(weights, LISTS.lengths), rtol=1e-5, atol=1e-7)


def test_dart_drops_trees_and_repeats():
    params = {"booster": "dart", "rate_drop": 0.3}
    one, other = (train_xgboost(xgboost_objective("unique_softmax"), params=params) for _ in range(2))
    assert bytes(one.save_raw()) == bytes(other.save_raw())
    assert bytes(one.save_raw()) != bytes(train_xgboost(xgboost_objective("unique_softmax")).save_raw())
    assert ndcg(one.predict(matrix(OTHERS))) > 0.75


def test_quantile_matrices():
    qid = np.repeat(np.arange(len(LISTS)), LISTS.lengths)
    data = xgboost.QuantileDMatrix(LISTS.features, label=LISTS.labels, qid=qid)
    assert ndcg(train_xgboost(xgboost_objective("softmax"), data=data).predict(matrix(OTHERS))) > 0.8


def test_cross_validation_by_groups():
    told = xgboost.cv(
        XGBOOST | {"disable_default_eval_metric": True},
        matrix(),
        5,
        nfold=3,
        obj=xgboost_objective(NOISY),
        custom_metric=xgboost_metric("ndcg@10"),
        as_pandas=False,
    )
    (means,) = (values for name, values in told.items() if name.startswith("test") and name.endswith("mean"))
    assert means[-1] > 0.7


def test_objectives_are_copied_and_pickled():
    objective = xgboost_objective(NOISY)
    expected = train_xgboost(objective).predict(matrix())
    for other in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        np.testing.assert_array_equal(train_xgboost(other).predict(matrix()), expected)


def test_what_xgboost_cannot_take_is_refused():
    rows = xgboost.DMatrix(LISTS.features, label=LISTS.labels)
    for call in (
        lambda: train_xgboost(xgboost_objective("softmax"), data=rows),
        lambda: xgboost_metric("ndcg@10")(np.zeros(rows.num_row()), rows),
    ):
        with pytest.raises(ValueError, match=r"the DMatrix of XGBoost has no groups: make it with xgboost.DMatrix\(X"):
            call()
    unlabelled = xgboost.DMatrix(LISTS.features, qid=np.repeat(np.arange(len(LISTS)), LISTS.lengths))
    with pytest.raises(
        ValueError, match=r"the DMatrix of XGBoost has no labels: make it with xgboost.DMatrix\(X, label="
    ):
        train_xgboost(xgboost_objective("softmax"), data=unlabelled)
    with pytest.raises(
        ValueError, match=r"wrappers for scikit-learn pass no groups: train by xgboost.train\(params, d"
    ):
        xgboost.XGBRegressor(objective=xgboost_objective("softmax")).fit(LISTS.features, LISTS.labels)
    with pytest.raises(
        ValueError, match="the name of a metric must not have a colon, where XGBoost cuts it, but is a:b"
    ):
        xgboost_metric(metrics.NDCG(10, name="a:b"))
    with pytest.raises(ValueError, match=r"there must be one score per document, but got scores of shape \(\d+, 3\)"):
        train_xgboost(xgboost_objective("softmax"), params={"num_class": 3, "objective": "multi:softprob"})
