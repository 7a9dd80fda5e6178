"""Chooses the backend of Keras, before Keras is imported."""

import importlib.util
import os
import sys

from plackett._backends import BACKENDS


def choose_backend(given: str | None) -> str:
    """Chooses the backend of this process.

    Args:
        given: the value of `--backend`. None = that of $KERAS_BACKEND, else the first that is installed.

    Returns:
        The name of the backend.

    Raises:
        ValueError: the backend is unknown or not installed, none is installed, or Keras already runs on another one.
    """
    if "keras" in sys.modules:
        running = sys.modules["keras"].backend.backend()
        if given not in (None, running):
            raise ValueError(f"Keras already runs on {running} in this process, not on {given}")
        return running
    name = find_backend(given or os.environ.get("KERAS_BACKEND"))
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return name


def find_backend(name: str | None) -> str:
    """Returns the backend of this name, if it is installed. None = the first that is installed.

    Raises:
        ValueError: the backend is unknown or not installed, or none is installed.
    """
    if name is not None and name not in BACKENDS:
        raise ValueError(f"the backend must be one of {', '.join(BACKENDS)}, but got {name!r}")
    installed = [backend for backend in BACKENDS if importlib.util.find_spec(backend)]
    if not installed:
        raise ValueError(f"no backend is installed: install one with pip install 'plackett[{'|'.join(BACKENDS)}]'")
    if name is not None and name not in installed:
        raise ValueError(f"the backend {name} is not installed: pip install 'plackett[{name}]'")
    return name or installed[0]
