"""Batches as Keras reads them."""

from collections.abc import Mapping, Sequence

import keras

from plackett.data import Batches, RankingLists


class Feed(keras.utils.PyDataset):
    """What is left of one epoch of `Batches`: (inputs, labels, weights).

    >>> import numpy as np
    >>> from plackett.data import RankingLists
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> feed = Feed(lists, 2)
    >>> inputs, labels, weights = feed[0]
    >>> len(feed), sorted(inputs), labels.shape
    (3, ['features', 'mask'], (2, 8))

    Args:
        lists: what the batches are cut from.
        batch_size: how many lists a batch has.
        seed: of the shuffling. None = in the given order.
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
        """Goes to this epoch, counted from 0, from batch `step` on."""
        self.batches.start(epoch, step)

    def __len__(self) -> int:
        """How many batches are left."""
        return len(self.batches)

    def __getitem__(self, i: int) -> tuple:
        """Batch i of what is left."""
        return self.batches[i]
