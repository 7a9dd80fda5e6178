"""The bridge to Keras for losses that compare each row of a batch with all others."""

from typing import Any, ClassVar, NamedTuple

import keras
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._pairs import check_embeddings
from plackett.lists._ragged import padded_weights
from plackett.lists._shapes import computable
from plackett.lists._weights import list_weights, weights_as_given
from plackett.losses._base import RankingLoss
from plackett.losses._matches import all_rows
from plackett.registry import check_options
from plackett.registry.options import Count

BLOCK = 2**22  # the similarities of a block: larger blocks would ask the system for new memory each time, which is slow


class _Batch(NamedTuple):
    """What a loss gets for a batch; the batch of all processes if the similarities have the columns of all.

    Args:
        labels: the labels of all rows.
        weights: the sample weights of the rows that have a loss here, or None.
        rows: [rows here] int32, the numbers of these rows among all rows; None = all.
        parts: the number of parts that the rows are split into; this process has one of them.
    """

    labels: Any
    weights: Any
    rows: Any
    parts: int


class InBatchLoss(RankingLoss):
    """Base of the losses of similarities between the rows of a batch. There is no padding, and weights belong to rows.

    A subclass has `fn(labels, similarities, *, rows, **options) -> [rows]`, one loss per row of the similarities.
    `rows` are the numbers of these rows among all rows of the labels, None = all.

    Under `torch.distributed` the labels and weights of a process belong to its own rows. Its similarities may have

    - its own rows and columns, [rows here, columns here]: rows of other processes are not negatives;
    - its own rows and the columns of all processes, [rows here, columns of all], where the documents were gathered,
      followed by their hard negatives: the loss is that of its own rows, and the mean over processes is the loss of the
      batch;
    - the rows and columns of all, [rows of all, columns of all], where both were gathered.
    """

    inputs: ClassVar[str] = (
        "An object is called with labels and similarities as above, and optionally with `sample_weight`, one weight "
        "per row. `of_embeddings` takes the embeddings themselves. See `plackett.losses`."
    )

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        with keras.name_scope(self.name):
            similarities = computable(y_pred)
            batch = self._batch(y_true, sample_weight, similarities.shape)
            own = type(self).call is not InBatchLoss.call
            losses = self.call(y_true, y_pred) if own else self._rows(batch, similarities)
            return self._mean(losses, batch)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """[rows], one loss per row, before sample weights and reduction."""
        similarities = computable(y_pred)
        return self._rows(self._batch(y_true, None, similarities.shape), similarities)

    def of_embeddings(
        self,
        y_true: Tensor,
        queries: Tensor,
        documents: Tensor,
        sample_weight: Tensor | None = None,
        *,
        block: Count | None = None,
    ) -> Tensor:
        """The loss of the similarities queries documents^T, computed one block of rows at a time.

        >>> from plackett.losses import NpairsLoss
        >>> a, b = [[2.0, 0.5], [0.0, 1.5]], [[1.0, 0.0], [0.0, 1.0]]
        >>> round(float(NpairsLoss().of_embeddings([0, 1], a, b)), 6)
        0.201413

        Value and gradient are those of `loss(y_true, queries @ documents^T, sample_weight)`. Sums are in float32 even
        where the embeddings have a lower precision.

        Args:
            y_true: as in a call.
            queries: [rows, dimension].
            documents: [columns, dimension], one for each column of the similarities.
            sample_weight: as in a call.
            block: the number of rows of similarities in memory at a time. None = about 4 million similarities, the
                fastest size on a CPU.

        Returns:
            What a call returns.

        Raises:
            ValueError: the shapes do not match.

        Cost: O(rows columns dimension) time and O(block columns) memory. The similarities are computed again for the
        gradient.
        """
        check_options(InBatchLoss.of_embeddings, block=block)
        with keras.name_scope(self.name):
            queries, documents = computable(queries), computable(documents)
            check_embeddings(queries.shape, documents.shape)
            batch = self._batch(y_true, sample_weight, (queries.shape[0], documents.shape[0]))
            block = block or max(1, BLOCK // (documents.shape[0] or 2**14))
            queries = queries if self.temperature == 1.0 else queries / self.temperature
            return self._mean(self._rows_of_embeddings(batch, queries, documents, block), batch)

    def _columns_of_rows(self, labels):
        """How many columns of similarities a row of labels accounts for: its document and its hard negatives."""
        return 1

    def _batch(self, y_true, sample_weight, shape) -> _Batch:
        labels, parts = backend.comparable(y_true), backend.parts_of_batch()
        here = labels.shape[0] if len(labels.shape) > 0 else 0
        if parts == 1 or here == 0 or shape[-1] != parts * here * self._columns_of_rows(labels):
            return _Batch(labels, sample_weight, None, parts)
        labels = backend.gather_rows(labels)
        if shape[0] == here:
            numbers = here * backend.process_number() + ops.arange(here, dtype="int32")
            return _Batch(labels, sample_weight, numbers, parts)
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            if sample_weight.shape[:1] == (here,):
                sample_weight = backend.gather_rows(sample_weight)
        return _Batch(labels, sample_weight, None, 1)

    def _rows(self, batch, similarities):
        if self.temperature != 1.0:
            similarities = similarities / self.temperature
        return self.fn(batch.labels, similarities, rows=batch.rows, **self.options)

    def _rows_of_embeddings(self, batch, queries, documents, block):
        return in_blocks(self.fn, batch.labels, queries, documents, batch.rows, block)

    def _mean(self, losses, batch):
        weights = self._weights_of_labels(batch)
        if batch.weights is not None:
            column = losses[..., None]
            given = weights_as_given(padded_weights(batch.weights, batch.labels, ragged=False), column)
            given = list_weights(ops.cast(given, losses.dtype), column, None, plain=False)
            losses, weights = given * losses, given if weights is None else given * weights
        return self._reduce(losses, weights, lambda: self._counts(batch), batch.parts)

    def _weights_of_labels(self, batch):
        """[rows], the weights that the labels hold and that the losses already include, or None."""

    def _counts(self, batch):
        """[rows] bool, the rows over which "mean_with_sample_weight" averages; True = all."""
        return True


def in_blocks(fn, labels, queries, documents, rows, block):
    """[rows], fn(labels, queries documents^T, rows=rows), in blocks of queries."""

    def of_block(shared, piece):
        (documents, labels), (queries, rows) = shared, piece
        return fn(labels, backend.matmul(queries, ops.transpose(documents)), rows=rows)

    rows = all_rows(queries, axes=2) if rows is None else rows
    return backend.by_pieces(of_block, (documents, labels), (queries, rows), block)
