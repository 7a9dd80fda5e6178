"""The output folder of a run: its config, what it ran on, and whether a later command goes on with it."""

import dataclasses
import importlib
import importlib.metadata
import pathlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping

import keras
import numpy as np
import yaml

from plackett._files import PARTIAL, errors_of_writing, write_whole
from plackett.data import RankingLists
from plackett.training._objects import without_names
from plackett.training._settings import Settings, is_options

# Settings that may change while a run is resumed: the weights do not depend on them.
FREE = ("checkpoint_steps", "checkpoint_minutes", "keep_checkpoints")
WAY_OUT = "replace it (overwrite, --overwrite) or choose another output folder"
LONG = 300  # letters of a difference that nobody reads


def open_run_folder(
    output: str | pathlib.Path, config: dict, surroundings: dict, *, overwrite: bool, resume: bool
) -> pathlib.Path:
    """The output folder with `environment.yaml` and `config.yaml` in it.

    The config is written last, so a folder that has none holds no run.

    Args:
        output: where it is to be.
        config: what `config.yaml` is to hold.
        surroundings: what `environment.yaml` is to hold, see `environment`.
        overwrite: whether an earlier run there may be replaced.
        resume: whether a run there goes on.

    Raises:
        FileExistsError: there is something in it and neither `overwrite` nor `resume` allows for it.
        ValueError: `resume`, and it holds a run with other settings or on other data.
        OSError: it cannot be written.
    """
    folder = pathlib.Path(output)
    if resume and (folder / "config.yaml").is_file():
        check_same(folder, "config.yaml", _to_compare(config), _to_compare, WAY_OUT)
        check_same(folder, "environment.yaml", surroundings["data"], lambda before: before["data"], WAY_OUT)
        _remove_partial(folder)
        return folder
    if resume and folder.is_dir():
        _remove_partial(folder)
        (folder / "environment.yaml").unlink(missing_ok=True)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not overwrite:
        raise FileExistsError(
            f"{folder} exists and is not empty: choose another output folder, replace what is there (overwrite, "
            "--overwrite), or go on with the run in it (resume, --resume)"
        )
    with errors_of_writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.yaml", "model.keras", "metrics.json", "history.csv", "divergence.json"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    write_whole(folder / "environment.yaml", yaml.safe_dump(surroundings, sort_keys=False))
    write_whole(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    return folder


def environment(lists: RankingLists, validation: RankingLists) -> dict:
    """What a run depends on besides its settings: versions, the git commit of the working directory, and the data."""
    backend = keras.backend.backend()
    return {
        "plackett": importlib.metadata.version("plackett"),
        "keras": keras.__version__,
        "backend": {"name": backend, "version": str(importlib.import_module(backend).__version__)},
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git_commit": _git_commit(),
        "data": {"training_lists": lists.fingerprint(), "validation_lists": validation.fingerprint()},
    }


def check_same(folder: pathlib.Path, name: str, now: dict, part: Callable[[dict], dict], way_out: str) -> None:
    """Raises a ValueError that says what differs between what is given now and `part` of a YAML file in `folder`."""
    before = part(yaml.safe_load((folder / name).read_text()))
    now = yaml.safe_load(yaml.safe_dump(now))
    differences = [
        _difference(key, before.get(key), now.get(key)) for key in before | now if before.get(key) != now.get(key)
    ]
    if differences:
        raise ValueError(
            f"{folder} cannot be resumed, it holds another run: {'; '.join(differences)}. To train anew, {way_out}"
        )


def _difference(key, before, now):
    words = f"{key} was {_shown(before, now)} and is {_shown(now, before)}"
    return words if len(words) < LONG else f"{key} is another one"


def _shown(value, other):
    """A value; the config of an object as its class, and what differs from another of it."""
    if not isinstance(value, Mapping) or is_options(value):
        return repr(value)
    config, another = (x.get("config") if isinstance(x, Mapping) else None for x in (value, other))
    config, another = (x if isinstance(x, Mapping) else {} for x in (config, another))
    options = [f"{name}={x!r}" for name, x in config.items() if name in another and another[name] != x]
    return f"{value['class_name']}({', '.join(options)})"


def _to_compare(config):
    known = {"backend", *(field.name for field in dataclasses.fields(Settings))} - set(FREE)
    return {name: without_names(value) for name, value in config.items() if name in known}


def _remove_partial(folder):
    """Takes away what a killed run had not finished writing, and why another diverged."""
    for path in [*folder.glob(f"{PARTIAL}*"), folder / "divergence.json"]:
        path.unlink(missing_ok=True)


def _git_commit():
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
