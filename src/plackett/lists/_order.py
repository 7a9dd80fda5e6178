"""The order of the documents of a list: sorting, ranks, and sums over the documents before or below each."""

import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._masking import count
from plackett.lists._shapes import as_rows


def take(x: Tensor, order: Tensor) -> Tensor:
    """The entries of each list in `order`: [..., list_size], [..., list_size] int -> [..., list_size].

    >>> x, order = ops.convert_to_tensor([[0.5, 0.25]]), ops.convert_to_tensor([[1, 0]])
    >>> ops.convert_to_numpy(take(x, order)).tolist()
    [[0.25, 0.5]]
    """
    return ops.take_along_axis(x, order, axis=-1)


def padding_behind(keys, mask):
    """The keys to sort by, with padding after all real documents, even those with an infinite or NaN key.

    Zeros lose their sign, since XLA would sort by it.
    """
    highest = float(np.finfo(ops.dtype(keys)).max)
    keys = ops.where(ops.isnan(keys), highest, ops.where(keys == 0, 0.0, backend.minimum(keys, highest)))
    return ops.where(mask, keys, float("inf"))


def ascending_order(keys: Tensor, mask: Tensor, then: Tensor | None = None) -> Tensor:
    """The permutation that sorts real documents by ascending key and puts padding last.

    >>> keys, mask = ops.convert_to_tensor([[0.5, 0.25, 0.0]]), ops.convert_to_tensor([[True, True, False]])
    >>> ops.convert_to_numpy(ascending_order(keys, mask)).tolist()
    [[1, 0, 2]]

    Args:
        keys: [..., list_size].
        mask: [..., list_size] bool, True = real document.
        then: [..., list_size]; equal keys are ordered by its ascending values. None = by position.
    """
    keys = padding_behind(keys, mask)
    if then is None:
        return backend.argsort(keys)
    first = backend.argsort(then)
    return take(first, backend.argsort(take(keys, first)))


def places(order: Tensor) -> Tensor:
    """The inverse of a permutation: the place of each document in `order`, from 0.

    >>> ops.convert_to_numpy(places(ops.convert_to_tensor([[2, 0, 1]]))).tolist()
    [[1, 2, 0]]
    """
    rows = ops.cast(as_rows(order), "int32")
    place = ops.broadcast_to(ops.arange(ops.shape(rows)[1], dtype="int32"), ops.shape(rows))
    return ops.reshape(backend.scatter_add(place, rows, ops.shape(rows)[1]), ops.shape(order))


def first_of_equals(keys):
    """For each place of a sorted list, the first place with an equal key: [..., list_size] int32, from 0."""
    place = ops.broadcast_to(ops.arange(ops.shape(keys)[-1], dtype="int32"), ops.shape(keys))
    return backend.running_max(ops.where(keys != ops.roll(keys, 1, axis=-1), place, 0))


def end_of_equals(keys):
    """For each place of a sorted list, the place after the last one with an equal key: [..., list_size] int32."""
    return ops.shape(keys)[-1] - ops.flip(first_of_equals(ops.flip(keys, axis=-1)), axis=-1)


def sum_before(x, end):
    """The sum of x_j over the places j < end_i of a list, for each i: [..., list_size], from 0 to list_size each."""
    sums = backend.cumulative_sum(x)
    return take(ops.concatenate([ops.zeros_like(x[..., :1]), sums], axis=-1), end)


def sum_from(x, begin):
    """The sum of x_j over the places j >= begin_i of a list, for each i."""
    return sum_before(ops.flip(x, axis=-1), ops.shape(x)[-1] - begin)


def count_below(labels: Tensor, mask: Tensor) -> Tensor:
    """How many real documents of its list have a smaller label than each real document; 0 at padding.

    >>> labels, mask = ops.convert_to_tensor([[2.0, 0.0, 0.0]]), ops.convert_to_tensor([[True, True, False]])
    >>> ops.convert_to_numpy(count_below(labels, mask)).tolist()
    [[1, 0, 0]]

    Cost: O(list_size log list_size).
    """
    order = ascending_order(labels, mask)
    below = first_of_equals(take(padding_behind(labels, mask), order))
    return ops.where(mask, take(below, places(order)), 0)


def logsumexp_below(labels: Tensor, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The log of the sum of e^x over the documents graded below each document, as a sum of two parts.

    >>> labels, mask = ops.convert_to_tensor([[1.0, 0.0]]), ops.convert_to_tensor([[True, True]])
    >>> tops, rest, known = logsumexp_below(labels, ops.convert_to_tensor([[0.5, 0.25]]), mask)
    >>> ops.convert_to_numpy(tops + rest).tolist()[0][0], ops.convert_to_numpy(known).tolist()
    (0.25, [[True, False]])

    After sorting by label these documents are a prefix, so that one cumulative log-sum-exp serves all.

    Args:
        labels: [..., list_size].
        x: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        (tops, rest, known): [..., list_size] each, with the two parts of `backend.cumulative_logsumexp`; where `known`
        is False there is no such document, and both parts are finite numbers without meaning.

    Cost: O(list_size log list_size) time, O(list_size) memory.
    """
    order = ascending_order(labels, mask)
    sums = backend.cumulative_logsumexp(take(x, order))
    below = take(first_of_equals(take(padding_behind(labels, mask), order)), places(order))
    tops, rest = (take(part, backend.maximum(below - 1, 0)) for part in sums)
    return tops, rest, mask & (below > 0)


def sums_above(labels, x, mask, terms, tops):
    """sum_i terms_i e^(x_k - tops_i) over the documents i graded above each document k; 0 at padding.

    Args:
        labels, x: [..., list_size].
        mask: [..., list_size] bool, True = real document.
        terms: [..., list_size], 0 where a document has no term.
        tops: the tops of `logsumexp_below(labels, x, mask)`; none is below an x that counts.

    Cost: O(list_size log list_size) time, O(list_size) memory.
    """
    order = ascending_order(labels, mask)
    x, terms, tops = take(x, order), take(terms, order), take(tops, order)
    end = end_of_equals(take(padding_behind(labels, mask), order))
    last = ops.shape(x)[-1] - 1
    above = backend.minimum(end, last)
    sums = ops.exp(x - take(tops, above)) * take(backend.sums_below_tops(terms, tops), above)
    return take(ops.where(end <= last, sums, 0.0), places(order))


def ranks(scores: Tensor, mask: Tensor) -> Tensor:
    """The rank of each document: 1 for the highest score, ties by position, padding after all real documents.

    >>> scores, mask = ops.convert_to_tensor([[0.5, 0.75, 9.0]]), ops.convert_to_tensor([[True, True, False]])
    >>> ops.convert_to_numpy(ranks(scores, mask)).tolist()
    [[2.0, 1.0, 3.0]]

    Args:
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document.

    Returns:
        [..., list_size], whole numbers from 1 to list_size in the dtype of the scores.

    Cost: O(list_size log list_size).
    """
    return ops.cast(places(ascending_order(-scores, mask)) + 1, scores.dtype)


def from_median(scores, mask):
    """The scores minus the middle score of their list, so that a large offset cannot swallow what is added to them."""
    fixed = ops.stop_gradient(scores)
    rising = take(fixed, ascending_order(fixed, mask))
    in_the_middle = ops.arange(ops.shape(scores)[-1], dtype="int32") == count(mask)[..., None] // 2
    middle = ops.sum(ops.where(in_the_middle, rising, 0.0), axis=-1, keepdims=True)
    return ops.where(mask, scores - middle, 0.0)
