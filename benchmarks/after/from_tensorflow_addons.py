"""plackett with Keras 3: the same towers, trained by `fit`."""

import keras
import numpy as np
from keras import ops

import plackett

random = np.random.default_rng(0)
classes = np.tile(random.permutation(64), 3)  # three pairs of each class, and each class once in a batch of 64
centres = random.normal(size=(64, 12))
anchors, positives = (centres[classes] + random.normal(size=(192, 12)) for _ in range(2))
weights = random.normal(0, 0.3, (12, 8))

anchor, positive = keras.Input((12,)), keras.Input((12,))
tower = keras.layers.Dense(8, use_bias=False)
similarities = ops.matmul(tower(anchor), ops.transpose(tower(positive)))
model = keras.Model([anchor, positive], similarities)
model.set_weights([weights])
model.compile(keras.optimizers.SGD(0.01), plackett.losses.NpairsLoss())
model.fit([anchors, positives], classes, batch_size=64, epochs=20, shuffle=False, verbose=0)

print("loss", model.evaluate([anchors[:64], positives[:64]], classes[:64], batch_size=64, verbose=0))
similarities = ops.convert_to_numpy(model([anchors[:64], positives[:64]]))
print("nearest_is_own", np.mean(similarities.argmax(axis=1) == np.arange(64)))
