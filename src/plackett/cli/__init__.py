"""What the `plackett` command starts: chooses the backend, which must happen before Keras is imported."""

import importlib.util
import itertools
import os
import sys

BACKENDS = ("jax", "tensorflow", "torch")


def main() -> None:
    """Runs the command line on the backend of `--backend`, else of $KERAS_BACKEND, else the first installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        os.environ["KERAS_BACKEND"] = chosen_backend(sys.argv[1:], os.environ.get("KERAS_BACKEND"))
    except ValueError as error:
        sys.exit(f"error: {error}")
    from plackett.cli.app import app

    app()


def chosen_backend(arguments: list[str], preset: str | None) -> str:
    """The backend that the arguments name, else `preset`, else the first that is installed.

    Raises:
        ValueError: it is unknown or not installed, or none is.
    """
    installed = [backend for backend in BACKENDS if importlib.util.find_spec(backend)]
    name = preset or next(iter(installed), None)
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument == "--backend":
            name = following
        elif argument.startswith("--backend="):
            name = argument.removeprefix("--backend=")
    if name is None:
        raise ValueError(f"no backend is installed: pip install 'plackett[{'|'.join(BACKENDS)}]', one of these")
    if name not in BACKENDS:
        raise ValueError(f"the backend must be one of {', '.join(BACKENDS)}, but got {name!r}")
    if name not in installed:
        raise ValueError(f"the backend {name} is not installed: pip install 'plackett[{name}]'")
    return name
