"""Lambda weights: how much a metric changes when two documents change places, or what one document is worth to it.

A weight has `pair_weights(labels, ranks, mask)` -> [..., list_size, list_size] and, where it makes sense,
`document_weights(labels, ranks, mask)` -> [..., list_size]. Labels and ranks are [..., list_size]; ranks start at 1
and count real documents only; `mask` None means that all are real. No gradient passes through a weight.

Where they act: the weights of the DCG family (`DCGLambdaWeight`, `NDCGLambdaWeight`, `NDCGLambdaWeightV2`,
`YetiDCGLambdaWeight`) in softmax losses, where `document_weights` takes the place of the gain, and in losses that
approximate NDCG, where the weight's gain, discount, cut-off and normalisation are the metric that is approximated;
every weight with `pair_weights` in `MixtureEMLoss`.
"""

from collections.abc import Callable

import keras
from keras import ops

from plackett import gains, lists
from plackett.configured import Configured

_register = keras.saving.register_keras_serializable("plackett")


class LambdaWeight(Configured):
    """Base of all lambda weights."""

    def __init__(self):
        """Without options."""

    def pair_weights(self, labels, ranks, mask=None):
        """[..., list_size, list_size], the weight of each pair of documents."""
        raise ValueError(f"{type(self).__name__} has no weights for pairs of documents")

    def document_weights(self, labels, ranks, mask=None):
        """[..., list_size], the weight of each document."""
        raise ValueError(f"{type(self).__name__} has no weights for single documents")


@_register
class LabelDiffLambdaWeight(LambdaWeight):
    """|y_i - y_j| for each pair of documents."""

    def pair_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = lists.clean(labels, ranks, mask)
        return ops.where(lists.both(mask), ops.abs(lists.differences(labels)), 0.0)


class DCGFamily(LambdaWeight):
    """A DCG: the gain of a label, the discount of a rank, a cut-off, and whether the ideal DCG divides it.

    For a pair of real documents at ranks r_i, r_j with gains g_i, g_j, in a list of n real documents,

        pair weight = n |g_i - g_j| rank_term(r_i, r_j)

    and a document's own weight is g_i discount(r_i). With `normalized`, g is divided by the ideal DCG at `topn`.

    Args:
        topn: the cut-off of the metric. None = the whole list. It bounds the ideal DCG, the rank terms of pairs
            and the metric that an approximating loss approximates; a document's own weight has no cut-off, so
            that documents below it still learn.
        gain_fn: function of labels.
        rank_discount_fn: function of ranks, which start at 1.
        normalized: divide by the ideal DCG.
    """

    def __init__(self, topn: int | None, gain_fn: Callable, rank_discount_fn: Callable, normalized: bool):
        gains.check_topn(topn)
        self.topn = topn
        self.gain_fn = gain_fn
        self.rank_discount_fn = rank_discount_fn
        self.normalized = normalized

    def gain(self, labels, mask):
        """[..., list_size], the gains of the documents, divided by the ideal DCG where the weight is normalised."""
        gain = self.gain_fn(labels)
        return gains.normalized(gain, self.discount, mask) if self.normalized else gain

    def discount(self, ranks):
        """[..., list_size], the discounts of the ranks; 0 below the cut-off."""
        return gains.truncated(self.rank_discount_fn, self.topn)(ranks)

    def document_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = lists.clean(labels, ranks, mask)
        return ops.where(mask, self.gain(labels, mask) * self.rank_discount_fn(ops.maximum(ranks, 1.0)), 0.0)

    def pair_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = lists.clean(labels, ranks, mask)
        ranks = ops.maximum(ranks, 1.0)
        scale = ops.cast(lists.count(mask), labels.dtype)[..., None, None]
        weights = scale * ops.abs(lists.differences(self.gain(labels, mask))) * self.rank_term(ranks)
        return ops.where(lists.both(mask), weights, 0.0)

    def rank_term(self, ranks):
        """[..., list_size, list_size], what the ranks of a pair contribute to its weight."""
        raise NotImplementedError

    def neighbour_term(self, ranks):
        """|discount(d) - discount(d + 1)| at the distance d = |r_i - r_j|; 0 for a document and itself.

        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018, eq. 18.
        """
        distance = ops.abs(lists.differences(ranks))
        apart = ops.maximum(distance, 1.0)
        change = ops.abs(self.rank_discount_fn(apart) - self.rank_discount_fn(apart + 1.0))
        return ops.where(distance > 0, change, 0.0)


@_register
class DCGLambdaWeight(DCGFamily):
    """DCG. The rank term of a pair is a mix of LambdaLoss and LambdaMART,

        (1 - smooth_fraction) |D(|r_i - r_j|) - D(|r_i - r_j| + 1)| + smooth_fraction |D(r_i) - D(r_j)|

    with D the discount; the second part counts D as 0 below `topn`, and a pair that lies below it altogether is 0.

    References: Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018;
    Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82.
    """

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.identity,
        rank_discount_fn: Callable = gains.inverse,
        normalized: bool = False,
        smooth_fraction: float = 0.0,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized)
        if not 0.0 <= smooth_fraction <= 1.0:
            raise ValueError(f"smooth_fraction must lie between 0 and 1, but got {smooth_fraction}")
        self.smooth_fraction = smooth_fraction

    def rank_term(self, ranks):
        lambdaloss = self.neighbour_term(ranks)
        lambdamart = ops.abs(lists.differences(self.discount(ranks)))
        term = (1.0 - self.smooth_fraction) * lambdaloss + self.smooth_fraction * lambdamart
        return term if self.topn is None else ops.where(lists.either(ranks <= self.topn), term, 0.0)


@_register
class NDCGLambdaWeight(DCGLambdaWeight):
    """`DCGLambdaWeight` divided by the ideal DCG, with the gain 2^y - 1 and the discount 1 / log2(1 + r)."""

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
        smooth_fraction: float = 0.0,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True, smooth_fraction)


@_register
class NDCGLambdaWeightV2(DCGFamily):
    """NDCG whose rank term grows by 1 / (1 - D(max(r_i, r_j))) for a pair that reaches below `topn`.

    Reference: Jagerman et al., "On Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022.
    """

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True)

    def rank_term(self, ranks):
        return _cut_off_term(self, ranks)


@_register
class YetiDCGLambdaWeight(DCGFamily):
    """`NDCGLambdaWeightV2` between documents at neighbouring ranks, 0 elsewhere; divided by the ideal DCG on request.

    Reference: Lyzhin et al., "Which Tricks Are Important for Learning to Rank?", ICML 2023 (YetiLoss).
    """

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
        normalized: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized)

    def rank_term(self, ranks):
        neighbours = ops.abs(lists.differences(ranks)) == 1.0
        return ops.where(neighbours, _cut_off_term(self, ranks), 0.0)


def _cut_off_term(weight: DCGFamily, ranks):
    """The LambdaLoss term, larger for pairs that reach below the cut-off of `weight`."""
    term = weight.neighbour_term(ranks)
    if weight.topn is None:
        return term
    lower = ops.maximum(ranks[..., :, None], ranks[..., None, :])
    below = ops.where(lower > weight.topn, lower, 2.0)
    return term / ops.where(lower > weight.topn, 1.0 - weight.rank_discount_fn(below), 1.0)


@_register
class PrecisionLambdaWeight(LambdaWeight):
    """1 for a relevant and an irrelevant document on two sides of the cut-off, 0 else: the swap changes precision.

    Args:
        topn: the cut-off. None = the number of relevant documents of the list (R-precision).
        positive_fn: function of labels, True for a relevant document.
    """

    def __init__(self, topn: int | None = None, positive_fn: Callable = gains.is_greater_equal_1):
        gains.check_topn(topn)
        self.topn = topn
        self.positive_fn = positive_fn

    def pair_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = lists.clean(labels, ranks, mask)
        positive = ops.cast(self.positive_fn(labels) & mask, labels.dtype)
        topn = ops.sum(positive, axis=-1, keepdims=True) if self.topn is None else self.topn
        inside = ops.cast(ranks <= topn, labels.dtype)
        swap = ops.abs(lists.differences(positive)) * ops.abs(lists.differences(inside))
        return ops.where(lists.both(mask), swap, 0.0)


@_register
class ListMLELambdaWeight(LambdaWeight):
    """The discount of the rank, as a document's weight: position-aware ListMLE.

    Reference: Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014.
    """

    def __init__(self, rank_discount_fn: Callable = gains.log2_inverse):
        self.rank_discount_fn = rank_discount_fn

    def document_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = lists.clean(labels, ranks, mask)
        return ops.where(mask, self.rank_discount_fn(ops.maximum(ranks, 1.0)), 0.0)


def check_weight(weight: LambdaWeight | None, *allowed: type) -> None:
    """Raises ValueError unless `weight` is None or one of the `allowed` kinds."""
    if weight is not None and not isinstance(weight, allowed):
        known = (
            LabelDiffLambdaWeight,
            DCGLambdaWeight,
            NDCGLambdaWeight,
            NDCGLambdaWeightV2,
            YetiDCGLambdaWeight,
            PrecisionLambdaWeight,
            ListMLELambdaWeight,
        )
        names = [kind.__name__ for kind in known if issubclass(kind, allowed)]
        raise ValueError(f"lambda_weight must be None or one of {', '.join(names)}, but got {weight!r}")
