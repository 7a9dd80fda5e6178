"""A batch of lists: which documents are real, how lists are cleaned, sorted, ranked and paired.

A list is a row of `list_size` places; `mask` says which of them hold a real document. All masking of plackett
stands in this file.
"""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from plackett import backend


def clean(labels, scores, mask=None, *, models: bool = False):
    """The first line of every loss and metric: check shapes, zero the padding, settle the dtype.

    float16 and bfloat16 scores are computed in float32; the labels take the dtype of the scores. NaN and inf
    at a place where `mask` is False reach neither a value nor a gradient.

    Args:
        labels: [..., list_size].
        scores: [..., list_size]; with `models`, [..., list_size, models].
        mask: [..., list_size] bool, True = real document. None = all real.
        models: the scores have a last axis of models.

    Returns:
        (labels, scores, mask), of the same shapes.

    Raises:
        ValueError: the shapes do not fit.
    """
    scores = computable(scores)
    labels = ops.cast(ops.convert_to_tensor(labels), scores.dtype)
    if not models:
        check_shape("scores", scores, "labels", labels.shape)
    elif len(scores.shape) != len(labels.shape) + 1:
        raise ValueError(
            f"scores must have a last axis of models, [..., list_size, models], one axis more than the labels, "
            f"but got scores {_shown(scores.shape)} and labels {_shown(labels.shape)}"
        )
    else:
        check_shape("scores", scores, "labels and models", (*labels.shape, scores.shape[-1]))
    if len(labels.shape) == 0:
        raise ValueError("labels and scores must have shape [..., list_size], but got a single number")
    if mask is None:
        return labels, scores, ops.ones_like(labels, dtype="bool")
    mask = ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", mask, "labels", labels.shape)
    real = mask[..., None] if models else mask
    return ops.where(mask, labels, 0.0), ops.where(real, scores, 0.0), mask


def prepare(y_true, y_pred, *, ragged: bool, models: bool = False):
    """What Keras hands to a loss or metric as cleaned lists.

    The Keras mask on the scores says who is real; without one a label below 0 marks padding.

    Args:
        y_true: labels, [..., list_size] or ragged.
        y_pred: scores, [..., list_size] or ragged; with `models`, with a last axis of models.
        ragged: accept ragged input.
        models: the scores have a last axis of models.

    Returns:
        (labels, scores, mask) as from `clean`.

    Raises:
        ValueError: ragged input that is not accepted, or shapes that do not fit.
    """
    if is_ragged(y_true) or is_ragged(y_pred):
        if not ragged:
            raise ValueError("labels or scores are ragged, which is accepted with ragged=True only: set it")
        labels, scores, mask = pad_together(y_true, y_pred)
        return clean(labels, scores, mask & (labels >= 0), models=models)
    labels, mask = ops.convert_to_tensor(y_true), backend.keras_mask(y_pred)
    return clean(labels, y_pred, labels >= 0 if mask is None else mask, models=models)


def computable(x):
    """`x` as a tensor of float32 or float64."""
    x = ops.convert_to_tensor(x)
    dtype = ops.dtype(x)
    return x if dtype in ("float32", "float64") else ops.cast(x, "float32")


def check_shape(name: str, x, other: str, shape) -> None:
    """Raises ValueError unless `x` has this shape; an axis of unknown size fits any."""
    fits = len(x.shape) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(x.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have the shape of {other}, {_shown(shape)}, but got {name} {_shown(x.shape)}")


def _shown(shape) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def mean_of_models(scores, labels):
    """The mean over a last axis of models, with the mask kept; scores without that axis as they are."""
    if is_ragged(scores) or len(np.shape(scores)) != len(np.shape(labels)) + 1:
        return scores
    averaged = ops.mean(computable(scores), axis=-1)
    if backend.keras_mask(scores) is not None:
        backend.set_keras_mask(averaged, backend.keras_mask(scores))
    return averaged


def count(mask):
    """[..., list_size] bool -> [...] int32, the number of real documents."""
    return ops.sum(ops.cast(mask, "int32"), axis=-1)


def any_relevant(labels, mask):
    """[...] bool: does the list hold a real document whose label is not 0?"""
    return ops.any(mask & (labels != 0), axis=-1)


def mean(x, mask):
    """[...], the mean of `x` over the real documents of each list; 0 for an empty list."""
    return ops.divide_no_nan(ops.sum(ops.where(mask, x, 0.0), axis=-1), ops.cast(count(mask), x.dtype))


def below_top(scores, mask):
    """The scores less the highest of their list: what depends on differences alone loses no digit to a large score."""
    lowest = -float("inf")
    top = ops.max(ops.where(mask, scores, lowest), axis=-1, keepdims=True, initial=lowest)
    top = ops.where(ops.any(mask, axis=-1, keepdims=True), top, 0.0)
    return ops.where(mask, scores - ops.stop_gradient(top), 0.0)


def log_softmax(scores, mask):
    """log(e^s_i / sum_j e^s_j) over the real documents of each list; 0 at padding."""
    live = mask | ~ops.any(mask, axis=-1, keepdims=True)
    return ops.where(mask, ops.log_softmax(ops.where(live, scores, -float("inf")), axis=-1), 0.0)


# Order


def take(x, order):
    """The entries of each list in `order`: [..., list_size], [..., list_size] int -> [..., list_size]."""
    return ops.take_along_axis(x, order, axis=-1)


def ascending_order(keys, mask):
    """The permutation that sorts real documents by rising key, ties by position, and puts padding last."""
    return ops.argsort(ops.where(mask, keys, float("inf")), axis=-1)


def count_below(labels, mask):
    """How many real documents of its list have a smaller label than each real document; 0 at padding.

    Cost: O(list_size log list_size).
    """
    rising = take(ops.where(mask, labels, float("inf")), ascending_order(labels, mask))
    return ops.where(mask, backend.searchsorted(rising, labels), 0)


def ranks(scores, mask):
    """The rank of each document: 1 for the highest score, ties by position, padding behind all the rest.

    Args:
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        [..., list_size], whole numbers from 1 to list_size in the dtype of the scores.

    Cost: O(list_size log list_size).
    """
    place = ops.argsort(ascending_order(-scores, mask), axis=-1)
    return ops.cast(place + 1, scores.dtype)


# Samples


def gumbel(noise, scores):
    """Gumbel noise g = -log(-log u) out of uniform noise u.

    Args:
        noise: [..., samples, list_size], uniform on [0, 1). An exact 0 counts as the smallest positive float32.
        scores: [..., list_size], what the noise will be added to.

    Returns:
        [..., samples, list_size].

    Raises:
        ValueError: the shapes do not fit.
    """
    noise = ops.cast(ops.convert_to_tensor(noise), scores.dtype)
    samples = noise.shape[-2] if len(noise.shape) > 1 else None
    check_shape("noise", noise, "samples", (*scores.shape[:-1], samples, scores.shape[-1]))
    return -ops.log(-ops.log(ops.maximum(noise, float(np.finfo("float32").tiny))))


def per_sample(x, samples):
    """`x`, [..., list_size], once for each sample: in the shape of `samples`, [..., samples, list_size]."""
    return ops.broadcast_to(x[..., None, :], ops.shape(samples))


# Pairs


def differences(x):
    """[..., n] -> [..., n, n], x_i - x_j."""
    return x[..., :, None] - x[..., None, :]


def both(mask):
    """[..., n] bool -> [..., n, n], True where i and j are."""
    return mask[..., :, None] & mask[..., None, :]


def either(mask):
    """[..., n] bool -> [..., n, n], True where i or j is."""
    return mask[..., :, None] | mask[..., None, :]


def check_square(labels, similarities) -> None:
    """Raises ValueError unless similarities are [..., rows, rows] and labels [..., rows]."""
    shape = similarities.shape
    square = len(shape) > 1 and (shape[-1] is None or shape[-2] is None or shape[-1] == shape[-2])
    if not square:
        raise ValueError(f"similarities must be square, [..., rows, rows], but got {_shown(shape)}")
    check_shape("labels", labels, "one class a row", shape[:-1])


def squeeze_column(x):
    """[rows, 1] -> [rows]; anything else as it is."""
    return ops.squeeze(x, axis=-1) if len(x.shape) == 2 and x.shape[-1] == 1 else x


# Weights


def is_a_document(weights, labels) -> bool:
    """Does `sample_weight` hold a weight a document, [..., list_size], and not one a list?

    Raises:
        ValueError: neither [...], [..., 1] nor [..., list_size].
    """
    leading = labels.shape[:-1]
    if len(weights.shape) == len(leading):
        check_shape("sample_weight", weights, "one weight a list", leading)
        return False
    if len(weights.shape) == len(leading) + 1 and weights.shape[-1] == 1:
        check_shape("sample_weight", weights, "one weight a list", (*leading, 1))
        return False
    if len(weights.shape) != len(leading) + 1:
        raise ValueError(
            f"sample_weight must have one weight a list, {_shown(leading)} or {_shown((*leading, 1))}, or one a "
            f"document, {_shown(labels.shape)}, but got {_shown(weights.shape)}"
        )
    check_shape("sample_weight", weights, "labels", labels.shape)
    return True


def document_weights(weights, labels):
    """One weight a document out of `sample_weight`: [..., list_size]; None = 1 for all."""
    if weights is None:
        return ops.ones_like(labels)
    weights = ops.cast(dense(weights), labels.dtype)
    if is_a_document(weights, labels):
        return weights
    return ops.broadcast_to(ops.reshape(weights, (*ops.shape(labels)[:-1], 1)), ops.shape(labels))


def list_weights(weights, labels, mask, *, plain: bool):
    """One weight a list out of `sample_weight`.

    Args:
        weights: [...] or [..., 1], a weight a list; or [..., list_size], a weight a document.
        labels: [..., list_size], padding zeroed.
        mask: [..., list_size] bool, True = real document.
        plain: take the mean of the documents' weights instead of the mean weighted by the labels.

    Returns:
        [...]: the weight of the list, or sum_i w_i y_i / sum_i y_i over its real documents; 0 where that sum of
        labels is 0.
    """
    if not is_a_document(weights, labels):
        return weights if len(weights.shape) < len(labels.shape) else ops.squeeze(weights, axis=-1)
    if plain:
        return mean(weights, mask)
    weighted = ops.sum(ops.where(mask, weights, 0.0) * labels, axis=-1)
    return ops.divide_no_nan(weighted, ops.sum(labels, axis=-1))


# Ragged input


@backend.pytree(data=["values", "row_splits"], static=["list_size"])
@dataclasses.dataclass(frozen=True)
class Ragged:
    """Lists of different lengths, one behind the other: a JAX pytree, so that it passes through `jit`.

    Args:
        values: [documents, ...], the entries of all lists.
        row_splits: [lists + 1] int; list k is values[row_splits[k]:row_splits[k + 1]].
        list_size: the size that the lists are padded to, fixed while a function is compiled.
            None = the length of the longest.
    """

    values: Any
    row_splits: Any
    list_size: Any = None

    def __post_init__(self):
        if self.list_size is None:
            splits = backend.concrete(self.row_splits)
            if splits is None:
                raise ValueError("a Ragged that is made inside a compiled function needs its list_size")
            object.__setattr__(self, "list_size", int(np.diff(splits).max(initial=0)))


def dense(x):
    """`x` as a tensor: ragged input is padded with zeros."""
    return pad(to_ragged(x))[0] if is_ragged(x) else ops.convert_to_tensor(x)


def is_ragged(x) -> bool:
    """True for every form of ragged input: `Ragged`, the backend's own, or lists of different lengths."""
    if isinstance(x, list | tuple):
        return len({np.shape(row)[:1] for row in x}) > 1
    return isinstance(x, Ragged) or backend.flat_ragged(x) is not None


def to_ragged(x) -> Ragged:
    """`Ragged` of any ragged input, or of lists of lists.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(x, Ragged):
        return x
    if isinstance(x, list | tuple):
        rows = [computable(row) for row in x]
        lengths = [row.shape[0] for row in rows]
        filled = [row for row in rows if row.shape[0]] or rows[:1]
        return Ragged(ops.concatenate(filled), np.cumsum([0, *lengths]), max(lengths))
    flat = backend.flat_ragged(x)
    if flat is None:
        raise ValueError(f"labels and scores must both be ragged, but got one padded tensor {_shown(np.shape(x))}")
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


def pad_together(labels, scores):
    """(labels, scores, mask) of ragged labels and scores, whose rows must have the same lengths."""
    labels, scores = to_ragged(labels), to_ragged(scores)
    splits = [backend.concrete(ragged.row_splits) for ragged in (labels, scores)]
    if not any(known is None for known in splits) and not np.array_equal(*splits):
        lengths = [np.diff(known).tolist() for known in splits]
        raise ValueError(f"the lists of labels and scores differ in length: labels {lengths[0]}, scores {lengths[1]}")
    labels, mask = pad(labels)
    return labels, pad(scores)[0], mask
