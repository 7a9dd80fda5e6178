"""Lists in the order of their scores, and the treatment of equal scores."""

import dataclasses

import numpy as np
from keras import ops

from plackett import backend, gains
from plackett._types import Tensor
from plackett.lists import ascending_order, clean, take, weights_of_documents
from plackett.lists._masking import subtopics_of_documents
from plackett.lists._order import first_of_equals, padding_behind
from plackett.lists._shapes import as_rows, check_shape


@dataclasses.dataclass(frozen=True)
class Ranked:
    """A batch of lists by descending score, padding last: the input of a metric function.

    >>> from plackett.metrics import RankingMetric
    >>> class ReciprocalRankSum(RankingMetric):
    ...     "The sum of 1 / rank over the relevant documents down to `topn`."
    ...
    ...     @staticmethod
    ...     def fn(lists, *, topn):
    ...         counts = ops.cast(lists.rank <= (topn or float("inf")), lists.rank.dtype)
    ...         return lists.or_nan(ops.sum(counts * lists.of_retrieved(lists.relevant()) / lists.rank, axis=-1))
    >>> round(float(ReciprocalRankSum()([[1.0, 0.0, 1.0]], [[0.6, 0.8, 0.1]])), 6)
    0.833333

    Args:
        labels: [..., list_size], or [..., list_size, subtopics]; 0 at padding.
        weights: [..., list_size], the weights of the documents; 0 at padding.
        mask: [..., list_size] bool, True = real document.
        retrieved: [..., list_size] bool, True = real document with a score above -inf.
        unknown: [...] bool, does a real document have a score of NaN?
        rank: [list_size], 1, 2, 3 ...
        first: [..., list_size] int, the place, from 0, where the documents of the same score begin. None = equal scores
            are already ordered, and no documents are tied.
        ties: the option for documents of equal score.
    """

    labels: Tensor
    weights: Tensor
    mask: Tensor
    retrieved: Tensor
    unknown: Tensor
    rank: Tensor
    first: Tensor | None
    ties: str

    def relevant(self) -> Tensor:
        """[..., list_size], 1 for a real document whose label is at least 1, else 0."""
        return ops.cast(self.mask & gains.is_greater_equal_1(self.labels), self.rank.dtype)

    def or_nan(self, values: Tensor) -> Tensor:
        """[...], the last line of every metric: the values of the lists, NaN where the order is unknown."""
        return ops.where(self.unknown, float("nan"), values)

    def of_retrieved(self, x: Tensor) -> Tensor:
        """[..., list_size]: `mean_of_ties(x)`, with 0 for a document that is not retrieved."""
        return self.mean_of_ties(ops.where(self.retrieved, x, 0.0))

    def mean_of_ties(self, x: Tensor) -> Tensor:
        """[..., list_size]: the mean of `x` over tied documents, the expected value at their places."""
        if self.first is None:
            return x
        return self.among_ties(x) / self.number_of_ties()

    def among_ties(self, x: Tensor) -> Tensor:
        """[..., list_size]: the sum of `x` over the documents tied with this one, including itself."""
        if self.first is None:
            return x
        first, rows = as_rows(self.first), as_rows(x)
        sums = backend.scatter_add(rows, first, ops.shape(rows)[1])
        return ops.reshape(take(sums, first), ops.shape(x))

    def number_of_ties(self) -> Tensor:
        """[..., list_size]: how many documents have the same score, including this one."""
        return self.among_ties(ops.ones_like(self.weights))

    def before_ties(self, x: Tensor) -> Tensor:
        """[..., list_size]: the sum of `x` over the documents with a higher score."""
        before = backend.cumulative_sum(x) - x
        return before if self.first is None else take(before, self.first)

    def offset(self) -> Tensor:
        """[..., list_size]: how many places this place is after the first of its tied documents."""
        if self.first is None:
            return ops.zeros_like(self.weights)
        return self.rank - 1.0 - ops.cast(self.first, self.rank.dtype)


def rank_lists(labels, scores, mask, weights, ties, documents, *, subtopics: bool = False) -> Ranked:
    """The first line of every metric: clean the lists and sort them by descending score.

    Args:
        labels: [..., list_size]; with `subtopics`, [..., list_size, subtopics].
        scores: [..., list_size].
        mask: [..., list_size] bool, True = real document. None = a label below 0 marks padding.
        weights: [...], [..., 1] or [..., list_size]; a document of weight 0 is left out. None = 1.
        ties: how documents of equal score are ordered: "position": as in the list; "expected": the mean over all orders
            (McSherry & Najork, "Computing Information Retrieval Performance Measures Efficiently in the Presence of
            Tied Scores", ECIR 2008), for "incorrect" too; "trec": by descending document id, as in trec_eval.
        documents: the ids for ties="trec", [..., list_size]: numbers, or an array of strings.
        subtopics: the labels have a last axis of subtopics.

    Raises:
        ValueError: the shapes do not match, or one of `documents` and ties="trec" is given without the other.
    """
    labels, scores, mask = (subtopics_of_documents if subtopics else clean)(labels, scores, mask)
    weights = weights_of_documents(weights, scores, mask)
    return sort_by_score(labels, scores, mask, weights, ties, documents)


def sort_by_score(labels, scores, mask, weights, ties, documents) -> Ranked:
    """`rank_lists` for clean lists and weights of documents."""
    if documents is not None and ties != "trec":
        raise ValueError(f'documents order equal scores only with ties="trec", but got ties={ties!r}')
    mask = mask & (weights > 0)
    unknown = mask & ops.isnan(scores)
    scores = ops.where(unknown, 0.0, scores)
    order = ascending_order(-scores, mask, then=_falling_ids(documents, mask) if ties == "trec" else None)
    mask, scores = take(mask, order), take(scores, order)
    rows = (..., None) if len(labels.shape) > len(scores.shape) else ...
    labels = ops.take_along_axis(labels, order[rows], axis=len(order.shape) - 1)
    falling = padding_behind(-scores, mask)
    tied = ties in ("expected", "incorrect") and scores.shape[-1] != 0
    return Ranked(
        labels=ops.where(mask[rows], labels, 0.0),
        weights=ops.where(mask, take(weights, order), 0.0),
        mask=mask,
        retrieved=mask & (scores > -float("inf")),
        unknown=ops.any(unknown, axis=-1),
        rank=ops.cast(ops.arange(1, ops.shape(scores)[-1] + 1), scores.dtype),
        first=first_of_equals(falling) if tied else None,
        ties=ties,
    )


def _falling_ids(documents, mask):
    """[..., list_size] numbers that ascend as the document ids descend."""
    if documents is None:
        raise ValueError('ties="trec" orders equal scores by document id: pass the ids as documents')
    known = backend.concrete(documents)
    if known is not None:
        documents = -np.unique(np.asarray(known), return_inverse=True)[1].reshape(np.shape(known))
    documents = ops.convert_to_tensor(documents)
    check_shape("documents", documents, "labels", mask.shape)
    return documents if known is not None else -documents
