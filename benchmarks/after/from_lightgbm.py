"""plackett: the same data to a network, and to the trees of LightGBM with a loss of plackett."""

import lightgbm
import numpy as np

import plackett
from plackett import boosting
from plackett.data import RankingLists

random = np.random.default_rng(0)
X = random.normal(size=(6000, 10))  # 300 queries of 20 documents
y = np.digitize(X[:, 0] + X[:, 1] * X[:, 2] + random.normal(size=6000), [0.5, 1.5, 2.5])  # grades 0 to 3
train, validation, test = slice(4000), slice(4000, 5000), slice(5000, 6000)

# A network in place of trees.
lists = RankingLists.from_arrays(X[train], y[train], group=[20] * 200)
to_stop = RankingLists.from_arrays(X[validation], y[validation], group=[20] * 50)
lists_of_test = RankingLists.from_arrays(X[test], y[test], group=[20] * 50)
network = plackett.train(lists, to_stop, loss="unique_softmax", metric="ndcg@10", epochs=30, seed=0)
print("ndcg@10", plackett.evaluate(network.model, lists_of_test, ["ndcg@10"])["ndcg@10"])

# The trees of LightGBM, with a loss and a metric of plackett.
booster = lightgbm.train(
    {
        "objective": boosting.lightgbm_objective("unique_softmax"),
        "learning_rate": 0.05,
        "seed": 0,
        "num_threads": 1,
        "verbose": -1,
    },
    lightgbm.Dataset(X[train], label=y[train], group=[20] * 200),
    300,
    valid_sets=[lightgbm.Dataset(X[validation], label=y[validation], group=[20] * 50)],
    feval=boosting.lightgbm_metric("ndcg@10"),
    callbacks=[lightgbm.early_stopping(50, verbose=False)],
)
print("ndcg@10_of_trees", plackett.evaluate(booster, lists_of_test, ["ndcg@10"])["ndcg@10"])
