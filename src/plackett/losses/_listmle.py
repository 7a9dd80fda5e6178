"""The likelihood of a ranking under the Plackett-Luce model of the scores."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lambdas import LambdaWeight
from plackett.lambdas._uses import POSITIONS, check_lambda_weight, weights_of_ranked_documents
from plackett.lists import ascending_order, clean, count, places, take
from plackett.lists._samples import noise_of_samples, per_sample
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import register
from plackett.registry.options import Positive, Whole


def choices(scores, order, mask):
    """-log of the probability of each choice in a ranking, where each document is chosen among those that are left.

    `order` holds the ranking from the bottom up. The documents left at a choice are a prefix of it, so that one
    cumulative log-sum-exp serves all choices.

    Args:
        scores: [..., list_size].
        order: [..., list_size] int, the ranking from its last document to its first, followed by padding.
        mask: [..., list_size] bool, True = real document.

    Returns:
        (surprisals, positions), [..., list_size] each, in the order of `order`. The position is 1 for the first choice
        and below 1 at padding, where the surprisal has no meaning.

    Cost: O(list_size log list_size) time, O(list_size) memory.
    """
    chosen = take(scores, order)
    tops, rest = backend.cumulative_logsumexp(chosen)
    return (tops - chosen) + rest, positions_of(order, mask)


def positions_of(order, mask):
    """[..., list_size] int32, the number of the choice at each place of `order`, from 1; below 1 at padding."""
    return count(mask)[..., None] - ops.arange(ops.shape(order)[-1], dtype="int32")


def derivatives_of_choices(scores, order, mask, weights):
    """The derivatives of the weighted sum of the surprisals of choices.

    With p_m the softmax over the documents that are left at choice m, and sums over the choices m at which k is left,

        gradient_k = sum_m w_m p_mk - w of the choice of k,    curvature_k = sum_m w_m p_mk (1 - p_mk)

    Args:
        scores, order, mask: as in `choices`.
        weights: [..., list_size], the weight of each choice, in `order`; 0 at padding.

    Returns:
        (gradient, curvature), [..., list_size] each, by document.

    Cost: the same as `choices`.
    """
    chosen = take(scores, order)
    tops, rest = backend.cumulative_logsumexp(chosen)
    share, own = ops.exp(-rest), ops.exp(chosen - tops)
    sums = own * backend.sums_below_tops(weights * share, tops)
    squares = ops.square(own) * backend.sums_below_tops(weights * ops.square(share), 2.0 * tops)
    place = places(order)
    return [ops.where(mask, take(x, place), 0.0) for x in (sums - weights, ops.relu(sums - squares))]


def list_mle(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    noise: Tensor | None = None,
    lambda_weight: LambdaWeight | None = None,
) -> Tensor:
    """ListMLE: the likelihood of the ranking by labels under the Plackett-Luce model of the scores.

    For one list with scores s, and pi the order of descending labels,

        loss = sum_i lambda_i (log sum_{j >= i} e^s_pi(j) - s_pi(i))

    Args:
        labels: [..., list_size], relevance; higher ranks first.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        noise: [..., samples, list_size]. Equal labels are ordered by ascending noise, and the loss is the mean over
            samples. None = equal labels are ordered by position.
        lambda_weight: `ListMLELambdaWeight`, or a weight of your own. lambda_i is its weight for document pi(i) at rank
            i. None = 1.

    Returns:
        [...], one loss per list, in nats; 0 for an empty list.

    Raises:
        ValueError: the shapes do not match, or the lambda weight does not weigh positions.

    Cost: O(samples list_size log list_size) time, O(samples list_size) memory.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the labels are a full ranking, or nearly. With a lambda weight the top of the ranking counts most.

    Reference: Xia et al., "Listwise Approach to Learning to Rank: Theory and Algorithm", ICML 2008; for lambda weights,
    Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014.
    """
    check_lambda_weight(lambda_weight, POSITIONS)
    labels, scores, mask = clean(labels, scores, mask)
    if noise is None:
        noise = ops.broadcast_to(ops.arange(ops.shape(labels)[-1]), ops.shape(labels))[..., None, :]
    return _list_mle(labels, scores, mask=mask, noise=noise, lambda_weight=lambda_weight)


def _list_mle(labels, scores, *, mask, noise, lambda_weight):
    labels, scores, mask, order = _rankings(labels, scores, mask, noise)
    surprisals, positions = choices(scores, order, mask)
    weights = _weights(labels, order, positions, lambda_weight, scores)
    return backend.mean(ops.sum(ops.where(positions >= 1, weights * surprisals, 0.0), axis=-1), axis=-1)


def _list_mle_derivatives(labels, scores, *, mask, noise, lambda_weight):
    labels, scores, mask, order = _rankings(labels, scores, mask, noise)
    weights = _weights(labels, order, positions_of(order, mask), lambda_weight, scores)
    return [backend.mean(x, axis=-2) for x in derivatives_of_choices(scores, order, mask, weights)]


def _rankings(labels, scores, mask, noise):
    """(labels, scores, mask, order) of each sample, [..., samples, list_size] each."""
    noise = noise_of_samples(noise, scores)
    labels, scores, mask = (per_sample(x, noise) for x in (labels, scores, mask))
    return labels, scores, mask, ascending_order(labels, mask, then=-noise)


def _weights(labels, order, positions, lambda_weight, like):
    """[..., list_size], the weight of each choice, in `order`; 0 at padding."""
    if lambda_weight is None:
        return ops.cast(positions >= 1, like.dtype)
    ranks = ops.cast(backend.maximum(positions, 1), like.dtype)
    return weights_of_ranked_documents(lambda_weight, take(labels, order), ranks, positions >= 1)


@register
class ListMLELoss(RankingLoss):
    """ListMLE: the likelihood of the ranking by labels, with each document chosen among those that are left.

        loss = sum_i lambda_i (log sum_{j >= i} e^s_pi(j) - s_pi(i)),    pi = the order of descending labels

    Use it where the labels are a full ranking, or nearly. With `ListMLELambdaWeight` the top of the ranking counts
    most. Equal labels are shuffled anew in each call. `list_mle` is the function.

    >>> loss = ListMLELoss()
    >>> round(float(loss([[2, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    2.142732
    """

    fn = staticmethod(_list_mle)
    derivatives = staticmethod(_list_mle_derivatives)
    by_order = True
    lambda_weights = POSITIONS
    takes_noise = True

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: LambdaWeight | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
        seed: Whole | None = 37,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, sample_size=1, seed=seed)
