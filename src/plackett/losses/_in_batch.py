"""Softmax over the documents of a batch."""

from typing import Any

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import places, take
from plackett.lists._order import first_of_equals
from plackett.lists._shapes import as_rows, check_shape, computable, shape_text
from plackett.losses._base import Reduction
from plackett.losses._in_batch_labels import facts, hard_negatives, other_way
from plackett.losses._in_batch_loss import InBatchLoss, in_blocks
from plackett.losses._matches import (
    Groups,
    Matches,
    all_rows,
    groups,
    less_of_groups,
    rows_given,
    surprisals,
    totals_of_groups,
)
from plackett.registry import check_options, register
from plackett.registry.options import Positive


def in_batch_softmax(
    labels: Tensor,
    similarities: Tensor,
    *,
    mask: Tensor | None = None,
    rows: Tensor | None = None,
    symmetric: bool = False,
) -> Tensor:
    """In-batch softmax: each query must recognise its documents among those of the whole batch.

    For row i, a query and a document, of similarities S, with grades g, weights w, and q_j the probability that a
    batch holds the document of column j,

        z_ij = S_ij - log q_j
        loss_i = w_i sum_{j in P_i} g_j (log sum_{k in K_i} e^z_ik - z_ij) / sum_{j in P_i} g_j

    P_i are the rows of the query of row i with a grade above 0; without query ids, row i alone. K_i are all columns but
    the accidental hits: those outside of P_i that hold a document which P_i holds too. A row of grade 0 loses 0; its
    document is a negative of all rows, also of the same query.

    `symmetric` takes the mean with the same in the other direction: each document must recognise its queries among
    those of the batch. There P_j are the rows of the document of row j, accidental hits are rows of a query that P_j
    holds, and there are neither log q nor hard negatives.

    Args:
        labels: [..., rows] or [..., rows, 1], the documents as whole numbers, or [..., rows, 5 + 2 H] int32, what
            `in_batch_labels` gives.
        similarities: [..., rows, columns], S = a b^T of the embeddings a of queries and b of documents. Column j is the
            document of row j; behind those stand the H hard negatives of row 0, of row 1, ...
        mask: [..., rows] bool, True = real row. None = all real.
        rows: [..., some rows] int32, which rows `similarities`, then [..., some rows, columns], are of; labels and mask
            are of all rows nevertheless. None = of all.
        symmetric: take the mean of both directions.

    Returns:
        [..., rows] or [..., some rows], one loss a row, in nats; 0 for a row that is not real, or of grade 0.

    Raises:
        ValueError: the shapes do not fit, or `symmetric` with `rows`.

    Cost: O(rows columns).

    Derivatives: of any order and mode, see `plackett.losses`.

    When: queries and the documents that answer them, with the rest of the batch as negatives; see `TwoTowerModel`.

    Reference: van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, eq. 4; Henderson
    et al., "Efficient Natural Language Response Suggestion for Smart Reply", 2017, of documents of a batch; Yi et al.,
    "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019, eq. 3 to 5, for log q;
    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, for both
    directions.
    """
    check_options(in_batch_softmax, symmetric=symmetric)
    similarities = computable(similarities)
    one_way = _one_way(labels, similarities, mask, rows)
    if not symmetric:
        return one_way
    if rows is not None:
        raise ValueError("symmetric needs the similarities of all rows: call it without rows, or use of_embeddings")
    labels = other_way(labels, similarities)
    back = ops.swapaxes(similarities[..., : ops.shape(labels)[-2]], -1, -2)
    return 0.5 * (one_way + _one_way(labels, back, mask, None))


@register
class InBatchSoftmaxLoss(InBatchLoss):
    """In-batch softmax: each query must recognise its documents among those of the whole batch.

        loss = mean over rows i of w_i sum_{j in P_i} g_j (log sum_{k in K_i} e^z_ik - z_ij) / sum_{j in P_i} g_j
        z_ij = S_ij / temperature - log q_j

    with P_i the rows of the query of row i, and K_i all columns but those that hold a document of P_i by accident. It
    is called with the documents as whole numbers, [rows], or with `in_batch_labels`, which hold queries, grades g,
    weights w, log q and hard negatives; and with similarities S, [rows, columns]. It is also known as InfoNCE or
    multiple negatives ranking. Take it to train embeddings that retrieve. `in_batch_softmax` is the function.

    >>> loss = InBatchSoftmaxLoss()
    >>> round(float(loss([7, 8], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.220095
    >>> round(float(loss([7, 7], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.0
    """

    fn = staticmethod(in_batch_softmax)

    def __init__(
        self,
        reduction: Reduction = "auto",
        name: str | None = None,
        temperature: Positive = 1.0,
        symmetric: bool = False,
    ):
        super().__init__(reduction, name, temperature=temperature, symmetric=symmetric)

    def columns_of_rows(self, labels: Tensor) -> int:
        """How many columns of similarities a row of labels stands for: its document, and its hard negatives."""
        return 1 + hard_negatives(labels)

    def _rows_of_embeddings(self, batch, queries, documents, block):
        labels, rows = batch.labels, batch.rows
        one_way = in_blocks(in_batch_softmax, labels, queries, documents, rows, block)
        if not self.options["symmetric"]:
            return one_way
        labels = other_way(labels, queries)
        if rows is None:
            documents = documents[: ops.shape(labels)[0]]
        else:
            queries, documents = backend.gather_rows(queries), ops.take(documents, rows, axis=0)
        return 0.5 * (one_way + in_blocks(in_batch_softmax, labels, documents, queries, rows, block))

    def _facts(self, batch):
        """(grades, weights) of the rows that lose here, [rows] each or None."""
        labels = batch.labels
        known = facts(labels, ops.expand_dims(labels, -1) if len(labels.shape) == 1 else labels)
        parts = known.grades, known.weights
        return parts if batch.rows is None else [None if x is None else take(x, batch.rows) for x in parts]

    def _weights_of_labels(self, batch):
        return self._facts(batch)[1]

    def _counts(self, batch, _):
        grades = self._facts(batch)[0]
        return True if grades is None else grades > 0


def _one_way(labels, similarities, mask, rows):
    known, corrected = facts(labels, similarities), False
    grouped = known.queries is not None
    numbers = all_rows(labels, 2 if grouped else len(similarities.shape) - 1)
    return known
