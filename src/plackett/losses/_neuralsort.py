"""Losses of a soft permutation of the documents."""

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.backend.derivatives import Rule, differentiable
from plackett.kernels import pair_tiles
from plackett.lambdas import DCGFamily, NDCGLambdaWeight
from plackett.lambdas._uses import METRIC, check_lambda_weight
from plackett.lists import ascending_order, clean, count, log_softmax, masked_softmax, mean, places, take
from plackett.lists._masking import any_above_0
from plackett.lists._order import end_of_equals, first_of_equals, padding_behind, sum_before, sum_from
from plackett.lists._pairs import both
from plackett.lists._shapes import computable
from plackett.losses._base import RankingLoss, Reduction
from plackett.registry import register
from plackett.registry.options import Count, Positive, Whole


def neural_sort(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """NeuralSort: the probability that each document has each rank.

    For one list of n documents with scores s,

        P_r = softmax_k((n + 1 - 2 r) s_k - sum_j |s_k - s_j|)

    Args:
        scores: [..., list_size], divided by a temperature; the smaller the temperature, the closer P is to a
            permutation.
        mask: [..., list_size] bool, True = real document. None = all real.

    Returns:
        [..., list_size, list_size]: P_rk for rank r and document k, with the documents in order of descending score and
        padding last. The row of each real rank sums to 1; all else is 0.

    Cost: O(list_size^2) time and memory.

    Reference: Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations", ICLR 2019.
    """
    mask = ops.ones_like(computable(scores), dtype="bool") if mask is None else mask
    _, scores, mask = clean(scores, scores, mask)
    return _neural_sort(scores, mask)


def _neural_sort(scores, mask):
    return differentiable(_MATRIX, (scores,), (mask,))


def _value_of_matrix(variables, constants):
    return _matrix(_falling(*variables, *constants)[1]), ()


def _matrix(falling):
    place, _, _, real, *_ = falling
    return real[..., :, None] * _probabilities(place[..., :, None], *[x[..., None, :] for x in falling[:4]])


def _pull_of_matrix(variables, constants, held, upstream):
    order, falling = _falling(*variables, *constants)
    matrix, place, middle = _matrix(falling), falling[0], falling[4]
    pull = matrix * (upstream - ops.sum(matrix * upstream, axis=-1, keepdims=True))
    lean = 2.0 * pull * (middle[..., None, :] - place[..., :, None])
    return (take(_of_scores(ops.sum(pull, axis=-2), ops.sum(lean, axis=-2), falling), places(order)),)


def _plain_matrix(variables, constants):
    """The formula of `neural_sort` as written, for derivatives only: it loses digits where scores are far apart."""
    (scores,), (mask,) = variables, constants
    order = ascending_order(-ops.stop_gradient(scores), mask)
    falling, real = take(scores, order), take(mask, order)
    gap = falling[..., :, None] - falling[..., None, :]
    # The sign is 0 between equal scores, where JAX takes 1 for the slope of an absolute value.
    distance = gap * ops.stop_gradient(ops.sign(gap))
    total = ops.sum(ops.where(real[..., None, :], distance, 0.0), axis=-1)
    rank = ops.arange(1, ops.shape(scores)[-1] + 1, dtype=scores.dtype)
    documents = ops.cast(count(mask), scores.dtype)[..., None]
    logits = (documents + 1.0 - 2.0 * rank)[..., :, None] * falling[..., None, :] - total[..., None, :]
    return ops.where(real[..., :, None], masked_softmax(logits, real[..., None, :]), 0.0)


_MATRIX = Rule(_value_of_matrix, _pull_of_matrix, _plain_matrix)


def _falling(scores, mask):
    """(order, documents): the order by descending score, and values of the documents in that order.

    The values are: the place, from 0; by how much the previous score is higher; by how much the next score is lower; 1
    for a real document, else 0; and, of the places of the documents of equal score, the middle, the first and the end.
    """
    order = ascending_order(-scores, mask)
    falling, keys = take(scores, order), take(padding_behind(-scores, mask), order)
    place = ops.broadcast_to(ops.arange(ops.shape(scores)[-1], dtype=scores.dtype), ops.shape(scores))
    real = place < ops.cast(count(mask), scores.dtype)[..., None]
    before = ops.where(real & (place > 0), ops.roll(falling, 1, axis=-1) - falling, 0.0)
    first, end = first_of_equals(keys), end_of_equals(keys)
    middle = (ops.cast(first + end, scores.dtype) - 1.0) / 2.0
    return order, (place, before, ops.roll(before, -1, axis=-1), ops.cast(real, scores.dtype), middle, first, end)


def _probabilities(rank, place, before, behind, real):
    """[..., rows, n], P_rk for ranks r and documents k."""
    weight = real * ops.exp(-_below(rank, place, before, behind))
    return backend.divide_no_nan(weight, ops.sum(weight, axis=-1, keepdims=True))


def _below(rank, place, before, behind):
    """[..., rows, n], how far the logit of document k lies below that of the document at the rank.

    It is a sum over the gaps between their scores, where the l-th gap counts (2 l - 1) times. No term is below 0,
    whereas the formula subtracts large numbers from each other.
    """
    further = backend.cumulative_sum(before * ops.relu(2.0 * (place - rank) - 1.0))
    nearer = behind * ops.relu(2.0 * (rank - place) - 1.0)
    return further + ops.flip(backend.cumulative_sum(ops.flip(nearer, axis=-1)), axis=-1)


def _of_scores(total, lean, falling):
    """The gradient with respect to the descending scores s, from the gradient c_rk with respect to the logits.

    With N_k the number of documents below document k minus the number above it, in descending order,

        dL/ds_k = sum_r c_rk (n + 1 - 2 r - N_k) + sum_j C_j sign(s_j - s_k)    with C_j = sum_r c_rj

    Args:
        total: [..., list_size], C.
        lean: [..., list_size], the first sum: 2 sum_r c_rk (m_k - r), with m_k the middle of the places of the
            documents with the score of k.
        falling: the documents of `_falling`.
    """
    *_, first, end = falling
    return lean + sum_before(total, first) - sum_from(total, end)


class _NeuralSortLoss(RankingLoss):
    """Base of the losses of a soft permutation. They share one constructor."""

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        lambda_weight: DCGFamily | None = None,
        temperature: Positive = 1.0,
        ragged: bool = False,
        sample_size: Count | None = None,
        gumbel_temperature: Positive = 1.0,
        seed: Whole | None = None,
    ):
        super().__init__(reduction, name, lambda_weight, temperature, ragged, sample_size, gumbel_temperature, seed)


def neural_sort_ndcg(
    labels: Tensor, scores: Tensor, *, mask: Tensor | None = None, lambda_weight: DCGFamily | None = None
) -> Tensor:
    """NeuralSort NDCG (PiRank): minus the NDCG of a soft permutation.

    For one list with labels y, scores s and P_rk, the probability that document k has rank r (`neural_sort`),

        loss = -(1 / max DCG) sum_r discount(r) sum_k P_rk gain(y_k)

    with gain(y) = 2^y - 1 and discount(r) = 1 / log2(1 + r).

    Args:
        labels: [..., list_size], relevance grades >= 0.
        scores: [..., list_size], divided by a temperature; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        lambda_weight: a weight of the DCG family. It is the metric to approximate, with its gain, discount,
            normalisation and cut-off. None = NDCG of the whole list.

    Returns:
        [...], one loss per list, between -1 and 0 for NDCG; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match, or the lambda weight is outside the DCG family.

    Cost: O(list_size ranks) time, for the ranks above the cut-off, and O(list_size) memory. Second derivatives take
    O(list_size^2) memory.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: judgements are graded and NDCG at a small cut-off is what counts.

    Reference: Swezey et al., "PiRank: Scalable Learning To Rank via Differentiable Sorting", NeurIPS 2021.
    """
    check_lambda_weight(lambda_weight, METRIC)
    labels, scores, mask = clean(labels, scores, mask)
    return _neural_sort_ndcg(labels, scores, mask=mask, lambda_weight=lambda_weight)


def _neural_sort_ndcg(labels, scores, *, mask, lambda_weight):
    metric = _NDCG if lambda_weight is None else lambda_weight
    gain = ops.where(mask, metric.gain(labels, mask), 0.0)
    losses = differentiable(Rule(_value, _pull, _plain, (metric,)), (scores,), (gain, mask))
    return ops.where(any_above_0(labels), losses, 0.0)


_NDCG = NDCGLambdaWeight()


def _value(metric, variables, constants):
    (scores,), (gain, mask) = variables, constants
    losses, gradient = _loss_and_gradient(metric, gain, scores, mask)
    return losses, (gradient,)


def _pull(metric, variables, constants, held, upstream):
    return (upstream[..., None] * held[0],)


def _plain(metric, variables, constants):
    (scores,), (gain, mask) = variables, constants
    gain = take(gain, ascending_order(-ops.stop_gradient(scores), mask))
    rank = ops.arange(1, ops.shape(scores)[-1] + 1, dtype=scores.dtype)
    gained = ops.sum(_plain_matrix(variables, (mask,)) * gain[..., None, :], axis=-1)
    return -ops.sum(metric.discount(rank) * gained, axis=-1)


def _loss_and_gradient(metric, gain, scores, mask):
    order, falling = _falling(scores, mask)
    discount = metric.discount(falling[0] + 1.0) * falling[3]

    def terms(i, j):
        place_i, *_, discount_i = i
        *row, middle_j, gain_j, _ = j
        probabilities = _probabilities(place_i, *row)
        gains = probabilities * gain_j
        pull = discount_i * (gains - probabilities * ops.sum(gains, axis=-1, keepdims=True))
        return discount_i * gains, pull, 2.0 * pull * (middle_j - place_i)

    documents = (*falling[:5], take(gain, order), discount)
    by_rank, total, lean = pair_tiles.pair_sums(terms, discount != 0, *documents, by_row=1, by_column=2)
    gradient = take(_of_scores(total, lean, falling), places(order))
    return -ops.sum(by_rank, axis=-1), -gradient


def _neural_sort_ndcg_curvature(labels, scores, *, mask, lambda_weight):
    """-(1 / max DCG) sum_r discount(r) sum_k P_rk (g_k - sum_l P_rl g_l) (a_k - sum_l P_rl a_l)^2, see `_spread`."""
    metric = _NDCG if lambda_weight is None else lambda_weight
    order, falling = _falling(scores, mask)
    gain = take(ops.where(mask, metric.gain(labels, mask), 0.0), order)[..., None, :]
    matrix = _matrix(falling)
    surplus = gain - ops.sum(matrix * gain, axis=-1, keepdims=True)
    discount = metric.discount(falling[0] + 1.0) * falling[3]
    curvature = -ops.sum(discount[..., :, None] * _spread(matrix * surplus, matrix, falling), axis=-2)
    return ops.where(mask & any_above_0(labels)[..., None], take(curvature, places(order)), 0.0)


def _spread(weights, matrix, falling):
    """[..., ranks, n]: sum_k weights_rk (a_k - sum_l P_rl a_l)^2, where a_k is the derivative of logit k by score m.

    Near its value, the logits of a rank r are linear in the score s_m. a_k is 1 for a document k of a higher score, -1
    for one of a lower score, 0 for another of the same score, and, for m itself, twice (the middle of the places of the
    documents with the score of m, minus r).

    Args:
        weights: [..., ranks, n], by descending score, 0 at padding.
        matrix: [..., ranks, n], P.
        falling: the documents of `_falling`.
    """
    place, _, _, _, middle, first, end = falling
    own = 2.0 * (middle[..., None, :] - place[..., :, None])
    first, end = (ops.broadcast_to(x[..., None, :], ops.shape(matrix)) for x in (first, end))
    mean = sum_before(matrix, first) - sum_from(matrix, end) + own * matrix
    above, below = sum_before(weights, first), sum_from(weights, end)
    equal = ops.sum(weights, axis=-1, keepdims=True) - above - below - weights
    of_others = above * ops.square(1.0 - mean) + below * ops.square(1.0 + mean) + equal * ops.square(mean)
    return of_others + weights * ops.square(own - mean)


@register
class NeuralSortNDCGLoss(_NeuralSortLoss):
    """NeuralSort NDCG (PiRank): minus the NDCG of a soft permutation.

        loss = -(1 / max DCG) sum_r discount(r) sum_k P_rk gain(y_k)

    with P_rk the probability that document k has rank r, at the scores divided by the temperature. Use it for graded
    judgements where NDCG at a small cut-off is what counts, with `lambda_weight=NDCGLambdaWeight(topn=10)`. With a
    `sample_size` it is the mean over scores perturbed by Gumbel noise. `neural_sort_ndcg` is the function.

    >>> loss = NeuralSortNDCGLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    -0.797073
    """

    fn = staticmethod(_neural_sort_ndcg)
    curvature = staticmethod(_neural_sort_ndcg_curvature)
    lambda_weights = METRIC


def neural_sort_cross_entropy(labels: Tensor, scores: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """NeuralSort cross-entropy: the soft permutation of the scores against that of the labels.

    For one list of n documents with labels y, scores s and P_rk(x), the probability that document k has rank r if the
    scores are x (`neural_sort`),

        loss = -(1 / n) sum_r sum_k P_rk(y) log P_rk(s)

    Args:
        labels: [..., list_size], relevance grades; the larger a difference, the more certain the order.
        scores: [..., list_size], divided by a temperature; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.

    Returns:
        [...], one loss per list, in nats; 0 where no label is above 0.

    Raises:
        ValueError: the shapes do not match.

    Cost: O(list_size^2) time and memory.

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the whole order of a list counts, the bottom as much as the top.

    Reference: Grover et al., "Stochastic Optimization of Sorting Networks via Continuous Relaxations", ICLR 2019.
    TensorFlow Ranking adds 1e-20 to P(s), so that a confidently wrong term ends near 46 and loses its gradient; here
    log P(s) is exact.
    """
    labels, scores, mask = clean(labels, scores, mask)
    return _neural_sort_cross_entropy(labels, scores, mask=mask)


def _neural_sort_cross_entropy(labels, scores, *, mask):
    order = ascending_order(-scores, mask)
    columns = take(places(ascending_order(-labels, mask)), order)[..., None, :]
    truth = _neural_sort(labels, mask)
    truth = ops.take_along_axis(truth, ops.broadcast_to(columns, ops.shape(truth)), axis=-1)
    by_rank = -ops.sum(truth * _log_neural_sort(scores, mask), axis=-1)
    return ops.where(any_above_0(labels), mean(by_rank, take(mask, order)), 0.0)


def _neural_sort_cross_entropy_curvature(labels, scores, *, mask):
    """(1 / n) sum_r sum_k P_rk(s) (a_k - sum_l P_rl(s) a_l)^2, see `_spread`: each row of P(y) sums to 1."""
    order, falling = _falling(scores, mask)
    matrix = _matrix(falling)
    curvature = ops.sum(_spread(matrix, matrix, falling), axis=-2) / ops.sum(falling[3], axis=-1, keepdims=True)
    return ops.where(mask & any_above_0(labels)[..., None], take(curvature, places(order)), 0.0)


def _log_neural_sort(scores, mask):
    """log P of `neural_sort`, 0 at padding.

    The logits come from the gaps between scores, which lose no digits. The derivatives come from the formula, which
    does not order equal scores.
    """
    order, (place, before, behind, real, *_) = _falling(ops.stop_gradient(scores), mask)
    rank, falling = place[..., :, None], take(scores, order)
    gap = falling[..., :, None] - falling[..., None, :]
    # The sign is 0 between equal scores, where JAX takes 1 for the slope of an absolute value.
    distance = ops.sum(gap * ops.stop_gradient(ops.sign(gap)) * real[..., :, None], axis=-2)
    documents = ops.sum(real, axis=-1)[..., None, None]
    formula = (documents - 1.0 - 2.0 * rank) * falling[..., None, :] - distance[..., None, :]
    below = _below(rank, *[x[..., None, :] for x in (place, before, behind)])
    return log_softmax(formula - ops.stop_gradient(formula) - below, both(take(mask, order)))


@register
class NeuralSortCrossEntropyLoss(_NeuralSortLoss):
    """NeuralSort cross-entropy: the soft permutation of the scores against that of the labels.

        loss = -(1 / n) sum_r sum_k P_rk(y) log P_rk(s)

    with P_rk(x) the probability that document k has rank r if the scores are x. Use it where the whole order of a list
    counts, the bottom as much as the top. It takes no lambda weight; `sample_size` acts as in `NeuralSortNDCGLoss`.
    `neural_sort_cross_entropy` is the function.

    >>> loss = NeuralSortCrossEntropyLoss()
    >>> round(float(loss([[1, 0]], [[0.6, 0.8]])), 6)
    0.744351
    """

    fn = staticmethod(_neural_sort_cross_entropy)
    curvature = staticmethod(_neural_sort_cross_entropy_curvature)
