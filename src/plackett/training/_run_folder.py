"""The output folder of a run: its config, its surroundings, and whether a later command can continue it."""

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
    """Opens the output folder and writes `environment.yaml` and `config.yaml` into it.

    The config is written last, so a folder without one does not hold a run. The config of a run that continues is left
    unchanged; see `write_changes`.

    Args:
        output: the path of the folder.
        config: the content of `config.yaml`.
        surroundings: the content of `environment.yaml`; see `environment`.
        overwrite: whether an earlier run there may be replaced.
        resume: whether a run there continues.

    Raises:
        FileExistsError: the folder is not empty and neither `overwrite` nor `resume` allows it, or it does not hold a
            run.
        ValueError: `resume` is given, and the folder holds a run with other settings or on other data.
        OSError: the folder cannot be written.
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
    if (folder / WHOLE_MODEL).exists():  # only a two-tower model has one
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
    """The names of the features of some lists, or their number if they have no names."""
    return list(lists.feature_names) if lists.has_feature_names else lists.features.shape[1]


def with_features(lists: RankingLists, features: list[str] | int | None, whose: str) -> RankingLists:
    """Returns the lists with these features, see `features_of`, in this order. None = the features that they have.

    Raises:
        ValueError: the lists have other features; the message says that they are not `whose`.
    """
    if features is None:
        return lists
    names = () if isinstance(features, int) else features
    width = features if isinstance(features, int) else len(features)
    return match_features(lists, names, width, whose)


def data_of_run(folder: pathlib.Path) -> dict:
    """What the run in a folder says of its data; {} if there is no run."""
    return read_yaml(folder / "environment.yaml")["data"] if holds_run(folder) else {}


def write_changes(folder: pathlib.Path, config: dict) -> None:
    """Writes into `config.yaml` those settings that have changed and may change when a run is resumed."""
    before = read_yaml(folder / "config.yaml")
    now = before | {name: config[name] for name in (*FREE, *OF_THE_END)}
    if now != before:
        write_whole(folder / "config.yaml", yaml.safe_dump(now, sort_keys=False))


def _remove(folder, names):
    """Removes files, and the folders of checkpoints and of members."""
    for name in names:
        if name == CHECKPOINTS:
            clear(folder / name)
        elif name == MEMBERS:
            _remove_members(folder)
        else:
            (folder / name).unlink(missing_ok=True)


def _remove_members(folder):
    """Removes the runs of the members of an ensemble, and their folder if nothing else is in it.

    A run under its own name must be complete, so each is renamed first.
    """
    _remove_partial_members(folder / MEMBERS)
    for path in members_of(folder):
        path.rename(path.with_name(f"{PARTIAL}{path.name}"))
    _remove_partial_members(folder / MEMBERS)
    if (folder / MEMBERS).is_dir() and not any((folder / MEMBERS).iterdir()):
        (folder / MEMBERS).rmdir()


def _remove_partial_members(folder):
    """Removes the rest of members whose removal was interrupted by a kill."""
    for path in list(folder.glob(f"{PARTIAL}[0-9]*")):
        if path.is_dir() and path.name.removeprefix(PARTIAL).isdecimal():
            shutil.rmtree(path)


def _git_commit():
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
