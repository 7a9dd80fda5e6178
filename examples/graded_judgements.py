"""Graded judgements: a Keras model learns to rank from grades of 0 to 4.

    KERAS_BACKEND=torch python examples/graded_judgements.py

It trains one network with two losses: UniqueSoftmaxLoss, where each document competes with the documents of lower
grades, and GumbelApproxNDCGLoss, a smooth NDCG. It prints NDCG@10 on held-out lists, before and after training.
"""

import keras
import numpy as np

from plackett.losses import GumbelApproxNDCGLoss, UniqueSoftmaxLoss
from plackett.metrics import NDCG

# 400 lists of 5 to 20 documents with 8 features. A label of -1 marks padding.
random = np.random.default_rng(0)
features = random.normal(size=(400, 20, 8)).astype("float32")
worth = features[..., 0] + features[..., 1] * features[..., 2] + 0.5 * random.normal(size=(400, 20))
labels = np.digitize(worth, [0, 1, 2, 3]).astype("float32")
lengths = random.integers(5, 21, 400)
labels[np.arange(20) >= lengths[:, None]] = -1
train, test = slice(0, 300), slice(300, 400)


def make_model(loss):
    """The same network, with the same start, for each loss."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((None, 8)), *layers])
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=[NDCG(topn=10, name="ndcg")])
    return model


losses = {
    "UniqueSoftmaxLoss": UniqueSoftmaxLoss(),
    "GumbelApproxNDCGLoss": GumbelApproxNDCGLoss(sample_size=8, seed=1),
}
untrained = make_model(UniqueSoftmaxLoss()).evaluate(features[test], labels[test], verbose=0, return_dict=True)["ndcg"]
print(f"{'untrained':22} NDCG@10 {untrained:.3f}")
ndcg = {}
for name, loss in losses.items():
    model = make_model(loss)
    model.fit(features[train], labels[train], batch_size=30, epochs=15, verbose=0)
    ndcg[name] = model.evaluate(features[test], labels[test], verbose=0, return_dict=True)["ndcg"]
    print(f"{name:22} NDCG@10 {ndcg[name]:.3f}")
