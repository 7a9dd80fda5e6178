"""`call_by_pieces`, of Keras layers and models."""

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
    """`model(inputs, training=training)`, of which no more than `size` rows are in memory at once; see `by_pieces`.

    Each piece draws noise of its own, and the same again where it is computed again for the gradient. Generators move
    on as often as there are pieces.

    Args:
        model: a layer or a model, built, that computes each row for itself.
        inputs: a tensor or a structure of tensors, with the same number of rows.
        size: the rows of a piece.
        training: whether the model shall behave as in training. It must be told: the call of a layer around it is over
            when a piece is computed again.

    Raises:
        ValueError: in training the model changes a variable, as BatchNormalization does its moments, or adds a loss,
            as an activity regularizer does: they would be those of a piece, and not of the batch. Or it draws from the
            generator of Keras where a step cannot carry it: on JAX, and in replicas of tf.distribute.

    Cost: that of `by_pieces`.
    """
    if in_symbolic_scope():  # Keras asks for shapes alone
        return model(inputs, training=training)
    generators = _generators(model)
    with AutocastScope(None):  # the layers of the model cast to their own dtype
        shared = tuple(ops.convert_to_tensor(x.value) for x in model.trainable_variables)
        fixed = tuple(ops.convert_to_tensor(x.value) for x in model.non_trainable_weights)
        states = tuple(ops.convert_to_tensor(x.value) for x in generators)
    of_keras = global_state.get_global_attribute(GENERATOR_OF_KERAS)
    structure = {}

    def of_piece(shared, states, rows):
        # PyTorch computes the gradients of a GPU in a thread of its own, where Keras would make another one.
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
    """The states of all generators that a model may draw from: its own, and that of Keras where it can be carried."""
    weights = {id(x) for x in model.weights}
    found = [x for x in model.variables if id(x) not in weights]
    # JAX refuses to draw from the generator of Keras while it traces, and a replica of tf.distribute to make it.
    if keras.backend.backend() == "jax" or replicas() > 1:
        return found
    return [*found, global_seed_generator().state]


def _check_generator_of_keras(model: keras.Layer, generators: Sequence, scope: keras.StatelessScope) -> None:
    of_keras = global_state.get_global_attribute(GENERATOR_OF_KERAS)
    if of_keras is None or any(of_keras.state is x for x in generators):
        return
    if scope.get_current_value(of_keras.state) is not None:
        raise ValueError(
            f"{model.name} draws from the generator of Keras, which would give it the same noise at each step here; "
            "give its layers a keras.random.SeedGenerator of their own"
        )


def _values(variables, scope):
    return tuple(scope.get_current_value(x) for x in variables)


def _check_moved(model: keras.Layer, before: Sequence, after: Sequence) -> None:
    pairs = zip(model.weights, before, after, strict=True)
    moved = [variable.path for variable, old, new in pairs if old is not new]
    if moved:
        raise ValueError(
            f"{model.name} cannot be called by pieces: in training it changes {', '.join(moved)}, which would be made "
            "of one piece of the batch; LayerNormalization is a layer of each row alone, and a BatchNormalization with "
            "trainable=False changes nothing"
        )


def _check_losses(model: keras.Layer, losses: Sequence) -> None:
    if losses:
        raise ValueError(
            f"{model.name} cannot be called by pieces: it adds {len(losses)} losses of its own, by add_loss or "
            "an activity_regularizer, which would be of one piece of the batch; regularizers of weights are allowed"
        )
