"""Small trees, on lists with and without gaps."""

import dataclasses

import lightgbm
import numpy as np
import xgboost
from conftest import made_lists

LISTS, OTHERS = made_lists(60, seed=0), made_lists(30, seed=1)
NAMES = ["bm25", "price", "age", "clicks", "stock"]
GAPS = np.random.default_rng(0).random(LISTS.features.shape) < 0.2
WITH_GAPS = dataclasses.replace(LISTS, features=np.where(GAPS, np.float32(np.nan), LISTS.features))
TREES = {"verbose": -1, "num_leaves": 7, "min_data_in_leaf": 3, "num_threads": 1, "seed": 0, "deterministic": True}
XGBOOST = {"max_depth": 3, "eta": 0.2, "nthread": 1, "seed": 0}


def labels_of(lists, objective):
    return lists.labels > 0 if str(objective).startswith("binary") else lists.labels


def boosted(objective, lists=LISTS, feature_name="auto", **params):
    """A booster of LightGBM."""
    data = lightgbm.Dataset(
        lists.features, label=labels_of(lists, objective), group=lists.lengths, feature_name=feature_name
    )
    return lightgbm.train(TREES | params | {"objective": objective}, data, 15)


def xgboosted(objective, lists=LISTS, **params):
    """A booster of XGBoost."""
    data = xgboost.DMatrix(lists.features, label=labels_of(lists, objective))
    data = ranking_matrix(lists) if objective.startswith("rank") else data
    return xgboost.train(XGBOOST | params | {"objective": objective}, data, 15)


def ranking_matrix(lists):
    """The lists as a DMatrix of XGBoost."""
    return xgboost.DMatrix(lists.features, label=lists.labels, qid=np.repeat(np.arange(len(lists)), lists.lengths))
