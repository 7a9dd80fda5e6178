"""What is in an output folder: a run, a search, what a killed one left, or what is not of plackett. Needs no Keras."""

import csv
import pathlib
from collections.abc import Collection

from plackett._files import MODEL, WHOLE_MODEL, is_partial
from plackett.training._config_file import read_yaml
from plackett.training._lock import is_of_lock

MEMBERS = "members"  # what an ensemble calls the folder of the runs of its members
# What is taken away of an earlier run, in this order: what is left of it may be resumed at any moment. The config,
# which says that it is a run, is replaced.
RESULTS = ("history.csv", "checkpoints", MODEL, "metrics.json", MEMBERS, "divergence.json")
OF_A_RUN = (*RESULTS, WHOLE_MODEL, "environment.yaml", "config.yaml")
# What every config.yaml of a run has had, and that of no other tool has all of.
NAMES = frozenset({"backend", "loss", "loss_options", "metric", "scorer_options", "epochs", "batch_size", "seed"})
SHOWN = 5


def check_output(folder: pathlib.Path, *, overwrite: bool, resume: bool) -> None:
    """Checks that a run may be written into a folder.

    A run of plackett may be replaced or gone on with, and so may what one left that was killed before it had its
    `config.yaml`. Nothing else is touched.

    Args:
        folder: it need not be there yet.
        overwrite: whether an earlier run there may be replaced.
        resume: whether a run there goes on.

    Raises:
        FileExistsError: there is something in it and neither `overwrite` nor `resume` allows for it, or it is no run.
    """
    there = contents(folder)
    if not there:
        return
    if not holds_run(folder) and not _is_left_by_a_killed_run(folder, there):
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds no run of plackett, but {in_words(folder, there)}, which "
            "overwrite and resume leave alone: choose another output folder, or empty this one yourself"
        )
    if not overwrite and not resume:
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds a run ({in_words(folder, there)}): choose another output "
            "folder (output, --output), replace the run (overwrite, --overwrite), or go on with it (resume, --resume)"
        )


def check_search_output(folder: pathlib.Path) -> None:
    """Raises a FileExistsError where a search cannot be in a folder, because something else is."""
    there = [name for name in contents(folder) if not is_partial(name, ["search.yaml"])]
    if there and "search.yaml" not in there:
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds no search, but {in_words(folder, there)}: choose another "
            "output folder (output, --output)"
        )


def contents(folder: pathlib.Path) -> list[str]:
    """The names in a folder but those of its lock; of a file its own; [] where there is none."""
    if not folder.is_dir():
        return [folder.name] if folder.exists() else []
    return sorted(path.name for path in folder.iterdir() if not is_of_lock(path.name))


def holds_run(folder: pathlib.Path) -> bool:
    """Whether a folder has the `config.yaml` of a run of plackett; that of a search has one too, of its best trial."""
    config = _read_mapping(folder / "config.yaml")
    return set(config) >= NAMES and not (folder / "search.yaml").exists()


def members_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The folders of the members of an ensemble, in their order; whatever else is in `members` is not of plackett."""
    found = [path for path in (folder / MEMBERS).glob("[0-9]*") if path.name.isdecimal() and path.is_dir()]
    runs = [path for path in found if holds_run(path) or _is_left_by_a_killed_run(path, contents(path))]
    return sorted(runs, key=lambda path: int(path.name))


def read_history(folder: pathlib.Path) -> list[dict]:
    """The history that `history.csv` tells of; [] where there is none."""
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
    """What a YAML file holds; {} where that is no mapping of names."""
    try:
        return read_yaml(path)
    except (OSError, ValueError):
        return {}


def in_words(folder: pathlib.Path, there: list[str]) -> str:
    """The names in a folder, as errors tell them."""
    if not folder.is_dir():
        return "a file of that name"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return ", ".join(there[:SHOWN]) + more
