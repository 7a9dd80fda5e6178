"""Lists cut into padded batches, of a few sizes only, so that a compiled step is used again."""

from collections.abc import Iterator

import numpy as np

from plackett.data.ranking_lists import RankingLists

WINDOW = 50
SMALLEST = 8
SIZES = 6


def bucket_size(length: int) -> int:
    """The list size that lists of this length are padded to where nothing is known of the others: 8, 16, 32, ..."""
    return max(SMALLEST, 1 << (length - 1).bit_length())


def best_sizes(lengths: np.ndarray) -> np.ndarray:
    """The list sizes that pad lists of these lengths least, each list to the next size.

    A step is compiled once for each size, so there are at most 6; they are multiples of 8.

    Args:
        lengths: [queries], how many documents each query has.

    Returns:
        [sizes], rising; the last one holds the longest list.

    Cost: O(queries log queries): the sizes are chosen among 257 quantiles of the lengths.
    """
    quantiles = np.quantile(lengths, np.linspace(0, 1, 257), method="higher")
    ends = np.unique(np.maximum(np.ceil(quantiles / SMALLEST), 1).astype("int64") * SMALLEST)
    upto = np.searchsorted(np.sort(lengths), ends, side="right")
    # slots[i, j] is what lists longer than ends[i], up to ends[j], take; least[j] what all up to ends[j] do.
    slots = np.where(ends[:, None] > ends, np.inf, (upto - upto[:, None]) * ends)
    least, sizes_before = upto * ends, []
    for _ in range(SIZES - 1):
        sizes_before.append((least[:, None] + slots).argmin(axis=0))
        least = (least[:, None] + slots).min(axis=0)
    chosen = [len(ends) - 1]
    for before in reversed(sizes_before):
        chosen.append(before[chosen[-1]])
    return ends[np.unique(chosen)]


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


def collate(lists: RankingLists, queries: np.ndarray, batch_size: int, list_size: int | None = None):
    """One padded batch.

    The batch is filled up with empty lists to `batch_size`; their weight is 0 and that of the others is raised, so
    that the mean over the batch is the mean over its real lists.

    Args:
        lists: where the queries are taken from.
        queries: their positions, at most `batch_size` of them.
        batch_size: how many lists the batch has.
        list_size: what they are padded to. None = the `bucket_size` of the longest.

    Returns:
        (inputs, labels, weights): a dict of `features`, `mask` and the id features, each
        [batch_size, list_size, ...]; [batch_size, list_size] with -1 at padding; [batch_size].
    """
    starts, lengths = np.zeros((2, batch_size), "int64")
    starts[: len(queries)] = lists.row_splits[queries]
    lengths[: len(queries)] = lists.row_splits[queries + 1] - lists.row_splits[queries]
    mask = np.arange(list_size or bucket_size(int(lengths.max()))) < lengths[:, None]

    def laid_out(column, filling):
        out = np.empty((*mask.shape, *column.shape[1:]), column.dtype)
        for row, start, length in zip(out, starts, lengths, strict=True):
            row[:length] = column[start : start + length]
            row[length:] = filling
        return out

    columns = lists.ids | ({"features": lists.features} if lists.features.shape[1] else {})
    inputs = {"mask": mask} | {name: laid_out(column, 0) for name, column in columns.items()}
    weights = np.zeros(batch_size, "float32")
    weights[: len(queries)] = batch_size / len(queries)
    return inputs, laid_out(lists.labels, -1), weights


def padded(documents: np.ndarray, mask: np.ndarray, filling: float) -> np.ndarray:
    """[real documents, ...] laid out where `mask`, [lists, list_size], is True; `filling` elsewhere."""
    out = np.full((*mask.shape, *documents.shape[1:]), filling, documents.dtype)
    out[mask] = documents
    return out


class Batches:
    """The padded batches of an epoch, shuffled anew for each. Their list sizes are the `best_sizes` of the lists.

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
        self.sizes = best_sizes(lists.lengths)
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
        queries = self.plan[i]
        longest = np.max(self.lists.row_splits[queries + 1] - self.lists.row_splits[queries])
        size = self.sizes[np.searchsorted(self.sizes, longest)]
        return collate(self.lists, queries, self.batch_size, int(size))

    def __iter__(self) -> Iterator:
        """The batches of this epoch."""
        return (self[i] for i in range(len(self)))
