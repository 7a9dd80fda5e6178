"""The backends of Keras, and what to do where one is missing. Internal; imports no Keras."""

import importlib.util
import os
import sys

BACKENDS = ("jax", "tensorflow", "torch")


def backend_error(error: ModuleNotFoundError) -> ImportError | None:
    """The error that says what to install, of an import of Keras that found no backend. None = of another import."""
    wanted = str(error.name).partition(".")[0]
    if wanted not in BACKENDS or "keras" in sys.modules:
        return None
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if not installed:
        return ImportError("no backend of Keras is installed: pip install 'plackett[jax]', or [tensorflow], or [torch]")
    source = "as KERAS_BACKEND says" if os.environ.get("KERAS_BACKEND") else "as KERAS_BACKEND is not set"
    return ImportError(
        f"Keras looks for {wanted}, {source}, and it is not installed. Installed is {', '.join(installed)}: set "
        f"KERAS_BACKEND={installed[0]} before Keras is imported, or pip install 'plackett[{wanted}]'"
    )
