"""Losses of clicks."""

import keras
from keras import ops

from plackett.lambdas import DCGFamily, LabelDiffLambdaWeight, PrecisionLambdaWeight, check_weight
from plackett.lists import clean, mean, ranks
from plackett.losses.base import RankingLoss, check_options

PAIR_WEIGHTS = (DCGFamily, LabelDiffLambdaWeight, PrecisionLambdaWeight)


def mixture_em(labels, scores, *, mask=None, alpha: float = 1.0, lambda_weight=None):
    """Mixture EM: each list belongs, by a responsibility, to one of several models.

    For one list with clicks y and the logits s_im of M models,

        L_m = sum_i w_i (log(1 + e^s_im) - y_i s_im)
        r_m = e^(-alpha L_m) / sum_m' e^(-alpha L_m')
        loss = sum_m r_m L_m

    with no gradient through the responsibilities r, which are the E step; the gradient of the loss is the M step.
    The weights w are 1 without a lambda weight.

    Args:
        labels: [..., list_size], clicks, 0 or 1.
        scores: [..., list_size, models], the logit of a click under each model.
        mask: [..., list_size] bool, True = real document. None = all real.
        alpha: how sharply a list chooses its model, >= 0; 0 spreads it evenly.
        lambda_weight: w_i = sum_j of the pair weights of i, at the ranks of the models' mean score, scaled to mean
            1 over the list (1 where all are 0): a document counts by how far the metric can move with it.

    Returns:
        [...], one loss a list, in nats; 0 where nothing was clicked.

    Raises:
        ValueError: the shapes do not fit, alpha < 0, or a lambda weight without weights for pairs.

    Cost: O(list_size models) time and memory; O(list_size^2) more with a lambda weight.

    Reference: Yan et al., "Revisiting Two-Tower Models for Unbiased Learning to Rank", SIGIR 2022, section 4.3.
    """
    check_options(alpha=alpha)
    check_weight(lambda_weight, *PAIR_WEIGHTS)
    labels, scores, mask = clean(labels, scores, mask, models=True)
    click = labels[..., None]
    cross_entropy = click * ops.softplus(-scores) + (1.0 - click) * ops.softplus(scores)
    weights = _movable(lambda_weight, labels, scores, mask)
    by_model = ops.sum(ops.where(mask[..., None], weights[..., None] * cross_entropy, 0.0), axis=-2)
    responsibility = ops.stop_gradient(ops.softmax(-alpha * by_model, axis=-1))
    return ops.where(ops.any(labels > 0, axis=-1), ops.sum(responsibility * by_model, axis=-1), 0.0)


def _movable(lambda_weight, labels, scores, mask):
    """[..., list_size], by how much of the metric each document can move: mean 1 over the list."""
    if lambda_weight is None:
        return ops.ones_like(labels)
    order = ranks(ops.stop_gradient(ops.mean(scores, axis=-1)), mask)
    total = ops.sum(lambda_weight.pair_weights(labels, order, mask), axis=-1)
    average = mean(total, mask)[..., None]
    return ops.where(average > 0, ops.divide_no_nan(total, average), 1.0)


@keras.saving.register_keras_serializable("plackett")
class MixtureEMLoss(RankingLoss):
    """`mixture_em` as a Keras loss."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, alpha=1.0, ragged=False):
        check_weight(lambda_weight, *PAIR_WEIGHTS)
        super().__init__(
            mixture_em,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            models=True,
            alpha=alpha,
            lambda_weight=lambda_weight,
        )
