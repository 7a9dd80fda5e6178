"""Weights of the DCG family: how much the swap of two documents changes a DCG, and how much a document adds to it."""

from collections.abc import Callable
from typing import TypeAlias

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.lambdas._pairs import DocumentWeight, PairWeight, ValuesOfPairs
from plackett.lists import count
from plackett.registry import register
from plackett.registry.options import Count, Function, Share

# A function of the ranks of two documents.
OfRanks: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class DCGFamily(PairWeight, DocumentWeight):
    """A DCG: the gain of a label, the discount of a rank, a cut-off, and whether it is divided by the ideal DCG.

    For a pair of real documents at ranks r_i, r_j with gains g_i, g_j, in a list of n real documents,

        pair weight = n |g_i - g_j| rank_term(r_i, r_j)

    and the weight of a document is g_i discount(r_i). With `normalized`, g is divided by the ideal DCG at `topn`.

    A DCG of your own defines its rank term:

    >>> from plackett import gains
    >>> from plackett.losses import PairwiseLogisticLoss
    >>> class Swap(DCGFamily):
    ...     "By how much the discount changes where two documents change places."
    ...
    ...     def __init__(self, topn=None):
    ...         super().__init__(topn, gains.pow_minus_1, gains.log2_inverse, normalized=True, weighted=False)
    ...
    ...     def rank_term(self, every_rank):
    ...         return lambda i, j: ops.abs(self.discount(i) - self.discount(j))
    >>> loss = PairwiseLogisticLoss(lambda_weight=Swap(topn=10))
    >>> round(float(loss([[2, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    1.288465

    Args:
        topn: the cut-off of the metric. None = the whole list. It applies to the ideal DCG, to the rank terms of pairs
            and to the metric that a loss approximates. The weight of a single document has no cut-off, so that
            documents below it still learn.
        gain_fn: function of labels.
        rank_discount_fn: function of ranks, which start at 1.
        normalized: divide the gains by the ideal DCG.
        weighted: in pairs, the weights w of documents multiply their gains, also in the ideal DCG, as in rax and in the
            NDCG of weighted documents. The terms of the loss are multiplied by the weight of their document in
            addition. False = only the terms of the loss are multiplied, as in TensorFlow Ranking. Where a document
            weight replaces the gain, or the metric is approximated, the `weights` of the function always multiply the
            gain.
    """

    reach: int | None = None  # the largest distance of two ranks whose pair has a weight; None = any

    def __init__(
        self, topn: Count | None, gain_fn: Function, rank_discount_fn: Function, normalized: bool, weighted: bool
    ):
        self.topn = topn
        self.gain_fn = gain_fn
        self.rank_discount_fn = rank_discount_fn
        self.normalized = normalized
        self.weighted = weighted

    @property
    def depth(self) -> int | None:
        """The last rank that the upper document of a pair with a weight can have; None = any, whatever `topn` is."""
        return None

    def gain(self, labels: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
        """[..., list_size], the gains of the documents, divided by the ideal DCG if the weight is normalised.

        They are first multiplied by the weights of the documents, [..., list_size]; None = 1.
        """
        gain = dcg_sums.relative(self.gain_fn, labels, mask) if self.normalized else self.gain_fn(labels)
        gain = gain if weights is None else gain * weights
        return dcg_sums.normalize(gain, self.discount, mask) if self.normalized else gain

    def discount(self, ranks: Tensor) -> Tensor:
        """[..., list_size], the discounts of the ranks; 0 below the cut-off."""
        return dcg_sums.cut_off(self.rank_discount_fn, self.topn)(ranks)

    def of_documents(self, labels: Tensor, ranks: Tensor, mask: Tensor) -> Tensor:
        return self.gain(labels, mask) * self.rank_discount_fn(backend.maximum(ranks, 1.0))

    def of_pairs(self, labels: Tensor, ranks: Tensor, mask: Tensor, weights: Tensor | None = None) -> ValuesOfPairs:
        of_ranks = self.of_ranks(ops.shape(labels)[-1], labels.dtype)

        def weight(i, j):
            return ops.abs(i[0] - j[0]) * of_ranks(i[1], j[1])

        return [self.gain_of_pairs(labels, mask, weights), backend.maximum(ranks, 1.0)], weight

    def gain_of_pairs(self, labels: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
        """[..., list_size], n times the gain: the factor of a pair's weight that does not depend on ranks."""
        gain = self.gain(labels, mask, weights if self.weighted else None)
        return ops.cast(count(mask), labels.dtype)[..., None] * gain

    def of_ranks(self, list_size: int | Tensor, dtype: str) -> OfRanks:
        """The part of a pair's weight that depends on its two ranks, from 1 to list_size: a function of both."""
        return self.rank_term(ops.arange(1, list_size + 1, dtype=dtype))

    def rank_term(self, every_rank: Tensor) -> OfRanks:
        """The part of a pair's weight that depends on its two ranks: a function of both.

        Args:
            every_rank: [list_size], 1, 2, ..., to compute once what depends on a single rank or distance.
        """
        raise NotImplementedError

    def neighbour_term(self, every_rank: Tensor) -> OfRanks:
        """|discount(d) - discount(d + 1)| at the distance d of two ranks; 0 for a document paired with itself.

        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018.
        """
        discount = self.rank_discount_fn(every_rank)
        change = ops.abs(discount - self.rank_discount_fn(every_rank + 1.0))
        at_distance = ops.concatenate([ops.zeros_like(change[:1]), change], axis=0)
        return lambda i, j: backend.lookup(at_distance, ops.cast(ops.abs(i - j), "int32"))


@register
class DCGLambdaWeight(DCGFamily):
    """DCG. The rank term of a pair is a mix of LambdaLoss and LambdaMART,

        (1 - smooth_fraction) |D(|r_i - r_j|) - D(|r_i - r_j| + 1)| + smooth_fraction |D(r_i) - D(r_j)|

    with D the discount. In the second part D is 0 below `topn`, and a pair with both documents below `topn` has weight
    0.

    References: Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018;
    Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82.
    """

    def __init__(
        self,
        topn: Count | None = None,
        gain_fn: Function = gains.identity,
        rank_discount_fn: Function = gains.inverse,
        normalized: bool = False,
        smooth_fraction: Share = 0.0,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)
        self.smooth_fraction = smooth_fraction

    @property
    def depth(self) -> int | None:
        return None if self.topn is None else int(self.topn)  # topn may be 10.0

    def rank_term(self, every_rank: Tensor) -> OfRanks:
        lambdaloss = self.neighbour_term(every_rank)

        def term(i, j):
            mix = (1.0 - self.smooth_fraction) * lambdaloss(i, j)
            if self.smooth_fraction > 0.0:
                mix = mix + self.smooth_fraction * ops.abs(self.discount(i) - self.discount(j))
            return mix if self.topn is None else mix * ops.cast(backend.minimum(i, j) <= self.topn, mix.dtype)

        return term


@register
class NDCGLambdaWeight(DCGLambdaWeight):
    """`DCGLambdaWeight` divided by the ideal DCG, with the gain 2^y - 1 and the discount 1 / log2(1 + r).

    >>> from plackett.losses import PairwiseLogisticLoss
    >>> loss = PairwiseLogisticLoss(lambda_weight=NDCGLambdaWeight(topn=10, smooth_fraction=0.5))
    >>> round(float(loss([[2, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    1.213543
    """

    def __init__(
        self,
        topn: Count | None = None,
        gain_fn: Function = gains.pow_minus_1,
        rank_discount_fn: Function = gains.log2_inverse,
        smooth_fraction: Share = 0.0,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True, smooth_fraction, weighted)


@register
class DCGLambdaWeightV2(DCGFamily):
    """DCG with the rank term of LambdaLoss, which is larger for a pair that reaches below `topn`:

        |D(|r_i - r_j|) - D(|r_i - r_j| + 1)| / (1 - D(max(r_i, r_j)) if max(r_i, r_j) > topn, else 1)

    with D the discount. It is the V2 weight of TensorFlow Ranking without normalisation, and rax's `dcg2_lambdaweight`
    with the gain 2^y - 1 and the discount 1 / log2(1 + r).

    Reference: Jagerman et al., "On Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022.
    """

    def __init__(
        self,
        topn: Count | None = None,
        gain_fn: Function = gains.identity,
        rank_discount_fn: Function = gains.inverse,
        normalized: bool = False,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)

    def rank_term(self, every_rank: Tensor) -> OfRanks:
        lambdaloss = self.neighbour_term(every_rank)
        if self.topn is None:
            return lambdaloss

        def term(i, j):
            lower = backend.maximum(i, j)
            below = ops.where(lower > self.topn, lower, 2.0)
            return lambdaloss(i, j) / ops.where(lower > self.topn, 1.0 - self.rank_discount_fn(below), 1.0)

        return term


@register
class NDCGLambdaWeightV2(DCGLambdaWeightV2):
    """`DCGLambdaWeightV2` divided by the ideal DCG, with the gain 2^y - 1 and the discount 1 / log2(1 + r).

    >>> from plackett.losses import PairwiseLogisticLoss
    >>> loss = PairwiseLogisticLoss(lambda_weight=NDCGLambdaWeightV2(topn=1))
    >>> round(float(loss([[2, 0, 1]], [[0.6, 0.8, 0.1]])), 3)
    3.383
    """

    def __init__(
        self,
        topn: Count | None = None,
        gain_fn: Function = gains.pow_minus_1,
        rank_discount_fn: Function = gains.log2_inverse,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True, weighted)


@register
class YetiDCGLambdaWeight(DCGLambdaWeightV2):
    """`DCGLambdaWeightV2` between documents at neighbouring ranks, 0 elsewhere, with the gain and discount of NDCG.

    Reference: Lyzhin et al., "Which Tricks Are Important for Learning to Rank?", ICML 2023 (YetiLoss).
    """

    reach = 1

    def __init__(
        self,
        topn: Count | None = None,
        gain_fn: Function = gains.pow_minus_1,
        rank_discount_fn: Function = gains.log2_inverse,
        normalized: bool = False,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)

    def rank_term(self, every_rank: Tensor) -> OfRanks:
        term = super().rank_term(every_rank)
        return lambda i, j: term(i, j) * ops.cast(ops.abs(i - j) == 1.0, i.dtype)
