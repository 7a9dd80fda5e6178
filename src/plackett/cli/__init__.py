"""The `plackett` command. Internal: only its flags are public.

A command imports Keras when it needs it, after all checks that do not need it.
"""

import os
import sys

from plackett.training._interrupt import remember_interrupts


def main() -> None:
    """Runs the command line. Ctrl-C can end it from its first import on."""
    _hold_streams()
    with remember_interrupts() as interrupt:
        try:
            from plackett.cli._app import make_command

            command = make_command()
            interrupt.check()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or interrupt.came:
                print("stopped", file=sys.stderr)
                raise SystemExit(130) from None
            raise
        command()


def _hold_streams():
    """Opens the null device in place of any stream that was closed before Python began.

    Otherwise its number would go to the next file or connection, and a native library might write into that.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
