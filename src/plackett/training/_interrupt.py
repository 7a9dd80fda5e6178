"""Ctrl-C: it stops a training at the next step, and all else at once, or once an import is over. Needs no Keras.

Where Python raises KeyboardInterrupt at once, the exception may rise in a callback of XLA or of the garbage collector,
which prints it and goes on; Keras imports JAX on every backend. So each one is remembered, for the next check. Within
an import it may rise in code of C++ that knows no exceptions, which aborts the process: there it comes when the import
is over.
"""

import _thread
import contextlib
import signal
import sys
import threading
import types
from collections.abc import Iterator

AGAIN_SECONDS = 0.05  # behind which one that came within an import comes again


class Interrupt:
    """A handler of SIGINT that remembers the first, for `check`, and raises; where it waits, at a second one alone."""

    def __init__(self) -> None:
        self.came = False
        self.waits = False
        self._imports_before = _imports_of(sys._getframe())
        self._again: threading.Timer | None = None

    def __call__(self, number: int, frame: types.FrameType | None) -> None:
        at_once = self.came or not self.waits
        self.came = True
        if not at_once:
            return
        if _imports_of(frame) <= self._imports_before:
            signal.default_int_handler(number, frame)
        self.end()  # one that waits already, of a first Ctrl-C, has no other end
        self._again = threading.Timer(AGAIN_SECONDS, _thread.interrupt_main)
        self._again.daemon = True
        self._again.start()

    def check(self) -> None:
        """Raises a KeyboardInterrupt if one has come."""
        if self.came:
            raise KeyboardInterrupt

    def end(self) -> None:
        """Lets none come again."""
        if self._again is not None:
            self._again.cancel()


def _imports_of(frame: types.FrameType | None) -> int:
    """How many imports are under way in a frame."""
    number = 0
    while frame is not None:
        number += frame.f_globals.get("__name__") == "importlib._bootstrap"
        frame = frame.f_back
    return number


@contextlib.contextmanager
def remember_interrupts() -> Iterator[Interrupt]:
    """Within this, a SIGINT raises a KeyboardInterrupt as ever, though not within an import, and is remembered.

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
        interrupt.end()
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
