"""The walk of a user down a list. The state of the user changes with each document, clicked or not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.clicks.models._logs import IMPOSSIBLE


class Walk(NamedTuple):
    """How a click model predicts the next click.

    Args:
        state: tensors, [...], or tuples of tensors: the state before the first document.
        predict: a function of the state and a place -> log P(click), log P(no click), [...] each.
        advance: a function of the state, a place and whether it was clicked, [...] bool -> the next state.
    """

    state: Any
    predict: Callable[[Any, Any], tuple[Tensor, Tensor]]
    advance: Callable[[Any, Any, Tensor], Any]


def predictions(walk: Walk, clicked: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Returns (log P(click | the clicks before), log P(no click | them)), [..., list_size] each; -inf and 0 at padding.

    Cost: list_size steps, one after another.
    """

    def step(state, i):
        click, none = walk.predict(state, i)
        told = ops.where(mask[..., i], click, IMPOSSIBLE), ops.where(mask[..., i], none, 0.0)
        return _advance(walk, state, i, clicked[..., i], mask[..., i]), told

    return along(step, walk.state, mask)


def draw(walk: Walk, noise: Tensor, mask: Tensor) -> Tensor:
    """Draws clicks, [..., list_size] bool: a click if the noise is below P(click | the clicks drawn before)."""

    def step(state, i):
        clicked = (noise[..., i] < ops.exp(walk.predict(state, i)[0])) & mask[..., i]
        return _advance(walk, state, i, clicked, mask[..., i]), (clicked,)

    return along(step, walk.state, mask)[0]


def along(step: Callable[[Any, Any], tuple[Any, tuple]], state: Any, mask: Tensor) -> tuple:
    """Collects the outputs of the steps of a list, one after another.

    Args:
        step: a function of a state and a place -> the next state, and a tuple of outputs, [...] each.
        state: the first state.
        mask: [..., list_size].

    Returns:
        The outputs, [..., list_size] each.
    """
    if backend.concrete(mask[..., :1]) is not None:
        told = []
        for i in range(mask.shape[-1]):
            state, of_step = step(state, i)
            told.append(of_step)
        return tuple(ops.stack(x, axis=-1) for x in zip(*told, strict=True))

    # In a compiled function the steps are compiled once. TensorFlow's scan gathers only outputs in the form of the
    # state.
    def scanned(before, i):
        after = step(before[0], i)
        return after, after

    first = state, keras.tree.map_structure(ops.zeros_like, step(state, 0)[1])
    _, (_, told) = ops.scan(scanned, first, ops.arange(ops.shape(mask)[-1]))
    return tuple(ops.moveaxis(x, 0, -1) for x in told)


def _advance(walk, state, i, clicked, real):
    """Returns the state after a document. Padding leaves it unchanged."""
    after = walk.advance(state, i, clicked)
    return keras.tree.map_structure(lambda new, old: ops.where(real, new, old), after, state)
