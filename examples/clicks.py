"""Clicks: from a biased click log to a ranker without the bias of positions, and what users would click.

    KERAS_BACKEND=torch python examples/clicks.py

The log is simulated, so that the truth is known: the old ranker sorts by price, which says nothing about relevance.
The script estimates how often users look at each position, trains one ranker that takes clicks for judgements and one
that divides them by their propensities, estimates from the log what each would be clicked, and then looks at the truth.
"""

import numpy as np

import plackett
from plackett import clicks

random = np.random.default_rng(0)
features = random.normal(size=(480, 2))  # the text tells what is relevant, the price does not
grades = np.clip(np.round(features[:, 0] + 1), 0, 2)
names = {"query": np.repeat(np.arange(80), 6), "documents": np.tile(list("abcdef"), 80)}
products = plackett.data.RankingLists.from_arrays(features, grades, feature_names=["text", "price"], **names)

# The old ranker varies a little, so documents are seen at several positions.
log = clicks.simulate(products, "feature:price", temperature=0.3, sessions=4000, positions=6)
print(log)

curve = clicks.propensities.intervention_harvesting(log)
print(curve)

settings = {"learning_rate": 0.01, "batch_size": 8, "epochs": 8, "scorer_options": {"hidden": [8]}}
systems = {
    "naive": clicks.train(products, log, "naive", **settings).ranker,
    "ipw": clicks.train(products, log, "ipw", propensities=curve, **settings).ranker,
}

# Off-policy evaluation: what the log says of rankers that nobody has seen.
print(clicks.off_policy.estimate(log, products, systems, propensities=curve, estimators=["snips"], topn=3))

ndcg = {name: plackett.evaluate(ranker, products, ["ndcg@3"])["ndcg@3"] for name, ranker in systems.items()}
for name, value in ndcg.items():
    print(f"{name:6} NDCG@3 of the true grades: {value:.3f}")
