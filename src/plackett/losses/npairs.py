"""Losses of paired examples: similarities between the rows of a batch."""

import keras
from keras import ops

from plackett.lists import both, check_shape, check_square, computable, log_softmax, mean
from plackett.losses.base import RankingLoss


def npairs(labels, similarities, *, mask=None):
    """N-pairs: each row must recognise the rows of its class among the whole batch.

    For row i of similarities S, with the set P_i of rows of the class of i, itself among them,

        loss_i = log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    Args:
        labels: [..., rows], classes: compared as they are, never cast to the dtype of the similarities.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows], one loss a row, in nats; 0 for a row that is not real.

    Raises:
        ValueError: the similarities are not square, or the shapes do not fit.

    Cost: O(rows^2), the size of the similarities.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016, eq. 9. The
    penalty on the norm of the embeddings is left to the model.
    """
    labels, similarities = ops.convert_to_tensor(labels), computable(similarities)
    check_square(labels, similarities)
    mask = ops.ones_like(labels, dtype="bool") if mask is None else ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", mask, "labels", labels.shape)
    similarities = ops.where(both(mask), similarities, 0.0)
    same = (labels[..., :, None] == labels[..., None, :]) & mask[..., None, :]
    candidates = ops.broadcast_to(mask[..., None, :], ops.shape(same))
    losses = -mean(log_softmax(similarities, candidates), same)
    return ops.where(mask, losses, 0.0)


@keras.saving.register_keras_serializable("plackett")
class NpairsLoss(RankingLoss):
    """`npairs` as a Keras loss: the mean over rows."""

    def __init__(self, name="npairs_loss"):
        super().__init__(npairs, "sum_over_batch_size", name, classes=True)
