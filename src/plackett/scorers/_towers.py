"""The examination tower of `two_tower`, and how its scores are combined with the relevance scores."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.data import RankingLists, Strings
from plackett.data._inputs import columns_as_inputs
from plackett.registry import register
from plackett.scorers.preprocessing.layers import Table, Vocabulary

POSITION, CLICK = "position", "click"
# The names of the layers that compute the logits of the examination tower and that scale them.
EXAMINATION, RATE = "examination", "examination_rate"


def examination_tower(
    lists: RankingLists,
    scores: int,
    *,
    positions: int | None,
    context: Sequence[str],
    hidden: Sequence[int],
    dimension: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """(its inputs by name, its logits [lists, list_size, scores]); see `two_tower`.

    Raises:
        ValueError: a position is missing, not whole or beyond `positions`; or a context column is missing, is neither
            finite numbers nor strings, or is the position or the click itself.
    """
    for name, why in ((POSITION, "which the examination tower takes anyway"), (CLICK, "which it is to explain")):
        if name in context:
            raise ValueError(f"context must not hold {name}, {why}: give what was known before the list was shown")
    columns = columns_as_inputs(lists, (POSITION, *context))
    if positions is None:
        positions = int(columns[POSITION].max())
    check_positions(lists, positions)
    known = Positions(positions, name="positions")
    inputs = {POSITION: keras.Input((None,), dtype="int32", name=POSITION)}
    place = known(inputs[POSITION])
    if not context:
        table = Table(positions + 1, scores, embeddings_initializer="zeros", name=EXAMINATION, dtype="float32")
        return inputs, table(place)
    parts = [Table(positions + 1, dimension, name="position_embedding")(place)]
    for name in context:
        inputs[name], part = _context(name, lists, columns[name], dimension)
        parts.append(part)
    x = keras.layers.Concatenate()(parts)
    for width in hidden:
        x = keras.layers.Dense(width, activation="relu")(x)
    return inputs, keras.layers.Dense(scores, name=EXAMINATION)(x)


def start_examination(model: keras.Model, logits: Sequence[float]) -> None:
    """Adds these logits, one per score, to the output of the examination tower of a new model."""
    layer = model.get_layer(EXAMINATION)
    *others, last = layer.get_weights()
    layer.set_weights([*others, last + np.asarray(logits, "float32") / _rate_of(model)])


def examination_by_position(model: keras.Model) -> np.ndarray | None:
    """[positions, scores] float64, the logits of the examination tower; None if it is not a table of positions."""
    layer = next((layer for layer in model.layers if layer.name == EXAMINATION), None)
    if not isinstance(layer, Table):
        return None
    return _rate_of(model) * keras.ops.convert_to_numpy(layer.embeddings)[1:].astype("float64")


def _rate_of(model):
    """How much faster the examination moves than its weights."""
    return next((layer.scale for layer in model.layers if layer.name == RATE), 1.0)


def _context(name, lists, column, dimension):
    """(the input for a context column, what the tower gets from it)."""
    if isinstance(lists.query_columns.get(name), Strings):
        given = keras.Input((None, 2), dtype="int32", name=name)
        values = np.unique(np.ascontiguousarray(column).view("int64"))
        number = Vocabulary(values, kind="text", name=f"{name}_vocabulary")(given)
        return given, Table(len(values) + 1, dimension, name=f"{name}_embedding")(number)
    if not np.isfinite(column).all():
        raise ValueError(f"the context {name} must be finite numbers or strings in all training lists")
    given = keras.Input((None,), dtype="float32", name=name)
    mean, variance = float(column.mean(dtype="float64")), float(column.var(dtype="float64"))
    standardise = keras.layers.Normalization(axis=None, mean=mean, variance=variance, dtype="float32")
    return given, standardise(given)[..., None]


def check_positions(lists: RankingLists, positions: int) -> None:
    """Raises a ValueError if a document of the lists was shown beyond the known positions."""
    column = lists.columns[POSITION]
    if len(beyond := np.flatnonzero(column > positions)):
        query = int(np.searchsorted(lists.row_splits, beyond[0], side="right")) - 1
        raise ValueError(
            f"position must be at most {positions}, the last one that the examination tower knows, but it is "
            f"{column[beyond[0]]:g} in query {lists.queries[query]!r}: give positions={int(column.max())} in "
            "scorer_options, or leave such documents out"
        )


@register
class Positions(keras.layers.Layer):
    """Records how many positions a scorer knows, and passes positions on.

    Args:
        positions: the last known position; positions count from 1.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, positions: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positions = positions

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"positions": self.positions}

    def call(self, x: Tensor) -> Tensor:
        """[...] int32 -> the same."""
        return x


@register
class Constants(keras.layers.Layer):
    """Free numbers that are the same for all documents; they start at 0.

    Args:
        number: how many numbers.
        rate: the numbers are the weights of the layer times this.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, number: int, rate: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.rate = rate
        self.supports_masking = True

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"number": self.number, "rate": self.rate}

    def build(self, shape: tuple) -> None:
        """Makes the numbers."""
        self.values = self.add_weight(name="values", shape=(self.number,), initializer="zeros")

    def call(self, scores: Tensor) -> Tensor:
        """[lists, list_size, ...] -> [lists, list_size, number]."""
        return ops.zeros_like(scores[..., :1]) + self.rate * self.values

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: who is real is known where the scores are masked."""


@register
class Combine(keras.layers.Layer):
    """Adds the scores of two towers, or concatenates them; see `two_tower`.

    Args:
        combine: "add" or "stack".
        constant_scores: how many free numbers come first in a stack.
        examination_scores: the number of scores of the examination tower.
        examination_dropout: the share of lists whose examination is set to 0 in training.
        examined: the inputs of the examination tower.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(
        self,
        combine: str,
        constant_scores: int,
        examination_scores: int,
        examination_dropout: float,
        examined: Sequence[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.combine = combine
        self.constant_scores = constant_scores
        self.examination_scores = examination_scores
        self.examination_dropout = examination_dropout
        self.examined = tuple(examined)
        self.seed_generator = keras.random.SeedGenerator() if examination_dropout else None
        self.supports_masking = True

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {
            "combine": self.combine,
            "constant_scores": self.constant_scores,
            "examination_scores": self.examination_scores,
            "examination_dropout": self.examination_dropout,
            "examined": list(self.examined),
        }

    def call(self, parts: list[Tensor], training: bool | None = None) -> Tensor:
        """The parts of a stack in order, or [examination, relevance], each [lists, list_size, scores] -> one tensor."""
        if training and self.examination_dropout:
            parts = [self._drop(parts[0]), parts[1]]
        return parts[0] + parts[1] if self.combine == "add" else ops.concatenate(parts, axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: who is real is known where the scores are masked."""

    def _drop(self, x):
        drawn = backend.uniform_by_rows((ops.shape(x)[0], 1, 1), self.seed_generator, "float32")
        return ops.where(drawn < self.examination_dropout, ops.zeros_like(x), x)


@register
class Reversal(keras.layers.Layer):
    """Passes examination logits on, and in training penalises what they reveal about relevance.

    A linear prediction of the mean relevance score from the logits is learnt by its squared error, averaged over
    documents. The gradient reaches the logits reversed.

    Args:
        scale: the scale of the reversed gradient.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.supports_masking = True

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"scale": self.scale}

    def build(self, shapes: tuple) -> None:
        """Makes the weights of the prediction."""
        self.kernel = self.add_weight(name="kernel", shape=(shapes[0][-1], 1))
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")

    def call(self, inputs: tuple[Tensor, Tensor, Tensor], training: bool | None = None) -> Tensor:
        """(examination, relevance, both [lists, list_size, scores], mask) -> the examination."""
        examination, relevance, mask = inputs
        if training:
            # Its value is that of the logits, and its derivative is -scale.
            turned = (1 + self.scale) * ops.stop_gradient(examination) - self.scale * examination
            guess = (ops.matmul(turned, self.kernel) + self.bias)[..., 0]
            error = ops.square(guess - ops.stop_gradient(ops.mean(ops.cast(relevance, guess.dtype), axis=-1)))
            real = ops.cast(mask, error.dtype)
            number = backend.mean_over_processes(ops.sum(real))
            self.add_loss(backend.divide_no_nan(ops.sum(error * real), number))
        return examination

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """None: who is real is known where the scores are masked."""
