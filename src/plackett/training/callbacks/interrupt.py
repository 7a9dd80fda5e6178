"""Stops a training at Ctrl-C."""

import keras

from plackett.training._interrupt import Interrupt
from plackett.training.callbacks.checkpoints import Checkpoints


class StopAtInterrupt(keras.callbacks.Callback):
    """Raises a KeyboardInterrupt after the step, or the end of an epoch, in which Ctrl-C came.

    It is the last callback, so all others have seen the step. With checkpoints, one is written first, so that a resumed
    run continues from there. For the last step of an epoch this happens after the epoch is measured.

    Args:
        interrupt: remembers Ctrl-C.
        checkpoints: the checkpoints of the run, or None.
    """

    def __init__(self, interrupt: Interrupt, checkpoints: Checkpoints | None) -> None:
        super().__init__()
        self.interrupt = interrupt
        self.checkpoints = checkpoints

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.interrupt.came and (self.checkpoints is None or self.checkpoints.write_after_step(batch)):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.interrupt.came:
            if self.checkpoints is not None:
                self.checkpoints.write_after_epoch(epoch)
            raise KeyboardInterrupt
