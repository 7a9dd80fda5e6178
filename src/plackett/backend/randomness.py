"""Uniform noise, and the generators that it comes from."""

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.backend.common.stateless_scope import get_stateless_scope

from plackett.backend.processes import local_value, parts_of_batch, rows_here

# What `keras.utils.set_random_seed` remembers and what `keras.random` draws from without a seed; Keras has no public
# function that reads them.
GENERATOR_OF_KERAS = "global_seed_generator"
OF_KERAS = ("global_random_seed", GENERATOR_OF_KERAS)


def uniform(shape, seed: int | None, seed_generator, scores):
    """Noise on [0, 1) of `shape`, fresh at each call.

    Where processes take a step together, it is this process's part of the noise that one process would draw for the
    whole batch.

    Called eagerly, TensorFlow draws from its stateful generator, so that `tf.random.set_seed` repeats the numbers of
    TensorFlow Ranking, and JAX and PyTorch draw from `seed_generator`. While JAX or TensorFlow traces a function, the
    state of a generator would be a constant of the trace and give the same noise at every step, or be hidden in the
    graph, where no checkpoint could save it. There the state of `seed_generator` is folded with the bits of `scores`,
    which a step changes: the noise is a function of the two. Processes round scores otherwise than one alone, and so
    JAX draws from `seed_generator` after all where the step carries its state, see `carry_generators`.

    Args:
        shape: the shape of the noise.
        seed: what TensorFlow's eager noise starts from; None = its own choice.
        seed_generator: `keras.random.SeedGenerator` of this seed.
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
    """Noise on [0, 1) of `shape`, [rows, ...]: this process's part of what one process would draw for all rows."""
    parts = parts_of_batch()
    if parts > 1:
        shape = (shape[0] * parts, *shape[1:])
    return rows_here(keras.random.uniform(shape, dtype=dtype, seed=seed_generator))


class _Carried(NamedTuple):
    """What a model knows of a generator that is not of its layers: all that Keras reads of one."""

    state: keras.Variable


@contextlib.contextmanager
def carry_generators(model: keras.Model, generators: Sequence[keras.random.SeedGenerator]) -> Iterator[None]:
    """Within this, on JAX, each step of `fit` of a model carries the states of its losses' generators.

    What such a loss draws is then a function of its seed and of how often it has drawn, as it is where nothing is
    compiled. The states are among the variables of the model, see `variables_of`, but not in its files.
    """
    known = model._seed_generators  # Keras has no public way
    before = list(known)
    if keras.backend.backend() == "jax":
        known.extend(_Carried(generator.state) for generator in generators)
    try:
        yield
    finally:
        known[:] = before


def variables_of(model: keras.Model) -> list[keras.Variable]:
    """The variables of a model, without what its steps carry for its losses."""
    carried = {id(x.state) for x in model._seed_generators if isinstance(x, _Carried)}
    return [variable for variable in model.variables if id(variable) not in carried]


def _is_carried(state):
    """Whether what JAX traces takes the state of a generator, and gives it as it is afterwards."""
    scope = get_stateless_scope()
    return scope is not None and scope.get_current_value(state) is not None


@contextlib.contextmanager
def keep_generators() -> Iterator[None]:
    """After this, the global generators go on as if nothing within it had drawn from them or seeded them.

    They are those of Python, NumPy, Keras and PyTorch. Keras draws from none of TensorFlow.
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
    """Does for the generators of `keep_generators` what `keras.utils.set_random_seed` does for all."""
    random.seed(seed)
    np.random.seed(seed)
    for name, value in zip(OF_KERAS, (seed, None), strict=True):
        global_state.set_global_attribute(name, value)
    seed_generators(seed)


def seed_generators(seed: int) -> None:
    """Seeds the global generators that Keras's layers draw from without a seed of their own: those of PyTorch."""
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def generator_states() -> list:
    """The states of those that a step draws from, as numpy arrays; [] where there are none.

    They are of the CPU and of the one GPU that PyTorch computes on, so that a machine with another number of GPUs can
    take them up.
    """
    if keras.backend.backend() != "torch":
        return []
    import torch

    states = [torch.get_rng_state()]
    if torch.cuda.is_available():
        states.append(torch.cuda.get_rng_state())
    return [state.numpy() for state in states]


def set_generator_states(states: list) -> None:
    """Goes back to states that `generator_states` returned, where there is such a device."""
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
