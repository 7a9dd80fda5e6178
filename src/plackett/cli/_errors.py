"""The message and the exit code for an error of a command.

- A user error: one line, exit code 2. It is a ValueError that plackett itself raises, or an error of the environment:
  an OSError, too little memory, or an ImportError in which a library says what to install.
- Anything else is a fault, exit code 70: a TypeError, a KeyError, or a ValueError that numpy, Keras or a backend raises
  because of a call by plackett. Its traceback is shown, and the user is not blamed.

Ctrl-C has exit code 130.
"""

import contextlib
import pathlib
import traceback
import types
import warnings
from collections.abc import Iterator

from rich.text import Text

from plackett.cli._tables import errors

OF_USE, FAULT = 2, 70
ROOT = pathlib.Path(__file__).parents[1]


def show(error: Exception, *, debug: bool) -> int:
    """Shows an error on the standard error stream.

    Args:
        error: the error that a command raised.
        debug: whether a user error is shown with its traceback too.

    Returns:
        The exit code.
    """
    of_use = is_of_use(error)
    if debug or not of_use:
        _print("".join(traceback.format_exception(error)).rstrip())
    if of_use:
        _print(in_words(error), "error: ")
        return OF_USE
    origin = _origin(error).partition(".")[0]
    _print(
        f"{type(error).__name__} in {origin}. This is an error of plackett or of a library that it uses, not of your "
        "command: please report it with the lines above",
        "fault: ",
    )
    return FAULT


@contextlib.contextmanager
def warnings_in_lines() -> Iterator[None]:
    """Within this context, a warning of plackett is one line on the standard error stream."""
    with warnings.catch_warnings():
        show_other = warnings.showwarning

        def show_warning(message, category, filename, *rest, **options):
            if category is UserWarning and ROOT in pathlib.Path(filename).parents:
                _print(" ".join(str(message).split()), "warning: ")
            else:
                show_other(message, category, filename, *rest, **options)

        warnings.filterwarnings("always", category=UserWarning, module="plackett")
        warnings.showwarning = show_warning
        yield


def is_of_use(error: Exception) -> bool:
    """Whether the user or the environment is the cause of an error, by the rule of this module."""
    if isinstance(error, OSError | MemoryError):
        return True
    module = _origin(error)
    if isinstance(error, ImportError):
        return module != "importlib._bootstrap"  # raised there, it does not say what to install
    return isinstance(error, ValueError) and module.partition(".")[0] == "plackett"


def in_words(error: Exception) -> str:
    """Returns an error as one line. A missing file always has the same wording."""
    words = str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        words = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return " ".join(words.split()) or type(error).__name__


def _print(text: str, heading: str = "") -> None:
    """Prints a text unchanged, after a red heading. Its lines are not wrapped."""
    errors.print(Text.assemble((heading, "bold red"), text), highlight=False, soft_wrap=True)


def _origin(error: Exception) -> str:
    """The module that raised an error: that of its innermost frame, or for an error of a worker what it says."""
    innermost: types.FrameType = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    return getattr(error, "raised_in", innermost.f_globals.get("__name__", ""))
