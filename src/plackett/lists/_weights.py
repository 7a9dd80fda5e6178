"""`sample_weight` as weights of documents and of lists."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._masking import mean
from plackett.lists._shapes import check_shape, shape_text, without_column


def is_a_document(weights, labels) -> bool:
    """Does `sample_weight` hold one weight per document, rather than one per list or one number for all lists?

    Raises:
        ValueError: the shape is not [], [...], [..., 1] or [..., list_size] (for a single list also [list_size]).
    """
    leading = labels.shape[:-1]
    if len(weights.shape) == 0:
        return False
    if tuple(leading) == (1,) and len(weights.shape) == 1 and tuple(weights.shape) != (1,):
        check_shape("sample_weight", weights, "the labels of its list", labels.shape[-1:])
        return True
    if len(weights.shape) == len(leading):
        check_shape("sample_weight", weights, "one weight per list", leading)
        return False
    if len(weights.shape) == len(leading) + 1 and weights.shape[-1] == 1:
        check_shape("sample_weight", weights, "one weight per list", (*leading, 1))
        return False
    if len(weights.shape) != len(leading) + 1:
        raise ValueError(
            f"sample_weight must have one weight, one per list, {shape_text(leading)} or {shape_text((*leading, 1))}, "
            f"or one per document, {shape_text(labels.shape)}, but got {shape_text(weights.shape)}"
        )
    check_shape("sample_weight", weights, "labels", labels.shape)
    return True


def weights_as_given(weights, labels):
    """`sample_weight`, with a last axis of 1 dropped if it has one more axis than the labels, [..., list_size, 1]."""
    return without_column(weights, len(weights.shape) > len(labels.shape))


def weights_of_documents(weights: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """One weight per document from `sample_weight`: [..., list_size], 0 at padding; None = 1 for all.

    >>> labels, mask = ops.convert_to_tensor([[1.0, 0.0]]), ops.convert_to_tensor([[True, False]])
    >>> ops.convert_to_numpy(weights_of_documents([2.0], labels, mask)).tolist()
    [[2.0, 0.0]]

    Args:
        weights: as in `list_weights`.
    """
    if weights is None:
        return ops.cast(mask, labels.dtype)
    weights = ops.cast(ops.convert_to_tensor(weights), labels.dtype)
    if len(weights.shape) > 0 and not is_a_document(weights, labels):
        weights = ops.reshape(weights, (*ops.shape(labels)[:-1], 1))
    return ops.where(mask, weights, 0.0)


def list_weights(weights, labels, mask, *, plain: bool):
    """One weight per list from `sample_weight`.

    Args:
        weights: [], one number for all lists; [...] or [..., 1], one weight per list; or [..., list_size], one weight
            per document (for a single list also [list_size]).
        labels: [..., list_size], padding zeroed.
        mask: [..., list_size] bool, True = real document.
        plain: take the plain mean of the document weights instead of the mean weighted by the labels.

    Returns:
        [...]: the weight of the list or, from document weights, sum_i w_i y_i / sum_i y_i over the real documents; 0
        where the sum of labels is 0.
    """
    if len(weights.shape) == 0:
        return ops.broadcast_to(weights, ops.shape(labels)[:-1])
    if not is_a_document(weights, labels):
        return weights if len(weights.shape) < len(labels.shape) else ops.squeeze(weights, axis=-1)
    if plain:
        return mean(weights, mask)
    weighted = ops.sum(ops.where(mask, weights, 0.0) * labels, axis=-1)
    return backend.divide_no_nan(weighted, ops.sum(labels, axis=-1))
