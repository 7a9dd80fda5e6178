"""The output folder of a run: its config, what it ran on, and whether a later command goes on with it."""

import importlib
import importlib.metadata
import pathlib
import platform
import shutil
import subprocess

import keras
import numpy as np
import yaml

from plackett._files import PARTIAL, errors_of_writing, write_whole
from plackett.data import RankingLists
from plackett.training._same_run import WAY_OUT, check_same, check_same_settings


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
        check_same_settings(folder, config)
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
