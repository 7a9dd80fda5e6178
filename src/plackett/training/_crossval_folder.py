"""The output folder of a cross-validation: what was run, and the results of finished runs. Does not need Keras."""

import csv
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import yaml

from plackett._files import errors_of_writing, is_partial, remove_partial, replace, write_whole
from plackett.training._config_file import read_yaml
from plackett.training._output_folder import contents, in_words
from plackett.training._same_run import BEFORE, FREE, check_same, without_names

RECORD, TABLE, RESULTS = "crossval.yaml", "crossval.csv", "results.parquet"
COLUMNS = ("configuration", "fold", "seed", "best_epoch", "epochs")  # columns of the table before the metrics
FILES = (RECORD, TABLE, RESULTS)
OF_THE_DATA = ("backend", "lists", "features", "queries_of_folds", "cut")
FORBIDDEN = '<>:"/\\|?*'  # not allowed in a folder name on at least one system


class Run(NamedTuple):
    """One training of a cross-validation.

    >>> Run("softmax", fold=2, seed=0).place
    'softmax/fold-2/seed-0'

    Args:
        configuration: the name of the configuration.
        fold: the number of the turn, from 1; see `turn`.
        seed: the seed of the training.
    """

    configuration: str
    fold: int
    seed: int

    @property
    def place(self) -> str:
        """The folder of this run's record, relative to that of the cross-validation."""
        return f"{self.configuration}/fold-{self.fold}/seed-{self.seed}"


class Outcome(NamedTuple):
    """The result of a run.

    Args:
        best_epoch: the epoch with the best validation metric, from 1; for an ensemble, the last best epoch of its
            members.
        epochs: the number of epochs that were trained; for an ensemble, the largest number of its members.
        values: [metrics, queries of the test fold] float64.
    """

    best_epoch: int
    epochs: int
    values: np.ndarray


def check_names(names: Sequence[str]) -> None:
    """Raises a ValueError if a name has characters that folder names may not have, is the name of a file that stands
    beside the folder, or differs from another name by case alone."""
    seen: dict[str, str] = {}
    for name in names:
        bad = not isinstance(name, str) or name != name.strip(" .") or not name.isprintable()
        if bad or not name or set(name) & set(FORBIDDEN) or name in FILES:
            raise ValueError(
                f"the name of a configuration must be printable, without any of {FORBIDDEN}, must not begin or end "
                "with a dot "
                f"or a space, and must not be one of {', '.join(FILES)}, since it names a folder, but got {name!r}"
            )
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise ValueError(
                f"the names of two configurations must differ by more than case, but got {other} and {name}"
            )


def check_crossval_output(folder: pathlib.Path, *, resume: bool) -> None:
    """Raises a FileExistsError if a cross-validation cannot begin in a folder or, with `resume`, continue there."""
    there = [name for name in contents(folder) if not is_partial(name, FILES)]
    if there and RECORD not in there:
        raise FileExistsError(
            f"{folder} exists and is not empty: it does not hold a cross-validation, but {in_words(folder, there)}: "
            "choose another output folder (output, --output)"
        )
    if there and not resume:
        raise FileExistsError(
            f"{folder} exists and holds a cross-validation: continue it (resume, --resume), or choose another output "
            "folder (output, --output)"
        )


def check_nothing_lost(
    folder: pathlib.Path, configurations: Iterable[str], seeds: Iterable[int], stated: Iterable[str]
):
    """Raises a ValueError if the tables of a folder have rows or metrics that would be lost."""
    if not (folder / TABLE).is_file():
        return
    with (folder / TABLE).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        known = (rows.fieldnames or [])[len(COLUMNS) :]
        there = [(row["configuration"], row["seed"]) for row in rows]
    asked = {
        "configuration": (dict.fromkeys(name for name, _ in there), set(configurations)),
        "seed": (dict.fromkeys(seed for _, seed in there), set(map(str, seeds))),
        "metric": (known, set(stated)),
    }
    lacking = [f"the {what} {name}" for what, (names, now) in asked.items() for name in names if name not in now]
    if lacking:
        raise ValueError(
            f"{folder} has results of {', '.join(lacking)}, which {TABLE} and {RESULTS} would lose: name everything "
            "that is there as well as what is new, or choose another output folder (output, --output)"
        )


def open_crossval_folder(folder: pathlib.Path, record: Mapping[str, Any], *, resume: bool) -> None:
    """Writes `crossval.yaml`. Configurations that it has and that are not asked for now are kept.

    Args:
        folder: an existing folder.
        record: what is known of the data, and `configurations`, name -> its settings.
        resume: whether to continue what the folder holds.

    Raises:
        FileExistsError: the folder holds something else, or `resume` is False.
        ValueError: the folder holds another cross-validation: other data, other folds, or other settings of a
            configuration.
    """
    check_crossval_output(folder, resume=resume)
    remove_partial(folder, FILES)
    earlier: dict = {}
    if (folder / RECORD).is_file():
        earlier = read_yaml(folder / RECORD)["configurations"]
        common = earlier.keys() & record["configurations"].keys()

        def to_compare(given):
            settings = {
                f"{name}: {setting}": without_names(x)
                for name in sorted(common)
                for setting, x in (BEFORE | given["configurations"][name]).items()
                if setting not in FREE
            }
            return {name: given[name] for name in OF_THE_DATA} | settings

        check_same(folder, RECORD, to_compare(record), to_compare, "choose another output folder", "cross-validation")
    record = dict(record) | {"configurations": earlier | record["configurations"]}
    write_whole(folder / RECORD, yaml.safe_dump(record, sort_keys=False))


def keep(folder: pathlib.Path, run: Run, stated: Sequence[str], outcome: Outcome) -> None:
    """Writes the outcome of a finished run beside its folder."""
    path = _path(folder, run)
    remove_partial(path.parent, [path.name])
    with replace(path) as partial, errors_of_writing(path):
        np.savez(partial, stated=np.array(stated), **outcome._asdict())


def kept(folder: pathlib.Path, run: Run, stated: Sequence[str]) -> Outcome | None:
    """Returns the outcome of a finished run; None if it has not finished, or was measured by other metrics."""
    path = _path(folder, run)
    if not path.is_file():
        return None
    with np.load(path) as read:
        if read["stated"].tolist() != list(stated):
            return None
        return Outcome(int(read["best_epoch"]), int(read["epochs"]), read["values"])


def write_table(
    folder: pathlib.Path, stated: Sequence[str], rows: Iterable[tuple[Run, Outcome, Iterable[float]]]
) -> None:
    """Writes `crossval.csv`, one row a run: its best epoch, and the mean of each metric over its test fold."""
    path = folder / TABLE
    with replace(path) as partial, errors_of_writing(path), partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, *stated])
        for run, outcome, means in rows:
            writer.writerow([*run, outcome.best_epoch, outcome.epochs, *(repr(float(mean)) for mean in means)])


def _path(folder, run):
    return folder / f"{run.place}.npz"
