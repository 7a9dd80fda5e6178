"""The walk of a user along a list: what is known of the user changes with each document that is clicked or not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from plackett._types import Tensor
from plackett.clicks.models._logs import IMPOSSIBLE


class Walk(NamedTuple):
    """What a click model says of the next click.

    Args:
        state: tensors, [...], or tuples of such: what is known before the first document.
        predict: function of the state and a place -> log P(click), log P(none), [...] each.
        advance: function of the state, a place and whether it was clicked, [...] bool -> the state after it.
    """

    state: Any
    predict: Callable[[Any, int], tuple[Tensor, Tensor]]
    advance: Callable[[Any, int, Tensor], Any]


def predictions(walk: Walk, clicked: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(log P(click | the clicks before), log P(none | them)), [..., list_size] each; -inf and 0 at padding.

    Cost: list_size steps, one after another.
    """
    steps, state = [], walk.state
    for i in range(size(clicked)):
        click, none = walk.predict(state, i)
        steps.append((ops.where(mask[..., i], click, IMPOSSIBLE), ops.where(mask[..., i], none, 0.0)))
        state = _advance(walk, state, i, clicked[..., i], mask[..., i])
    clicks, nones = zip(*steps, strict=True)
    return ops.stack(clicks, axis=-1), ops.stack(nones, axis=-1)


def draw(walk: Walk, noise: Tensor, mask: Tensor) -> Tensor:
    """[..., list_size] bool: clicked where the noise is below P(click | the clicks drawn before)."""
    drawn, state = [], walk.state
    for i in range(size(noise)):
        drawn.append((noise[..., i] < ops.exp(walk.predict(state, i)[0])) & mask[..., i])
        state = _advance(walk, state, i, drawn[-1], mask[..., i])
    return ops.stack(drawn, axis=-1)


def _advance(walk, state, i, clicked, real):
    """The state after a document; padding leaves it as it is."""
    after = walk.advance(state, i, clicked)
    return keras.tree.map_structure(lambda new, old: ops.where(real, new, old), after, state)


def size(x: Tensor) -> int:
    """The size of the last axis, which must be known."""
    if x.shape[-1] is None:
        raise ValueError("a walk along lists needs their size, but list_size is not known: give it in the signature")
    return x.shape[-1]
