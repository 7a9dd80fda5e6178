"""A mixture of click models: MixtureEMLoss finds two kinds of users in one click log.

    KERAS_BACKEND=torch python examples/mixture_of_click_models.py

Half of the users click what is cheap, the other half what is new, and the log does not say who is who. A model with two
scores for each document learns both kinds. A user's first list of clicks tells which of the two scores to rank the
second list by. One score for everybody has to compromise.
"""

import keras
import numpy as np

from plackett.losses import MixtureEMLoss, SigmoidCrossEntropyLoss
from plackett.metrics import ndcg as ndcg_of

# 800 users with two lists of 10 documents each. The features are cheapness and newness.
random = np.random.default_rng(0)
features = random.normal(size=(800, 2, 10, 2)).astype("float32")
wants_new = random.integers(0, 2, 800)
wanted = np.where(wants_new[:, None, None] == 1, features[..., 1], features[..., 0])
clicks = (random.random(wanted.shape) < 1 / (1 + np.exp(-3 * (wanted - 1)))).astype("float32")
train, test = slice(0, 600), slice(600, 800)


def fit(loss, scores):
    """A linear model with so many scores a document, trained on both lists of the training users."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Dense(scores)])
    model.compile(keras.optimizers.Adam(0.03), loss)
    model.fit(features[train].reshape(-1, 10, 2), clicks[train].reshape(-1, 10), batch_size=64, epochs=12, verbose=0)
    return model


mixture, single = fit(MixtureEMLoss(), 2), fit(SigmoidCrossEntropyLoss(), 1)

first, second = mixture.predict(features[test, 0], verbose=0), mixture.predict(features[test, 1], verbose=0)
signs = 1 - 2 * clicks[test, 0][..., None]
surprise = np.logaddexp(0, signs * first).sum(axis=1)  # of the first clicks, under each of the two scores
chosen = surprise.argmin(axis=1)
by_mixture = np.take_along_axis(second, chosen[:, None, None], axis=2)[..., 0]
by_single = single.predict(features[test, 1], verbose=0)[..., 0]

agreement = (chosen == wants_new[test]).mean()
right = max(agreement, 1 - agreement)  # which score learns which kind of users is chance
ndcg = {
    name: float(np.mean(keras.ops.convert_to_numpy(ndcg_of(clicks[test, 1], scores))))
    for name, scores in (("one score", by_single), ("mixture", by_mixture))
}
print(f"the first list tells the kind of user in {right:.0%} of the cases")
for name, value in ndcg.items():
    print(f"{name:10} NDCG of the clicks on the second list: {value:.3f}")
