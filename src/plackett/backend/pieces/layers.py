"""`call_by_pieces`, for Keras layers and models."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree
from keras.src.backend.common import global_state
from keras.src.backend.common.symbolic_scope import in_symbolic_scope
from keras.src.backend.common.variables import AutocastScope
from keras.src.random.seed_generator import global_seed_generator

from plackett.backend.pieces.functions import with_carry
from plackett.backend.randomness import GENERATOR_OF_KERAS
from plackett.backend.tensors import replicas


def call_by_pieces(model: keras.Layer, inputs: Any, size: int, *, training: bool = False) -> Any:
    """`model(inputs, training=training)`, with at most `size` rows in memory at once; see `by_pieces`.

    Each piece draws its own noise, and draws the same noise when it is computed again for the gradient. Generators
    advance once per piece.

    Args:
        model: a built layer or model that computes each row by itself.
        inputs: a tensor or a structure of tensors, with the same number of rows.
        size: the number of rows per piece.
        training: whether the model behaves as in training. It must be passed, since the call of an enclosing layer is
            over when a piece is computed again.

    Raises:
        ValueError: in training the model changes a variable, such as the moments of BatchNormalization, or adds a loss,
            such as that of an activity regularizer; both would belong to a piece and not to the batch. Or the model
            draws from the global Keras generator where a step cannot carry it: on JAX, and in replicas of
            tf.distribute.

    Cost: that of `by_pieces`.
    """
    if in_symbolic_scope():  # Keras asks for shapes only
        return model(inputs, training=training)
    generators = _generators(model)
    with AutocastScope(None):  # the layers of the model cast their input to their own dtype
        shared = tuple(ops.convert_to_tensor(x.value) for x in model.trainable_variables)
        fixed = tuple(ops.convert_to_tensor(x.value) for x in model.non_trainable_weights)
        states = tuple(ops.convert_to_tensor(x.value) for x in generators)
    of_keras = global_state.get_global_attribute(GENERATOR_OF_KERAS)
    structure = {}

    def of_piece(shared, states, rows):
        # PyTorch computes gradients on a GPU in its own thread, where Keras would make another one.
        global_state.set_global_attribute(GENERATOR_OF_KERAS, of_keras)
        mapping = [*zip(model.trainable_variables, shared, strict=True), *zip(generators, states, strict=True)]
        mapping += zip(model.non_trainable_weights, fixed, strict=True)
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            before = _values(model.weights, scope)
            results = model(rows, training=training)
        _check_generator_of_keras(model, generators, scope)
        if training:
            _check_losses(model, scope.losses)
            _check_moved(model, before, _values(model.weights, scope))
        structure["results"] = tree.map_structure(lambda _: None, results)
        return tuple(tree.flatten(results)), _values(generators, scope)

    results, states = with_carry(of_piece, shared, states, inputs, size)
    for variable, state in zip(generators, states, strict=True):
        variable.assign(state)
    return tree.pack_sequence_as(structure["results"], results)


def _generators(model: keras.Layer) -> list[keras.Variable]:
    """The states of all generators that a model may draw from: its own, and the Keras one if it can be carried."""
    weights = {id(x) for x in model.weights}
    found = [x for x in model.variables if id(x) not in weights]
    # While tracing, JAX refuses to draw from the Keras generator; a replica of tf.distribute refuses to make it.
    if keras.backend.backend() == "jax" or replicas() > 1:
        return found
    return [*found, global_seed_generator().state]


def _check_generator_of_keras(model: keras.Layer, generators: Sequence, scope: keras.StatelessScope) -> None:
    of_keras = global_state.get_global_attribute(GENERATOR_OF_KERAS)
    if of_keras is None or any(of_keras.state is x for x in generators):
        return
    if scope.get_current_value(of_keras.state) is not None:
        raise ValueError(
            f"{model.name} draws from the generator of Keras, which would give the same noise at each step here: give "
            "its layers a keras.random.SeedGenerator of their own"
        )


def _values(variables, scope):
    return tuple(scope.get_current_value(x) for x in variables)


def _check_moved(model: keras.Layer, before: Sequence, after: Sequence) -> None:
    pairs = zip(model.weights, before, after, strict=True)
    moved = [variable.path for variable, old, new in pairs if old is not new]
    if moved:
        raise ValueError(
            f"{model.name} cannot be called by pieces: in training it changes {', '.join(moved)}, which would then "
            "come from one piece of the batch; use LayerNormalization, which normalises each row by itself, or "
            "BatchNormalization with trainable=False, which changes nothing"
        )


def _check_losses(model: keras.Layer, losses: Sequence) -> None:
    if losses:
        raise ValueError(
            f"{model.name} cannot be called by pieces: it adds {len(losses)} losses of its own, by add_loss or an "
            "activity_regularizer, which would then come from one piece of the batch; use regularizers of weights "
            "instead"
        )
