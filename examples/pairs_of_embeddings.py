"""Paired examples: NpairsLoss trains embeddings in which images of one class lie together.

    KERAS_BACKEND=torch python examples/pairs_of_embeddings.py

The images are scikit-learn's handwritten digits. A batch holds an anchor and a positive of each of the ten classes; the
positives of the other classes are the negatives. The script prints how often the nearest neighbour of a held-out image
shows the same digit, before and after training.
"""

import keras
import numpy as np
from keras import ops
from sklearn.datasets import load_digits

from plackett.losses import NpairsLoss
from plackett.retrieval import batch_by_distinct, pairs_by_class

digits = load_digits()
images, classes = (digits.data / 16).astype("float32"), digits.target
train, test = slice(0, 1200), slice(1200, None)

keras.utils.set_random_seed(0)
tower = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(3)])


class Similarities(keras.Model):
    """[rows, rows], the dot products of the embeddings of all anchors and all positives."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def call(self, pairs):
        return ops.matmul(self.tower(pairs["anchor"]), ops.transpose(self.tower(pairs["positive"])))


def recall_at_1():
    """The share of the test images whose nearest neighbour, by cosine, shows the same digit."""
    embeddings = tower.predict(images[test], verbose=0)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarities = embeddings @ embeddings.T
    np.fill_diagonal(similarities, -np.inf)
    return float((classes[test][similarities.argmax(axis=1)] == classes[test]).mean())


untrained = recall_at_1()
model = Similarities(tower)
model.compile(keras.optimizers.Adam(0.003), NpairsLoss())
for epoch in range(8):
    anchors, positives, _ = pairs_by_class(classes[train], seed=epoch)
    for rows in batch_by_distinct(classes[train][anchors], 10, seed=epoch):  # no class twice in a batch
        pairs = {"anchor": images[train][anchors[rows]], "positive": images[train][positives[rows]]}
        loss = model.train_on_batch(pairs, classes[train][anchors[rows]])

trained = recall_at_1()
print(f"the last loss: {float(loss):.3f}")
print(f"recall@1 of embeddings of 3 numbers: {untrained:.3f} untrained, {trained:.3f} trained")
