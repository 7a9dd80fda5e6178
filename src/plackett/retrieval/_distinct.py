"""Batches that hold each class or document once, and pairs of one class, for losses with negatives of the batch."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from plackett.data._ids import read_ids
from plackett.data._strings import Strings
from plackett.registry.options import Count, CountFrom0, check_options

Ids = npt.ArrayLike | Strings
Seed = CountFrom0 | None


def batch_by_distinct(ids: Ids, batch_size: Count, *, seed: Seed = None) -> list[np.ndarray]:
    """The rows of batches that hold no id twice, in as few batches as that allows.

    In-batch losses take the other rows of a batch for negatives: a document that is there twice is a negative of
    itself. Every row is in exactly one batch. There are max(ceil(rows / batch_size), rows of the most frequent id)
    batches, whose sizes differ by at most 1: they are smaller than `batch_size` where one id has more rows than its
    share. Where a few are that frequent, such as popular films, plain batches and `InBatchSoftmaxLoss`, which tells a
    document that is there twice by its id, are the better choice.

    >>> batches = batch_by_distinct(["cat", "cat", "dog", "owl", "owl"], 3, seed=0)
    >>> [batch.tolist() for batch in batches]
    [[2, 3, 0], [4, 1]]

    Args:
        ids: [rows], of classes or documents; whole numbers or strings.
        batch_size: rows of a batch, at most.
        seed: of the order of ids, rows and batches, which are random. None = another one at each call.

    Returns:
        The rows of each batch, int64.

    Raises:
        ValueError: there are no rows, an id is missing or is neither a string nor a whole number, or an option is
            out of range.

    Cost: O(rows log rows) time, O(rows) memory.
    """
    check_options(batch_by_distinct, batch_size=batch_size, seed=seed)
    return _deal(_codes("ids", ids), batch_size, np.random.default_rng(seed))


class Pairs(NamedTuple):
    """Pairs of rows of one class.

    Args:
        anchors: [pairs] int64, the first row of each.
        positives: [pairs] int64, the second row of each.
        rest: [rows of no pair] int64, in rising order.
    """

    anchors: np.ndarray
    positives: np.ndarray
    rest: np.ndarray


def pairs_by_class(classes: Ids, *, seed: Seed = None) -> Pairs:
    """Pairs of rows of one class, drawn at random; each row is in one pair at most.

    A class of an odd number of rows leaves one row over, which is in no pair; these rows are given too. Another seed
    pairs the rows anew and leaves others over: take one for each epoch. `batch_by_distinct` of `classes[anchors]`
    makes batches of the pairs that hold no class twice, as N-pairs expects.

    >>> anchors, positives, rest = pairs_by_class(["a", "b", "a", "a", "b", "c"], seed=0)
    >>> anchors.tolist(), positives.tolist(), rest.tolist()
    ([3, 4], [2, 1], [0, 5])

    Args:
        classes: [rows], whole numbers or strings.
        seed: of the pairs. None = other ones at each call.

    Returns:
        (anchors, positives, rest), numbers of rows.

    Raises:
        ValueError: no class has two rows, a class is missing or is neither a string nor a whole number, or the seed is
            out of range.

    Cost: O(rows log rows) time, O(rows) memory.
    """
    check_options(pairs_by_class, seed=seed)
    codes = _codes("classes", classes)
    random = np.random.default_rng(seed)
    rows = _group(codes, random)
    places = _places_in_group(codes[rows])
    last = np.append(codes[rows][1:] != codes[rows][:-1], True)
    alone = last & (places % 2 == 0)
    if alone.all():
        raise ValueError(
            f"a pair takes two rows of one class, but each of the {len(codes)} rows has a class of its own"
        )
    paired = rows[~alone]
    order = random.permutation(len(paired) // 2)
    return Pairs(paired[::2][order], paired[1::2][order], np.sort(rows[alone]))


class DistinctBatches(keras.utils.PyDataset):
    """What `fit` takes: batches that hold each class or document once, other ones in each epoch.

    >>> x = {"query": np.eye(5), "document": np.eye(5)}
    >>> films = ["Alien", "Alien", "Brazil", "Clue", "Clue"]
    >>> batches = DistinctBatches(x, np.array([0, 0, 1, 2, 2]), films, 3, seed=0)
    >>> len(batches), [labels.tolist() for _, labels in (batches[0], batches[1])]
    (2, [[1, 2, 0], [2, 0]])

    Pass it as `model.fit(batches, epochs=...)`, without y or batch_size. The batches of an epoch are those of
    `batch_by_distinct`, of two sizes at most, so that a step is compiled twice at most.

    Args:
        x: the inputs: an array, or dicts, tuples and lists of arrays, nested as the model has them; a row a first
            index. Memory-mapped arrays are read a batch at a time.
        y: the labels, likewise.
        ids: [rows], of which no batch holds one twice; whole numbers or strings.
        batch_size: rows of a batch, at most, see `batch_by_distinct`.
        sample_weight: [rows, ...], or like `y`. None = no weights.
        seed: of the batches of all epochs. None = others in each object.
        shard: (i, n) = of each batch only the i-th of n equal parts, for n processes that take a step together. The
            seed must be given, and the same in all, and `fit` must be called with shuffle=False: it shuffles the order
            of the batches, which is random already, in another way in each process. A number of rows that n does not
            divide leaves up to n - 1 of a batch out of an epoch, at random.

    Raises:
        ValueError: x, y, ids and weights have not the same number of rows, batches have fewer rows than there are
            shards, or what `batch_by_distinct` refuses.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        ids: Ids,
        batch_size: Count,
        *,
        sample_weight: Any = None,
        seed: Seed = None,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__()
        check_options(DistinctBatches.__init__, batch_size=batch_size, seed=seed)
        self._codes = _codes("ids", ids)
        named = {"x": x, "y": y} | ({} if sample_weight is None else {"sample_weight": sample_weight})
        self._parts = tuple(_arrays(name, given, len(self._codes)) for name, given in named.items())
        self._batch_size = int(batch_size)
        self._seed = np.random.SeedSequence(seed).entropy if seed is None else int(seed)
        self._epoch = 0
        self._next = 0
        self._batches = self._of_epoch()
        self._shard = _check_shard(shard, seed, min(map(len, self._batches)))

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return len(self._batches)

    def __getitem__(self, i: int) -> tuple:
        """Batch i of this epoch: (x, y), or (x, y, sample_weight).

        Raises:
            ValueError: it is a shard of a batch, and batches are not asked for in their order, from 0.
        """
        shard, shards = self._shard
        if shards > 1 and i not in (0, self._next):
            raise ValueError(
                f"batch {i} is asked for where {self._next} is the next: processes that share batches must all take "
                "them in their order, so give fit(..., shuffle=False)"
            )
        self._next = i + 1
        number = len(self._batches[i]) // shards
        rows = self._batches[i][shard * number :][:number]
        return tuple(_take(part, rows) for part in self._parts)

    def on_epoch_end(self) -> None:
        """Goes to the batches of the next epoch, as `fit` asks for at the end of each."""
        self._epoch += 1
        self._batches = self._of_epoch()
        self._next = 0

    def _of_epoch(self):
        return _deal(self._codes, self._batch_size, np.random.default_rng([self._seed, self._epoch]))


def _codes(name, ids):
    """[rows] int64, equal where the ids are equal."""
    count = len(ids) if hasattr(ids, "__len__") else len(ids := list(ids))
    read = read_ids(name, ids, count)
    if not count:
        raise ValueError(f"{name} must have a row at least, but is empty")
    return np.unique(read.codes if isinstance(read, Strings) else read, return_inverse=True)[1].astype("int64")


def _group(codes, random):
    """The rows, those of one id behind each other; ids in random order, and so the rows of each."""
    new_codes = random.permutation(codes.max() + 1)
    rows = random.permutation(len(codes))
    return rows[np.argsort(new_codes[codes[rows]], kind="stable")]


def _places_in_group(codes):
    """[rows], how many rows stand before each in its run of equal codes."""
    first = np.append(True, codes[1:] != codes[:-1])
    return np.arange(len(codes)) - np.maximum.accumulate(np.where(first, np.arange(len(codes)), 0))


def _deal(codes, batch_size, random):
    """The batches of rows with these codes, each of them once in a batch.

    Rows grouped by id are dealt like cards, one to each batch in turn: an id with no more rows than there are batches
    comes to none of them twice.
    """
    count = max(-(-len(codes) // int(batch_size)), int(np.bincount(codes).max()))
    rows = _group(codes, random)
    return [rows[batch::count] for batch in random.permutation(count)]


def _check_shard(shard, seed, rows):
    """The shard, where batches of at least so many rows can be cut so."""
    whole = isinstance(shard, tuple | list) and len(shard) == 2 and all(isinstance(x, int | np.integer) for x in shard)
    if not whole or not 0 <= shard[0] < shard[1]:
        raise ValueError(f"shard must be (i, n), whole numbers with 0 <= i < n, but got {shard}")
    part, parts = shard
    if parts > 1 and seed is None:
        raise ValueError(f"shard={shard} needs a seed, the same in all processes, so that they cut the same batches")
    if rows < parts:
        raise ValueError(f"shard={shard} cuts a batch into {parts}, but one has {rows} rows: give a larger batch_size")
    return part, parts


def _arrays(name, given, rows):
    """The same structure of arrays, of which each has so many rows."""
    if isinstance(given, Mapping):
        return {key: _arrays(f"{name}[{key!r}]", each, rows) for key, each in given.items()}
    if isinstance(given, tuple) or (isinstance(given, list) and any(np.ndim(each) for each in given[:1])):
        return tuple(_arrays(f"{name}[{i}]", each, rows) for i, each in enumerate(given))
    array = np.asarray(given)
    if array.ndim == 0 or len(array) != rows:
        raise ValueError(f"{name} must have a row for each of the {rows} ids, but has the shape {array.shape}")
    return array


def _take(part, rows):
    if isinstance(part, Mapping):
        return {key: _take(each, rows) for key, each in part.items()}
    return tuple(_take(each, rows) for each in part) if isinstance(part, tuple) else part[rows]
