"""Uniform noise and its generators."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.backend.common.stateless_scope import get_stateless_scope

from plackett.backend.processes import local_value, parts_of_batch, rows_here

# The seed that `keras.utils.set_random_seed` stores, and the generator that `keras.random` uses without a seed; Keras
# has no public function that reads them.
GENERATOR_OF_KERAS = "global_seed_generator"
OF_KERAS = ("global_random_seed", GENERATOR_OF_KERAS)


def uniform(shape, seed: int | None, seed_generator, scores):
    """Noise on [0, 1) of `shape`, new in each call.

    If several processes take a step together, it is this process's part of the noise that a single process would draw
    for the whole batch.

    In eager mode, TensorFlow draws from its stateful generator, so that `tf.random.set_seed` repeats the numbers of
    TensorFlow Ranking; JAX and PyTorch draw from `seed_generator`. While JAX or TensorFlow traces a function, the state
    of a generator would become a constant of the trace and give the same noise at every step, or it would be hidden in
    the graph, where no checkpoint could save it. There the state of `seed_generator` is folded with the bits of
    `scores`, which change from step to step, and the noise is a function of the two. Several processes round scores
    differently from one process. So where a step carries the state of `seed_generator`, JAX draws from it after all,
    see `carry_generators`.

    Args:
        shape: the shape of the noise.
        seed: the seed of TensorFlow's eager noise. None = TensorFlow chooses.
        seed_generator: a `keras.random.SeedGenerator` with this seed.
        scores: the scores that the noise is for, padding zeroed.
    """
    if keras.backend.backend() == "jax":
        import jax
        import jax.numpy as jnp

        if not isinstance(scores, jax.core.Tracer) or _is_carried(seed_generator.state):
            return keras.random.uniform(shape, seed=seed_generator)
        bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(scores).astype("float32"), "uint32")
        key = jax.random.wrap_key_data(local_value(seed_generator.state))
        return jax.random.uniform(jax.random.fold_in(key, jnp.sum(bits, dtype="uint32")), shape)
    if keras.backend.backend() == "torch":
        return uniform_by_rows(shape, seed_generator)
    import tensorflow as tf

    if tf.executing_eagerly():
        return tf.random.uniform(shape, seed=seed)
    bits = tf.reduce_sum(tf.bitcast(tf.cast(tf.stop_gradient(scores), "float32"), "int32"))
    key = tf.cast(seed_generator.state.value, "int32")
    return tf.random.stateless_uniform(shape, tf.random.experimental.stateless_fold_in(key, bits))


def uniform_by_rows(shape, seed_generator, dtype: str | None = None):
    """Noise on [0, 1) of `shape`, [rows, ...]: this process's part of what a single process would draw for all rows."""
    parts = parts_of_batch()
    if parts > 1:
        shape = (shape[0] * parts, *shape[1:])
    return rows_here(keras.random.uniform(shape, dtype=dtype, seed=seed_generator))


class _Carried(NamedTuple):
    """What a model holds for a generator outside its layers: everything that Keras reads of a generator."""

    state: keras.Variable


@contextlib.contextmanager
def carry_generators(model: keras.Model, generators: Sequence[keras.random.SeedGenerator]) -> Iterator[None]:
    """Within this context, on JAX, each step of `fit` of a model carries the states of the generators of its losses.

    The noise of such a loss then depends on its seed and on how often it has drawn, as in uncompiled code. The states
    are among the variables of the model, see `variables_of`, but not in its files.
    """
    known = model._seed_generators  # Keras has no public way to do this
    before = list(known)
    if keras.backend.backend() == "jax":
        known.extend(_Carried(generator.state) for generator in generators)
    try:
        yield
    finally:
        known[:] = before


def variables_of(model: keras.Model) -> list[keras.Variable]:
    """The variables of a model, without the states that its steps carry for its losses."""
    carried = {id(x.state) for x in model._seed_generators if isinstance(x, _Carried)}
    return [variable for variable in model.variables if id(variable) not in carried]


def _is_carried(state):
    """Whether the function that JAX traces takes the state of a generator and returns the new state."""
    scope = get_stateless_scope()
    return scope is not None and scope.get_current_value(state) is not None


@contextlib.contextmanager
def keep_generators() -> Iterator[None]:
    """After this context, the global generators continue as if nothing within it had drawn from them or seeded them.

    These are the generators of Python, NumPy, Keras and PyTorch. Keras uses no generator of TensorFlow.
    """
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), _states_of_torch()
    of_keras = {name: global_state.get_global_attribute(name) for name in OF_KERAS}
    global_state.set_global_attribute(GENERATOR_OF_KERAS, None)
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        _set_states_of_torch(of_torch)
        for name, value in of_keras.items():
            global_state.set_global_attribute(name, value)


def seed_all_generators(seed: int) -> None:
    """Seeds the generators of `keep_generators`, as `keras.utils.set_random_seed` seeds all generators."""
    random.seed(seed)
    np.random.seed(seed)
    for name, value in zip(OF_KERAS, (seed, None), strict=True):
        global_state.set_global_attribute(name, value)
    seed_generators(seed)


def seed_generators(seed: int) -> None:
    """Seeds the global generators that Keras layers without a seed draw from: those of PyTorch."""
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def generator_states() -> list:
    """The states of the generators that a step draws from, as NumPy arrays; [] if there are none.

    They cover the CPU and the one GPU that PyTorch computes on, so that a machine with another number of GPUs can
    restore them.
    """
    if keras.backend.backend() != "torch":
        return []
    import torch

    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states.append(torch.cuda.get_rng_state())
    return [state.numpy() for state in states]


def set_generator_states(states: list) -> None:
    """Restores the states that `generator_states` returned, for the devices that exist."""
    if keras.backend.backend() == "torch":
        import torch

        of_the_cpu, *of_the_gpu = map(torch.from_numpy, states)
        torch.set_rng_state(of_the_cpu)
        if of_the_gpu and torch.cuda.is_available():
            torch.cuda.set_rng_state(of_the_gpu[0])


def _states_of_torch():
    """The states of all generators of PyTorch in this process; None on other backends."""
    if keras.backend.backend() != "torch":
        return None
    import torch

    return torch.get_rng_state(), torch.cuda.get_rng_state_all()


def _set_states_of_torch(states):
    if states is not None:
        import torch

        torch.set_rng_state(states[0])
        torch.cuda.set_rng_state_all(states[1])
