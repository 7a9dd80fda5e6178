"""Losses of paired examples: similarities between the rows of a batch."""

import keras
from keras import ops

from plackett import backend, tiles
from plackett.lists import both, check_square, squeeze_column
from plackett.losses.base import RankingLoss
from plackett.shapes import check_shape, computable


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

    Cost: O(rows^2), the size of the similarities.

    When: paired examples, an anchor and a positive for each class, with the rest of the batch as negatives.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016. The
    penalty on the norm of the embeddings is left to the model.
    """
    similarities = computable(similarities)
    labels = squeeze_column(ops.convert_to_tensor(labels), similarities)
    check_square(similarities)
    check_shape("labels", labels, "one class a row", similarities.shape[:-1])
    return _cross_entropy(_same_class, labels[..., None], similarities, mask)


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
    return _cross_entropy(_shared_labels, labels, similarities, mask)


def _cross_entropy(shared, labels, similarities, mask):
    """Cross-entropy of each row's softmax against the rows that share something with it, in proportion.

    Similarities are read once for the loss, in tiles of rows, and once for the gradient,

        dL/dS_ij = softmax(S_i)_j - n_ij / sum_k n_ik

    Args:
        shared: function of the labels of some rows i, [..., tile, width], and of all rows j, [..., rows, width], that
            says how much they share, n_ij, [..., tile, rows].
        labels: [..., rows, width].
        similarities: [..., rows, rows].
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows]; 0 for a row that is not real or shares nothing, even with itself.
    """
    real = ops.ones_like(similarities[..., 0], dtype="bool") if mask is None else ops.cast(mask, "bool")
    check_shape("mask", real, "the rows", similarities.shape[:-1])
    similarities = similarities if mask is None else ops.where(both(real), similarities, 0.0)
    live = None if mask is None else (real | ~ops.any(real, axis=-1, keepdims=True))[..., None, :]

    def common(labels_i):
        return ops.where(real[..., None, :], ops.cast(shared(labels_i, labels), similarities.dtype), 0.0)

    def logits(similarities):
        return similarities if live is None else ops.where(live, similarities, -float("inf"))

    def losses_and_gradient(similarities):
        def of_rows(similarities, labels_i):
            n, x = common(labels_i), logits(similarities)
            top = ops.max(x, axis=-1)
            total = top + ops.log(ops.sum(ops.exp(x - top[..., None]), axis=-1))
            return total, ops.sum(n * similarities, axis=-1), ops.sum(n, axis=-1)

        total, matched, number = tiles.by_rows(of_rows, similarities, labels)
        counts = real & (number > 0)

        def gradient(upstream):
            def of_rows(similarities, labels_i, total, weight, share):
                softmax = ops.exp(logits(similarities) - total[..., None])
                return (weight[..., None] * softmax - share[..., None] * common(labels_i),)

            weight = ops.where(counts, upstream, 0.0)
            share = ops.divide_no_nan(weight, number)
            return tiles.by_rows(of_rows, similarities, labels, total, weight, share)[0]

        return ops.where(counts, total - ops.divide_no_nan(matched, number), 0.0), gradient

    return backend.with_gradient(losses_and_gradient, similarities)


def _same_class(i, j):
    return i == ops.swapaxes(j, -1, -2)


def _shared_labels(i, j):
    return ops.matmul(i, ops.swapaxes(j, -1, -2))


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
