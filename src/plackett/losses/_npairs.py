"""Losses of paired examples, from similarities between the rows of a batch."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import take
from plackett.lists._pairs import check_square
from plackett.lists._shapes import check_shape, computable, without_column
from plackett.losses._in_batch_loss import InBatchLoss
from plackett.losses._matches import (
    Matches,
    all_rows,
    groups,
    rows_given,
    surprisals,
    totals_and_less,
)
from plackett.registry import register


def npairs(labels: Tensor, similarities: Tensor, *, mask: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
    """N-pairs: each row must recognise the rows of its class among all rows of the batch.

    For row i of the similarities S, with P_i the set of rows of the same class, including i,

        loss_i = log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    Args:
        labels: [..., rows] or [..., rows, 1], classes. They are compared as given, never cast to the dtype of the
            similarities.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.
        rows: [..., some rows] int32, which rows `similarities`, then [..., some rows, rows], are of; labels and mask
            are of all rows nevertheless. None = of all.

    Returns:
        [..., rows] or [..., some rows], one loss per row, in nats; 0 for a row that is not real.

    Raises:
        ValueError: the similarities are not square, or the shapes do not match.

    Cost: O(rows^2). The similarities are read once for the loss and once for the gradient. Classes are sorted, not
    compared pair by pair, except for second derivatives.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the data are pairs, an anchor and a positive of the same class, and the rest of the batch serves as negatives.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016. The
    penalty on the norm of the embeddings is left to the model.
    """
    similarities = computable(similarities)
    labels = backend.comparable(labels)
    labels = without_column(labels, len(labels.shape) == len(similarities.shape))
    if rows is None:
        check_square(similarities)
    check_shape("labels", labels, "one class per row", _all_rows(similarities))
    similarities, real, rows = _clean(similarities, labels, mask, rows)
    return surprisals(_OF_CLASSES, mask is None, similarities, (labels, real, rows))


@register
class NpairsLoss(InBatchLoss):
    """N-pairs: each row of a batch must recognise the rows of its class among all rows.

        loss = mean over rows i of log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    with P_i the rows of the class of i. Call it with classes, [rows], and similarities S = a b^T of anchors and
    positives, [rows, rows]; sample weights are one per row. Use it for paired examples, with the rest of the batch as
    negatives. `npairs` is the function.

    >>> loss = NpairsLoss()
    >>> round(float(loss([0, 1], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.220095
    """

    fn = staticmethod(npairs)

    def __init__(self, name: str | None = "npairs_loss"):
        super().__init__(name=name)


def npairs_multilabel(
    labels: Tensor, similarities: Tensor, *, mask: Tensor | None = None, rows: Tensor | None = None
) -> Tensor:
    """Multilabel N-pairs: each row must recognise the rows that share labels with it, the more the better.

    For row i of similarities S, with n_ij the number of labels that rows i and j share,

        loss_i = sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij

    Args:
        labels: [..., rows, classes], 1 where a row has the label, else 0. May be sparse.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.
        rows: [..., some rows] int32, which rows `similarities`, then [..., some rows, rows], are of; labels and mask
            are of all rows nevertheless. None = of all.

    Returns:
        [..., rows] or [..., some rows], one loss per row, in nats; 0 for a row that is not real or has no label.

    Raises:
        ValueError: the similarities are not square, or the shapes do not match.

    Cost: O(rows^2 classes).

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: as for `npairs`, where an example has several labels.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016; the form for
    several labels is that of TensorFlow Addons.
    """
    similarities = computable(similarities)
    labels = ops.cast(ops.convert_to_tensor(labels, sparse=False), similarities.dtype)
    if rows is None:
        check_square(similarities)
    check_shape("labels", labels, "rows and classes", (*_all_rows(similarities), labels.shape[-1]))
    similarities, real, rows = _clean(similarities, labels[..., 0], mask, rows)
    labels = ops.where(real[..., None], labels, 0.0)
    return surprisals(_OF_LABELS, mask is None, similarities, (labels, real, rows))


@register
class NpairsMultilabelLoss(InBatchLoss):
    """Multilabel N-pairs: each row must recognise the rows that share labels with it, the more the better.

        loss = mean over rows i of sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij

    with n_ij the number of labels that rows i and j share. Call it with labels, [rows, classes], 0 or 1, and
    similarities S, [rows, rows]. Use it like `NpairsLoss`, where an example has several labels. `npairs_multilabel` is
    the function.

    >>> loss = NpairsMultilabelLoss()
    >>> round(float(loss([[1, 0], [1, 1]], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.886762
    """

    fn = staticmethod(npairs_multilabel)

    def __init__(self, name: str | None = "npairs_multilabel_loss"):
        super().__init__(name=name)


def _all_rows(similarities):
    """The shape [..., all rows]; each row has one column."""
    return (*similarities.shape[:-2], similarities.shape[-1])


def _clean(similarities, labels, mask, rows):
    """(the similarities with zeros where a row or column is not real, which rows are real, the row numbers)."""
    numbers = all_rows(labels)
    real = ops.ones_like(numbers, dtype="bool") if mask is None else ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", real, "the rows", labels.shape)
    rows = numbers if rows is None else rows_given(rows, similarities)
    if mask is not None:
        similarities = ops.where(take(real, rows)[..., :, None] & real[..., None, :], similarities, 0.0)
    return similarities, real, rows


def _offsets(_, constants):
    return None


def _narrow(all_real, constants):
    return not all_real


def _inside(_, constants):
    """The real columns; all columns for a batch without a real row."""
    _, real, rows = constants
    live = real | ~ops.any(real, axis=-1, keepdims=True)
    return ops.broadcast_to(live[..., None, :], (*ops.shape(rows), ops.shape(real)[-1]))


def _loses(_, constants):
    _, real, rows = constants
    return take(real, rows)


def _of_class(_, constants):
    """The rows of the class of each row."""
    labels, real, rows = constants
    return groups(labels, real, ops.ones_like(labels, dtype="float32"), rows)


def _matrix_of_class(all_real, constants):
    labels, real, rows = constants
    same = take(labels, rows)[..., :, None] == labels[..., None, :]
    return same if all_real else same & take(real, rows)[..., :, None] & real[..., None, :]


def _labels_of_rows(constants):
    labels, _, rows = constants
    return ops.take_along_axis(labels, rows[..., None], axis=-2)


def _totals_of_labels(all_real, constants, logits, numbers):
    labels, real, _ = constants
    own = _labels_of_rows(constants)
    number = ops.sum(own * ops.sum(labels, axis=-2, keepdims=True), axis=-1)
    short = numbers[..., None] - logits
    short = short if all_real else ops.where(real[..., None, :], short, 0.0)
    return number, ops.sum(backend.matmul(short, labels) * own, axis=-1)


def _less_of_labels(_, constants, matrix, share):
    return matrix - _matrix_of_labels(_, constants, share[..., None])


def _matrix_of_labels(_, constants, share=1.0):
    return backend.matmul(share * _labels_of_rows(constants), ops.swapaxes(constants[0], -1, -2))


_OF_CLASSES = Matches(
    _offsets, _narrow, _inside, _loses, *totals_and_less(_of_class, _matrix_of_class), _matrix_of_class
)
_OF_LABELS = Matches(_offsets, _narrow, _inside, _loses, _totals_of_labels, _less_of_labels, _matrix_of_labels)
