"""Columns: the names with a meaning, the allowed values, and the form of ids that a model takes."""

from collections.abc import Iterable, MutableMapping
from typing import NamedTuple

import numpy as np

from plackett.data._strings import Strings
from plackett.registry.names import check_known

FIXED = ("query", "document", "label", "features", "missed")  # names with a meaning on disk
ARRAYS = (*FIXED, "queries", "documents", "labels", "row_splits")  # and in memory, except features


class Limits(NamedTuple):
    """The finite bounds of the values of a column, and the same in words."""

    lowest: float
    highest: float
    words: str
    above_lowest: bool = False  # whether the lower bound itself is excluded


LABEL = Limits(0, 2**24 - 1, "between 0 and 2^24 - 1, beyond which float32 rounds")
KNOWN = {  # document columns with a meaning for plackett; any other name is a column of the user's own
    "click": Limits(0, np.inf, "at least 0"),
    "propensity": Limits(0, 1, "above 0 and at most 1", above_lowest=True),
    "position": Limits(1, np.inf, "at least 1"),
    "teacher": Limits(-np.inf, np.inf, "finite"),
    "weight": Limits(0, np.inf, "at least 0"),
    "judged": Limits(0, 1, "between 0 and 1"),
    "run_score": Limits(-np.inf, np.inf, "finite"),
}


def dtype_of_column(name: str) -> str:
    """The type of a document column: columns that may hold scores or times keep their precision."""
    return "float32" if name == "label" or name in KNOWN.keys() - {"run_score"} else "float64"


def find_wrong(name: str, values: np.ndarray) -> tuple[int, str] | None:
    """(the place of the first value that `label` or a column does not allow, what is wrong); None = all are allowed."""
    limits = LABEL if name == "label" else KNOWN.get(name, KNOWN["teacher"])
    too_low = values <= limits.lowest if limits.above_lowest else values < limits.lowest
    for bad, words in ((~np.isfinite(values), "finite"), (too_low | (values > limits.highest), limits.words)):
        if bad.any():
            place = int(bad.argmax())
            return place, f"{name} must be {words}, but got {values[place]:g}"
    return None


def find_contradiction(labels: np.ndarray, judged: np.ndarray) -> tuple[int, str] | None:
    """(the place of the first document with a grade but no judgement, what is wrong); None = there is none."""
    wrong = (judged == 0) & (labels > 0)
    if not wrong.any():
        return None
    place = int(wrong.argmax())
    return place, f"judged is 0, which says that nobody judged the document, but its label is {labels[place]:g}"


def check_names(
    kind: str, names: Iterable[str], taken: MutableMapping[str, str], fixed: Iterable[str] = ARRAYS
) -> None:
    """Checks the names of columns, and adds them to `taken`.

    Args:
        kind: the kind of column, such as "an id feature".
        names: the names to check.
        taken: name -> the kind of column that has it.
        fixed: names with another meaning.

    Raises:
        ValueError: a name is not a string, or it is blank, taken or fixed.
    """
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"the name of {kind} must be a string, but got {name!r}")
        if not name.strip():
            raise ValueError(f"the name of {kind} must not be blank, but got {name!r}")
        if name in fixed:
            raise ValueError(f"{kind} cannot be called {name!r}, a name with a meaning of its own")
        if name in taken:
            raise ValueError(f"names must differ, but there is {taken[name]} and {kind} called {name!r}")
        taken[name] = kind


def check_column(name: str, names: Iterable[str], where: str) -> None:
    """Raises a ValueError with the place and the nearest column if `name` is not in `names`."""
    try:
        check_known("column", name, names)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def narrow(ids: np.ndarray | Strings) -> np.ndarray | Strings:
    """Whole numbers as int32 if all of them fit."""
    if isinstance(ids, Strings) or (len(ids) and not -(2**31) <= ids.min() <= ids.max() < 2**31):
        return ids
    return ids.astype("int32")


def numbers_of_ids(ids: np.ndarray | Strings) -> np.ndarray:
    """The form in which a model takes an id feature: 32-bit integers, since JAX and GPUs have no others.

    Returns:
        [documents] int32 for int32; [documents, 2] int32, the low and the high half of each, for int64 and for strings,
        which become `hash_strings`.
    """
    numbers = ids.hashes() if isinstance(ids, Strings) else ids
    if numbers.dtype == "int32":
        return numbers
    return np.ascontiguousarray(numbers, "<i8").view("<i4").reshape(len(numbers), 2)


def kind_of_ids(ids: np.ndarray | Strings) -> str:
    """The kind of an id feature: "int32", "int64" or "text"."""
    return "text" if isinstance(ids, Strings) else str(ids.dtype)


def shape_of_ids(ids: np.ndarray | Strings) -> tuple[int | None, ...]:
    """The shape of the input of a model that takes this id feature, without the axis of lists."""
    return (None, *numbers_of_ids(ids[:0]).shape[1:])
