"""LightGBM: lambdarank, stopped by NDCG@10 of the validation lists."""

import lightgbm
import numpy as np

import plackett

random = np.random.default_rng(0)
X = random.normal(size=(6000, 10))  # 300 queries of 20 documents
y = np.digitize(X[:, 0] + X[:, 1] * X[:, 2] + random.normal(size=6000), [0.5, 1.5, 2.5])  # grades 0 to 3
train, validation, test = slice(4000), slice(4000, 5000), slice(5000, 6000)

settings = {"learning_rate": 0.05, "random_state": 0, "n_jobs": 1, "verbose": -1}
ranker = lightgbm.LGBMRanker(objective="lambdarank", n_estimators=300, **settings)
ranker.fit(
    X[train],
    y[train],
    group=[20] * 200,
    eval_set=[(X[validation], y[validation])],
    eval_group=[[20] * 50],
    eval_at=[10],
    callbacks=[lightgbm.early_stopping(50, verbose=False)],
)

lists = plackett.data.RankingLists.from_arrays(X[test], y[test], group=[20] * 50)
print("ndcg@10", plackett.evaluate(ranker, lists, ["ndcg@10"])["ndcg@10"])
