"""TensorFlow Addons 0.23 with Keras 2: N-pairs, whose loss is NaN under `fit`, thus a training loop of its own."""

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

random = np.random.default_rng(0)
classes = np.tile(random.permutation(64), 3)  # three pairs of each class, and each class once in a batch of 64
centres = random.normal(size=(64, 12))
anchors, positives = (centres[classes] + random.normal(size=(192, 12)) for _ in range(2))
weights = random.normal(0, 0.3, (12, 8))


def make_model():
    """One tower for anchors and positives; the output is [64, 64]."""
    anchor, positive = tf.keras.Input((12,)), tf.keras.Input((12,))
    tower = tf.keras.layers.Dense(8, use_bias=False)
    similarities = tf.matmul(tower(anchor), tower(positive), transpose_b=True)
    model = tf.keras.Model([anchor, positive], similarities)
    model.set_weights([weights])
    return model


model = make_model()
model.compile(tf.keras.optimizers.SGD(0.01), tfa.losses.NpairsLoss())
history = model.fit([anchors, positives], classes, batch_size=64, epochs=1, shuffle=False, verbose=0)
print("loss_of_fit", history.history["loss"][0])

model, loss_of = make_model(), tfa.losses.NpairsLoss()
for _ in range(20):
    for k in range(0, 192, 64):
        with tf.GradientTape() as tape:
            loss = loss_of(classes[k : k + 64], model([anchors[k : k + 64], positives[k : k + 64]]))
        (gradient,) = tape.gradient(loss, model.trainable_variables)
        model.trainable_variables[0].assign_sub(0.01 * gradient)
similarities = model([anchors[:64], positives[:64]]).numpy()
print("loss", float(loss_of(classes[:64], similarities)))
print("nearest_is_own", np.mean(similarities.argmax(axis=1) == np.arange(64)))
