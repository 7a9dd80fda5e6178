"""Losses of paired examples: similarities between the rows of a batch."""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.backend.derivatives import Rule, differentiable
from plackett.lists import log_softmax, places, take
from plackett.lists._order import first_of_equals
from plackett.lists._pairs import both, check_square, squeeze_column
from plackett.lists._shapes import as_rows, check_shape, computable
from plackett.losses._base import RankingLoss
from plackett.registry import register


def npairs(labels: Tensor, similarities: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """N-pairs: each row must recognise the rows of its class among the whole batch.

    For row i of similarities S, with the set P_i of rows of the class of i, itself among them,

        loss_i = log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    Args:
        labels: [..., rows] or [..., rows, 1], classes: compared as they are, never cast to the dtype of the
            similarities.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows], one loss a row, in nats; 0 for a row that is not real.

    Raises:
        ValueError: the similarities are not square, or the shapes do not fit.

    Cost: O(rows^2): the similarities are read once for the loss and once for the gradient, and classes are sorted,
    not compared row by row, but for second derivatives.

    Derivatives: of any order and mode, see `plackett.losses`.

    When: paired examples, an anchor and a positive for each class, with the rest of the batch as negatives.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016. The
    penalty on the norm of the embeddings is left to the model.
    """
    similarities = computable(similarities)
    labels = squeeze_column(ops.convert_to_tensor(labels), similarities)
    check_square(similarities)
    check_shape("labels", labels, "one class a row", similarities.shape[:-1])
    similarities, real = _clean(similarities, mask)
    return differentiable(_rule(_OF_CLASSES, mask), (similarities,), (labels, real))


@register
class NpairsLoss(RankingLoss):
    """N-pairs: each row of a batch must recognise the rows of its class among all others.

        loss = mean over rows i of log sum_j e^S_ij - (1 / |P_i|) sum_{j in P_i} S_ij

    with P_i the rows of the class of i. It is called with classes, [rows], and similarities S = a b^T of anchors and
    positives, [rows, rows]; weights are of rows. Take it for paired examples, with the rest of the batch as negatives.
    `npairs` is the function.

    >>> loss = NpairsLoss()
    >>> round(float(loss([0, 1], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.220095
    """

    fn = staticmethod(npairs)
    of_classes = True

    def __init__(self, name: str | None = "npairs_loss"):
        super().__init__(name=name)


def npairs_multilabel(labels: Tensor, similarities: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Multilabel N-pairs: each row must recognise the rows that share labels with it, the more the better.

    For row i of similarities S, with n_ij the number of labels that rows i and j share,

        loss_i = sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij

    Args:
        labels: [..., rows, classes], 1 where a row has the label, else 0. May be sparse.
        similarities: [..., rows, rows], S = a b^T of the embeddings a of anchors and b of positives.
        mask: [..., rows] bool, True = real row. None = all real.

    Returns:
        [..., rows], one loss a row, in nats; 0 for a row that is not real or has no label.

    Raises:
        ValueError: the similarities are not square, or the shapes do not fit.

    Cost: O(rows^2 classes).

    Derivatives: of any order and mode, see `plackett.losses`.

    When: as `npairs`, where an example has several labels.

    Reference: Sohn, "Improved Deep Metric Learning with Multi-class N-pair Loss Objective", NIPS 2016; the form for
    several labels is that of TensorFlow Addons.
    """
    similarities = computable(similarities)
    labels = ops.cast(ops.convert_to_tensor(labels, sparse=False), similarities.dtype)
    check_square(similarities)
    check_shape("labels", labels, "rows and classes", (*similarities.shape[:-1], labels.shape[-1]))
    similarities, real = _clean(similarities, mask)
    labels = ops.where(real[..., None], labels, 0.0)
    return differentiable(_rule(_OF_LABELS, mask), (similarities,), (labels, real))


@register
class NpairsMultilabelLoss(RankingLoss):
    """Multilabel N-pairs: each row must recognise the rows that share labels with it, the more the better.

        loss = mean over rows i of sum_j n_ij (log sum_k e^S_ik - S_ij) / sum_j n_ij

    with n_ij the number of labels that rows i and j share. It is called with labels, [rows, classes], 0 or 1, and
    similarities S, [rows, rows]. Take it as `NpairsLoss`, where an example has several labels. `npairs_multilabel` is
    the function.

    >>> loss = NpairsMultilabelLoss()
    >>> round(float(loss([[1, 0], [1, 1]], [[2.0, 0.0], [0.5, 1.5]])), 6)
    0.886762
    """

    fn = staticmethod(npairs_multilabel)
    of_classes = True

    def __init__(self, name: str | None = "npairs_multilabel_loss"):
        super().__init__(name=name)


def _clean(similarities, mask):
    """(similarities with zeros where a row or a column is not real, which rows are)."""
    if mask is None:
        return similarities, ops.ones(ops.shape(similarities)[:-1], dtype="bool")
    real = ops.cast(ops.convert_to_tensor(mask), "bool")
    check_shape("mask", real, "the rows", similarities.shape[:-1])
    return ops.where(both(real), similarities, 0.0), real


class _Matches(NamedTuple):
    """Which rows a row shall recognise: row i must recognise row j n_ij times, by the labels and which rows are real.

    Args:
        totals: function of labels, real rows, similarities S and a number a for each row: (sum_j n_ij,
            sum_j n_ij (a_i - S_ij)) for each row i.
        less: function of labels, real rows, a matrix G, which is used up, and a number a for each row: G_ij - a_i n_ij.
        matrix: function of labels and real rows: n_ij.
    """

    totals: Callable
    less: Callable
    matrix: Callable


def _rule(matches, mask):
    """Cross-entropy of each row's softmax against the rows it matches, n_ij times each.

    Similarities are read once for the loss and once for the gradient,

        dL/dS_ij = softmax(S_i)_j - n_ij / sum_k n_ik
    """
    return Rule(_value, _pull, _plain, (matches, mask is None))


def _value(matches, all_real, variables, constants):
    (similarities,), (labels, real) = variables, constants
    tops, rest, kept = backend.logsumexp_of_rows(_logits(all_real, similarities, real))
    number, short = matches.totals(labels, real, similarities, tops)
    counts = real & (number > 0)
    return ops.where(counts, rest + backend.divide_no_nan(short, number), 0.0), (tops, rest, number, *kept)


def _pull(matches, all_real, variables, constants, held, upstream):
    (similarities,), (labels, real), (tops, rest, number, *kept) = variables, constants, held
    weight = ops.where(real & (number > 0), upstream, 0.0)
    softmax = backend.softmax_of_rows(_logits(all_real, similarities, real), tops, rest, kept, weight)
    return (matches.less(labels, real, softmax, backend.divide_no_nan(weight, number)),)


def _plain(matches, all_real, variables, constants):
    (similarities,), (labels, real) = variables, constants
    matrix = ops.cast(matches.matrix(labels, real), similarities.dtype)
    number = ops.sum(matrix, axis=-1)
    surprisals = ops.where(both(real), -log_softmax(similarities, real[..., None, :]), 0.0)
    return backend.divide_no_nan(ops.sum(matrix * surprisals, axis=-1), number)


def _logits(all_real, similarities, real):
    """The similarities, with -inf in the columns that are not real; of a batch without a real row, as they are."""
    if all_real:
        return similarities
    live = real | ~ops.any(real, axis=-1, keepdims=True)
    return ops.where(live[..., None, :], similarities, -float("inf"))


def _members(labels, real):
    """The rows of each row's class, of all batches in one numbering.

    Returns:
        (order, first, number): the rows of each batch sorted by class; where in this order the class of each row
        begins; and how many real rows it has, which come first there. [all rows] each.
    """
    labels, real = as_rows(ops.where(real, labels, ops.zeros_like(labels))), as_rows(real)
    batches, rows = ops.shape(labels)
    order = ops.argsort(~real, axis=-1)
    order = take(order, ops.argsort(take(labels, order), axis=-1))
    first = first_of_equals(take(labels, order))
    sizes = backend.scatter_add(ops.cast(take(real, order), "int32"), first, rows)
    first = take(first, places(order))
    number = take(sizes, first)
    first = first + rows * ops.arange(batches, dtype="int32")[:, None]
    return tuple(ops.reshape(x, (batches * rows,)) for x in (order, first, number))


def _totals_of_class(labels, real, similarities, numbers):
    """The `_Matches` of rows of one class: n_ij = 1, one member of each class at a time."""
    matrix, (order, first, size) = as_rows(similarities), _members(labels, real)
    numbers = ops.reshape(numbers, ops.shape(size))

    def step(k, total):
        values = backend.at(matrix, _member(k, order, first)[:, None])[:, 0]
        return k + 1, total + ops.where(k < size, numbers - values, 0.0)

    start = (ops.zeros((), "int32"), ops.zeros_like(matrix[:, 0]))
    total = ops.while_loop(lambda k, _: ops.any(k < size), step, start)[1]
    return tuple(ops.reshape(x, ops.shape(labels)) for x in (ops.cast(size, total.dtype), total))


def _less_of_class(labels, real, matrix, share):
    order, first, size = _members(labels, real)
    share = ops.reshape(share, ops.shape(size))

    def step(k, rows):
        less = -ops.where(k < size, share, 0.0)
        return k + 1, backend.add_at(rows, _member(k, order, first)[:, None], less[:, None])

    start = (ops.zeros((), "int32"), as_rows(matrix))
    return ops.reshape(ops.while_loop(lambda k, _: ops.any(k < size), step, start)[1], ops.shape(matrix))


def _matrix_of_class(labels, real):
    return both(real) & (labels[..., :, None] == labels[..., None, :])


def _totals_of_labels(labels, real, similarities, numbers):
    number = ops.sum(labels * ops.sum(labels, axis=-2, keepdims=True), axis=-1)
    return number, ops.sum(backend.matmul(numbers[..., None] - similarities, labels) * labels, axis=-1)


def _less_of_labels(labels, real, matrix, share):
    return matrix - backend.matmul(share[..., None] * labels, ops.swapaxes(labels, -1, -2))


def _matrix_of_labels(labels, real):
    return backend.matmul(labels, ops.swapaxes(labels, -1, -2))


_OF_CLASSES = _Matches(_totals_of_class, _less_of_class, _matrix_of_class)
_OF_LABELS = _Matches(_totals_of_labels, _less_of_labels, _matrix_of_labels)


def _member(k, order, first):
    """The k-th row of the class of each row; any row where the class has no more."""
    return backend.lookup(order, backend.minimum(first + k, ops.shape(order)[0] - 1))
