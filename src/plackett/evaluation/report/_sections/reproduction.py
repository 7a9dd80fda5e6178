"""How to reproduce the report."""

import importlib.metadata
import platform

import keras
from markupsafe import Markup

from plackett.evaluation.report._html import render
from plackett.evaluation.report._material import Material
from plackett.evaluation.report._registry import section

PACKAGES = ("plackett", "keras", "numpy", "scipy", "altair", "vl-convert-python")


@section("How to make it anew", place=90)
def reproduction(material: Material) -> Markup:
    """Shows the commands, the versions, the seed and the source of the data."""
    versions = {"Python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}
    backend = keras.backend.backend()
    module = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow"}.get(backend)
    if module is not None:
        versions[f"{module}, the backend"] = importlib.import_module(module).__version__
    return render(
        "reproduction.html",
        commands=material.commands,
        versions=versions,
        seed=material.seed,
        fingerprint=material.lists.fingerprint(),
    )
