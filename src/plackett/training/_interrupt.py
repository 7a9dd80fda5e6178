"""Ctrl-C: stops a training at the next step, and anything else at once or after a running import. Does not need Keras.

If Python raises KeyboardInterrupt at once, the exception may rise in a callback of XLA or of the garbage collector,
which prints it and continues; Keras imports JAX on every backend. So each interrupt is remembered for the next check.
During an import the exception may rise in C++ code that does not handle exceptions, which aborts the process. There it
is raised when the import is over.
"""

import _thread
import contextlib
import signal
import sys
import threading
import types
from collections.abc import Iterator

AGAIN_SECONDS = 0.05  # an interrupt during an import comes again after this time


class Interrupt:
    """A handler of SIGINT that remembers the first one for `check`, and raises. If it waits, only the second raises."""

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
        self.end()  # nothing else ends the wait that a first Ctrl-C may have begun
        self._again = threading.Timer(AGAIN_SECONDS, _thread.interrupt_main)
        self._again.daemon = True
        self._again.start()

    def check(self) -> None:
        """Raises a KeyboardInterrupt if one has come."""
        if self.came:
            self.end()
            raise KeyboardInterrupt

    def end(self) -> None:
        """Makes sure that no interrupt comes again."""
        if self._again is not None:
            self._again.cancel()


def _imports_of(frame: types.FrameType | None) -> int:
    """The number of imports that are running in a frame."""
    number = 0
    while frame is not None:
        number += frame.f_globals.get("__name__") == "importlib._bootstrap"
        frame = frame.f_back
    return number


@contextlib.contextmanager
def remember_interrupts() -> Iterator[Interrupt]:
    """Within this context, a SIGINT raises a KeyboardInterrupt as usual, but not during an import, and is remembered.

    Nothing changes in a thread other than the main one, which receives no signals, or if the program has a handler of
    its own, which then decides. A nested context gives the outer one.
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
    """Like `remember_interrupts`, but a SIGINT waits for the next `check`, at the latest for the one at the end.

    A second SIGINT does not wait. One that was swallowed before is raised at the beginning.
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
