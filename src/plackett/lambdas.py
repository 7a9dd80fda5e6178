"""Lambda weights: how much a metric changes when two documents change places, or what one document is worth to it.

Where they act:

- pairwise losses and `MixtureEMLoss`: every weight with `pair_weights`;
- softmax losses: the DCG family (`DCGLambdaWeight`, `NDCGLambdaWeight`, `DCGLambdaWeightV2`, `NDCGLambdaWeightV2`,
  `YetiDCGLambdaWeight`), whose `document_weights` take the place of the gain;
- losses that approximate NDCG: the DCG family, whose gain, discount, cut-off and normalisation are the metric that is
  approximated;
- `ListMLELoss`: `ListMLELambdaWeight`, the weight of a position.

Elsewhere a weight is refused. A weight of your own is a class with `pair_weights(labels, ranks)` ->
[..., list_size, list_size], or `document_weights(labels, ranks)` -> [..., list_size], or both; it acts in the losses
that use that method. Labels and ranks are [..., list_size]; ranks start at 1, by falling score, with padding, whose
labels are 0, behind all real documents. What it says of padding is dropped, and no gradient passes through it. A
method with a third parameter `mask`, [..., list_size] bool, is also told who is real, and an `of_pairs` with a fourth,
`weights`, the weights of the documents.

>>> import keras
>>> from keras import ops
>>> from plackett.lambdas import LambdaWeight
>>> from plackett.losses import PairwiseLogisticLoss
>>> @keras.saving.register_keras_serializable("mine")
... class TopWeight(LambdaWeight):
...     def __init__(self, power=1.0):
...         self.power = power
...
...     def pair_weights(self, labels, ranks):
...         "A pair counts by its higher rank."
...         return 1.0 / ops.minimum(ranks[..., :, None], ranks[..., None, :]) ** self.power
>>> loss = PairwiseLogisticLoss(lambda_weight=TopWeight(power=2.0))
>>> round(float(loss([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
0.905496

`LambdaWeight` gives it `get_config` and `from_config`, so that it is saved with the loss; it may be left out. Such a
weight makes a matrix of all pairs, which long lists have no room for. One that depends on values of the two documents
is a `PairWeight`: its `of_pairs` returns these values and the function of them, and no matrix is made.

>>> from plackett.lambdas import PairWeight
>>> class LeanTopWeight(PairWeight):
...     def of_pairs(self, labels, ranks, mask):
...         return [ranks], lambda i, j: 1.0 / ops.minimum(i[0], j[0]) ** 2.0
>>> round(float(PairwiseLogisticLoss(lambda_weight=LeanTopWeight())([[0.0, 1.0, 0.0]], [[0.3, 0.2, 0.1]])), 6)
0.905496
"""

import inspect
import numbers
from collections.abc import Callable

import keras
from keras import ops

from plackett import backend, gains
from plackett.lists import clean, count, weights_of_documents
from plackett.lists._pairs import both
from plackett.registry import Configured

_register = keras.saving.register_keras_serializable("plackett")


class LambdaWeight(Configured):
    """Base of lambda weights: every constructor argument is in the config."""


class PairWeight(LambdaWeight):
    """A weight of pairs that is a function of values of either document, so that no matrix of all pairs is needed."""

    def of_pairs(self, labels, ranks, mask):
        """(values, fn): values of documents, [..., list_size] each, and the weight of pairs of real documents (i, j).

        fn takes the values of i and those of j, two lists whose members broadcast.
        """
        raise NotImplementedError

    def pair_weights(self, labels, ranks, mask=None, weights=None):
        """[..., list_size, list_size], the weight of each pair of real documents; 0 elsewhere.

        `weights`, [..., list_size], are those of the documents, which the DCG family reads where it is `weighted`.
        """
        labels, ranks, mask = clean(labels, ranks, mask)
        values, of_pair = _of_pairs(self, labels, ranks, mask, weights_of_documents(weights, labels, mask))
        matrix = of_pair([x[..., :, None] for x in values], [x[..., None, :] for x in values])
        return ops.where(both(mask), matrix, 0.0)


@_register
class LabelDiffLambdaWeight(PairWeight):
    """|y_i - y_j| for each pair of documents."""

    def __init__(self):
        """Without options."""

    def of_pairs(self, labels, ranks, mask):
        return [labels], lambda i, j: ops.abs(i[0] - j[0])


class DCGFamily(PairWeight):
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
        weighted: in pairs, the weights w of documents multiply their gains, those of the ideal DCG among them, as in
            the NDCG of weighted documents and in rax. The terms of the loss have the weight of their document besides.
            False = its terms alone, as in TensorFlow Ranking. Where a document's own weight takes the place of the
            gain, or the metric is approximated, the function's weights multiply the gain in any case.
    """

    reach: int | None = None  # how far apart the ranks of a pair may be that has a weight; None = any

    def __init__(
        self, topn: int | None, gain_fn: Callable, rank_discount_fn: Callable, normalized: bool, weighted: bool
    ):
        gains.check_topn(topn)
        gains.check_functions(gain_fn=gain_fn, rank_discount_fn=rank_discount_fn)
        self.topn = topn
        self.gain_fn = gain_fn
        self.rank_discount_fn = rank_discount_fn
        self.normalized = normalized
        self.weighted = weighted

    def gain(self, labels, mask, weights=None):
        """[..., list_size], the gains of the documents, divided by the ideal DCG where the weight is normalised.

        They are multiplied by the weights of the documents first, [..., list_size]; None = 1.
        """
        gain = gains.relative(self.gain_fn, labels, mask) if self.normalized else self.gain_fn(labels)
        gain = gain if weights is None else gain * weights
        return gains.normalized(gain, self.discount, mask) if self.normalized else gain

    def discount(self, ranks):
        """[..., list_size], the discounts of the ranks; 0 below the cut-off."""
        return gains.truncated(self.rank_discount_fn, self.topn)(ranks)

    def document_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = clean(labels, ranks, mask)
        return ops.where(mask, self.gain(labels, mask) * self.rank_discount_fn(backend.maximum(ranks, 1.0)), 0.0)

    def of_pairs(self, labels, ranks, mask, weights=None):
        of_ranks = self.of_ranks(ops.shape(labels)[-1], labels.dtype)

        def weight(i, j):
            return ops.abs(i[0] - j[0]) * of_ranks(i[1], j[1])

        return [self.gain_of_pairs(labels, mask, weights), backend.maximum(ranks, 1.0)], weight

    def gain_of_pairs(self, labels, mask, weights=None):
        """[..., list_size], n times the gain: what a pair differs in, beside its ranks."""
        gain = self.gain(labels, mask, weights if self.weighted else None)
        return ops.cast(count(mask), labels.dtype)[..., None] * gain

    def of_ranks(self, list_size, dtype):
        """What the ranks of two documents, from 1 to list_size, contribute to the weight of the pair: a function."""
        return self.rank_term(ops.arange(1, list_size + 1, dtype=dtype))

    def rank_term(self, every_rank):
        """What the ranks of two documents contribute to the weight of the pair: a function of both.

        Args:
            every_rank: [list_size], 1, 2, ...: what depends on one number is computed once for each of them.
        """
        raise NotImplementedError

    def neighbour_term(self, every_rank):
        """|discount(d) - discount(d + 1)| at the distance d of two ranks; 0 for a document and itself.

        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018.
        """
        discount = self.rank_discount_fn(every_rank)
        change = ops.abs(discount - self.rank_discount_fn(every_rank + 1.0))
        at_distance = ops.concatenate([ops.zeros_like(change[:1]), change], axis=0)
        return lambda i, j: backend.lookup(at_distance, ops.cast(ops.abs(i - j), "int32"))


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
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)
        number = isinstance(smooth_fraction, numbers.Real) and not isinstance(smooth_fraction, bool)
        if not (number and 0.0 <= smooth_fraction <= 1.0):
            raise ValueError(f"smooth_fraction must lie between 0 and 1, but got {smooth_fraction}")
        self.smooth_fraction = smooth_fraction

    def rank_term(self, every_rank):
        lambdaloss = self.neighbour_term(every_rank)

        def term(i, j):
            mix = (1.0 - self.smooth_fraction) * lambdaloss(i, j)
            if self.smooth_fraction > 0.0:
                mix = mix + self.smooth_fraction * ops.abs(self.discount(i) - self.discount(j))
            return mix if self.topn is None else mix * ops.cast(backend.minimum(i, j) <= self.topn, mix.dtype)

        return term


@_register
class NDCGLambdaWeight(DCGLambdaWeight):
    """`DCGLambdaWeight` divided by the ideal DCG, with the gain 2^y - 1 and the discount 1 / log2(1 + r)."""

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
        smooth_fraction: float = 0.0,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True, smooth_fraction, weighted)


@_register
class DCGLambdaWeightV2(DCGFamily):
    """DCG whose rank term is that of LambdaLoss, larger for a pair that reaches below `topn`:

        |D(|r_i - r_j|) - D(|r_i - r_j| + 1)| / (1 - D(max(r_i, r_j)) if max(r_i, r_j) > topn, else 1)

    with D the discount. It is the V2 weight of TensorFlow Ranking without normalisation, and rax's `dcg2_lambdaweight`
    with the gain 2^y - 1 and the discount 1 / log2(1 + r).

    Reference: Jagerman et al., "On Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022.
    """

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.identity,
        rank_discount_fn: Callable = gains.inverse,
        normalized: bool = False,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)

    def rank_term(self, every_rank):
        lambdaloss = self.neighbour_term(every_rank)
        if self.topn is None:
            return lambdaloss

        def term(i, j):
            lower = backend.maximum(i, j)
            below = ops.where(lower > self.topn, lower, 2.0)
            return lambdaloss(i, j) / ops.where(lower > self.topn, 1.0 - self.rank_discount_fn(below), 1.0)

        return term


@_register
class NDCGLambdaWeightV2(DCGLambdaWeightV2):
    """`DCGLambdaWeightV2` divided by the ideal DCG, with the gain 2^y - 1 and the discount 1 / log2(1 + r)."""

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, True, weighted)


@_register
class YetiDCGLambdaWeight(DCGLambdaWeightV2):
    """`DCGLambdaWeightV2` between documents at neighbouring ranks, 0 elsewhere, with the gain and discount of NDCG.

    Reference: Lyzhin et al., "Which Tricks Are Important for Learning to Rank?", ICML 2023 (YetiLoss).
    """

    reach = 1

    def __init__(
        self,
        topn: int | None = None,
        gain_fn: Callable = gains.pow_minus_1,
        rank_discount_fn: Callable = gains.log2_inverse,
        normalized: bool = False,
        weighted: bool = False,
    ):
        super().__init__(topn, gain_fn, rank_discount_fn, normalized, weighted)

    def rank_term(self, every_rank):
        term = super().rank_term(every_rank)
        return lambda i, j: term(i, j) * ops.cast(ops.abs(i - j) == 1.0, i.dtype)


@_register
class PrecisionLambdaWeight(PairWeight):
    """1 for a relevant and an irrelevant document on two sides of the cut-off, 0 else: the swap changes precision.

    Args:
        topn: the cut-off. None = the number of relevant documents of the list (R-precision).
        positive_fn: function of labels, True for a relevant document.
    """

    def __init__(self, topn: int | None = None, positive_fn: Callable = gains.is_greater_equal_1):
        gains.check_topn(topn)
        gains.check_functions(positive_fn=positive_fn)
        self.topn = topn
        self.positive_fn = positive_fn

    def of_pairs(self, labels, ranks, mask):
        positive = ops.cast(self.positive_fn(labels) & mask, labels.dtype)
        topn = ops.sum(positive, axis=-1, keepdims=True) if self.topn is None else self.topn
        inside = ops.cast(ranks <= topn, labels.dtype)
        return [positive, inside], lambda i, j: ops.abs(i[0] - j[0]) * ops.abs(i[1] - j[1])


@_register
class ListMLELambdaWeight(LambdaWeight):
    """The discount of the rank, as a document's weight: position-aware ListMLE.

    Reference: Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014.
    """

    def __init__(self, rank_discount_fn: Callable = gains.log2_inverse):
        gains.check_functions(rank_discount_fn=rank_discount_fn)
        self.rank_discount_fn = rank_discount_fn

    def document_weights(self, labels, ranks, mask=None):
        labels, ranks, mask = clean(labels, ranks, mask)
        return ops.where(mask, self.rank_discount_fn(backend.maximum(ranks, 1.0)), 0.0)


OWN = (
    LabelDiffLambdaWeight,
    DCGLambdaWeight,
    NDCGLambdaWeight,
    DCGLambdaWeightV2,
    NDCGLambdaWeightV2,
    YetiDCGLambdaWeight,
    PrecisionLambdaWeight,
    ListMLELambdaWeight,
)


def check_pairs(weight) -> None:
    """Raises ValueError unless the weight is None or weighs pairs of documents."""
    _check(weight, PairWeight, "pair_weights")


def check_gains(weight) -> None:
    """Raises ValueError unless the weight is None or can take the place of the gain of a document."""
    _check(weight, DCGFamily, "document_weights")


def check_positions(weight) -> None:
    """Raises ValueError unless the weight is None or weighs positions."""
    _check(weight, ListMLELambdaWeight, "document_weights")


def check_metric(weight) -> None:
    """Raises ValueError unless the weight is None or is a metric: a gain, a discount, a cut-off, a normalisation."""
    _check(weight, DCGFamily, None)


def check_none(weight) -> None:
    """Raises ValueError for any lambda weight."""
    _check(weight, (), None)


def _check(weight, allowed, method):
    """`allowed` are those of plackett's own weights that have a meaning; another class must have `method`."""
    its_own = not isinstance(weight, OWN) and method is not None and callable(getattr(weight, method, None))
    if weight is not None and (isinstance(weight, type) or not (isinstance(weight, allowed) or its_own)):
        names = ", ".join(kind.__name__ for kind in OWN if issubclass(kind, allowed))
        wording = f"None or one of {names}" if names else "None"
        wording += f", or a class of your own with {method}" if method else ""
        raise ValueError(f"lambda_weight must be {wording}, but got {weight!r}")


def weights_of_pairs(weight, labels, ranks, mask, weights=None):
    """The weight of pairs of real documents in the form that `tiles.pair_sums` reads.

    Args:
        weights: [..., list_size], those of documents, for a weight that reads them. None = 1.

    Returns:
        (values, of_pair): values of documents, a matrix of all pairs among them where the weight has no other form,
        and the weight of pairs (i, j) as a function of the values of i and of j.
    """
    if weight is None:
        return [], lambda i, j: 1.0
    if isinstance(weight, PairWeight) and type(weight).pair_weights is PairWeight.pair_weights:
        values, of_pair = _of_pairs(weight, labels, ranks, mask, weights)
        return [ops.stop_gradient(x) for x in values], of_pair
    matrix = ops.where(both(mask), _told(weight.pair_weights, labels, ranks, mask), 0.0)
    return [matrix], lambda i, j: i[0]


def _of_pairs(weight, labels, ranks, mask, weights):
    reads = "weights" in inspect.signature(weight.of_pairs).parameters
    return weight.of_pairs(labels, ranks, mask, **({"weights": weights} if reads else {}))


def of_gains_and_ranks(weight) -> bool:
    """Is the weight of a pair |gain_i - gain_j| of_ranks(r_i, r_j), of a rank term of ours, which is symmetric?"""
    if not isinstance(weight, DCGFamily):
        return False
    ours = {kind.rank_term for kind in OWN if issubclass(kind, DCGFamily)}
    methods = ("pair_weights", "of_pairs", "of_ranks", "gain_of_pairs")
    unchanged = all(getattr(type(weight), name) is getattr(DCGFamily, name) for name in methods)
    return unchanged and type(weight).rank_term in ours


def document_weights(weight, labels, ranks, mask):
    """[..., list_size], the weight of each real document; 0 elsewhere."""
    return ops.where(mask, _told(weight.document_weights, labels, ranks, mask), 0.0)


def _told(method, labels, ranks, mask):
    takes_mask = "mask" in inspect.signature(method).parameters
    return ops.stop_gradient(method(labels, ranks, mask) if takes_mask else method(labels, ranks))
