"""The lists of a dataset as padded tensors, made once, and the derivatives of a loss on them in each round."""

import functools
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.data._batches import best_sizes
from plackett.data._row_splits import splits
from plackett.losses._base import RankingLoss
from plackett.losses._curvature import gradient_and_curvature

PLACES = 2**18  # places that are computed at a time, over all samples, so that temporary tensors stay in the cache


class Chunk(NamedTuple):
    """Lists of similar length, padded to one size.

    Args:
        shape: (lists, list size).
        documents: [real documents], their rows in the dataset.
        places: [real documents], their places in the flattened chunk.
        tensors: the labels, the mask and, if there are any, the weights of documents and of lists.
    """

    shape: tuple[int, int]
    documents: np.ndarray | slice
    places: np.ndarray
    tensors: dict[str, Tensor]


class Buckets:
    """The lists of one dataset, padded to a few sizes and cut into chunks, with one shape for each size.

    Args:
        loss: a loss of one score per document.
        labels: [documents] float32.
        lengths: [lists], the number of documents of each list.
        weights: [documents] or [lists] float32. None = 1.
    """

    def __init__(self, loss: RankingLoss, labels: np.ndarray, lengths: np.ndarray, weights: np.ndarray | None):
        self.loss = loss
        self.documents = len(labels)
        self.rounds = 0
        weights = None if weights is None else np.asarray(weights, "float32")
        self.chunks = [
            _chunk(loss, labels, weights, splits(lengths), queries, rows, size)
            for queries, rows, size in _plan(lengths, PLACES // (loss.sample_size or 1))
        ]

    def derivatives(self, scores: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns (gradient, curvature) of the sum of the losses of the lists, [documents] float32 each.

        Args:
            scores: [documents] float32.
            seed: the seed of the noise, which is a function of the seed and the scores.
        """
        of_round = [seed, zlib.crc32(scores.tobytes())]
        results = np.zeros((2, self.documents), "float32")

        def compute(number):
            chunk = self.chunks[number]
            tensors = self._of_round(chunk, scores, [*of_round, number])
            for out, of_chunk in zip(results, _compiled(self.loss)(**chunk.tensors, **tensors), strict=True):
                out[chunk.documents] = ops.convert_to_numpy(of_chunk).reshape(-1)[chunk.places]

        numbers = range(len(self.chunks))
        if self.rounds:
            backend.on_all_cores(compute, numbers)
        else:  # one after the other, so that each size is compiled once
            list(map(compute, numbers))
        self.rounds += 1
        return results[0], results[1]

    def _of_round(self, chunk, scores, key):
        """Returns the scores of a chunk, 0 at padding, and the noise of a loss, which is a function of the key."""
        laid_out = np.zeros(chunk.shape, "float32")
        laid_out.reshape(-1)[chunk.places] = scores[chunk.documents]
        tensors = {"scores": ops.convert_to_tensor(laid_out)}
        if self.loss.sample_size:
            lists, size = chunk.shape
            random = np.random.default_rng(key)
            noise = random.random((lists, self.loss.sample_size, size), "float32")
            tensors["noise"] = ops.convert_to_tensor(noise)
        return tensors


def _plan(lengths: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yields (lists, number of rows, list size) of chunks with at most this many places, one shape for each size.

    Lists without documents are in no chunk.
    """
    if not lengths.any():
        return
    known = best_sizes(lengths[lengths > 0])
    sizes = known[np.searchsorted(known, lengths)]
    for size in known.tolist():
        lists = np.flatnonzero((sizes == size) & (lengths > 0))
        number = -(-len(lists) * size // most)
        rows = -(-len(lists) // number)
        for start in range(0, len(lists), rows):
            yield lists[start : start + rows], rows, size


def _chunk(loss, labels, weights, row_splits, lists, rows, size):
    lengths = np.zeros(rows, "int64")
    lengths[: len(lists)] = np.diff(row_splits)[lists]
    mask = np.arange(size) < lengths[:, None]
    places = np.flatnonzero(mask)
    documents = np.repeat(row_splits[lists], lengths[: len(lists)]) + places % size

    def lay_out(column):
        out = np.zeros(mask.shape, "float32")
        out[mask] = column[documents]
        return out

    arrays = {"labels": lay_out(labels), "mask": mask}
    if weights is not None and len(weights) == len(labels):
        of_documents = lay_out(weights)
        if loss.weighs_documents:
            arrays["weights"] = of_documents
        else:
            arrays["by_list"] = of_documents.sum(axis=1, keepdims=True) / np.maximum(lengths, 1)[:, None]
    elif weights is not None:
        arrays["by_list"] = np.zeros((rows, 1), "float32")
        arrays["by_list"][: len(lists), 0] = weights[lists]
    arrays = {name: array if name == "mask" else array.astype("float32") for name, array in arrays.items()}
    together = len(documents) == documents[-1] - documents[0] + 1
    return Chunk(
        mask.shape,
        slice(int(documents[0]), int(documents[-1]) + 1) if together else documents,
        places,
        {name: ops.convert_to_tensor(array) for name, array in arrays.items()},
    )


@functools.lru_cache(maxsize=64)
def _compiled(loss):
    """Returns the derivatives for each document of a chunk, compiled once for all equal losses."""

    def derivatives(labels, scores, mask, **others):
        return gradient_and_curvature(loss, labels, scores, mask, **others)

    return backend.compiled(derivatives)
