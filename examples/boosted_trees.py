"""Boosted trees: a loss of plackett as an objective of LightGBM.

    KERAS_BACKEND=torch python examples/boosted_trees.py

It trains LightGBM with UniqueSoftmaxLoss and with its own lambdarank, stops each by NDCG@10 on validation lists, and
compares the two on test lists. The gradient and the second derivative are those of the loss.
"""

import lightgbm
import numpy as np

import plackett
from plackett import boosting
from plackett.data import RankingLists

random = np.random.default_rng(0)
X = random.normal(size=(6000, 6))
y = np.digitize(X[:, 0] + np.abs(X[:, 1]) * X[:, 2] + 0.7 * random.normal(size=6000), [0, 1, 2])
group = [20] * 300  # 300 lists of 20 documents: 200 to train, 50 to validate, 50 to test
training = lightgbm.Dataset(X[:4000], label=y[:4000], group=group[:200])
validation = lightgbm.Dataset(X[4000:5000], label=y[4000:5000], group=group[200:250], reference=training)
test = RankingLists.from_arrays(X[5000:], y[5000:], group=group[250:])

params = {"learning_rate": 0.1, "num_leaves": 15, "seed": 0, "verbose": -1, "num_threads": 1}
objectives = {"unique_softmax": boosting.lightgbm_objective("unique_softmax"), "lambdarank": "lambdarank"}
systems = {"chance": "random:0"}
for name, objective in objectives.items():
    systems[name] = lightgbm.train(
        params | {"objective": objective, "metric": "None"},
        training,
        100,
        valid_sets=[validation],
        feval=boosting.lightgbm_metric("ndcg@10"),
        callbacks=[lightgbm.early_stopping(10, verbose=False)],
    )
    print(f"{name}: {systems[name].best_iteration} trees")

results = plackett.evaluate(systems, test, ["ndcg@10"])
print(plackett.compare(results, baseline="lambdarank"))
ndcg = dict(zip(systems, results.means()[:, 0], strict=True))
