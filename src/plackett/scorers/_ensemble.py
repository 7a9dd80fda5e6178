"""Several scorers as one: the mean of their scores, each standardised within the list."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.registry import register
from plackett.scorers._any_model import feature_names, is_scorer, output_layers
from plackett.scorers._outputs import MaskedScores
from plackett.scorers._two_tower import ranker_of

MEMBER, OF_MEAN = "member_", "_mean"  # how the names of the layers of an ensemble begin and end
EQUAL = 1e-6  # smaller differences between the scores of a list, relative to the largest, are only rounding


@register
class StandardizedMean(keras.layers.Layer):
    """The mean of the scores of several scorers, each standardised within the list.

    For one list with scores s_1 to s_K of K scorers, [list_size] each,

        score = 1/K sum_k (s_k - m_k) / d_k

    with the mean m_k and the standard deviation d_k of s_k over the real documents. A scorer that gives all of them the
    same score, up to float32 rounding, adds 0. Padding gets 0 and changes nothing.

    >>> import numpy as np
    >>> rises, falls = np.array([[1.0, 3.0, 9.0]]), np.array([[30.0, 10.0, 9.0]])
    >>> mask = np.array([[True, True, False]])
    >>> [round(float(x), 3) for x in StandardizedMean()((rises, rises, falls, mask))[0]]
    [-0.333, 0.333, 0.0]

    Args:
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """(the scores of each scorer, ..., mask), all [lists, list_size] -> the mean."""
        *members, mask = inputs
        return sum(standardize(scores, mask) for scores in members) / len(members)

    def compute_mask(self, inputs: Sequence[Tensor], previous_mask: Any = None) -> Tensor:
        """The mask that came with the scores."""
        return inputs[-1]

    def compute_output_shape(self, shapes: Sequence[tuple]) -> tuple:
        """The shape of the mask."""
        return tuple(shapes[-1])


@register
class RankingScores(keras.layers.Layer):
    """The scores to rank by, [..., list_size], for documents with several scores, [..., list_size, models].

    >>> import numpy as np
    >>> float(RankingScores()(np.array([[[1.0, 3.0]]]))[0, 0])
    2.0

    Args:
        ranking: the function from several scores to one, registered with Keras if the model is to be saved. None =
            their mean.
        kwargs: those of `keras.layers.Layer`.
    """

    def __init__(self, ranking: Callable[[Tensor], Tensor] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ranking = ranking
        self.supports_masking = True

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return super().get_config() | {"ranking": keras.saving.serialize_keras_object(self.ranking)}

    @classmethod
    def from_config(cls, config: dict) -> "RankingScores":
        """The layer from the output of `get_config`."""
        return cls(**config | {"ranking": keras.saving.deserialize_keras_object(config["ranking"])})

    def call(self, scores: Tensor) -> Tensor:
        """[..., list_size, models] -> [..., list_size]."""
        return backend.mean(scores, axis=-1) if self.ranking is None else self.ranking(scores)

    def compute_output_shape(self, shape: tuple) -> tuple:
        """The shape without the axis of models."""
        return tuple(shape[:-1])


def standardize(scores: Tensor, mask: Tensor) -> Tensor:
    """[..., list_size]: scores of mean 0 and standard deviation 1 over the real documents; 0 where all are equal.

    The scores are first scaled so that the largest is 1 and no square overflows.
    """
    scores = ops.where(mask, scores, ops.zeros_like(scores))
    scores = scores / _above_0(_largest(scores))
    count = _above_0(ops.sum(ops.cast(mask, scores.dtype), axis=-1, keepdims=True))
    apart = scores - ops.sum(scores, axis=-1, keepdims=True) / count
    apart = ops.where(mask, apart, ops.zeros_like(apart))
    deviation = ops.sqrt(ops.sum(ops.square(apart), axis=-1, keepdims=True) / count)
    # Where a score is NaN or inf, the deviation is NaN, and so is the result.
    equal = ops.isfinite(deviation) & (_largest(apart) <= EQUAL)
    return ops.where(equal | ~mask, ops.zeros_like(apart), apart / _above_0(deviation))


def _largest(x):
    """[..., 1], the largest absolute entry of each list, without `initial`, which no JAX exporter supports."""
    return ops.max(ops.abs(x), axis=-1, keepdims=True) if x.shape[-1] != 0 else ops.zeros_like(x[..., :1])


def _above_0(x):
    """`x`, with 1 in place of 0."""
    return ops.where(x == 0, ops.ones_like(x), x)


def ensemble(scorers: Iterable[keras.Model]) -> keras.Model:
    """Combines several scorers into one: the mean of their scores, each standardised within the list.

    Scorers trained with different losses and seeds have scores on different scales. Standardising makes them
    comparable; see `StandardizedMean`. With several tasks, each task is averaged by itself. For a scorer with several
    scores per document, the scores that it ranks by are averaged; for two towers, the relevance scores.

    >>> import numpy as np
    >>> import plackett
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> lists = plackett.data.RankingLists.from_arrays(x, x[:, 0] > 0, group=[6] * 10)
    >>> both = ensemble([plackett.scorers.mlp(lists), plackett.scorers.self_attention(lists)])
    >>> plackett.score(both, lists).shape
    (60,)

    Args:
        scorers: scorers with the same features and tasks, such as those that `plackett.load` returns. Convert any other
            model with `as_scorer` first. The ensemble shares their weights.

    Returns:
        A scorer, see `plackett.scorers`, with one score per document. It looks at whole lists.

    Raises:
        ValueError: `scorers` is not a list or is empty; one of them is not a scorer; two share weights, take different
            inputs under one name, take features with different names, or have different tasks; or a task or an input
            has the name of a layer of the ensemble.

    Cost: the sum of the costs of the scorers, in time and memory.
    """
    if isinstance(scorers, keras.Model) or not isinstance(scorers, Iterable):
        raise ValueError(f"an ensemble is made of a list of scorers, but got {scorers!r}: give such as [first, second]")
    members = [_as_member(number, given) for number, given in enumerate(scorers, 1)]
    if not members:
        raise ValueError("an ensemble needs at least one scorer, but got none")
    _check_apart(members)
    first, *others = members
    for number, member in enumerate(others, 2):
        _check_alike(first, member, number)
    given = {name: tensor for member in members for name, tensor in member.input.items()}
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in given.items()}
    _check_inputs(inputs, members)
    found = [member({name: inputs[name] for name in member.input}) for member in members]
    if not isinstance(first.output, dict):
        return keras.Model(inputs, _mean(None, found, inputs["mask"]), name="ensemble")
    outputs = {task: _mean(task, [x[task] for x in found], inputs["mask"]) for task in first.output}
    return keras.Model(inputs, outputs, name="ensemble")


def _as_member(number, given):
    """A model of the same layers under a name of its own, with one score per document and task."""
    if not isinstance(given, keras.Model) or not is_scorer(given):
        raise ValueError(
            f"the members of an ensemble must be scorers of plackett, but number {number} is {given!r}: convert a "
            "model of your own with plackett.scorers.as_scorer(model, lists)"
        )
    given = ranker_of(given)
    scores = given.output if isinstance(given.output, dict) else {None: given.output}
    scores = {task: _one_score(given, task, layer, scores[task]) for task, layer in output_layers(given).items()}
    return keras.Model(given.input, next(iter(scores.values())) if None in scores else scores, name=f"{MEMBER}{number}")


def _one_score(model, task, layer, scores):
    """The scores to rank by of one task."""
    if not layer.axis_of_models:
        return scores
    loss = getattr(model, "loss", None)
    loss = loss.get(task) if isinstance(loss, dict) else loss
    ranking = layer.ranking or getattr(loss, "ranking", None)
    return RankingScores(ranking, name=f"{layer.name}_to_rank_by", dtype=layer.dtype_policy)(scores)


def _check_apart(members):
    """Raises a ValueError if two members share weights, which a Keras file would not restore."""
    owners: dict[int, int] = {}
    for number, member in enumerate(members, 1):
        for weight in member.weights:
            if (owner := owners.setdefault(id(weight), number)) != number:
                raise ValueError(
                    f"the members of an ensemble must have weights of their own, but number {number} shares some with "
                    f"number {owner}: give each scorer once"
                )


def _check_alike(first, member, number):
    """Raises a ValueError if a member does not match the first one."""
    kinds = {name: _kind(x) for name, x in first.input.items()}
    for name, x in member.input.items():
        if kinds.get(name, _kind(x)) != _kind(x):
            raise ValueError(
                f"the members of an ensemble must take the same {name}, but the first takes {kinds[name]} and number "
                f"{number} takes {_kind(x)}"
            )
    names, own = feature_names(first), feature_names(member)
    if names and own and names != own:
        raise ValueError(
            "the members of an ensemble must take the same features in the same order, but the first takes "
            f"{', '.join(names)} and number {number} takes {', '.join(own)}"
        )
    tasks, own = (list(x.output) if isinstance(x.output, dict) else ["one output"] for x in (first, member))
    if tasks != own:
        raise ValueError(
            f"the members of an ensemble must have the same tasks, but the first has {', '.join(tasks)} and number "
            f"{number} has {', '.join(own)}"
        )


def _check_inputs(inputs, members):
    """Raises a ValueError if an input, such as an id feature, has the name of a layer of the ensemble."""
    tasks = members[0].output if isinstance(members[0].output, dict) else ["scores"]
    layers = [*(member.name for member in members), *(f"{task}{OF_MEAN}" for task in tasks)]
    for name in inputs:
        if name in layers:
            raise ValueError(f"the input {name} has the name of a layer of the ensemble: give its column another name")


def _kind(tensor):
    """The kind of an input: its dtype, and its axes after those of lists and documents."""
    shape = "".join(f" x {size}" for size in tensor.shape[2:])
    return f"{keras.backend.standardize_dtype(tensor.dtype)}{shape}"


def _mean(task, found, mask):
    """The scores of one task."""
    name = task or "scores"
    if re.fullmatch(rf"{MEMBER}\d+|.*{OF_MEAN}", name):
        raise ValueError(
            f"the task {name} has the name of a layer of the ensemble ({MEMBER}1, NAME{OF_MEAN}): give it another name"
        )
    double = any(keras.backend.standardize_dtype(x.dtype) == "float64" for x in found)
    kind = {"dtype": "float64" if double else "float32"}
    mean = StandardizedMean(name=f"{name}{OF_MEAN}", **kind)((*found, mask))
    return MaskedScores(name=name, **kind)((mean, mask))
