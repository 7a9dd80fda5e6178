"""A training loop in TensorFlow: tf.data, tf.function and GradientTape.

    python examples/tensorflow_loop.py

The loss is a LambdaRank: pairwise logistic, each pair weighed by the NDCG that it can move.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"  # before Keras is imported

import keras
import tensorflow as tf

from plackett.losses import NDCGLambdaWeight, PairwiseLogisticLoss
from plackett.metrics import NDCG

# 400 lists of up to 15 documents. A label of -1 marks padding.
keras.utils.set_random_seed(0)
features = tf.random.normal((400, 15, 6))
worth = features[..., 0] + features[..., 1] * features[..., 2] + 0.5 * tf.random.normal((400, 15))
labels = tf.cast(tf.raw_ops.Bucketize(input=worth, boundaries=[0.0, 1.0, 2.0]), "float32")
lengths = tf.random.uniform((400, 1), 5, 16, "int32")
labels = tf.where(tf.range(15) < lengths, labels, -1.0)
batches = tf.data.Dataset.from_tensor_slices((features[:300], labels[:300])).shuffle(300, seed=0).batch(30)

layers = [keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((None, 6)), *layers])
optimizer = keras.optimizers.Adam(0.005)
loss = PairwiseLogisticLoss(lambda_weight=NDCGLambdaWeight(topn=10))


@tf.function
def step(features, labels):
    """A step of the optimizer on a batch."""
    with tf.GradientTape() as tape:
        value = loss(labels, model(features, training=True))
    gradients = tape.gradient(value, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return value


def measure():
    """The mean NDCG@10 on the held-out lists."""
    metric = NDCG(topn=10)
    metric.update_state(labels[300:], model(features[300:]))
    return float(metric.result())


untrained = measure()
for _ in range(15):
    for one_features, one_labels in batches:
        value = step(one_features, one_labels)

trained = measure()
print(f"the last loss: {float(value):.3f}")
print(f"NDCG@10 on held-out lists: {untrained:.3f} untrained, {trained:.3f} trained")
