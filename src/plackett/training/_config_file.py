"""The settings of a run from a file."""

import dataclasses
import pathlib

import yaml

from plackett._files import check_file
from plackett.registry import check_known
from plackett.training._settings import Settings

SOURCE = ("data", "validation", "reading", "clicks", "teacher", "backend")


def read_config(path: pathlib.Path, running: str, backend: str | None = None) -> dict:
    """What a `config.yaml` holds: settings, and `data`, `validation`, `reading`, `clicks`, `teacher` where it has them.

    Args:
        path: the file.
        running: the backend of this process.
        backend: the backend that was asked for in spite of the file's. None = it must be the file's.

    Raises:
        ValueError: an unknown setting, or a run on another backend than that of this process.
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
        raise ValueError(f"{path} is of a run on {other}, and this is {running}: give --backend {other} or {running}")
    if isinstance(config.get("validation"), str):
        # Words instead of files: the lists were held out of the training data, which the seed repeats.
        del config["validation"]
    return config


def read_yaml(path: pathlib.Path) -> dict:
    """The mapping that a YAML file holds.

    Raises:
        ValueError: it is no YAML or no mapping.
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
