"""Ctrl-C while a model is trained: it stops the training at the next step, always. Needs no Keras.

Where Python raises KeyboardInterrupt at once, the exception may rise in a callback of XLA or of the garbage collector,
which prints it and goes on; Keras imports JAX on every backend.
"""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator


class Interrupt:
    """A handler of SIGINT that remembers the first, for `check`, and raises at a second."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: types.FrameType | None) -> None:
        if self.came:
            signal.default_int_handler(number, frame)
        self.came = True

    def check(self) -> None:
        """Raises a KeyboardInterrupt if one has come."""
        if self.came:
            raise KeyboardInterrupt


@contextlib.contextmanager
def catch_interrupts() -> Iterator[Interrupt]:
    """Within this, a SIGINT waits for the next `check`, at the latest that at the end; a second one does not wait.

    In another thread than the main one, which hears of no signal, and where the program has a handler of its own, which
    then decides, nothing is changed. Within another one, it is the same.
    """
    previous = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and isinstance(previous, Interrupt):
        yield previous
        return
    interrupt = Interrupt()
    if not in_main or previous is not signal.default_int_handler:
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, previous)
    interrupt.check()
