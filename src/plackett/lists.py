"""A batch of lists: which documents are real, how lists are cleaned, sorted, ranked and paired.

A list is a row of `list_size` places; `mask` says which of them hold a real document. All masking of plackett
stands in this file.
"""

import numpy as np
from keras import ops

from plackett import backend
from plackett.ragged import is_ragged, pad_together
from plackett.shapes import as_rows, check_shape, computable, shown


def clean(labels, scores, mask=None, *, models: bool = False, shared: bool = False):
    """The first line of every loss and metric: check shapes, zero the padding, settle the dtype.

    float16 and bfloat16 scores are computed in float32; the labels take the dtype of the scores. NaN and inf
    at a place where `mask` is False reach neither a value nor a gradient.

    Args:
        labels: [..., list_size].
        scores: [..., list_size]; with `models`, [..., list_size, models].
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        models: the scores have a last axis of models.
        shared: labels and mask of [..., 1, list_size], which all samples of [..., samples, list_size] scores share,
            stay so; else they are repeated for each sample.

    Returns:
        (labels, scores, mask), of the same shapes.

    Raises:
        ValueError: the shapes do not fit, or the label of a real document is NaN or infinite. Where values are not
            known, inside a compiled function, such a label passes, and makes the loss of its list NaN.
    """
    scores = computable(scores)
    labels = ops.cast(ops.convert_to_tensor(labels), scores.dtype)
    of_samples = not models and len(labels.shape) > 1 and labels.shape[-2] == 1
    if not models:
        expected = (*labels.shape[:-2], scores.shape[-2], labels.shape[-1]) if of_samples else labels.shape
        check_shape("scores", scores, "labels", expected)
    elif len(scores.shape) != len(labels.shape) + 1:
        raise ValueError(
            f"scores must have a last axis of models, [..., list_size, models], one axis more than the labels, "
            f"but got scores {shown(scores.shape)} and labels {shown(labels.shape)}"
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
    """The scores of lists whose labels, zero at padding, are finite; NaN where one of them is not.

    Raises:
        ValueError: a label is not finite, where their values are known.
    """
    known = backend.concrete(labels)
    if known is None:
        wrong = ops.any(~ops.isfinite(labels), axis=-1, keepdims=True)
        wrong = wrong if len(scores.shape) == len(labels.shape) else wrong[..., None]  # of several models
        return scores + ops.cast(ops.where(wrong, float("nan"), 0.0), scores.dtype)
    if wrong := known.size - int(np.isfinite(known).sum()):
        raise ValueError(
            f"labels must be finite numbers, but {wrong} of {known.size} are NaN or infinite: padding has a label "
            "below 0, or a mask"
        )
    return scores


def subtopics_of_documents(labels, scores, mask=None):
    """`clean` for documents with a label for each of several subtopics.

    Args:
        labels: [..., list_size, subtopics]; a label below 0 counts as 0.
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document. None = where a label is not below 0.

    Returns:
        (labels, scores, mask), of the same shapes.

    Raises:
        ValueError: the shapes do not fit, or a label is NaN or infinite, as in `clean`.
    """
    labels, scores = ops.convert_to_tensor(labels), computable(scores)
    if len(labels.shape) != len(scores.shape) + 1:
        raise ValueError(
            f"labels must have a last axis of subtopics, [..., list_size, subtopics], one axis more than the scores, "
            f"but got labels {shown(labels.shape)} and scores {shown(scores.shape)}"
        )
    mask = _not_padding(labels, subtopics=True) if mask is None else mask
    _, scores, mask = clean(ops.zeros_like(labels[..., 0]), scores, mask)
    labels = ops.where(mask[..., None] & ~(labels < 0), ops.cast(labels, scores.dtype), 0.0)
    return labels, _if_finite(ops.sum(labels, axis=-1), scores), mask


def prepare(
    y_true, y_pred, *, ragged: bool, models: bool = False, average_models: bool = False, subtopics: bool = False
):
    """What Keras hands to a loss or metric as cleaned lists.

    The Keras mask on the scores says who is real; without one a label below 0 marks padding.

    Args:
        y_true: labels, numbers or booleans, [..., list_size] or ragged; a further last axis of 1 is dropped.
        y_pred: scores, [..., list_size] or ragged; a further last axis of 1, as `Dense(1)` leaves it, is dropped, but
            with `models` it is the axis of models.
        ragged: accept ragged input.
        models: the scores have a last axis of models.
        average_models: the scores may have a last axis of models, of which the mean counts.
        subtopics: the labels have a last axis of subtopics; padding has a label below 0 in all of them.

    Returns:
        (labels, scores, mask) as from `clean`, or from `subtopics_of_documents`.

    Raises:
        ValueError: ragged input that is not accepted, or shapes that do not fit.
    """
    rows, marked = None, None
    if is_ragged(y_true) or is_ragged(y_pred):
        if not ragged:
            raise ValueError("labels or scores are ragged, which is accepted with ragged=True only: set it")
        labels, scores, rows = pad_together(y_true, y_pred)
    else:
        labels, scores, marked = ops.convert_to_tensor(y_true), y_pred, backend.keras_mask(y_pred)
    scores = computable(scores)
    # Booleans have no order on TensorFlow.
    labels = ops.cast(labels, scores.dtype)
    if subtopics:
        scores = _without_column(scores, len(scores.shape) == len(labels.shape))
    else:
        extra = len(labels.shape) - len(scores.shape)
        # Two axes are lists of one document, where both have a last axis of 1; more are lists and a column.
        labels = _without_column(labels, extra > 0 or (extra == 0 and len(labels.shape) > (1 if models else 2)))
        if average_models and len(scores.shape) == len(labels.shape) + 1:
            scores = backend.mean(scores, axis=-1)
        elif not models:
            scores = _without_column(scores, len(scores.shape) > len(labels.shape))
        if not models:
            check_shape("scores", scores, "labels", labels.shape)
    if marked is None:
        marked = _not_padding(labels, subtopics)
    mask = marked if rows is None else marked & rows
    return subtopics_of_documents(labels, scores, mask) if subtopics else clean(labels, scores, mask, models=models)


def _without_column(x, redundant):
    """`x` without its last axis where that is `redundant` and of size 1."""
    return ops.squeeze(x, axis=-1) if redundant and tuple(x.shape[-1:]) == (1,) else x


def _not_padding(labels, subtopics):
    """[..., list_size] bool: a label below 0 marks padding, for subtopics one in all of them."""
    real = ~(labels < 0)
    return ops.any(real, axis=-1) if subtopics else real


def count(mask):
    """[..., list_size] bool -> [...] int32, the number of real documents."""
    return ops.sum(ops.cast(mask, "int32"), axis=-1)


def any_relevant(labels, mask):
    """[...] bool: does the list hold a real document whose label is not 0?"""
    return ops.any(mask & (labels != 0), axis=-1)


def any_above_0(labels):
    """[...] bool: is a label, zero at padding, above 0? NaN is, so that the loss of its list is not 0 but NaN."""
    return ops.any(~(labels <= 0), axis=-1)


def mean(x, mask):
    """[...], the mean of `x` over the real documents of each list; 0 for an empty list."""
    return backend.divide_no_nan(ops.sum(ops.where(mask, x, 0.0), axis=-1), ops.cast(count(mask), x.dtype))


def from_median(scores, mask):
    """The scores less the one in the middle of their list: what will be added to them is not lost to a large offset."""
    fixed = ops.stop_gradient(scores)
    rising = take(fixed, ascending_order(fixed, mask))
    in_the_middle = ops.arange(ops.shape(scores)[-1], dtype="int32") == count(mask)[..., None] // 2
    middle = ops.sum(ops.where(in_the_middle, rising, 0.0), axis=-1, keepdims=True)
    return ops.where(mask, scores - middle, 0.0)


def log_softmax(scores, mask):
    """log(e^s_i / sum_j e^s_j) over the real documents of each list; 0 at padding."""
    live = mask | ~ops.any(mask, axis=-1, keepdims=True)
    return ops.where(mask, ops.log_softmax(ops.where(live, scores, -float("inf")), axis=-1), 0.0)


def masked_softmax(scores, mask):
    """e^s_i / sum_j e^s_j over the real documents of each list; 0 at padding."""
    return ops.where(mask, ops.exp(log_softmax(scores, mask)), 0.0)


# Order


def take(x, order):
    """The entries of each list in `order`: [..., list_size], [..., list_size] int -> [..., list_size]."""
    return ops.take_along_axis(x, order, axis=-1)


def padding_behind(keys, mask):
    """The keys to sort by: those of padding behind all others, an infinite one or NaN of a real document among them.

    A zero loses its sign, by which XLA would order it.
    """
    highest = float(np.finfo(ops.dtype(keys)).max)
    keys = ops.where(ops.isnan(keys), highest, ops.where(keys == 0, 0.0, backend.minimum(keys, highest)))
    return ops.where(mask, keys, float("inf"))


def ascending_order(keys, mask, then=None):
    """The permutation that sorts real documents by rising key and puts padding last.

    Args:
        keys: [..., list_size].
        mask: [..., list_size] bool, True = real document.
        then: [..., list_size], by whose rising value equal keys are ordered. None = by position.
    """
    keys = padding_behind(keys, mask)
    if then is None:
        return backend.argsort(keys)
    first = backend.argsort(then)
    return take(first, backend.argsort(take(keys, first)))


def places(order):
    """The inverse of a permutation: where in `order` each document stands, from 0."""
    rows = ops.cast(as_rows(order), "int32")
    place = ops.broadcast_to(ops.arange(ops.shape(rows)[1], dtype="int32"), ops.shape(rows))
    return ops.reshape(backend.scatter_add(place, rows, ops.shape(rows)[1]), ops.shape(order))


def first_of_equals(keys):
    """For each place of a sorted list the first place that holds an equal key: [..., list_size] int32, from 0."""
    place = ops.broadcast_to(ops.arange(ops.shape(keys)[-1], dtype="int32"), ops.shape(keys))
    return backend.running_max(ops.where(keys != ops.roll(keys, 1, axis=-1), place, 0))


def end_of_equals(keys):
    """For each place of a sorted list the place behind the last that holds an equal key: [..., list_size] int32."""
    return ops.shape(keys)[-1] - ops.flip(first_of_equals(ops.flip(keys, axis=-1)), axis=-1)


def sum_before(x, end):
    """The sum of x_j over the places j < end_i of a list, for each i: [..., list_size], from 0 to list_size each."""
    sums = backend.cumulative_sum(x)
    return take(ops.concatenate([ops.zeros_like(x[..., :1]), sums], axis=-1), end)


def sum_from(x, begin):
    """The sum of x_j over the places j >= begin_i of a list, for each i."""
    return sum_before(ops.flip(x, axis=-1), ops.shape(x)[-1] - begin)


def count_below(labels, mask):
    """How many real documents of its list have a smaller label than each real document; 0 at padding.

    Cost: O(list_size log list_size).
    """
    order = ascending_order(labels, mask)
    below = first_of_equals(take(padding_behind(labels, mask), order))
    return ops.where(mask, take(below, places(order)), 0)


def logsumexp_below(labels, x, mask):
    """log of the sum of e^x over the documents that are graded below each document, as a sum of two parts.

    Sorted by label, those documents are a prefix, so that one cumulative log-sum-exp serves all.

    Args:
        labels: [..., list_size].
        x: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        (tops, rest, known): [..., list_size] each, with the two parts of `backend.cumulative_logsumexp`; where `known`
        is False there is no such document, and both are finite numbers without meaning.

    Cost: O(list_size log list_size) time, O(list_size) memory.
    """
    order = ascending_order(labels, mask)
    sums = backend.cumulative_logsumexp(take(x, order))
    below = take(first_of_equals(take(padding_behind(labels, mask), order)), places(order))
    tops, rest = (take(part, backend.maximum(below - 1, 0)) for part in sums)
    return tops, rest, mask & (below > 0)


def ranks(scores, mask):
    """The rank of each document: 1 for the highest score, ties by position, padding behind all the rest.

    Args:
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        [..., list_size], whole numbers from 1 to list_size in the dtype of the scores.

    Cost: O(list_size log list_size).
    """
    return ops.cast(places(ascending_order(-scores, mask)) + 1, scores.dtype)


# Samples


def gumbel(noise, scores):
    """Gumbel noise g = -log(-log u) out of uniform noise u.

    Args:
        noise: [..., samples, list_size], uniform on [0, 1). An exact 0 counts as the smallest positive float32,
            and what rounds to 1 as the largest below it.
        scores: [..., list_size], what the noise will be added to.

    Returns:
        [..., samples, list_size].

    Raises:
        ValueError: the shapes do not fit.
    """
    noise = ops.cast(noise_of_samples(noise, scores), scores.dtype)
    return -ops.log(-ops.log(backend.clip(noise, float(np.finfo("float32").tiny), 1.0 - 2.0**-24)))


def noise_of_samples(noise, scores):
    """`noise` as a tensor, [..., samples, list_size].

    Raises:
        ValueError: it does not have the shape of the scores, with an axis of samples.
    """
    noise = ops.convert_to_tensor(noise)
    samples = noise.shape[-2] if len(noise.shape) > 1 else None
    check_shape("noise", noise, "samples", (*scores.shape[:-1], samples, scores.shape[-1]))
    return noise


def per_sample(x, samples):
    """`x`, [..., list_size], once for each sample: in the shape of `samples`, [..., samples, list_size]."""
    return ops.broadcast_to(x[..., None, :], ops.shape(samples))


# Pairs


def both(mask):
    """[..., n] bool -> [..., n, n], True where i and j are."""
    return mask[..., :, None] & mask[..., None, :]


def check_square(similarities) -> None:
    """Raises ValueError unless similarities are [..., rows, rows]."""
    shape = similarities.shape
    square = len(shape) > 1 and (shape[-1] is None or shape[-2] is None or shape[-1] == shape[-2])
    if not square:
        raise ValueError(f"similarities must be square, [..., rows, rows], but got {shown(shape)}")


def squeeze_column(labels, similarities):
    """[..., rows, 1] -> [..., rows], for similarities [..., rows, rows]; anything else as it is."""
    column = len(labels.shape) == len(similarities.shape) and labels.shape[-1] == 1
    return ops.squeeze(labels, axis=-1) if column else labels


# Weights


def is_a_document(weights, labels) -> bool:
    """Does `sample_weight` hold a weight a document, and not one a list or one number for all lists?

    Raises:
        ValueError: neither [], [...], [..., 1] nor [..., list_size], which of a single list may be [list_size].
    """
    leading = labels.shape[:-1]
    if len(weights.shape) == 0:
        return False
    if tuple(leading) == (1,) and len(weights.shape) == 1 and tuple(weights.shape) != (1,):
        check_shape("sample_weight", weights, "the labels of its list", labels.shape[-1:])
        return True
    if len(weights.shape) == len(leading):
        check_shape("sample_weight", weights, "one weight a list", leading)
        return False
    if len(weights.shape) == len(leading) + 1 and weights.shape[-1] == 1:
        check_shape("sample_weight", weights, "one weight a list", (*leading, 1))
        return False
    if len(weights.shape) != len(leading) + 1:
        raise ValueError(
            f"sample_weight must have one weight, one a list, {shown(leading)} or {shown((*leading, 1))}, or one a "
            f"document, {shown(labels.shape)}, but got {shown(weights.shape)}"
        )
    check_shape("sample_weight", weights, "labels", labels.shape)
    return True


def weights_as_given(weights, labels):
    """`sample_weight` without a last axis of 1 that is one more than the labels have, [..., list_size, 1]."""
    return _without_column(weights, len(weights.shape) > len(labels.shape))


def weights_of_documents(weights, labels, mask):
    """One weight a document out of `sample_weight`: [..., list_size], 0 at padding; None = 1 for all.

    Args:
        weights: of the shapes of `list_weights`.
    """
    if weights is None:
        return ops.cast(mask, labels.dtype)
    weights = ops.cast(ops.convert_to_tensor(weights), labels.dtype)
    if len(weights.shape) > 0 and not is_a_document(weights, labels):
        weights = ops.reshape(weights, (*ops.shape(labels)[:-1], 1))
    return ops.where(mask, weights, 0.0)


def list_weights(weights, labels, mask, *, plain: bool):
    """One weight a list out of `sample_weight`.

    Args:
        weights: [], a number for all lists; [...] or [..., 1], a weight a list; or [..., list_size], a weight a
            document, of a single list also [list_size].
        labels: [..., list_size], padding zeroed.
        mask: [..., list_size] bool, True = real document.
        plain: take the mean of the documents' weights instead of the mean weighted by the labels.

    Returns:
        [...]: the weight of the list, or sum_i w_i y_i / sum_i y_i over its real documents; 0 where that sum of
        labels is 0.
    """
    if len(weights.shape) == 0:
        return ops.broadcast_to(weights, ops.shape(labels)[:-1])
    if not is_a_document(weights, labels):
        return weights if len(weights.shape) < len(labels.shape) else ops.squeeze(weights, axis=-1)
    if plain:
        return mean(weights, mask)
    weighted = ops.sum(ops.where(mask, weights, 0.0) * labels, axis=-1)
    return backend.divide_no_nan(weighted, ops.sum(labels, axis=-1))
