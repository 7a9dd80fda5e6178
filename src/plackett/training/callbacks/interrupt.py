"""Where Ctrl-C stops a training."""

import keras

from plackett.training._interrupt import Interrupt
from plackett.training.callbacks.checkpoints import Checkpoints


class StopAtInterrupt(keras.callbacks.Callback):
    """Raises a KeyboardInterrupt after the step, or the end of an epoch, in which Ctrl-C came.

    It is the last callback: all others have heard of what has come to its end. Where there are checkpoints, one is
    written before, so that a resumed run goes on from there; of the last step of an epoch that is once it is measured.

    Args:
        interrupt: what remembers Ctrl-C.
        checkpoints: those of the run, or None.
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
