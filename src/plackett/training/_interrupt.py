"""Ctrl-C: it stops a training at the next step, and all else at once, always. Needs no Keras.

Where Python raises KeyboardInterrupt at once, the exception may rise in a callback of XLA or of the garbage collector,
which prints it and goes on; Keras imports JAX on every backend. So each one is remembered, for the next check.
"""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator


class Interrupt:
    """A handler of SIGINT that remembers the first, for `check`, and raises; where it waits, at a second one alone."""

    def __init__(self) -> None:
        self.came = False
        self.waits = False

    def __call__(self, number: int, frame: types.FrameType | None) -> None:
        at_once = self.came or not self.waits
        self.came = True
        if at_once:
            signal.default_int_handler(number, frame)

    def check(self) -> None:
        """Raises a KeyboardInterrupt if one has come."""
        if self.came:
            raise KeyboardInterrupt


@contextlib.contextmanager
def remember_interrupts() -> Iterator[Interrupt]:
    """Within this, a SIGINT raises a KeyboardInterrupt at once, as ever, and is remembered should that be swallowed.

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


@contextlib.contextmanager
def catch_interrupts() -> Iterator[Interrupt]:
    """`remember_interrupts`, where a SIGINT waits for the next `check`, at the latest that at the end.

    A second one does not wait, and one that was swallowed before is raised at the beginning.
    """
    with remember_interrupts() as interrupt:
        if interrupt.waits:
            yield interrupt
            return
        interrupt.check()
        interrupt.waits = True
        try:
            yield interrupt
        finally:
            interrupt.waits = False
        interrupt.check()


def check_interrupts() -> None:
    """Raises a KeyboardInterrupt if one has come within `remember_interrupts`."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, Interrupt):
        handler.check()
