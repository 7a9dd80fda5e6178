"""Lists cut into padded batches of only a few sizes, so that compiled steps are reused."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from plackett.data._columns import numbers_of_ids
from plackett.data._inputs import columns_as_inputs
from plackett.data._numbers import INFINITY
from plackett.data._ranking_lists import RankingLists
from plackett.data._reused_memory import Memory
from plackett.registry.names import check_known

WINDOW = 50
SMALLEST = 8
SIZES = 6
GATHERED = 128  # lists of up to this many places are laid out at once


def bucket_size(length: int) -> int:
    """The list size that a list of this length is padded to if the other lists are not known: 8, 16, 32, ..."""
    return max(SMALLEST, 1 << (length - 1).bit_length())


def best_sizes(lengths: np.ndarray) -> np.ndarray:
    """The list sizes that need the least padding for lists of these lengths; each list is padded to the next size.

    A step is compiled once for each size, so there are at most 6 sizes. They are multiples of 8.

    >>> best_sizes(np.array([7, 8, 9, 100, 99])).tolist()
    [8, 16, 104]

    Args:
        lengths: [queries], how many documents each query has.

    Returns:
        [sizes], ascending; the last one holds the longest list.

    Cost: O(queries log queries): the sizes are chosen among 257 quantiles of the lengths.
    """
    quantiles = np.quantile(lengths, np.linspace(0, 1, 257), method="higher")
    ends = np.unique(np.maximum(np.ceil(quantiles / SMALLEST), 1).astype("int64") * SMALLEST)
    upto = np.searchsorted(np.sort(lengths), ends, side="right")
    # slots[i, j] is the padded size of the lists longer than ends[i], up to ends[j]; least[j], of all lists up to
    # ends[j].
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
    """The queries of each batch of an epoch, as a function of the arguments alone.

    Queries are shuffled. Within windows of 50 batches they are sorted by length, so that a batch holds lists of similar
    length. Then the batches are shuffled.

    >>> [queries.tolist() for queries in plan(np.array([9, 2, 8, 3]), 2, seed=0)]
    [[2, 0], [1, 3]]

    Args:
        lengths: [queries], how many documents each query has.
        batch_size: the number of queries per batch; the last batch may have fewer.
        seed: of the shuffling. None = in the given order.
        epoch: the number of the epoch, from 0; each is shuffled differently.

    Returns:
        One array of query positions per batch; each query is in exactly one.
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


def choose_documents(labels: np.ndarray, most: int, *, seed: int, epoch: int, query: int) -> np.ndarray:
    """The documents that a list longer than `most` is cut to: the relevant ones, and a sample of the others.

    If more than `most` are relevant: those of the highest grades, and a sample of the first grade that does not fit.

    Args:
        labels: [list_size], grades; above 0 is relevant.
        most: the number of documents to choose.
        seed, epoch, query: the sample depends on these.

    Returns:
        [most], positions, ascending.
    """
    drawn = np.random.default_rng([seed, epoch, query]).random(len(labels))
    return np.sort(np.lexsort((drawn, -np.maximum(labels, 0)))[:most])


def pad(documents: np.ndarray, mask: np.ndarray, filling: float) -> np.ndarray:
    """[real documents, ...] laid out where `mask`, [lists, list_size], is True; `filling` elsewhere."""
    out = np.full((*mask.shape, *documents.shape[1:]), filling, documents.dtype)
    out[mask] = documents
    return out


def layout(
    starts: np.ndarray, lengths: np.ndarray, size: int, cut: Mapping[int, np.ndarray], empty: Callable = np.empty
) -> Callable:
    """A function of a column, [documents, ...], and a filling -> [lists, size, ...], with the filling at padding.

    Short lists are gathered at once; long lists are copied one by one, which is faster.

    Args:
        starts, lengths: [lists], the first row and the number of rows of each list.
        size: the size that lists are padded to.
        cut: for each list that is cut, by its number: the rows to take.
        empty: function that makes an array of a shape and a type.
    """
    if size > GATHERED or not lengths.any():
        rows: list = [slice(a, a + n) for a, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
        for place, chosen in cut.items():
            rows[place] = chosen

        def copy(column, filling):
            out = empty((len(starts), size, *column.shape[1:]), dtype_of_models(column))
            for row, at, length in zip(out, rows, lengths.tolist(), strict=True):
                row[:length] = column[at]
                row[length:] = filling
            return out

        return copy

    padding = np.arange(size) >= lengths[:, None]
    places = np.where(padding, 0, starts[:, None] + np.arange(size))
    for place, chosen in cut.items():
        places[place, : len(chosen)] = chosen

    def gather(column, filling):
        out = empty((*places.shape, *column.shape[1:]), column.dtype)
        np.take(column, places, axis=0, out=out, mode="clip")  # which has no buffer
        out = out.astype(dtype_of_models(column), copy=False)
        out[padding] = filling
        return out

    return gather


def dtype_of_models(column: np.ndarray) -> np.dtype:
    """The dtype of the column; float32 for float64."""
    return np.dtype("float32") if column.dtype == "float64" else column.dtype


class Batches:
    """The padded batches of an epoch, shuffled anew for each epoch. Their list sizes are the `best_sizes` of the lists.

    Iterating gives (inputs, labels, weights). Inputs are a dict of `features`, `mask` and the id features, each
    [batch_size, list_size, ...], with 0 at padding. Ids of strings and of int64 are two halves, of `hash_strings` or of
    the number, [batch_size, list_size, 2] int32. Labels are [batch_size, list_size], with -1 at padding. Weights are
    [batch_size], or [batch_size, list_size] if the lists have a column `weight`. Batches are filled up to `batch_size`
    with empty lists. Empty lists have weight 0 and the weights of the others are raised, so that the mean over the
    batch is the mean over its real lists. If the lists have a column `judged`, a list in which nobody judged a document
    has weight 0 for the target `label`. It still counts as a real list in the mean, so that a list has the same weight
    in any batch.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[1], [2], [3]], [1, 0, 2], group=[2, 1])
    >>> for inputs, labels, weights in Batches(lists, batch_size=2, seed=0):
    ...     print(inputs["features"].shape, inputs["mask"].sum(), weights)
    (2, 8, 1) 3 [1. 1.]

    Args:
        lists: the lists to cut into batches.
        batch_size: how many lists a batch has.
        seed: of the shuffling. None = in the given order, the same each epoch.
        max_list_size: longer lists are cut to this many documents, anew in each epoch: relevant documents stay, with a
            sample of the others. None = lists stay whole.
        targets: what to learn from: `label`, or a column of the lists such as `click`. With a dict of these, labels and
            weights become dicts with the same keys, for models with several outputs.
        inputs: columns of the lists that the model also takes: `position`, as int32; other numbers, as float32;
            strings, as ids. Padding is 0. A column of queries is repeated for each of their documents.
        shard: (i, n) = only the i-th of n equal parts of each batch; all parts have the same shape. None = whole
            batches.
    """

    def __init__(
        self,
        lists: RankingLists,
        batch_size: int,
        *,
        seed: int | None = None,
        max_list_size: int | None = None,
        targets: str | Mapping[str, str] = "label",
        inputs: Sequence[str] = (),
        shard: tuple[int, int] = (0, 1),
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, but got {batch_size}")
        if max_list_size is not None and max_list_size < 1:
            raise ValueError(f"max_list_size must be at least 1, but got {max_list_size}")
        if len(lists) == 0:
            raise ValueError("lists must hold at least one query, but got none")
        if not 0 <= shard[0] < shard[1] or batch_size % shard[1]:
            raise ValueError(f"shard must be (i, n) with i < n and n a divisor of {batch_size}, but got {shard}")
        self.lists = lists
        self.batch_size = batch_size
        self.seed = seed
        self.max_list_size = max_list_size
        self.targets = targets
        self.shard = shard
        self.lengths = np.minimum(lists.lengths, max_list_size or np.inf).astype("int64")
        self.sizes = best_sizes(self.lengths)
        self.inputs = tuple(inputs)
        self._inputs = {name: numbers_of_ids(column) for name, column in lists.ids.items()}
        self._inputs |= columns_as_inputs(lists, inputs)
        self._labels = columns_of_targets(lists, [targets] if isinstance(targets, str) else targets.values())
        self._judged = judged_lists(lists)
        self.epoch, self.step = 0, 0
        self._of_epoch: list[np.ndarray] | None = None
        self._memory = Memory()

    def start(self, epoch: int, step: int = 0) -> None:
        """Goes to an epoch, counted from 0, and to its batch `step`; batches are then counted from there."""
        if epoch != self.epoch:
            self._of_epoch = None
        self.epoch, self.step = epoch, step

    @property
    def plan(self) -> list[np.ndarray]:
        """The queries, by position, of each batch that is left in the epoch."""
        return self._whole_plan()[self.step :]

    def _whole_plan(self):
        """The plan of the epoch, made once."""
        if self._of_epoch is None:
            self._of_epoch = plan(self.lengths, self.batch_size, seed=self.seed, epoch=self.epoch)
        return self._of_epoch

    def __len__(self) -> int:
        """The number of batches left in the epoch."""
        return max(-(-len(self.lists) // self.batch_size) - self.step, 0)

    def __getitem__(self, i: int) -> tuple[dict, Any, Any]:
        """Batch i of those left in the epoch."""
        of_epoch = self._whole_plan()
        whole = of_epoch[range(self.step, len(of_epoch))[i]]
        size = int(self.sizes[np.searchsorted(self.sizes, self.lengths[whole].max())])
        number = self.batch_size // self.shard[1]
        queries = whole[self.shard[0] * number :][:number]
        starts, lengths = np.zeros((2, number), "int64")
        starts[: len(queries)], lengths[: len(queries)] = self.lists.row_splits[queries], self.lengths[queries]
        cut = np.flatnonzero(self.lists.lengths[queries] > lengths[: len(queries)])
        rows = {int(place): self._rows(int(queries[place])) for place in cut}
        lay_out = layout(starts, lengths, size, rows, self._memory.empty)
        mask = np.arange(size) < lengths[:, None]
        lists = self.lists
        columns = self._inputs | ({"features": lists.features} if lists.features.shape[1] else {})
        inputs = {"mask": mask} | {name: lay_out(column, 0) for name, column in columns.items()}
        labels = {name: lay_out(column, -1) for name, column in self._labels.items()}
        by_list = np.zeros(number, "float32")
        by_list[: len(queries)] = self.batch_size / len(whole)
        weights = dict.fromkeys(labels, by_list)
        if "label" in weights:
            judged = np.zeros(number, bool)
            judged[: len(queries)] = self._judged[queries]
            weights["label"] = np.where(judged, by_list, 0)
        if "weight" in lists.columns:
            by_document = lay_out(lists.columns["weight"], 0)
            weights = {name: of_target[:, None] * by_document for name, of_target in weights.items()}
        if isinstance(self.targets, str):
            return inputs, labels[self.targets], weights[self.targets]
        by_key = [{key: of_targets[name] for key, name in self.targets.items()} for of_targets in (labels, weights)]
        return inputs, by_key[0], by_key[1]

    def __iter__(self) -> Iterator[tuple[dict, Any, Any]]:
        """The batches left in this epoch."""
        return (self[i] for i in range(len(self)))

    def _rows(self, query):
        """The rows that a long list is cut to."""
        start, stop = self.lists.row_splits[query : query + 2]
        epoch = 0 if self.seed is None else self.epoch
        labels = self.lists.labels[start:stop]
        return start + choose_documents(labels, int(self.lengths[query]), seed=self.seed or 0, epoch=epoch, query=query)


def judged_lists(lists: RankingLists) -> np.ndarray:
    """[queries] bool: whether somebody judged a document of the query; True for all without a column `judged`.

    >>> judged = {"judged": [0.0, 1.0, 0.0]}
    >>> judged_lists(RankingLists.from_arrays([[1], [2], [3]], [0, 1, 0], group=[2, 1], columns=judged)).tolist()
    [True, False]
    """
    if "judged" not in lists.columns:
        return np.ones(len(lists), bool)
    known = np.concatenate([[0], np.cumsum(lists.columns["judged"] > 0)])
    return np.diff(known[lists.row_splits]) > 0


def columns_of_targets(lists: RankingLists, names: Iterable[str]) -> dict[str, np.ndarray]:
    """name -> the target, [documents].

    Raises:
        ValueError: the lists have no such column, the column is not a target, or float32 cannot hold one of its
            numbers.
    """
    known = {"label": lists.labels} | {name: lists.columns[name] for name in lists.columns if name != "weight"}
    for name in names:
        check_known("target of these lists", name, known)
        if known[name].dtype == "float64" and len(wrong := np.flatnonzero(np.abs(known[name]) >= INFINITY)):
            place, query = int(wrong[0]), int(np.searchsorted(lists.row_splits, wrong[0], side="right")) - 1
            raise ValueError(
                f"a target must be below 2^128, as float32 holds it, but {name} is {known[name][place]:g} in query "
                f"{lists.queries[query]!r}"
            )
    return {name: known[name] for name in names}
