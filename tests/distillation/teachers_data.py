"""Teachers and lists that tests of distillation share."""

import dataclasses

import lightgbm
import numpy as np
from conftest import made_lists

LISTS, VALIDATION, EXTRA = (made_lists(queries, seed) for queries, seed in ((40, 0), (20, 1), (30, 2)))
VALIDATION, EXTRA = (
    dataclasses.replace(lists, queries=np.array([f"{name}{q}" for q in range(len(lists))]))
    for name, lists in (("validation", VALIDATION), ("extra", EXTRA))
)
QUICK = {"epochs": 1, "scorer_options": {"hidden": [4]}}


def best(lists):
    """A good teacher: what the grades are made of."""
    return lists.features[:, 0] + 0.5 * lists.features[:, 1]


def trees(rounds=5, lists=LISTS):
    """A LightGBM model of some lists."""
    names = list(lists.feature_names) if lists.has_feature_names else "auto"
    data = lightgbm.Dataset(lists.features, lists.labels, group=lists.lengths, feature_name=names)
    options = {"objective": "lambdarank", "num_leaves": 4, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    return lightgbm.train(options, data, rounds)


def with_column(lists, **columns):
    """The lists with further columns."""
    return dataclasses.replace(lists, columns=lists.columns | columns)
