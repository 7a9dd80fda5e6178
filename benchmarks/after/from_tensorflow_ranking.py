"""plackett with Keras 3: the same perceptron on the same padded lists, on any backend."""

import keras
import numpy as np

import plackett

random = np.random.default_rng(0)
features = random.normal(size=(200, 12, 8)).astype("float32")  # 200 lists of up to 12 documents with 8 features
worth = features[..., :3].sum(axis=-1) + random.normal(size=(200, 12))
labels = np.digitize(worth, [0.5, 1.5, 2.5]).astype("float32")  # grades 0 to 3
labels[np.arange(12) >= random.integers(6, 13, (200, 1))] = -1  # padding
weights = [random.normal(0, 0.3, (8, 16)), np.zeros(16), random.normal(0, 0.3, (16, 1)), np.zeros(1)]

model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
model.build((None, 12, 8))
model.set_weights(weights)
model.compile(
    keras.optimizers.Adam(0.01),
    loss=plackett.losses.ApproxNDCGLoss(temperature=0.1),
    metrics=[plackett.metrics.NDCG(name="ndcg@5", topn=5)],
)
model.fit(features[:150], labels[:150], batch_size=25, epochs=10, shuffle=False, verbose=0)

loss, ndcg = model.evaluate(features[150:], labels[150:], batch_size=50, verbose=0)
print("loss", loss)
print("ndcg@5", ndcg)
