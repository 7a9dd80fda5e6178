"""Reads the settings of a run from a file."""

import dataclasses
import pathlib

import yaml

from plackett._files import check_file
from plackett.registry import check_known
from plackett.training._settings import Settings

SOURCE = ("data", "validation", "reading", "clicks", "teacher", "backend")


def read_config(path: pathlib.Path, running: str, backend: str | None = None) -> dict:
    """Reads a `config.yaml`: settings, and `data`, `validation`, `reading`, `clicks`, `teacher` if it has them.

    Args:
        path: the file.
        running: the backend of this process.
        backend: the backend that the user asked for, which may differ from that of the file. None = the file's backend.

    Raises:
        ValueError: an unknown setting, or the run was made on another backend than that of this process.
        OSError: the file cannot be read.
    """
    config = read_yaml(path)
    known = [*SOURCE, *(field.name for field in dataclasses.fields(Settings))]
    try:
        for name in config:
            check_known("setting", name, known)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if config.pop("backend", running) != running and backend is None:
        other = read_yaml(path)["backend"]
        raise ValueError(
            f"{path} holds a run on {other}, but this process uses {running}: give --backend {other} or {running}"
        )
    if isinstance(config.get("validation"), str):
        # Words instead of files: the lists were held out of the training data, and the seed draws them again.
        del config["validation"]
    return config


def read_yaml(path: pathlib.Path) -> dict:
    """Reads the mapping that a YAML file holds.

    Raises:
        ValueError: the file is not YAML, or does not hold a mapping.
        OSError: the file cannot be read.
    """
    check_file(path)
    try:
        read = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(read, dict):
        raise ValueError(f"{path} must hold names and values, but holds {type(read).__name__}")
    return read
