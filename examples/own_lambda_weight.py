"""A lambda weight of your own: pairs count by how much they can move the reciprocal rank.

    KERAS_BACKEND=torch python examples/own_lambda_weight.py

A lambda weight says what a pair of documents is worth to a metric. This one is a function of values of the two
documents, so that no matrix of all pairs is held: a `PairWeight`. It acts in every pairwise loss. The script trains
with it and without it, and prints MRR on held-out lists: whether a weight helps depends on the data, so measure it.
"""

import keras
import numpy as np
from keras import ops

import plackett
from plackett.data import RankingLists
from plackett.lambdas import PairWeight
from plackett.losses import PairwiseLogisticLoss


@keras.saving.register_keras_serializable("examples")
class ReciprocalRankWeight(PairWeight):
    """|1 / rank_i - 1 / rank_j| ** power, for the ranks that the scores give now."""

    def __init__(self, power=1.0):
        self.power = power

    def of_pairs(self, labels, ranks, mask):
        return [1.0 / ranks], lambda i, j: ops.abs(i[0] - j[0]) ** self.power


weighed = PairwiseLogisticLoss(lambda_weight=ReciprocalRankWeight())
value = float(weighed([[0, 1, 0]], [[0.3, 0.2, 0.1]]))
expected = 0.5 * np.log1p(np.exp(0.1)) + (1 / 2 - 1 / 3) * np.log1p(np.exp(-0.1))  # ranks 1, 2 and 3
print(f"the weighed loss of one list: {value:.6f}, by hand {expected:.6f}")
assert PairwiseLogisticLoss.from_config(weighed.get_config()) == weighed

random = np.random.default_rng(0)
features = random.normal(size=(4800, 4))
relevant = features[:, 0] + features[:, 1] ** 2 + random.normal(size=4800) > 2.5
lists = RankingLists.from_arrays(features, relevant, group=[20] * 240)
train, validation, test = lists[:120], lists[120:160], lists[160:]
settings = {"metric": "mrr", "epochs": 6, "learning_rate": 0.02, "scorer_options": {"hidden": [16]}}
systems = {
    "chance": "random:0",
    "plain": plackett.train(train, validation, loss=PairwiseLogisticLoss(), **settings).model,
    "weighed": plackett.train(train, validation, loss=weighed, **settings).model,
}
mrr = {name: plackett.evaluate(system, test, ["mrr"])["mrr"] for name, system in systems.items()}
for name, found in mrr.items():
    print(f"{name:8} MRR {found:.3f}")
