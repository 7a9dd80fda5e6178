"""The `plackett` command. Internal: its flags are what it offers.

A command imports Keras when it needs it, after all that can be checked without it.
"""

import os
import sys

from plackett.training._interrupt import remember_interrupts


def main() -> None:
    """Runs the command line, which Ctrl-C ends from its first import on."""
    _hold_streams()
    with remember_interrupts() as interrupt:
        try:
            from plackett.cli._app import make_command

            command = make_command()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or interrupt.came:
                print("stopped", file=sys.stderr)
                raise SystemExit(130) from None
            raise
        command()


def _hold_streams():
    """Opens nothing in the place of a stream that was closed before Python began.

    Its number would go to the next file or connection, into which a library that is not Python's would then write.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
