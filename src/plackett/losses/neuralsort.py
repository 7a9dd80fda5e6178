"""Losses of a soft permutation of the documents."""

import keras
from keras import ops

from plackett.lambdas import DCGFamily, NDCGLambdaWeight, check_metric
from plackett.lists import ascending_order, both, clean, count, differences, log_softmax, take
from plackett.losses.base import RankingLoss


def neural_sort(scores, mask=None):
    """NeuralSort: how probably each document holds each rank.

    For one list of n documents with scores s,

        P_r = softmax_k((n + 1 - 2 r) s_k - sum_j |s_k - s_j|)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller it is, the nearer P is to the permutation.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size, list_size]: P_rk for rank r and document k, the documents by falling score and padding last;
        each row of a real rank sums to 1, all else is 0.

    Cost: O(list_size^2) time and memory.

    Reference: Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations", ICLR 2019.
    """
    _, scores, mask = clean(scores, scores, mask)
    falling = take(scores, ascending_order(-scores, mask))
    rank = ops.arange(1, ops.shape(falling)[-1] + 1, dtype="int32")
    documents = count(mask)[..., None]
    real = both(rank <= documents)
    slope = ops.cast(documents + 1 - 2 * rank, falling.dtype)
    gap = differences(falling)
    apart = ops.where(real, gap * ops.sign(gap), 0.0)  # |gap|, whose gradient at equal scores is 0 on every backend
    as_written = slope[..., :, None] * falling[..., None, :] - ops.sum(apart, axis=-2, keepdims=True)
    logits = ops.stop_gradient(_below_own(apart)) + (as_written - ops.stop_gradient(as_written))
    return ops.where(real, ops.exp(log_softmax(logits, real)), 0.0)


def _below_own(apart):
    """The logits of `neural_sort` less that of the document that holds the rank, without loss of digits.

    In falling order that is -(d_rk + 2 sum_q d_qk) over the ranks q between r and k, with d the distances of scores:
    a sum outwards from k of terms that only grow, where the formula takes large numbers from each other.
    """
    rank = ops.arange(ops.shape(apart)[-1])
    above = ops.where(rank[:, None] < rank, apart, 0.0)
    outwards = ops.flip(ops.cumsum(ops.flip(above, axis=-2), axis=-2), axis=-2)
    outwards = outwards + ops.cumsum(apart - above, axis=-2)
    return apart - 2.0 * outwards


def neural_sort_ndcg(labels, scores, *, mask=None, lambda_weight: DCGFamily | None = None):
    """NeuralSort NDCG (PiRank): minus the NDCG of a soft permutation.

    For one list with labels y, scores s and P_rk how probably document k holds rank r (`neural_sort`),

        loss = -(1 / max DCG) sum_r discount(r) sum_k P_rk gain(y_k)

    with gain(y) = 2^y - 1 and discount(r) = 1 / log2(1 + r).

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], divided by a temperature; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = all real.
        lambda_weight: of the DCG family: the metric to approximate, with its gain, discount, normalisation and
            cut-off. None = NDCG of the whole list.

    Returns:
        [...], one loss a list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight outside the DCG family.

    Cost: O(list_size^2) time and memory.

    When: graded judgements, NDCG at a small cut-off; lists of at most a few hundred documents.

    Reference: Swezey et al., "PiRank: Scalable Learning To Rank via Differentiable Sorting", NeurIPS 2021.
    """
    check_metric(lambda_weight)
    labels, scores, mask = clean(labels, scores, mask)
    metric = NDCGLambdaWeight() if lambda_weight is None else lambda_weight
    gain = take(ops.where(mask, metric.gain(labels, mask), 0.0), ascending_order(-scores, mask))
    by_rank = ops.sum(neural_sort(scores, mask) * gain[..., None, :], axis=-1)
    rank = ops.cast(ops.arange(1, ops.shape(gain)[-1] + 1), gain.dtype)
    return ops.where(ops.any(labels > 0, axis=-1), -ops.sum(metric.discount(rank) * by_rank, axis=-1), 0.0)


@keras.saving.register_keras_serializable("plackett")
class NeuralSortNDCGLoss(RankingLoss):
    """`neural_sort_ndcg` as a Keras loss; with `sample_size`, `sampled(neural_sort_ndcg)`."""

    def __init__(
        self,
        reduction="auto",
        name=None,
        lambda_weight=None,
        temperature=1.0,
        ragged=False,
        sample_size=None,
        gumbel_temperature=1.0,
        seed=None,
    ):
        check_metric(lambda_weight)
        super().__init__(
            neural_sort_ndcg,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=sample_size,
            gumbel_temperature=gumbel_temperature,
            seed=seed,
            lambda_weight=lambda_weight,
        )
