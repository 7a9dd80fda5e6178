"""Metrics of a user who reads from the top and stops at a relevant document, or at each with some probability."""

from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.kernels import dcg_sums
from plackett.metrics._base import Average, CutOffMetric, Empty, RankingMetric, Ties, by_label
from plackett.metrics._ranked import rank_lists
from plackett.registry import check_options, register
from plackett.registry.options import Count, Positive


def cascade(lists, worth, survival, discount):
    """sum_p discount(p) worth_p prod_{q < p} survival_q over places p, averaged over all orders of tied documents.

    All orders of a group of m tied documents are equally likely. At its k-th place counts W_k, the mean of worth_i
    prod_{j in S} survival_j over its documents i and all sets S of k others. V_k is the mean of the products alone. One
    more document, of worth w and survival v, updates them as

        V_k <- ((m + 1 - k) V_k + k v V_k-1) / (m + 1)
        W_k <- ((m - k) W_k + k v W_k-1 + w V_k) / (m + 1)

    Args:
        lists: `Ranked`.
        worth: [..., list_size], in the order of `lists`; 0 at padding.
        survival: [..., list_size], between 0 and 1; 1 at padding.
        discount: function of ranks.

    Returns:
        [...].

    Cost: O(list_size) without ties; O(list_size^2) time in list_size steps, O(list_size) memory, with them.
    """
    first = ops.ones_like(survival[..., :1])
    before = backend.cumulative_product(ops.concatenate([first, survival[..., :-1]], axis=-1))
    if lists.first is None:
        return ops.sum(discount(lists.rank) * worth * before, axis=-1)
    nothing = ops.zeros_like(worth)
    discounts = ops.broadcast_to(discount(lists.rank), ops.shape(worth))
    state = (nothing[..., :1], nothing, nothing, worth, survival, before, lists.first, discounts)
    return ops.fori_loop(0, ops.shape(worth)[-1], _read, state)[0][..., 0]


def _read(p, state):
    """One step of `cascade`: the document at place p joins its group. JAX compiles it once: it is not a closure."""
    total, v, w, worth, survival, before, first_places, discounts = state
    size = ops.shape(worth)[-1]
    k = ops.arange(size, dtype="int32")

    def at(x, p):
        return ops.take(x, p, axis=-1)[..., None]

    first = at(first_places, p)
    v = ops.where(first == p, ops.cast(k == 0, v.dtype), v)
    w = ops.where(first == p, 0.0, w)
    m, k_th = ops.cast(p - first, v.dtype), ops.cast(k, v.dtype)
    w = ((m - k_th) * w + k_th * at(survival, p) * ops.roll(w, 1, axis=-1) + at(worth, p) * v) / (m + 1.0)
    v = ((m + 1.0 - k_th) * v + k_th * at(survival, p) * ops.roll(v, 1, axis=-1)) / (m + 1.0)
    of_places = ops.take_along_axis(discounts, ops.minimum(first + k, size - 1), axis=-1)
    of_group = ops.take_along_axis(before, first, axis=-1) * ops.sum(of_places * w, axis=-1, keepdims=True)
    last = (at(first_places, ops.minimum(p + 1, size - 1)) != first) | (p == size - 1)
    return total + ops.where(last, of_group, 0.0), v, w, *state[3:]


def reciprocal_rank(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """The reciprocal of the rank of the first relevant document.

    For one list with labels y and ranks r by descending score,

        RR@n = max_{i: y_i >= 1, r_i <= n} 1 / r_i

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: one relevant document is enough, such as an answer or a known page.

    Reference: Voorhees, "The TREC-8 Question Answering Track Report", TREC 1999.
    """
    check_options(reciprocal_rank, topn=topn, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _reciprocal_rank(lists, topn=topn)


def _reciprocal_rank(lists, *, topn):
    return lists.or_nan(ops.sum(dcg_sums.cut_off(gains.inverse, topn)(lists.rank) * _first_relevant(lists), axis=-1))


@register
class MRR(CutOffMetric):
    """Mean reciprocal rank: one over the rank of the first relevant document.

        RR@n = max_{i: y_i >= 1, r_i <= n} 1 / r_i

    Use it where one relevant document is enough, such as an answer or a known page. `reciprocal_rank` is the function.

    >>> metric = MRR(topn=2)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    0.5
    """

    fn = staticmethod(_reciprocal_rank)


def hits(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Hits: is there a relevant document at the top?

    For one list with labels y and ranks r by descending score,

        Hits@n = 1 if y_i >= 1 for an i with r_i <= n, else 0

    Args:
        labels: [..., list_size]; a label of at least 1 is relevant.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, 0 or 1, or between 0 and 1 with ties="expected"; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, or `ties` is unknown.

    Cost: O(list_size log list_size).

    When: only a few documents are shown, and one relevant document is enough; or retrieval for a later stage.

    Reference: Bordes et al., "Translating Embeddings for Modeling Multi-relational Data", NIPS 2013 (Hits@10).
    """
    check_options(hits, topn=topn, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _hits(lists, topn=topn)


def _hits(lists, *, topn):
    return lists.or_nan(ops.sum(dcg_sums.cut_off(ops.ones_like, topn)(lists.rank) * _first_relevant(lists), axis=-1))


@register
class Hits(CutOffMetric):
    """Hits: is there a relevant document at the top?

        Hits@n = 1 if y_i >= 1 for an i with r_i <= n, else 0

    Use it where only a few documents are shown and one relevant document is enough. `hits` is the function.

    >>> metric = Hits(topn=2)
    >>> round(float(metric([[1, 0, 1]], [[0.6, 0.8, 0.1]])), 6)
    1.0
    """

    fn = staticmethod(_hits)


def _first_relevant(lists):
    """[..., list_size], the probability that the first relevant document stands at each place.

    With t relevant among m tied documents, the k-th of them to be read (from 0), if no relevant one came before it, is
    relevant with probability t / (m - k).
    """
    relevant = lists.among_ties(ops.where(lists.retrieved, lists.relevant(), 0.0))
    probability = backend.minimum(relevant / (lists.number_of_ties() - lists.offset()), 1.0)
    none_yet = backend.cumulative_product(1.0 - probability)
    first = ops.ones_like(none_yet[..., :1])
    return ops.concatenate([first, none_yet[..., :-1]], axis=-1) * probability


def expected_reciprocal_rank(
    labels: Tensor,
    scores: Tensor,
    *,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    topn: Count | None = None,
    max_grade: Positive = 4.0,
    ties: Ties = "position",
    documents: Tensor | None = None,
) -> Tensor:
    """Expected reciprocal rank: a user stops at a document with a probability that grows with its grade.

    For one list with labels y, by descending score, and R_p = (2^y_p - 1) / 2^max_grade,

        ERR@n = sum_{p <= n} (1 / p) R_p prod_{q < p} (1 - R_q)

    Args:
        labels: [..., list_size], relevance grades between 0 and `max_grade`; a higher grade counts as `max_grade`.
        scores: [..., list_size]; higher ranks first.
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [..., list_size]; a document of weight 0 is left out. None = 1.
        topn: the cut-off n. None = the whole list.
        max_grade: the highest grade of the judgements. It is not read from the lists, since a value must not depend on
            the rest of the batch.
        ties, documents: the order of equal scores; see `plackett.metrics`.

    Returns:
        [...], one value per list, between 0 and 1; 0 where no document is relevant.

    Raises:
        ValueError: the shapes do not match, topn < 1, max_grade <= 0, or `ties` is unknown.

    Cost: O(list_size log list_size); with ties="expected" O(list_size^2) time.

    When: judgements are graded, and a good document makes those below it less useful.

    Reference: Chapelle et al., "Expected Reciprocal Rank for Graded Relevance", CIKM 2009.
    """
    check_options(expected_reciprocal_rank, topn=topn, max_grade=max_grade, ties=ties)
    lists = rank_lists(labels, scores, mask, weights, ties, documents)
    return _expected_reciprocal_rank(lists, topn=topn, max_grade=max_grade)


def _expected_reciprocal_rank(lists, *, topn, max_grade):
    shift = max(max_grade - dcg_sums.HIGH, 0.0)
    stop = dcg_sums.pow_minus_1_over(backend.clip(lists.labels, 0.0, max_grade), shift) / 2.0 ** (max_grade - shift)
    worth = ops.where(lists.retrieved, stop, 0.0)
    return lists.or_nan(cascade(lists, worth, 1.0 - stop, dcg_sums.cut_off(gains.inverse, topn)))


@register
class ERR(RankingMetric):
    """Expected reciprocal rank: a user stops at a document with a probability that grows with its grade.

        ERR@n = sum_{p <= n} (1 / p) R_p prod_{q < p} (1 - R_q),    R_p = (2^y_p - 1) / 2^max_grade

    Use it for graded judgements where a good document makes those below it less useful. `max_grade` is the highest
    grade that judges give. `expected_reciprocal_rank` is the function.

    >>> metric = ERR(topn=10, max_grade=2)
    >>> round(float(metric([[1, 0, 2]], [[0.6, 0.8, 0.1]])), 6)
    0.3125
    """

    fn = staticmethod(_expected_reciprocal_rank)
    relevance = staticmethod(by_label)

    def __init__(
        self,
        topn: Count | None = None,
        max_grade: Positive = 4.0,
        empty: Empty = 0,
        ties: Ties = "position",
        average: Average = "lists",
        name: str | None = None,
        ragged: bool = False,
    ):
        super().__init__(topn, empty, ties, average, name, ragged, max_grade=max_grade)
