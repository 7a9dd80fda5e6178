"""A training loop in JAX: the losses are pure functions, for jit, grad and vmap.

    python examples/jax_loop.py

The parameters are a pytree, and the step is one compiled function. A stochastic loss takes its noise as an argument, so
it stays pure.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

import jax
import jax.numpy as jnp

from plackett.losses import gumbel_approx_ndcg
from plackett.metrics import ndcg

# 400 lists of up to 15 documents. The mask is True for real documents.
keys = iter(jax.random.split(jax.random.key(0), 100))
features = jax.random.normal(next(keys), (400, 15, 6))
worth = features[..., 0] + features[..., 1] * features[..., 2] + 0.5 * jax.random.normal(next(keys), (400, 15))
labels = jnp.digitize(worth, jnp.array([0.0, 1.0, 2.0])).astype("float32")
mask = jnp.arange(15) < jax.random.randint(next(keys), (400, 1), 5, 16)
train, test = slice(0, 300), slice(300, 400)


def score(parameters, features):
    """[lists, list_size], the scores of a multilayer perceptron."""
    x = features
    for weights, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weights + bias)
    weights, bias = parameters[-1]
    return (x @ weights + bias)[..., 0]


def loss_of(parameters, features, labels, mask, noise):
    """The mean of the losses of the lists, one number each."""
    return gumbel_approx_ndcg(labels, score(parameters, features), mask=mask, noise=noise).mean()


@jax.jit
def step(parameters, velocity, features, labels, mask, key):
    """A step of gradient descent with momentum."""
    noise = jax.random.uniform(key, (*labels.shape[:-1], 8, labels.shape[-1]))  # 8 samples of each list, on [0, 1)
    gradient = jax.grad(loss_of)(parameters, features, labels, mask, noise)
    velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.1 * g, velocity, gradient)
    return jax.tree.map(jnp.add, parameters, velocity), velocity


def measure(parameters):
    """The mean NDCG@10 on the held-out lists."""
    return float(ndcg(labels[test], score(parameters, features[test]), mask=mask[test], topn=10).mean())


sizes = [(6, 32), (32, 32), (32, 1)]
parameters = [(jax.random.normal(next(keys), size) / size[0] ** 0.5, jnp.zeros(size[1])) for size in sizes]
velocity = jax.tree.map(jnp.zeros_like, parameters)
untrained = measure(parameters)
for _ in range(30):
    order = jax.random.permutation(next(keys), 300).reshape(10, 30)
    for rows, key in zip(order, jax.random.split(next(keys), 10), strict=True):
        parameters, velocity = step(parameters, velocity, features[rows], labels[rows], mask[rows], key)

trained = measure(parameters)
print(f"NDCG@10 on held-out lists: {untrained:.3f} untrained, {trained:.3f} trained")
