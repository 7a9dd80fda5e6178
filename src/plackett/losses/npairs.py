"""Losses of paired examples: similarities between the rows of a batch."""

import keras
from keras import ops

from plackett.lists import both, check_square, log_softmax, mean, squeeze_column
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
    similarities, mask = _clean(similarities, mask)
    same = (labels[..., :, None] == labels[..., None, :]) & mask[..., None, :]
    candidates = ops.broadcast_to(mask[..., None, :], ops.shape(same))
    losses = -mean(log_softmax(similarities, candidates), same)
    return ops.where(mask, losses, 0.0)


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
    similarities, mask = _clean(similarities, mask)
    labels = ops.where(mask[..., None], labels, 0.0)
    shared = ops.matmul(labels, ops.swapaxes(labels, -1, -2))
    share = ops.divide_no_nan(shared, ops.sum(shared, axis=-1, keepdims=True))
    candidates = ops.broadcast_to(mask[..., None, :], ops.shape(shared))
    return -ops.sum(share * log_softmax(similarities, candidates), axis=-1)


def _clean(similarities, mask):
    """(similarities, mask) with zeros where a row or a column is not real."""
    if mask is None:
        return similarities, ops.ones_like(similarities[..., 0], dtype="bool")
    mask = ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", mask, "the rows", similarities.shape[:-1])
    return ops.where(both(mask), similarities, 0.0), mask


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
