"""Batches of lists, ranked in the precision of their scores, since a backend may lack float64."""

import numpy as np
from keras import ops

from plackett.data._batches import pad
from plackett.data._row_splits import rows_of
from plackett.evaluation._documents import Documents
from plackett.metrics import Ranked


class Batch:
    """Some lists, padded to one size.

    Args:
        documents: the documents to measure.
        queries: the positions of the lists.
        rows: the number of lists in the batch. Those beyond `queries` are empty.
        size: the list size.
    """

    def __init__(self, documents: Documents, queries: np.ndarray, rows: int, size: int):
        lengths = np.zeros(rows, "int64")
        lengths[: len(queries)] = documents.row_splits[queries + 1] - documents.row_splits[queries]
        self.documents = documents
        self.mask = np.arange(size) < lengths[:, None]
        self.at = rows_of(documents.row_splits, queries)
        self.labels = pad(documents.labels[self.at], self.mask, 0)
        self.keys = pad(-_as_floats(documents.scores[self.at]), self.mask, np.inf)

    def rank(self, ties: str, judged_only: bool) -> Ranked:
        """Returns the lists sorted by falling score.

        Args:
            ties: the order of documents of equal score.
            judged_only: whether documents that nobody judged are left out. A list without any judgement has no relevant
                document, and counts as such a list.
        """
        order, rising, mask, equal = self.order(ties, judged_only)
        place = np.arange(mask.shape[1], dtype="int32")
        first = np.maximum.accumulate(np.where(equal, 0, place), axis=1) if ties in ("expected", "incorrect") else None
        return Ranked(
            labels=ops.convert_to_tensor(np.where(mask, _take(self.labels, order), 0)),
            weights=ops.convert_to_tensor(mask.astype("float32")),
            mask=ops.convert_to_tensor(mask),
            retrieved=ops.convert_to_tensor(mask & (rising < np.inf)),
            unknown=ops.convert_to_tensor(np.zeros(len(mask), bool)),
            rank=ops.convert_to_tensor(place.astype("float32") + 1),
            first=None if first is None else ops.convert_to_tensor(first),
            ties=ties,
        )

    def order(self, ties: str, judged_only: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns (the place of the document at each rank, its negated score, whether there is a document, whether it
        has the score of the document before), [rows, size] each. Documents that are not retrieved come last, at
        infinity.
        """
        mask, keys = self.mask, self.keys
        if judged_only:
            judged = pad(self.documents.judged[self.at], mask, False)
            mask = mask & (judged | ~judged.any(axis=1, keepdims=True))
            keys = np.where(mask, keys, np.inf)
        order = np.lexsort((keys, ~mask)) if judged_only else np.argsort(keys, axis=1, kind="stable")
        rising, mask = _take(keys, order), _take(mask, order)
        equal = np.zeros(mask.shape, bool)  # whether it equals the document before it
        equal[:, 1:] = (rising[:, 1:] == rising[:, :-1]) & (mask[:, 1:] == mask[:, :-1])
        if ties == "trec" and (equal & mask & (rising < np.inf)).any():
            falling = pad(-self.documents.ranks_of_ids[self.at], self.mask, 0)
            order = np.take_along_axis(order, np.lexsort((_take(falling, order), rising, ~mask)), axis=1)
        return order, rising, mask, equal


def _take(x, order):
    return np.take_along_axis(x, order, axis=1)


def _as_floats(scores):
    """Returns the scores. Whole numbers that floats may round are replaced by their ranks."""
    if scores.dtype.kind == "f":
        return scores
    return np.unique(scores, return_inverse=True)[1].astype("float64")
