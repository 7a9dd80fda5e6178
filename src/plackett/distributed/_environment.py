"""The environment of a worker: its threads, and the same versions as in the process that asked. Imports no Keras."""

import importlib.metadata
import os
import pathlib
import platform
import sys
from collections.abc import Mapping

import plackett

# Packages that a result, or data that is sent, depends on.
ALIKE = ("plackett", "keras")


def variables_of(threads: int, backend: str) -> dict[str, str]:
    """The environment variables of a worker, which must be set before Keras is imported.

    >>> variables_of(2, "jax")["NPROC"]
    '2'
    """
    return {
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": str(threads),
        "NPROC": str(threads),  # of XLA
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def python_path() -> str:
    """The module paths of this process, without those that each machine has installed for itself."""
    installed = (sys.prefix, sys.base_prefix)
    own = [str(pathlib.Path(path).absolute()) for path in sys.path]
    paths = [str(pathlib.Path(plackett.__file__).parents[1]), *(x for x in own if not x.startswith(installed))]
    return os.pathsep.join(dict.fromkeys(paths))


def versions() -> dict[str, str]:
    """The versions, in this process, of packages that must have the same version in all processes."""
    return {name: importlib.metadata.version(name) for name in ALIKE}


def check_versions(of_asker: Mapping[str, str]) -> None:
    """Raises a ValueError if this process has other versions than the process that asked.

    >>> check_versions(versions())
    """
    here = versions()
    if others := [name for name in of_asker if here.get(name) != of_asker[name]]:
        words = " and ".join(f"{name} {here.get(name)}, not {of_asker[name]}" for name in others)
        raise ValueError(
            f"the machine {platform.node()} has {words} as the process that asked: install the same versions on all "
            "machines"
        )
