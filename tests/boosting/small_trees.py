"""Small datasets, and small trees that learn from them."""

import lightgbm
import numpy as np
import xgboost
from conftest import made_lists

import plackett

LISTS, OTHERS = made_lists(60, seed=0), made_lists(30, seed=1)
TREES = {
    "verbose": -1,
    "num_leaves": 7,
    "min_data_in_leaf": 3,
    "learning_rate": 0.2,
    "num_threads": 1,
    "deterministic": True,
    "seed": 0,
}
XGBOOST = {"max_depth": 3, "eta": 0.2, "nthread": 1, "seed": 0, "min_child_weight": 0.01}


def dataset(lists=LISTS, **options):
    """The lists as a Dataset of LightGBM."""
    return lightgbm.Dataset(lists.features, label=lists.labels, group=lists.lengths, **options)


def matrix(lists=LISTS, **options):
    """The lists as a DMatrix of XGBoost."""
    qid = np.repeat(np.arange(len(lists)), lists.lengths)
    return xgboost.DMatrix(lists.features, label=lists.labels, qid=qid, **options)


def train_lightgbm(objective, rounds=20, data=None, params=None, **options):
    """A booster of LightGBM."""
    return lightgbm.train(
        TREES | (params or {}) | {"objective": objective}, dataset() if data is None else data, rounds, **options
    )


def train_xgboost(objective, rounds=20, data=None, params=None, **options):
    """A booster of XGBoost."""
    return xgboost.train(XGBOOST | (params or {}), matrix() if data is None else data, rounds, obj=objective, **options)


def ndcg(scores, lists=OTHERS):
    """Of scores on lists that no tree has seen."""
    return plackett.evaluate_scores(scores, lists, ["ndcg@10"])["ndcg@10"]
