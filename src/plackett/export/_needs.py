"""The packages that an export needs beside a backend. Does not need Keras itself."""

import importlib.util

EXPORTERS = {"jax": "jax2onnx", "tensorflow": "tf2onnx", "torch": "onnxscript"}
EXTRAS = {"jax2onnx": "export-jax", "tensorflow": "tensorflow"}
NO_SAVED_MODEL = (
    "PyTorch cannot write a SavedModel: export on tensorflow or jax (--backend tensorflow), whichever backend the "
    "model was trained on, or write an ONNX file"
)


def another_backend(backend: str) -> str:
    """Says what to do with a model that the exporter of a backend cannot convert."""
    return f"Another backend may: {', '.join(x for x in EXPORTERS if x != backend)} (--backend), see docs/export.md"


def lacking(form: str, backend: str) -> list[str]:
    """The packages that a form, "onnx" or "saved_model", needs on a backend and that are not installed."""
    needs = ["onnx", "onnxruntime", EXPORTERS[backend]] if form == "onnx" else ["tensorflow"]
    return [name for name in needs if importlib.util.find_spec(name) is None]


def check_needs(form: str, backend: str) -> None:
    """Checks that a form can be written on a backend.

    Raises:
        ImportError: a package is not installed; the message says how to install it.
        ValueError: the backend cannot write it.
    """
    if form == "saved_model" and backend == "torch":
        raise ValueError(NO_SAVED_MODEL)
    if missing := lacking(form, backend):
        what = "an ONNX file" if form == "onnx" else "a SavedModel"
        extras = ",".join(dict.fromkeys(EXTRAS.get(name, "export") for name in missing))
        others = [
            other for other in EXPORTERS if other != backend and importlib.util.find_spec(other) and can(form, other)
        ]
        instead = f"; or export on {' or '.join(others)}, whose exporter is installed (--backend)" if others else ""
        raise ImportError(f"{what} on {backend} needs {', '.join(missing)}: pip install 'plackett[{extras}]'{instead}")


def check_onnx() -> None:
    """Raises an ImportError if ONNX files cannot be read and run."""
    if missing := [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]:
        raise ImportError(f"an ONNX file for Vespa needs {', '.join(missing)}: pip install 'plackett[export]'")


def can(form: str, backend: str) -> bool:
    """Whether a form can be written on a backend with the installed packages."""
    return not (form == "saved_model" and backend == "torch") and not lacking(form, backend)
