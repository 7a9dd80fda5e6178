"""plackett on JAX: the same training loop, with the functions of plackett."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import numpy as np

from plackett import losses, metrics

random = np.random.default_rng(0)
features = random.normal(size=(200, 12, 8)).astype("float32")  # 200 lists of up to 12 documents with 8 features
worth = features[..., :3].sum(axis=-1) + random.normal(size=(200, 12))
labels = np.digitize(worth, [0.5, 1.5, 2.5]).astype("float32")  # grades 0 to 3
labels[np.arange(12) >= random.integers(6, 13, (200, 1))] = -1  # padding
weights = [random.normal(0, 0.3, (8, 16)), np.zeros(16), random.normal(0, 0.3, (16, 1)), np.zeros(1)]
where = labels >= 0


def scores_of(weights, features):
    """[lists, list_size]."""
    hidden = jax.nn.relu(features @ weights[0] + weights[1])
    return (hidden @ weights[2] + weights[3])[..., 0]


def loss_of(weights, features, labels, where):
    """The mean over lists."""
    scores = scores_of(weights, features)
    return jnp.mean(losses.unique_softmax(labels, scores, mask=where))


@jax.jit
def step(weights, features, labels, where):
    """The weights after a step down the gradient."""
    gradients = jax.grad(loss_of)(weights, features, labels, where)
    return [weight - 0.02 * gradient for weight, gradient in zip(weights, gradients, strict=True)]


weights = [jnp.asarray(weight, "float32") for weight in weights]
for _ in range(10):
    for k in range(0, 150, 25):
        weights = step(weights, features[k : k + 25], labels[k : k + 25], where[k : k + 25])

test = features[150:], labels[150:], where[150:]
print("loss", loss_of(weights, *test))
print("ndcg@5", jnp.mean(metrics.ndcg(test[1], scores_of(weights, test[0]), mask=test[2], topn=5)))
