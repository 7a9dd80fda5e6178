"""Ragged input: lists of different lengths, one after another, and how they are padded."""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from plackett import backend
from plackett.lists._shapes import computable, shape_text


@backend.pytree(data=["values", "row_splits"], static=["list_size"])
@dataclasses.dataclass(frozen=True)
class Ragged:
    """Lists of different lengths, one after another. It is a JAX pytree, so that it passes through `jit`.

    >>> from plackett import losses
    >>> labels, scores = Ragged([1.0, 0.0, 0.0, 1.0, 0.0], [0, 2, 5]), Ragged([0.6, 0.8, 0.5, 0.8, 0.4], [0, 2, 5])
    >>> round(float(losses.UniqueSoftmaxLoss(ragged=True)(labels, scores)), 6)
    0.839119

    Args:
        values: [documents, ...], the entries of all lists.
        row_splits: [lists + 1] int; list k is values[row_splits[k]:row_splits[k + 1]].
        list_size: the size that the lists are padded to, fixed while a function is compiled. None = the length of the
            longest list.
    """

    values: Any
    row_splits: Any
    list_size: Any = None

    def __post_init__(self):
        if self.list_size is None:
            splits = backend.concrete(self.row_splits)
            if splits is None:
                raise ValueError(
                    "a Ragged made inside a compiled function must have a list_size, but got list_size=None"
                )
            object.__setattr__(self, "list_size", int(np.diff(splits).max(initial=0)))


def padded_weights(weights, labels, *, ragged: bool):
    """`sample_weight` as a tensor. Ragged weights, one per document of the ragged labels, are padded with zeros.

    Raises:
        ValueError: the weights are ragged but `ragged` is False, or their lists differ in length from those of the
            labels.
    """
    if not is_ragged(weights):
        return ops.convert_to_tensor(weights)
    if not ragged:
        raise ValueError("sample_weight is ragged, which only ragged=True accepts: set it")
    return pad_together(labels, weights, "sample_weight")[1]


def is_ragged(x) -> bool:
    """True for every form of ragged input: `Ragged`, the backend's own, or lists of different lengths."""
    if isinstance(x, list | tuple):
        return len({np.shape(row)[:1] for row in x}) > 1
    return isinstance(x, Ragged) or backend.flat_ragged(x) is not None


def to_ragged(x) -> Ragged:
    """A `Ragged` from any ragged input, or from lists of lists.

    Raises:
        ValueError: the input is neither.
    """
    if isinstance(x, Ragged):
        return x
    if isinstance(x, list | tuple):
        rows = [computable(row) for row in x]
        if any(len(row.shape) == 0 for row in rows):
            raise ValueError("each list must be a row of documents, but one of the rows is a single number")
        lengths = [row.shape[0] for row in rows]
        filled = [row for row in rows if row.shape[0]] or rows[:1]
        return Ragged(ops.concatenate(filled), np.cumsum([0, *lengths]), max(lengths))
    flat = backend.flat_ragged(x)
    if flat is None:
        raise ValueError(
            f"labels and scores must both be ragged, but one of them is a padded tensor {shape_text(np.shape(x))}"
        )
    return Ragged(*flat)


def pad(ragged: Ragged):
    """The lists of a `Ragged` side by side, padded with zeros.

    Returns:
        (padded, mask): [lists, list_size, ...] and [lists, list_size] bool, True = real document.
    """
    values = ops.convert_to_tensor(ragged.values)
    splits = ops.cast(ops.convert_to_tensor(ragged.row_splits), "int32")
    place = ops.arange(ragged.list_size, dtype="int32")
    mask = place < (splits[1:] - splits[:-1])[:, None]
    behind = ops.shape(values)[0]
    values = ops.pad(values, [(0, 1)] + [(0, 0)] * (len(values.shape) - 1))
    return ops.take(values, ops.where(mask, splits[:-1, None] + place, behind), axis=0), mask


def pad_together(labels, scores, name: str = "scores"):
    """(labels, scores, mask) from ragged labels and scores (or `name`), whose rows must have equal lengths."""
    labels, scores = to_ragged(labels), to_ragged(scores)
    splits = [backend.concrete(ragged.row_splits) for ragged in (labels, scores)]
    if not any(known is None for known in splits) and not np.array_equal(*splits):
        lengths = [np.diff(known).tolist() for known in splits]
        raise ValueError(f"the lists of labels and {name} differ in length: labels {lengths[0]}, {name} {lengths[1]}")
    labels, mask = pad(labels)
    return labels, pad(scores)[0], mask
