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

from plackett._files import PARTIAL, WHOLE_MODEL, errors_of_writing, make_folder, remove_partial, write_whole
from plackett.data import RankingLists
from plackett.data._features import match_features
from plackett.training._config_file import read_yaml
from plackett.training._output_folder import MEMBERS, OF_A_RUN, RESULTS, check_output, holds_run, members_of
from plackett.training._same_run import FREE, OF_THE_END, WAY_OUT, check_same, check_same_settings
from plackett.training.callbacks.checkpoints import CHECKPOINTS, clear


def open_run_folder(
    output: str | pathlib.Path, config: dict, surroundings: dict, *, overwrite: bool, resume: bool
) -> pathlib.Path:
    """The output folder with `environment.yaml` and `config.yaml` in it.

    The config is written last, so a folder that has none holds no run. Of a run that goes on it stays as it was, see
    `write_changes`.

    Args:
        output: where it is to be.
        config: what `config.yaml` is to hold.
        surroundings: what `environment.yaml` is to hold, see `environment`.
        overwrite: whether an earlier run there may be replaced.
        resume: whether a run there goes on.

    Raises:
        FileExistsError: there is something in it and neither `overwrite` nor `resume` allows for it, or it is no run.
        ValueError: `resume`, and it holds a run with other settings or on other data.
        OSError: it cannot be written.
    """
    folder = pathlib.Path(output)
    check_output(folder, overwrite=overwrite, resume=resume)
    if resume and holds_run(folder):
        check_same_settings(folder, config)
        check_same(folder, "environment.yaml", surroundings["data"], lambda before: before["data"], WAY_OUT)
        remove_partial(folder, OF_A_RUN)
        _remove_partial_members(folder / MEMBERS)
        _remove(folder, ["divergence.json"])
        return folder
    with errors_of_writing(folder):
        make_folder(folder)
    remove_partial(folder, OF_A_RUN)
    _remove(folder, RESULTS)
    if (folder / WHOLE_MODEL).exists():  # of two towers, which the new run may not have
        _remove(folder, [WHOLE_MODEL])
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
        "data": {
            "training_lists": lists.fingerprint(),
            "validation_lists": validation.fingerprint(),
            "features": features_of(lists),
        },
    }


def features_of(lists: RankingLists) -> list[str] | int:
    """The names of the features of some lists, or how many there are where they have numbers alone."""
    return list(lists.feature_names) if lists.has_feature_names else lists.features.shape[1]


def with_features(lists: RankingLists, features: list[str] | int | None, whose: str) -> RankingLists:
    """The lists with these features, see `features_of`, in this order. None = those that they have.

    Raises:
        ValueError: they have other features; says that they are not `whose`.
    """
    if features is None:
        return lists
    names = () if isinstance(features, int) else features
    width = features if isinstance(features, int) else len(features)
    return match_features(lists, names, width, whose)


def data_of_run(folder: pathlib.Path) -> dict:
    """What the run in a folder says of its data; {} where there is no run."""
    return read_yaml(folder / "environment.yaml")["data"] if holds_run(folder) else {}


def write_changes(folder: pathlib.Path, config: dict) -> None:
    """Writes into `config.yaml` what has changed of the settings that may while a run is resumed."""
    before = read_yaml(folder / "config.yaml")
    now = before | {name: config[name] for name in (*FREE, *OF_THE_END)}
    if now != before:
        write_whole(folder / "config.yaml", yaml.safe_dump(now, sort_keys=False))


def _remove(folder, names):
    """Takes away files, and the folders of checkpoints and of members."""
    for name in names:
        if name == CHECKPOINTS:
            clear(folder / name)
        elif name == MEMBERS:
            _remove_members(folder)
        else:
            (folder / name).unlink(missing_ok=True)


def _remove_members(folder):
    """Takes away the runs of the members of an ensemble, and their folder if nothing else is in it.

    Under its name each is whole, so it loses the name first.
    """
    _remove_partial_members(folder / MEMBERS)
    for path in members_of(folder):
        path.rename(path.with_name(f"{PARTIAL}{path.name}"))
    _remove_partial_members(folder / MEMBERS)
    if (folder / MEMBERS).is_dir() and not any((folder / MEMBERS).iterdir()):
        (folder / MEMBERS).rmdir()


def _remove_partial_members(folder):
    """What was being taken away when a process was killed."""
    for path in list(folder.glob(f"{PARTIAL}[0-9]*")):
        if path.is_dir() and path.name.removeprefix(PARTIAL).isdecimal():
            shutil.rmtree(path)


def _git_commit():
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
