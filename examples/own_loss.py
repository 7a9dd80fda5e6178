"""A loss of your own: one function and one class.

    KERAS_BACKEND=torch python examples/own_loss.py

The loss is the softmax cross-entropy with a margin: relevant documents have to win by it. As a function it trains a
ranker by `plackett.train`. As a class it also has temperature, sample weights, ragged input, a config and saving, and
is a loss of Keras as any other.
"""

import keras
import numpy as np
from keras import ops

import plackett
from plackett.data import RankingLists
from plackett.lists import clean
from plackett.losses import RankingLoss


def margin_softmax(labels, scores, *, mask=None, margin=1.0):
    """-sum_i y_i log softmax(s - margin * [y > 0])_i, one number for each list."""
    labels, scores, mask = clean(labels, scores, mask)  # padding is 0 from here on
    reduced = ops.where(mask, scores - margin * ops.cast(labels > 0, scores.dtype), -1e30)
    return ops.sum(
        labels * (ops.logsumexp(reduced, axis=-1, keepdims=True) - reduced) * ops.cast(mask, scores.dtype), -1
    )


@keras.saving.register_keras_serializable("examples")
class MarginSoftmaxLoss(RankingLoss):
    """Softmax cross-entropy, where relevant documents have to win by a margin."""

    fn = staticmethod(margin_softmax)

    def __init__(self, reduction="auto", name=None, margin=1.0, temperature=1.0, ragged=False):
        super().__init__(reduction, name, margin=margin, temperature=temperature, ragged=ragged)


loss = MarginSoftmaxLoss(margin=2.0)
assert MarginSoftmaxLoss.from_config(loss.get_config()) == loss
plain, padded = loss([[1, 0]], [[0.6, 0.8]]), loss([[1, 0, -1]], [[0.6, 0.8, 9.0]])
print(f"plain {float(plain):.6f}, padded {float(padded):.6f}")
difference = abs(float(plain) - float(padded))

random = np.random.default_rng(0)
features = random.normal(size=(3600, 4)).astype("float32")
grades = np.digitize(features[:, 0] - features[:, 1] + random.normal(size=3600), [1, 2])
lists = RankingLists.from_arrays(features, grades, group=[12] * 300)
train, validation, test = lists[:200], lists[200:250], lists[250:]

trained = plackett.train(train, validation, loss=loss, epochs=5, learning_rate=0.01, scorer_options={"hidden": [8]})
ndcg = plackett.evaluate(trained.model, test, ["ndcg@10"])["ndcg@10"]
chance = plackett.evaluate("random:0", test, ["ndcg@10"])["ndcg@10"]
print(f"NDCG@10: chance {chance:.3f}, with {loss.name} {ndcg:.3f}")

model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(1)])  # the same loss in plain Keras
model.compile("adam", loss)
model.fit(features.reshape(300, 12, 4), grades.reshape(300, 12), epochs=1, verbose=0)
