"""The one global random generator that a training step draws from."""

import keras
import numpy as np

from plackett import backend
from plackett.training._feed import Feed


class EpochSeeds(keras.callbacks.Callback):
    """Seeds PyTorch's global generators anew at the first step of each epoch.

    On PyTorch, the dropout layers of Keras and each iterator over batches draw from these generators. Since they are
    seeded at the first step, the numbers of an epoch are a function of the seed and the epoch.

    Args:
        seed: the seed of the run.
        feed: the batches that the model is trained on.
    """

    def __init__(self, seed: int, feed: Feed) -> None:
        super().__init__()
        self.seed = seed
        self.feed = feed
        self._next_states: list[np.ndarray] = []

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if batch:
            return
        if self._next_states:
            backend.set_generator_states(self._next_states)
            self._next_states = []
        else:
            epoch = self.feed.batches.epoch
            backend.seed_generators(int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]))

    def states(self) -> list[np.ndarray]:
        """The current states of the generators."""
        return backend.generator_states()

    def take_up(self, states: list[np.ndarray]) -> None:
        """Makes the next step start from these states instead of a seed."""
        self._next_states = states
