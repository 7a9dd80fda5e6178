"""Batches that hold each class or document once, and pairs of one class, for losses with in-batch negatives."""

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
    """Makes batches of rows in which no id occurs twice, as few as possible.

    In-batch losses take the other rows of a batch as negatives. A document that occurs twice would be a negative of
    itself. Every row is in exactly one batch. There are max(ceil(rows / batch_size), rows of the most frequent id)
    batches, whose sizes differ by at most 1. They are smaller than `batch_size` if one id has more rows than its share.
    If a few ids are this frequent, such as popular films, plain batches with `InBatchSoftmaxLoss` are the better
    choice, since that loss recognises a document that occurs twice by its id.

    >>> batches = batch_by_distinct(["cat", "cat", "dog", "owl", "owl"], 3, seed=0)
    >>> [batch.tolist() for batch in batches]
    [[2, 3, 0], [4, 1]]

    Args:
        ids: [rows], the ids of classes or documents; whole numbers or strings.
        batch_size: the largest number of rows in a batch.
        seed: the seed of the random order of ids, rows and batches. None = another order at each call.

    Returns:
        The rows of each batch, int64.

    Raises:
        ValueError: there are no rows, an id is missing or is neither a string nor a whole number, or an option is out
            of range.

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
    """Draws pairs of rows of one class at random. Each row is in one pair at most.

    A class with an odd number of rows leaves one row over, which is in no pair; these rows are returned too. Another
    seed makes other pairs and leaves other rows over: take a new one for each epoch. `batch_by_distinct` of
    `classes[anchors]` makes batches of the pairs in which no class occurs twice, as N-pairs expects.

    >>> anchors, positives, rest = pairs_by_class(["a", "b", "a", "a", "b", "c"], seed=0)
    >>> anchors.tolist(), positives.tolist(), rest.tolist()
    ([3, 4], [2, 1], [0, 5])

    Args:
        classes: [rows], the class of each row; whole numbers or strings.
        seed: the seed of the pairs. None = other pairs at each call.

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
    """A dataset for `fit`: batches that hold each class or document once, and change in each epoch.

    >>> x = {"query": np.eye(5), "document": np.eye(5)}
    >>> films = ["Alien", "Alien", "Brazil", "Clue", "Clue"]
    >>> batches = DistinctBatches(x, np.array([0, 0, 1, 2, 2]), films, 3, seed=0)
    >>> len(batches), [labels.tolist() for _, labels in (batches[0], batches[1])]
    (2, [[1, 2, 0], [2, 0]])

    Pass it as `model.fit(batches, epochs=...)`, without y or batch_size. The batches of an epoch are those of
    `batch_by_distinct`. They have two sizes at most, so a step is compiled twice at most.

    Args:
        x: the inputs: an array, or dicts, tuples and lists of arrays, nested as the model needs them. The first axis is
            the rows. Memory-mapped arrays are read a batch at a time.
        y: the labels, in the same form.
        ids: [rows], whole numbers or strings. No batch holds an id twice.
        batch_size: the largest number of rows in a batch, see `batch_by_distinct`.
        sample_weight: [rows, ...], or in the form of `y`. None = no weights.
        seed: the seed of the batches of all epochs. None = other batches in each object.
        shard: (i, n) = of each batch only the i-th of n equal parts, for n processes that take a step together. The
            seed must be given and the same in all processes, and `fit` must be called with shuffle=False, since it
            would shuffle the order of the batches differently in each process; the order is random already. If n does
            not divide the number of rows, up to n - 1 rows of a batch are left out of an epoch, at random.

    Raises:
        ValueError: x, y, ids and weights do not have the same number of rows, batches have fewer rows than there are
            shards, or `batch_by_distinct` refuses the arguments.
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
        """The number of batches in an epoch."""
        return len(self._batches)

    def __getitem__(self, i: int) -> tuple:
        """Returns batch i of this epoch: (x, y), or (x, y, sample_weight).

        Raises:
            ValueError: it is a shard of a batch, and batches are not taken in order, from 0.
        """
        shard, shards = self._shard
        if shards > 1 and i not in (0, self._next):
            raise ValueError(
                f"batch {i} is asked for, but {self._next} is the next: processes that share batches must all take "
                "them in order, so give fit(..., shuffle=False)"
            )
        self._next = i + 1
        number = len(self._batches[i]) // shards
        rows = self._batches[i][shard * number :][:number]
        return tuple(_take(part, rows) for part in self._parts)

    def on_epoch_end(self) -> None:
        """Makes the batches of the next epoch. `fit` calls this at the end of each epoch."""
        self._epoch += 1
        self._batches = self._of_epoch()
        self._next = 0

    def _of_epoch(self):
        return _deal(self._codes, self._batch_size, np.random.default_rng([self._seed, self._epoch]))


def _codes(name, ids):
    """Returns codes, [rows] int64, equal if the ids are equal."""
    count = len(ids) if hasattr(ids, "__len__") else len(ids := list(ids))
    read = read_ids(name, ids, count)
    if not count:
        raise ValueError(f"{name} must have a row at least, but is empty")
    return np.unique(read.codes if isinstance(read, Strings) else read, return_inverse=True)[1].astype("int64")


def _group(codes, random):
    """Returns the rows grouped by id, with the ids, and the rows of each, in random order."""
    new_codes = random.permutation(codes.max() + 1)
    rows = random.permutation(len(codes))
    return rows[np.argsort(new_codes[codes[rows]], kind="stable")]


def _places_in_group(codes):
    """The number of rows before each in its run of equal codes, [rows]."""
    first = np.append(True, codes[1:] != codes[:-1])
    return np.arange(len(codes)) - np.maximum.accumulate(np.where(first, np.arange(len(codes)), 0))


def _deal(codes, batch_size, random):
    """Makes the batches of rows with these codes, each at most once in a batch.

    Rows grouped by id are dealt like cards, one to each batch in turn. An id with no more rows than there are batches
    then comes to no batch twice.
    """
    count = max(-(-len(codes) // int(batch_size)), int(np.bincount(codes).max()))
    rows = _group(codes, random)
    return [rows[batch::count] for batch in random.permutation(count)]


def _check_shard(shard, seed, rows):
    """Returns the shard, after checking that batches of this many rows can be cut into it."""
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
    """Returns the same structure of arrays, after checking that each has this many rows."""
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
