"""Layers that are called by pieces: their noise, their variables, training."""

import threading

import keras
import numpy as np
import pytest
from backends import BACKEND, value_and_grad
from keras import ops

from plackett import backend

X = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")


class Unseeded(keras.layers.Layer):
    """Drops numbers by the generator of Keras."""

    def call(self, x, training=False):
        return keras.random.dropout(x, 0.5) if training else x


NOISY = [keras.layers.Dropout(0.5), keras.layers.Dropout(0.5, seed=3)]
NOISY += [] if BACKEND == "jax" else [Unseeded()]  # JAX refuses to trace it


@pytest.mark.parametrize("noisy", NOISY)
def test_a_gradient_sees_the_noise_of_its_value(noisy):
    linear = keras.layers.Dense(32, use_bias=False)
    model = keras.Sequential([keras.Input((4,)), linear, noisy])

    def fn(kernel):
        with keras.StatelessScope([(linear.kernel, kernel)]):
            return backend.call_by_pieces(model, X, 3, training=True)

    kernel = ops.convert_to_numpy(linear.kernel)
    value, gradient = value_and_grad(fn, kernel)
    kept = np.where(value == 0, 0.0, 2.0)
    np.testing.assert_allclose(value, kept * (X @ kernel), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradient, X.T @ kept, rtol=1e-4, atol=1e-5)
    assert len(np.unique(kept, axis=0)) == 7  # no piece has the noise of another


@pytest.mark.parametrize("noisy", NOISY)
def test_each_call_draws_noise_of_its_own(noisy):
    model = keras.Sequential([keras.Input((4,)), noisy])
    ones = np.ones((7, 4), "float32")
    calls = [ops.convert_to_numpy(backend.call_by_pieces(model, ones, 3, training=True)) for _ in range(3)]
    assert len(np.unique(np.stack(calls), axis=0)) == 3
    np.testing.assert_array_equal(backend.call_by_pieces(model, ones, 3), ones)


@pytest.mark.skipif(BACKEND != "jax", reason="where no step carries the generator of Keras")
def test_noise_that_would_be_the_same_at_each_step_is_refused():
    model = keras.Sequential([keras.Input((4,)), Unseeded()])
    with pytest.raises(ValueError, match=r"draws from the generator of Keras.*SeedGenerator of their own"):
        backend.call_by_pieces(model, X, 7, training=True)
    with pytest.raises(ValueError, match="JAX RNG"):
        backend.call_by_pieces(model, X, 3, training=True)


@pytest.mark.skipif(BACKEND != "torch", reason="which has generators of its own")
def test_what_is_drawn_next_does_not_depend_on_the_gradient():
    import torch

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    drawn = []
    for has_gradient in (False, True):
        torch.manual_seed(5)
        value = backend.call_by_pieces(model, X, 3, training=True).sum()
        if has_gradient:
            value.backward()
        drawn.append(float(torch.rand(())))
    assert drawn[0] == drawn[1]


@pytest.mark.skipif(BACKEND != "torch", reason="which has threads for its gradients")
def test_a_gradient_in_another_thread_sees_the_noise_of_its_value():
    noisy = keras.Sequential([keras.Input((4,)), Unseeded()])
    x = ops.convert_to_tensor(X).requires_grad_()
    value = backend.call_by_pieces(noisy, x, 3, training=True)
    thread = threading.Thread(target=value.sum().backward)
    thread.start()
    thread.join()
    np.testing.assert_allclose(x.grad, np.where(value.detach() == 0, 0.0, 2.0))


@pytest.mark.parametrize(
    "layer, words",
    [
        (keras.layers.BatchNormalization(), "it changes .*moving_mean, .*moving_variance, .* LayerNormalization"),
        (keras.layers.Dense(2, activity_regularizer="l2"), "it adds 1 losses .*activity_regularizer"),
    ],
)
def test_what_is_of_a_whole_batch_is_refused_in_training(layer, words):
    model = keras.Sequential([keras.Input((4,)), layer])
    np.testing.assert_allclose(
        *map(ops.convert_to_numpy, (backend.call_by_pieces(model, X, 3), model(X))), rtol=1e-6, atol=1e-7
    )
    with pytest.raises(ValueError, match=f"{model.name} cannot be called by pieces.*{words}"):
        backend.call_by_pieces(model, X, 3, training=True)


def test_inputs_and_outputs_are_structures():
    first, second = keras.Input((4,), name="first"), keras.Input((1,), name="second")
    model = keras.Model({"first": first, "second": second}, {"sum": first + second, "product": first * second})
    results = backend.call_by_pieces(model, {"first": X, "second": X[:, :1]}, 2)
    np.testing.assert_allclose(results["sum"], X + X[:, :1], rtol=1e-6)
    np.testing.assert_allclose(results["product"], X * X[:, :1], rtol=1e-6)


class Around(keras.Model):
    """A tower that is called by pieces of so many rows, or at once."""

    def __init__(self, size, dropout=0.0, dtype=None):
        super().__init__(dtype=dtype)
        first, last = (
            keras.layers.Dense(n, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed=n), dtype=dtype)
            for n in (5, 2)
        )
        noise = keras.layers.Dropout(dropout, seed=1)
        self.tower = keras.Sequential([keras.Input((4,)), first, keras.layers.LayerNormalization(), noise, last])
        self.size = size

    def call(self, x, training=False):
        if self.size is None:
            return self.tower(x, training=training)
        return backend.call_by_pieces(self.tower, x, self.size, training=bool(training))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_fit_learns_what_it_learns_at_once(dtype):
    weights = []
    for size in (None, 3):
        model = Around(size, dtype=dtype)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(X, X[:, :2], batch_size=5, epochs=2, shuffle=False, verbose=0)
        assert {x.dtype for x in model.trainable_variables} == {"float32"}
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6 if dtype == "float32" else 2e-3)


def test_generators_move_on_in_fit():
    model = Around(3, dropout=0.5)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    losses = [model.train_on_batch(X, X[:, :2]) for _ in range(3)]
    assert len(set(map(float, losses))) == 3
    (state,) = (x for x in model.tower.variables if x.shape == (2,) and x.dtype != "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(state), [1, 9])  # three steps of three pieces


@pytest.mark.skipif(BACKEND != "tensorflow", reason="which has replicas")
def test_replicas_call_by_pieces_what_each_has():
    import tensorflow as tf

    weights = []
    for size in (None, 3):
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            model = Around(size)
            model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(X[:6], X[:6, :2], batch_size=6, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.skipif(BACKEND != "jax", reason="which has arrays of several devices")
def test_each_device_has_its_part_of_a_piece():
    model = Around(3)
    alone = ops.convert_to_numpy(model(X[:6]))
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    try:
        np.testing.assert_allclose(model(X[:6]), alone, atol=1e-6)
    finally:
        keras.distribution.set_distribution(None)
