"""Where Ctrl-C stops a training."""

import keras

from plackett.training._interrupt import Interrupt


class StopAtInterrupt(keras.callbacks.Callback):
    """Raises a KeyboardInterrupt after the step, or the end of an epoch, in which Ctrl-C came.

    It is the last callback: all others have heard of what has come to its end.

    Args:
        interrupt: what remembers Ctrl-C.
    """

    def __init__(self, interrupt: Interrupt) -> None:
        super().__init__()
        self.interrupt = interrupt

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.interrupt.check()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.interrupt.check()
