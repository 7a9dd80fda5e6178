"""Lists cut into padded batches, of a few sizes only, so that a compiled step is used again."""

from collections.abc import Iterator

import numpy as np

from plackett.data.ranking_lists import RankingLists

WINDOW = 50
SMALLEST = 8


def bucket_size(length: int) -> int:
    """The list size that lists of this length are padded to: 8, 16, 32, 64, ...

    A step is compiled once for each size; sorting by length inside windows keeps the padding low all the same.
    """
    return max(SMALLEST, 1 << (length - 1).bit_length())


def plan(lengths: np.ndarray, batch_size: int, *, seed: int | None, epoch: int = 0) -> list[np.ndarray]:
    """Which queries each batch of an epoch holds: a function of its arguments alone.

    Queries are shuffled; inside windows of 50 batches they are sorted by length, so that a batch holds lists of
    like length; then the batches are shuffled.

    Args:
        lengths: [queries], how many documents each query has.
        batch_size: how many queries a batch has; the last one may have fewer.
        seed: of the shuffling. None = in the given order.
        epoch: from 0; each is shuffled differently.

    Returns:
        One array of query positions a batch; each query is in one of them.
    """
    if seed is None:
        order = np.arange(len(lengths))
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    span = WINDOW * batch_size
    windows = [order[i : i + span] for i in range(0, len(order), span)]
    order = np.concatenate([window[np.argsort(lengths[window], kind="stable")] for window in windows])
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def collate(lists: RankingLists, queries: np.ndarray, batch_size: int):
    """One padded batch.

    The batch is filled up with empty lists to `batch_size`; their weight is 0 and that of the others is raised, so
    that the mean over the batch is the mean over its real lists.

    Args:
        lists: where the queries are taken from.
        queries: their positions, at most `batch_size` of them.
        batch_size: how many lists the batch has.

    Returns:
        (inputs, labels, weights): a dict of `features`, `mask` and the id features, each
        [batch_size, list_size, ...]; [batch_size, list_size] with -1 at padding; [batch_size].
    """
    lengths = np.zeros(batch_size, "int64")
    lengths[: len(queries)] = lists.lengths[queries]
    mask = np.arange(bucket_size(int(lengths.max()))) < lengths[:, None]
    rows = np.concatenate([np.arange(lists.row_splits[q], lists.row_splits[q + 1]) for q in queries])
    columns = lists.ids | ({"features": lists.features} if lists.features.shape[1] else {})
    inputs = {"mask": mask} | {name: padded(column[rows], mask, 0) for name, column in columns.items()}
    weights = np.zeros(batch_size, "float32")
    weights[: len(queries)] = batch_size / len(queries)
    return inputs, padded(lists.labels[rows], mask, -1), weights


def padded(documents: np.ndarray, mask: np.ndarray, filling: float) -> np.ndarray:
    """[real documents, ...] laid out where `mask`, [lists, list_size], is True; `filling` elsewhere."""
    out = np.full((*mask.shape, *documents.shape[1:]), filling, documents.dtype)
    out[mask] = documents
    return out


class Batches:
    """The padded batches of an epoch, shuffled anew for each.

    Args:
        lists: what the batches are cut from.
        batch_size: how many lists a batch has.
        seed: of the shuffling. None = in the given order, the same each epoch.
    """

    def __init__(self, lists: RankingLists, batch_size: int, *, seed: int | None = None):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, but got {batch_size}")
        if len(lists) == 0:
            raise ValueError("there are no lists to make batches of")
        self.lists = lists
        self.batch_size = batch_size
        self.seed = seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Goes to the batches of this epoch, counted from 0."""
        self.epoch = epoch
        self.plan = plan(self.lists.lengths, self.batch_size, seed=self.seed, epoch=epoch)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return len(self.plan)

    def __getitem__(self, i: int):
        """Batch i of this epoch: (inputs, labels, weights), as from `collate`."""
        return collate(self.lists, self.plan[i], self.batch_size)

    def __iter__(self) -> Iterator:
        """The batches of this epoch."""
        return (self[i] for i in range(len(self)))
