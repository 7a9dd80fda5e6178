"""Turns the input of Keras or of a caller into clean lists: which documents are real, shapes, dtypes.

All masking of plackett is in this file.
"""

import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._ragged import is_ragged, pad_together
from plackett.lists._shapes import as_numbers, check_shape, computable, shape_text, without_column


def clean(
    labels: Tensor, scores: Tensor, mask: Tensor | None = None, *, models: bool = False, shared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """The first line of every loss and metric: checks shapes, zeroes padding, sets the dtype.

    >>> labels, scores, mask = clean([[1.0, 0.0, -1.0]], [[0.5, 0.25, float("nan")]])
    >>> ops.convert_to_numpy(scores).tolist(), ops.convert_to_numpy(mask).tolist()
    ([[0.5, 0.25, 0.0]], [[True, True, False]])

    float16 and bfloat16 scores become float32, and the labels take the dtype of the scores. NaN and inf at a place
    where `mask` is False reach neither a value nor a gradient.

    Args:
        labels: [..., list_size].
        scores: [..., list_size]; with `models`, [..., list_size, models].
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        models: the scores have a last axis of models.
        shared: labels and a mask of [..., 1, list_size] keep that shape, since all samples of the [..., samples,
            list_size] scores share them. Otherwise they are repeated for each sample.

    Returns:
        (labels, scores, mask), of the same shapes.

    Raises:
        ValueError: the shapes do not match, or the label of a real document is NaN or infinite. Inside a compiled
            function, where values are not known, such a label raises nothing and makes the loss of its list NaN.
    """
    scores = computable(scores)
    labels = ops.cast(as_numbers("labels", labels), scores.dtype)
    of_samples = not models and len(labels.shape) > 1 and labels.shape[-2] == 1
    if not models:
        expected = (*labels.shape[:-2], scores.shape[-2], labels.shape[-1]) if of_samples else labels.shape
        check_shape("scores", scores, "labels", expected)
    elif len(scores.shape) != len(labels.shape) + 1:
        raise ValueError(
            "scores must have one more axis than the labels, [..., list_size, models], but got scores "
            f"{shape_text(scores.shape)} and labels {shape_text(labels.shape)}"
        )
    else:
        check_shape("scores", scores, "labels and models", (*labels.shape, scores.shape[-1]))
    if len(labels.shape) == 0:
        raise ValueError("labels and scores must have shape [..., list_size], but got a single number")
    if mask is None:
        mask = ~(labels < 0)
    else:
        mask = ops.cast(ops.convert_to_tensor(mask), "bool")
        check_shape("mask", mask, "labels", labels.shape)
    scores = ops.where(mask[..., None] if models else mask, scores, 0.0)
    labels = ops.where(mask, labels, 0.0)
    scores = _if_finite(labels, scores)
    if of_samples and not shared:
        labels, mask = (ops.broadcast_to(x, ops.shape(scores)) for x in (labels, mask))
    return labels, scores, mask


def _if_finite(labels, scores):
    """The scores, with NaN for lists whose labels, zero at padding, are not all finite.

    Raises:
        ValueError: the values are known, and a label is not finite.
    """
    known = backend.concrete(labels)
    if known is None:
        wrong = ops.any(~ops.isfinite(labels), axis=-1, keepdims=True)
        wrong = wrong if len(scores.shape) == len(labels.shape) else wrong[..., None]  # there are several models
        return scores + ops.cast(ops.where(wrong, float("nan"), 0.0), scores.dtype)
    if wrong := known.size - int(np.isfinite(known).sum()):
        raise ValueError(
            f"labels must be finite numbers, but {wrong} of {known.size} are NaN or infinite: mark padding with a "
            "label below 0, or with a mask"
        )
    return scores


def subtopics_of_documents(labels, scores, mask=None):
    """`clean` for documents with one label for each of several subtopics.

    Args:
        labels: [..., list_size, subtopics]; a label below 0 counts as 0.
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document. None = where a label is not below 0.

    Returns:
        (labels, scores, mask), of the same shapes.

    Raises:
        ValueError: the shapes do not fit, or a label is NaN or infinite, as in `clean`.
    """
    labels, scores = as_numbers("labels", labels), computable(scores)
    if len(labels.shape) != len(scores.shape) + 1:
        raise ValueError(
            "labels must have one more axis than the scores, [..., list_size, subtopics], but got labels "
            f"{shape_text(labels.shape)} and scores {shape_text(scores.shape)}"
        )
    mask = _not_padding(labels, subtopics=True) if mask is None else mask
    _, scores, mask = clean(ops.zeros_like(labels[..., 0]), scores, mask)
    labels = ops.where(mask[..., None] & ~(labels < 0), ops.cast(labels, scores.dtype), 0.0)
    return labels, _if_finite(ops.sum(labels, axis=-1), scores), mask


def prepare(
    y_true, y_pred, *, ragged: bool, models: bool = False, average_models: bool = False, subtopics: bool = False
):
    """Turns what Keras passes to a loss or metric into clean lists.

    The Keras mask on the scores says which documents are real. Without one, a label below 0 marks padding.

    Args:
        y_true: labels, numbers or booleans, [..., list_size] or ragged; a further last axis of 1 is dropped.
        y_pred: scores, [..., list_size] or ragged. A further last axis of 1, as from `Dense(1)`, is dropped; with
            `models` it is the axis of models.
        ragged: accept ragged input.
        models: the scores have a last axis of models.
        average_models: the scores may have a last axis of models, over which they are averaged.
        subtopics: the labels have a last axis of subtopics; padding has a label below 0 in all of them.

    Returns:
        (labels, scores, mask) as from `clean`, or from `subtopics_of_documents`.

    Raises:
        ValueError: the input is ragged but `ragged` is False, or the shapes do not match.
    """
    rows, marked = None, None
    if is_ragged(y_true) or is_ragged(y_pred):
        if not ragged:
            raise ValueError("labels or scores are ragged, which only ragged=True accepts: set it")
        labels, scores, rows = pad_together(y_true, y_pred)
    else:
        labels, scores, marked = as_numbers("labels", y_true), y_pred, backend.keras_mask(y_pred)
    scores = computable(scores)
    # TensorFlow cannot compare booleans.
    labels = ops.cast(labels, scores.dtype)
    if subtopics:
        scores = without_column(scores, len(scores.shape) == len(labels.shape))
    else:
        extra = len(labels.shape) - len(scores.shape)
        # If both have a last axis of 1, two axes mean lists of one document; more axes mean lists and a column.
        labels = without_column(labels, extra > 0 or (extra == 0 and len(labels.shape) > (1 if models else 2)))
        if average_models and len(scores.shape) == len(labels.shape) + 1:
            scores = backend.mean(scores, axis=-1)
        elif not models:
            scores = without_column(scores, len(scores.shape) > len(labels.shape))
        if not models:
            check_shape("scores", scores, "labels", labels.shape)
    if marked is None:
        marked = _not_padding(labels, subtopics)
    mask = marked if rows is None else marked & rows
    return subtopics_of_documents(labels, scores, mask) if subtopics else clean(labels, scores, mask, models=models)


def _not_padding(labels, subtopics):
    """[..., list_size] bool: a label below 0 marks padding; with subtopics, all of them must be below 0."""
    real = ~(labels < 0)
    return ops.any(real, axis=-1) if subtopics else real


def count(mask: Tensor) -> Tensor:
    """[..., list_size] bool -> [...] int32, the number of real documents.

    >>> ops.convert_to_numpy(count(ops.convert_to_tensor([[True, True, False]]))).tolist()
    [2]
    """
    return ops.sum(ops.cast(mask, "int32"), axis=-1)


def any_relevant(labels: Tensor, mask: Tensor) -> Tensor:
    """[...] bool: does the list hold a real document whose label is not 0?

    >>> _, labels, mask = clean([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]])
    >>> ops.convert_to_numpy(any_relevant(labels, mask)).tolist()
    [False, True]
    """
    return ops.any(mask & (labels != 0), axis=-1)


def any_above_0(labels):
    """[...] bool: is a label, zero at padding, above 0? NaN counts, so that the loss of its list is NaN, not 0."""
    return ops.any(~(labels <= 0), axis=-1)


def mean(x: Tensor, mask: Tensor) -> Tensor:
    """[...], the mean of `x` over the real documents of each list; 0 for an empty list.

    >>> _, scores, mask = clean([[1.0, 0.0, -1.0]], [[0.5, 0.25, 9.0]])
    >>> ops.convert_to_numpy(mean(scores, mask)).tolist()
    [0.375]
    """
    return backend.divide_no_nan(ops.sum(ops.where(mask, x, 0.0), axis=-1), ops.cast(count(mask), x.dtype))


def log_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """log(e^s_i / sum_j e^s_j) over the real documents of each list; 0 at padding.

    >>> _, scores, mask = clean([[1.0, 0.0, -1.0]], [[0.0, 0.0, 9.0]])
    >>> ops.convert_to_numpy(log_softmax(scores, mask)).round(4).tolist()[0][::2]
    [-0.6930999755859375, 0.0]
    """
    live = mask | ~ops.any(mask, axis=-1, keepdims=True)
    return ops.where(mask, ops.log_softmax(ops.where(live, scores, -float("inf")), axis=-1), 0.0)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """e^s_i / sum_j e^s_j over the real documents of each list; 0 at padding.

    >>> _, scores, mask = clean([[1.0, 0.0, -1.0]], [[0.0, 0.0, 9.0]])
    >>> ops.convert_to_numpy(masked_softmax(scores, mask)).tolist()
    [[0.5, 0.5, 0.0]]
    """
    return ops.where(mask, ops.exp(log_softmax(scores, mask)), 0.0)
