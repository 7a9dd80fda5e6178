"""Tells what an output folder holds: a run, a search, the rest of a killed run, or other files. Does not need Keras."""

import csv
import pathlib
from collections.abc import Collection

from plackett._files import MODEL, WHOLE_MODEL, is_partial
from plackett.training._config_file import read_yaml
from plackett.training._lock import is_of_lock

MEMBERS = "members"  # the folder of an ensemble that holds the runs of its members
# The files of an earlier run that are removed, in this order, so that the rest can be resumed at any moment. The
# config, which marks a folder as a run, is replaced.
RESULTS = ("history.csv", "checkpoints", MODEL, "metrics.json", MEMBERS, "divergence.json")
OF_A_RUN = (*RESULTS, WHOLE_MODEL, "environment.yaml", "config.yaml")
# Every config.yaml of a run has had these keys, and no other tool's file has all of them.
NAMES = frozenset({"backend", "loss", "loss_options", "metric", "scorer_options", "epochs", "batch_size", "seed"})
SHOWN = 5


def check_output(folder: pathlib.Path, *, overwrite: bool, resume: bool) -> None:
    """Checks that a run may be written into a folder.

    A run of plackett may be replaced or continued. So may the rest of a run that was killed before it had its
    `config.yaml`. Nothing else is touched.

    Args:
        folder: the folder. It need not exist yet.
        overwrite: whether an earlier run there may be replaced.
        resume: whether a run there continues.

    Raises:
        FileExistsError: the folder is not empty and neither `overwrite` nor `resume` allows it, or it does not hold a
            run.
    """
    there = contents(folder)
    if not there:
        return
    if not holds_run(folder) and not _is_left_by_a_killed_run(folder, there):
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds no run of plackett, but {in_words(folder, there)}, which "
            "overwrite and resume do not touch: choose another output folder, or empty this one yourself"
        )
    if not overwrite and not resume:
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds a run ({in_words(folder, there)}): choose another output "
            "folder (output, --output), replace the run (overwrite, --overwrite), or continue it (resume, --resume)"
        )


def check_search_output(folder: pathlib.Path) -> None:
    """Raises a FileExistsError if a folder cannot take a search because it holds something else."""
    there = [name for name in contents(folder) if not is_partial(name, ["search.yaml"])]
    if there and "search.yaml" not in there:
        raise FileExistsError(
            f"{folder} exists and is not empty: it does not hold a search, but {in_words(folder, there)}: choose "
            "another output folder (output, --output)"
        )


def contents(folder: pathlib.Path) -> list[str]:
    """The names in a folder, except those of its lock; the name of a file itself; [] if nothing exists."""
    if not folder.is_dir():
        return [folder.name] if folder.exists() else []
    return sorted(path.name for path in folder.iterdir() if not is_of_lock(path.name))


def holds_run(folder: pathlib.Path) -> bool:
    """Whether a folder has the `config.yaml` of a run of plackett. A search has one too: that of its best trial."""
    config = _read_mapping(folder / "config.yaml")
    return set(config) >= NAMES and not (folder / "search.yaml").exists()


def members_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of the members of an ensemble, in order. Anything else in `members` is not of plackett."""
    found = [path for path in (folder / MEMBERS).glob("[0-9]*") if path.name.isdecimal() and path.is_dir()]
    runs = [path for path in found if holds_run(path) or _is_left_by_a_killed_run(path, contents(path))]
    return sorted(runs, key=lambda path: int(path.name))


def read_history(folder: pathlib.Path) -> list[dict]:
    """Reads the history in `history.csv`; [] if there is none."""
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: int(x) if name == "epoch" else float(x) for name, x in row.items()} for row in rows]


def _is_left_by_a_killed_run(folder: pathlib.Path, there: Collection[str]) -> bool:
    ours = "environment.yaml" not in there or "plackett" in _read_mapping(folder / "environment.yaml")
    before_the_config = (x == "environment.yaml" or is_partial(x, ("environment.yaml", "config.yaml")) for x in there)
    return ours and all(before_the_config)


def _read_mapping(path: pathlib.Path) -> dict:
    """Reads a YAML file; {} if it does not hold a mapping of names."""
    try:
        return read_yaml(path)
    except (OSError, ValueError):
        return {}


def in_words(folder: pathlib.Path, there: list[str]) -> str:
    """The names in a folder, as errors show them."""
    if not folder.is_dir():
        return "a file of that name"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return ", ".join(there[:SHOWN]) + more
