"""Losses of paired examples: similarities between the rows of a batch."""

import keras
from keras import ops

from plackett import backend
from plackett.lists import both, check_square, first_of_equals, places, squeeze_column, take
from plackett.losses.base import RankingLoss
from plackett.shapes import as_rows, check_shape, computable


def npairs(labels, similarities, *, mask=None):
    """N-pairs: each row must recognise the rows of its class among the whole batch.

    For row i of similarities S, with the set P_i of rows of the class of i, itself among them,

        loss_i = log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    Args:
        labels: [..., rows] or [..., rows, 1], classes: compared as they are, never cast to the dtype of the
            similarities.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows], one loss a row, in nats; 0 for a row that is not real.

    Raises:
        ValueError: the similarities are not square, or the shapes do not fit.

    Cost: O(rows^2): the similarities are read once for the loss and once for the gradient, and classes are sorted,
    not compared row by row.

    When: paired examples, an anchor and a positive for each class, with the rest of the batch as negatives.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016. The
    penalty on the norm of the embeddings is left to the model.
    """
    similarities = computable(similarities)
    labels = squeeze_column(ops.convert_to_tensor(labels), similarities)
    check_square(similarities)
    check_shape("labels", labels, "one class a row", similarities.shape[:-1])
    similarities, real, live = _clean(similarities, mask)
    order, first, number = _members(labels, real)
    return _cross_entropy(
        similarities,
        real,
        live,
        ops.reshape(ops.cast(number, similarities.dtype), ops.shape(real)),
        lambda similarities: _sum_over_class(similarities, order, first, number),
        lambda matrix, share: _less_over_class(matrix, share, order, first, number),
    )


def npairs_multilabel(labels, similarities, *, mask=None):
    """Multilabel N-pairs: each row must recognise the rows that share labels with it, the more the better.

    For row i of similarities S, with n_ij the number of labels that rows i and j share,

        loss_i = sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij

    Args:
        labels: [..., rows, classes], 1 where a row has the label, else 0. May be sparse.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows], one loss a row, in nats; 0 for a row that is not real or has no label.

    Raises:
        ValueError: the similarities are not square, or the shapes do not fit.

    Cost: O(rows^2 classes).

    When: as `npairs`, where an example has several labels.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016; the form for
    several labels is that of TensorFlow Addons.
    """
    similarities = computable(similarities)
    labels = ops.cast(ops.convert_to_tensor(labels, sparse=False), similarities.dtype)
    check_square(similarities)
    check_shape("labels", labels, "rows and classes", (*similarities.shape[:-1], labels.shape[-1]))
    similarities, real, live = _clean(similarities, mask)
    labels = ops.where(real[..., None], labels, 0.0)
    return _cross_entropy(
        similarities,
        real,
        live,
        ops.sum(labels * ops.sum(labels, axis=-2, keepdims=True), axis=-1),
        lambda similarities: ops.sum(ops.matmul(similarities, labels) * labels, axis=-1),
        lambda matrix, share: matrix - ops.matmul(share[..., None] * labels, ops.swapaxes(labels, -1, -2)),
    )


def _clean(similarities, mask):
    """(similarities, real, live): zeros where a row or a column is not real; the rows; the columns of the softmax."""
    if mask is None:
        return similarities, ops.ones_like(similarities[..., 0], dtype="bool"), None
    real = ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", real, "the rows", similarities.shape[:-1])
    live = real | ~ops.any(real, axis=-1, keepdims=True)
    return ops.where(both(real), similarities, 0.0), real, live


def _cross_entropy(similarities, real, live, number, matched, less_matches):
    """Cross-entropy of each row's softmax against the rows it matches, n_ij times each.

    Similarities are read once for the loss and once for the gradient,

        dL/dS_ij = softmax(S_i)_j - n_ij / sum_k n_ik

    Args:
        similarities: [..., rows, rows], zero where a row or a column is not real.
        real: [..., rows] bool, True = real row.
        live: [..., rows] bool, the columns of the softmax. None = all.
        number: [..., rows], sum_j n_ij.
        matched: function of the similarities, sum_j n_ij S_ij, [..., rows].
        less_matches: function of a matrix G, which is used up, and a number a_i for each row: G_ij - a_i n_ij.

    Returns:
        [..., rows]; 0 for a row that is not real or matches none.
    """
    counts = real & (number > 0)

    def losses_and_gradient(similarities):
        total, softmax = backend.log_total_and_softmax(_logits(similarities, live))

        def gradient(upstream):
            weight = ops.where(counts, upstream, 0.0)
            return less_matches(softmax(weight), ops.divide_no_nan(weight, number))

        return ops.where(counts, total - ops.divide_no_nan(matched(similarities), number), 0.0), gradient

    return backend.with_gradient(losses_and_gradient, similarities)


def _logits(similarities, live):
    return similarities if live is None else ops.where(live[..., None, :], similarities, -float("inf"))


def _members(labels, real):
    """The rows of each row's class, of all batches in one numbering.

    Returns:
        (order, first, number): the rows of each batch sorted by class; where in this order the class of each row
        begins; and how many real rows it has, which come first there. [all rows] each.
    """
    labels, real = as_rows(ops.where(real, labels, ops.zeros_like(labels))), as_rows(real)
    batches, rows = ops.shape(labels)
    order = ops.argsort(~real, axis=-1)
    order = take(order, ops.argsort(take(labels, order), axis=-1))
    first = first_of_equals(take(labels, order))
    sizes = backend.scatter_add(ops.cast(take(real, order), "int32"), first, rows)
    first = take(first, places(order))
    number = take(sizes, first)
    first = first + rows * ops.arange(batches, dtype="int32")[:, None]
    return tuple(ops.reshape(x, (batches * rows,)) for x in (order, first, number))


@backend.compiled_once()
def _sum_over_class(similarities, order, first, number):
    """sum of S_ij over the rows j of the class of i, one member of each class at a time."""
    matrix = as_rows(similarities)

    def step(k, total):
        values = backend.at(matrix, _member(k, order, first)[:, None])[:, 0]
        return k + 1, total + ops.where(k < number, values, 0.0)

    start = (ops.zeros((), "int32"), ops.zeros_like(matrix[:, 0]))
    total = ops.while_loop(lambda k, _: k < ops.max(number), step, start)[1]
    return ops.reshape(total, ops.shape(similarities)[:-1])


@backend.compiled_once()
def _less_over_class(matrix, share, order, first, number):
    """The matrix, which is used up, less share_i at the rows j of the class of i."""
    share = ops.reshape(share, (-1,))

    def step(k, rows):
        less = -ops.where(k < number, share, 0.0)
        return k + 1, backend.add_at(rows, _member(k, order, first)[:, None], less[:, None])

    start = (ops.zeros((), "int32"), as_rows(matrix))
    return ops.reshape(ops.while_loop(lambda k, _: k < ops.max(number), step, start)[1], ops.shape(matrix))


def _member(k, order, first):
    """The k-th row of the class of each row; any row where the class has no more."""
    return backend.lookup(order, ops.minimum(first + k, ops.shape(order)[0] - 1))


@keras.saving.register_keras_serializable("plackett")
class NpairsLoss(RankingLoss):
    """`npairs` as a Keras loss: the mean over rows."""

    def __init__(self, name="npairs_loss"):
        super().__init__(npairs, "sum_over_batch_size", name, classes=True)


@keras.saving.register_keras_serializable("plackett")
class NpairsMultilabelLoss(RankingLoss):
    """`npairs_multilabel` as a Keras loss: the mean over rows."""

    def __init__(self, name="npairs_multilabel_loss"):
        super().__init__(npairs_multilabel, "sum_over_batch_size", name, classes=True)
