"""Softmax over the documents of a whole batch."""

from typing import Any, NamedTuple

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists import take
from plackett.lists._shapes import as_rows, check_shape, computable, shape_text, without_column
from plackett.losses._base import Reduction
from plackett.losses._in_batch_labels import codes_of, facts, hard_negatives, other_way
from plackett.losses._in_batch_loss import InBatchLoss, in_blocks
from plackett.losses._matches import (
    Matches,
    all_rows,
    groups,
    groups_of_one,
    is_small,
    rows_given,
    surprisals,
    totals_and_less,
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

    Row i of the similarities S is a pair of a query and a document. With grades g, weights w, and q_j the probability
    that a batch holds the document of column j,

        z_ij = S_ij - log q_j
        loss_i = w_i sum_{j in P_i} g_j (log sum_{k in K_i} e^z_ik - z_ij) / sum_{j in P_i} g_j

    P_i are the rows with the query of row i and a grade above 0; without query ids, row i alone. K_i are all columns
    except the accidental hits: columns outside P_i whose document also stands in P_i. A row of grade 0 has a loss of 0,
    and its document is a negative for all rows, including those of the same query.

    `symmetric` averages this with the loss in the other direction: each document must recognise its queries among those
    of the batch. There P_j are the rows of the document of row j, accidental hits are other rows whose query stands in
    P_j, and neither log q nor hard negatives are used.

    Args:
        labels: [..., rows] or [..., rows, 1], the documents as whole numbers, or [..., rows, 5 + 2 H] int32, the output
            of `in_batch_labels`.
        similarities: [..., rows, columns], S = a b^T of the embeddings a of queries and b of documents. Column j is the
            document of row j. After them come the H hard negatives of row 0, then of row 1, ...
        mask: [..., rows] bool, True = real row. None = all real.
        rows: [..., some rows] int32, the rows that `similarities` holds, which then has shape [..., some rows,
            columns]. Labels and mask still cover all rows. None = all rows.
        symmetric: average both directions.

    Returns:
        [..., rows] or [..., some rows], one loss per row, in nats; 0 for a row that is not real or has grade 0.

    Raises:
        ValueError: the shapes do not match, or `symmetric` is given with `rows`.

    Cost: O(rows columns).

    Derivatives: of any order, in forward and reverse mode; see `plackett.losses`.

    When: the data are queries and documents that answer them, and the rest of the batch serves as negatives; see
    `TwoTowerModel`.

    Reference: van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, eq. 4; Henderson
    et al., "Efficient Natural Language Response Suggestion for Smart Reply", 2017, for the documents of a batch; Yi et
    al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019, eqs. 3 to 5, for
    log q; Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, for both
    directions.
    """
    check_options(in_batch_softmax, symmetric=symmetric)
    similarities = computable(similarities)
    labels = _without_junk(labels, similarities, mask)
    one_way = _one_way(labels, similarities, mask, rows)
    if not symmetric:
        return one_way
    if rows is not None:
        raise ValueError("symmetric=True needs the similarities of all rows: leave rows out, or use of_embeddings")
    labels = other_way(labels, len(similarities.shape))
    back = ops.swapaxes(similarities[..., : ops.shape(labels)[-2]], -1, -2)
    return 0.5 * (one_way + _one_way(labels, back, mask, None))


@register
class InBatchSoftmaxLoss(InBatchLoss):
    """In-batch softmax: each query must recognise its documents among those of the whole batch.

        loss = mean over rows i of w_i sum_{j in P_i} g_j (log sum_{k in K_i} e^z_ik - z_ij) / sum_{j in P_i} g_j
        z_ij = S_ij / temperature - log q_j

    where P_i are the rows with the query of row i, and K_i are all columns except those outside P_i that happen to hold
    a document of P_i. Call it with labels and with similarities S, [rows, columns]. The labels are the documents as
    whole numbers, [rows], or the output of `in_batch_labels`, which adds queries, grades g, weights w, log q and hard
    negatives. The loss is also known as InfoNCE or multiple negatives ranking. Use it to train embeddings for
    retrieval. `in_batch_softmax` is the function.

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

    def _columns_of_rows(self, labels):
        return 1 + hard_negatives(labels)

    def _rows_of_embeddings(self, batch, queries, documents, block):
        labels, rows = batch.labels, batch.rows
        one_way = in_blocks(in_batch_softmax, labels, queries, documents, rows, block)
        if not self.options["symmetric"]:
            return one_way
        labels = other_way(labels, 2)
        if rows is None:
            documents = documents[: ops.shape(labels)[0]]
        else:
            queries, documents = backend.gather_rows(queries), ops.take(documents, rows, axis=0)
        return 0.5 * (one_way + in_blocks(in_batch_softmax, labels, documents, queries, rows, block))

    def _weights_of_labels(self, batch):
        return _of_rows(batch)[1]

    def _counts(self, batch):
        grades = _of_rows(batch)[0]
        return True if grades is None else grades > 0


def _of_rows(batch):
    """(grades, weights) of the rows that have a loss here, [rows] each or None."""
    known = facts(batch.labels, 2)
    parts = known.grades, known.weights
    return parts if batch.rows is None else [None if x is None else take(x, batch.rows) for x in parts]


def _without_junk(labels, similarities, mask):
    """The labels with rows that are not real, which may hold anything, cleaned."""
    labels = backend.comparable(labels)
    if mask is None:
        return labels
    labels = without_column(labels, len(labels.shape) == len(similarities.shape))
    real = ops.cast(ops.convert_to_tensor(mask), "bool")
    wide = len(labels.shape) == len(similarities.shape)
    check_shape("mask", real, "the rows", labels.shape[:-1] if wide else labels.shape)
    return ops.where(real[..., None] if wide else real, labels, ops.zeros_like(labels))


def _one_way(labels, similarities, mask, rows):
    """The loss of each row of the similarities, in one direction."""
    known = facts(labels, len(similarities.shape))
    numbers = all_rows(known.documents) if known.queries is None else all_rows(known.queries)
    grades = ops.ones_like(numbers, dtype="float32") if known.grades is None else known.grades
    real = ops.ones_like(numbers, dtype="bool") if mask is None else ops.cast(ops.convert_to_tensor(mask), "bool")
    _check_columns(labels, known, similarities, rows)
    rows = numbers if rows is None else rows_given(rows, similarities)
    columns = real if known.number == 0 else ops.concatenate([real, ops.repeat(real, known.number, axis=-1)], axis=-1)
    if mask is not None:
        similarities = ops.where(take(real, rows)[..., :, None] & columns[..., None, :], similarities, 0.0)
    option = _Option(known.queries is not None, known.log_probability is not None, mask is None)
    queries = numbers if known.queries is None else known.queries
    log_probability = grades if known.log_probability is None else known.log_probability
    constants = known.documents, queries, log_probability, grades, real & (grades > 0), columns, rows
    losses = surprisals(_MATCHES, option, similarities, constants)
    return losses if known.weights is None else losses * ops.cast(take(known.weights, rows), losses.dtype)


def _check_columns(labels, known, similarities, rows):
    """Raises a ValueError unless the similarities have one row per row and one column per document."""
    columns, given = known.documents.shape[-1], similarities.shape[-1]
    if columns is not None and given is not None and columns != given:
        hint = "" if known.queries is not None else "; for hard negatives use in_batch_labels(negatives=...)"
        raise ValueError(
            f"similarities must have {columns} columns, one per document of labels {shape_text(labels.shape)}, but "
            f"got {shape_text(similarities.shape)}{hint}"
        )
    if rows is None:
        number = known.documents.shape[-1] if known.queries is None else known.queries.shape[-1]
        check_shape("similarities", similarities, "rows and columns", (*similarities.shape[:-2], number, given))


class _Option(NamedTuple):
    """What is known before any values are.

    Args:
        grouped: rows may share a query.
        corrected: log q is subtracted from the similarities.
        all_real: no row is masked.
    """

    grouped: bool
    corrected: bool
    all_real: bool


class _Constants(NamedTuple):
    """Tensors.

    Args:
        documents, log_probability: [..., columns].
        queries, grades: [..., all rows].
        positive: [..., all rows] bool, True for a real row with a grade above 0.
        columns: [..., columns] bool, True for a column of a real row.
        rows: [..., rows] int32.
    """

    documents: Any
    queries: Any
    log_probability: Any
    grades: Any
    positive: Any
    columns: Any
    rows: Any


def _offsets(option, constants):
    return _Constants(*constants).log_probability if option.corrected else None


def _narrow(option, constants):
    """Without a document in two columns there are no accidental hits."""
    if not option.all_real:
        return True
    documents = ops.sort(_Constants(*constants).documents, axis=-1)
    return ops.any(documents[..., 1:] == documents[..., :-1])


def _inside(option, constants):
    given = _Constants(*constants)
    inside = _without_hits(given, option)
    if not option.all_real:
        live = given.columns | ~ops.any(given.columns, axis=-1, keepdims=True)
        inside = (inside | ~_loses(option, constants)[..., None]) & live[..., None, :]
    return inside


def _loses(_, constants):
    given = _Constants(*constants)
    return take(given.positive, given.rows)


def _groups(option, constants, values):
    """The rows with the query of each row, or each row alone."""
    given = _Constants(*constants)
    if option.grouped:
        return groups(given.queries, given.positive, values, given.rows)
    return groups_of_one(given.positive, values, given.rows)


def _graded(option, constants):
    """The rows with the query of each row, with their grades."""
    return _groups(option, constants, _Constants(*constants).grades)


def _matrix(option, constants):
    given = _Constants(*constants)
    grades = ops.where(given.positive, given.grades, 0.0)
    inside = _own_queries(given) & _loses(option, constants)[..., None]
    return _as_wide(ops.where(inside, grades[..., None, :], 0.0), given.documents)


def _own_queries(given):
    """[..., rows, all rows] bool, the positive rows with the query of each row."""
    own = take(given.queries, given.rows)
    return (own[..., :, None] == given.queries[..., None, :]) & given.positive[..., None, :]


def _as_wide(x, documents):
    """[..., rows, all rows], padded with zeros for the hard negatives."""
    if x.shape[-1] is not None and x.shape[-1] == documents.shape[-1]:
        return x
    rest = ops.shape(documents)[-1] - ops.shape(x)[-1]
    return ops.concatenate([x, ops.zeros((*ops.shape(x)[:-1], rest), x.dtype)], axis=-1)


def _without_hits(given, option):
    """[..., rows, columns] bool, all columns except the accidental hits."""
    if not option.grouped:
        return _without_hits_of_own(given)
    pairs = (*given.documents.shape, given.queries.shape[-1])
    if is_small(pairs):
        return _without_hits_of_matrix(given)
    of_rows = _groups(option, given, codes_of(given.documents)[..., : ops.shape(given.queries)[-1]])
    return ops.cond(
        ops.any(of_rows.size > 1),
        lambda: _without_hits_of_groups(given, of_rows),
        lambda: _without_hits_of_own(given),
    )


def _without_hits_of_own(given):
    """The same where each row has only its own document."""
    column = ops.arange(ops.shape(given.documents)[-1], dtype="int32")
    own = take(given.documents, given.rows)
    return (given.documents[..., None, :] != own[..., :, None]) | (column == given.rows[..., :, None])


def _without_hits_of_matrix(given):
    """The same by comparing all pairs of documents, where these are few."""
    own, documents = _own_queries(given), given.documents
    same = documents[..., : ops.shape(given.queries)[-1], None] == documents[..., None, :]
    hits = backend.matmul(ops.cast(own, "float32"), ops.cast(same, "float32")) > 0
    return ~hits | _as_wide(own, documents)


def _without_hits_of_groups(given, of_rows):
    codes = codes_of(given.documents)
    *leading, columns = ops.shape(codes)
    rows = ops.shape(given.rows)[-1]

    def step(k, held):
        _, code = of_rows.member(k)
        return backend.add_at(held, code[:, None], ops.cast(k < of_rows.size, "int32")[:, None])

    held = of_rows.loop(step, ops.zeros((ops.shape(of_rows.size)[0], columns), "int32"))
    held = ops.swapaxes(ops.reshape(held > 0, (-1, rows, columns)), -1, -2)
    codes = as_rows(codes)
    flat = codes + columns * ops.arange(ops.shape(codes)[0], dtype="int32")[:, None]
    hits = backend.lookup(ops.reshape(held, (-1, rows)), flat)  # whole rows are looked up, which is fast
    hits = ops.reshape(ops.swapaxes(hits, -1, -2), (*leading, rows, columns))
    return ~hits | _as_wide(_own_queries(given), given.documents)


_MATCHES = Matches(_offsets, _narrow, _inside, _loses, *totals_and_less(_graded, _matrix), _matrix)
