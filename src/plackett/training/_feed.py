"""Feeds batches to Keras."""

from collections.abc import Mapping, Sequence

import keras

from plackett.data import Batches, RankingLists


class Feed(keras.utils.PyDataset):
    """The rest of one epoch of `Batches`, as (inputs, labels, weights).

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> feed = Feed(lists, 2)
    >>> inputs, labels, weights = feed[0]
    >>> len(feed), sorted(inputs), labels.shape
    (3, ['features', 'mask'], (2, 8))

    Args:
        lists: the lists that the batches are made of.
        batch_size: the number of lists in a batch.
        seed: the seed of the shuffling. None = lists keep their order.
        max_list_size: see `Batches`.
        targets: see `Batches`.
        inputs: see `Batches`.
        shard: see `Batches`.
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
    ) -> None:
        super().__init__()
        self.batches = Batches(
            lists, batch_size, seed=seed, max_list_size=max_list_size, targets=targets, inputs=inputs, shard=shard
        )

    def start(self, epoch: int, step: int = 0) -> None:
        """Moves to this epoch, counted from 0, and to batch `step`."""
        self.batches.start(epoch, step)

    def __len__(self) -> int:
        """The number of batches that are left."""
        return len(self.batches)

    def __getitem__(self, i: int) -> tuple:
        """Batch i of those that are left."""
        return self.batches[i]
