"""The output folder of a cross-validation: what it is of, and what its finished runs came to. Needs no Keras."""

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
COLUMNS = ("configuration", "fold", "seed", "best_epoch", "epochs")  # of the table, before the metrics
FILES = (RECORD, TABLE, RESULTS)
OF_THE_DATA = ("backend", "lists", "features", "queries_of_folds", "cut")
FORBIDDEN = '<>:"/\\|?*'  # in the name of a folder, on one system or another


class Run(NamedTuple):
    """One training of a cross-validation.

    >>> Run("softmax", fold=2, seed=0).place
    'softmax/fold-2/seed-0'

    Args:
        configuration: its name.
        fold: the number of the turn, from 1, see `turn`.
        seed: of the training.
    """

    configuration: str
    fold: int
    seed: int

    @property
    def place(self) -> str:
        """The folder of its record, in that of the cross-validation."""
        return f"{self.configuration}/fold-{self.fold}/seed-{self.seed}"


class Outcome(NamedTuple):
    """What a run came to.

    Args:
        best_epoch: the epoch that was best on the validation lists, from 1; of an ensemble the last of its members'.
        epochs: how many it trained; of an ensemble the most of its members.
        values: [metrics, queries of the test fold] float64.
    """

    best_epoch: int
    epochs: int
    values: np.ndarray


def check_names(names: Sequence[str]) -> None:
    """Raises a ValueError where one of these has letters that names of folders may not have, is that of a file which
    stands beside it, or differs from another by capitals alone."""
    seen: dict[str, str] = {}
    for name in names:
        bad = not isinstance(name, str) or name != name.strip(" .") or not name.isprintable()
        if bad or not name or set(name) & set(FORBIDDEN) or name in FILES:
            raise ValueError(
                f"the name of a configuration must be printable, without any of {FORBIDDEN}, without dot or space at "
                f"its ends and none of {', '.join(FILES)}, since it names a folder, but got {name!r}"
            )
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise ValueError(f"two configurations have one name, but for capitals: {other} and {name}")


def check_crossval_output(folder: pathlib.Path, *, resume: bool) -> None:
    """Raises a FileExistsError where a cross-validation cannot begin, or with `resume` go on, in a folder."""
    there = [name for name in contents(folder) if not is_partial(name, FILES)]
    if there and RECORD not in there:
        raise FileExistsError(
            f"{folder} exists and is not empty: it holds no cross-validation, but {in_words(folder, there)}: choose "
            "another output folder (output, --output)"
        )
    if there and not resume:
        raise FileExistsError(
            f"{folder} exists and holds a cross-validation: go on with it (resume, --resume), or choose another output "
            "folder (output, --output)"
        )


def check_nothing_lost(
    folder: pathlib.Path, configurations: Iterable[str], seeds: Iterable[int], stated: Iterable[str]
):
    """Raises a ValueError where the tables of a folder have rows or metrics that they would not have again."""
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
            f"{folder} has results of {', '.join(lacking)}, which {TABLE} and {RESULTS} would lose: name all that is "
            "there and what is new, or choose another output folder (output, --output)"
        )


def open_crossval_folder(folder: pathlib.Path, record: Mapping[str, Any], *, resume: bool) -> None:
    """Writes into `crossval.yaml` what this is of, with what it says of configurations that are not asked for now.

    Args:
        folder: it is there.
        record: what is known of the data, and `configurations`, name -> its settings.
        resume: whether what the folder holds goes on.

    Raises:
        FileExistsError: it holds something else, or not `resume`.
        ValueError: it holds another cross-validation: other data or folds, or a configuration with other settings.
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
    """Writes beside the folder of a finished run what it came to."""
    path = _path(folder, run)
    remove_partial(path.parent, [path.name])
    with replace(path) as partial, errors_of_writing(path):
        np.savez(partial, stated=np.array(stated), **outcome._asdict())


def kept(folder: pathlib.Path, run: Run, stated: Sequence[str]) -> Outcome | None:
    """What a finished run came to; None where it has not finished, or was measured by other metrics."""
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
