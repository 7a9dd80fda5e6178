"""The likelihood of a ranking under the Plackett-Luce model of the scores."""

import keras
from keras import ops

from plackett import backend
from plackett.lambdas import check_positions, document_weights
from plackett.lists import ascending_order, clean, count, take
from plackett.lists._samples import noise_of_samples, per_sample
from plackett.losses._base import RankingLoss


def choices(scores, order, mask):
    """-log of the probability of each choice that makes a ranking, each among the documents that are left.

    In the ranking that `order` reads from its end, the documents left at a choice are a prefix of `order`, so that
    one cumulative log-sum-exp serves all choices.

    Args:
        scores: [..., list_size].
        order: [..., list_size] int, the ranking from its last document to its first, and then padding.
        mask: [..., list_size] bool, True = real document.

    Returns:
        (surprisals, positions): [..., list_size] in `order`; positions are 1 for the first choice, and below 1 at
        padding, where a surprisal has no meaning.

    Cost: O(list_size log list_size) time, O(list_size) memory.
    """
    chosen = take(scores, order)
    positions = count(mask)[..., None] - ops.arange(ops.shape(chosen)[-1], dtype="int32")
    tops, rest = backend.cumulative_logsumexp(chosen)
    return (tops - chosen) + rest, positions


def list_mle(labels, scores, *, mask=None, noise=None, lambda_weight=None):
    """ListMLE: the likelihood of the ranking by labels under the Plackett-Luce model of the scores.

    For one list with scores s, and pi the order of falling labels,

        loss = sum_i lambda_i (log sum_{j >= i} e^s_pi(j) - s_pi(i))

    Args:
        labels: [..., list_size], relevance; higher ranks first.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = where the label is not below 0.
        noise: [..., samples, list_size]: equal labels are ordered by rising noise, and the loss is the mean over
            samples. None = by position.
        lambda_weight: `ListMLELambdaWeight`, or your own: lambda_i is its weight of document pi(i) at rank i.
            None = 1.

    Returns:
        [...], one loss a list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not fit, or a lambda weight that does not weigh positions.

    Cost: O(samples list_size log list_size) time, O(samples list_size) memory.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: the labels are a full ranking, or nearly; with a lambda weight, its top counts most.

    Reference: Xia et al., "Listwise Approach to Learning to Rank: Theory and Algorithm", ICML 2008; with a lambda
    weight Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014.
    """
    check_positions(lambda_weight)
    labels, scores, mask = clean(labels, scores, mask)
    if noise is None:
        noise = ops.broadcast_to(ops.arange(ops.shape(labels)[-1]), ops.shape(labels))[..., None, :]
    noise = noise_of_samples(noise, scores)
    labels, scores, mask = (per_sample(x, noise) for x in (labels, scores, mask))
    order = ascending_order(labels, mask, then=-noise)
    surprisals, positions = choices(scores, order, mask)
    if lambda_weight is not None:
        ranks = ops.cast(backend.maximum(positions, 1), scores.dtype)
        surprisals = surprisals * document_weights(lambda_weight, take(labels, order), ranks, positions >= 1)
    return backend.mean(ops.sum(ops.where(positions >= 1, surprisals, 0.0), axis=-1), axis=-1)


@keras.saving.register_keras_serializable("plackett")
class ListMLELoss(RankingLoss):
    """`list_mle` as a Keras loss; equal labels are shuffled anew at each call."""

    def __init__(self, reduction="auto", name=None, lambda_weight=None, temperature=1.0, ragged=False, seed=37):
        check_positions(lambda_weight)
        super().__init__(
            list_mle,
            reduction,
            name,
            temperature=temperature,
            ragged=ragged,
            sample_size=1,
            seed=seed,
            lambda_weight=lambda_weight,
        )
