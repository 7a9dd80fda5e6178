"""Ids and columns of queries from user input: lists, tuples, series and arrays.

No NumPy array of fixed-width strings is made on the way. Such an array gives each string the space of the longest,
drops NUL characters at the end and turns numbers into text.
"""

import datetime
import numbers
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from plackett.data._numbers import ROUNDED, first_inexact
from plackett.data._strings import Strings

INT64 = np.iinfo("int64")


def check_given(name: str, given: Any) -> None:
    """Raises a ValueError if an entry is masked, or if this is a lazy query that was not collected."""
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        place = ", ".join(map(str, np.argwhere(np.ma.getmaskarray(given))[0]))
        raise ValueError(f"{name} must not have masked entries, but {name}[{place}] is masked")
    if hasattr(given, "collect") and not hasattr(given, "__array__"):
        raise ValueError(f"{name} must be in memory, but is a {type(given).__name__}: give {name}.collect()")


def read_ids(name: str, given: npt.ArrayLike, count: int) -> np.ndarray | Strings:
    """[count] ids: strings, or whole numbers, as objects if they do not fit in int64.

    Equal strings have equal codes.

    Raises:
        ValueError: their number is wrong, one is neither a string nor a whole number, or both kinds are mixed.
    """
    ids = _one_code_a_text(given) if isinstance(given, Strings) else _as_array(name, given)
    if ids.shape != (count,):
        raise ValueError(f"{name} must have {count} entries, but has the shape {ids.shape}")
    if isinstance(ids, Strings):
        return ids
    if not count:
        return Strings.of([])
    if ids.dtype.kind in "UTO":
        return _of_entries(name, ids.tolist())
    if ids.dtype.kind == "f" and (missing := np.isnan(ids)).any():
        raise _no_id(name, int(missing.argmax()), np.nan)
    if ids.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold strings or whole numbers, but holds {ids.dtype}")
    return ids


def ids_as_text(name: str, ids: np.ndarray | Strings, rows: Sequence[int] | np.ndarray) -> Strings:
    """The output of `read_ids` for these rows, as strings; equal ids have equal codes.

    Raises:
        ValueError: an id is empty or contains a NUL character.
    """
    if not isinstance(ids, Strings):
        known, places = np.unique(ids, return_inverse=True)
        return Strings.of(map(str, known.tolist()))[places]
    wrong = ((ids.dictionary.lengths == 0) | ids.dictionary.has_nul)[ids.codes]
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"an id must not be empty or contain a NUL character, but {name}[{rows[place]}] is {ids[place]!r}"
        )
    return ids


def strings_or_numbers(name: str, given: Any) -> np.ndarray | Strings:
    """A column of ids or of queries: `Strings` if all entries are strings; else numbers or times, with NaN for missing.

    Raises:
        ValueError: strings are mixed with something else, or a missing value with a whole number that float64 rounds.
    """
    check_given(name, given)
    if isinstance(given, Strings) or (isinstance(given, np.ndarray) and given.dtype.kind not in "UTO"):
        return given
    array = _as_array(name, given)
    if array.dtype.kind == "f" and hasattr(given, "to_list"):  # whole numbers too, if some are missing
        array = _objects(given.to_list())
    if array.dtype.kind not in "UTO" or array.ndim != 1:
        return array
    entries = array.tolist()
    texts = [isinstance(one, str) for one in entries]
    if all(texts):
        return Strings.of(entries, name)
    if any(texts):
        place, text = texts.index(False), texts.index(True)
        raise ValueError(
            f"{name} must hold strings alone or numbers alone, but {name}[{place}] is {entries[place]!r} and "
            f"{name}[{text}] is {entries[text]!r}; a missing string is ''"
        )
    return _numbers(name, entries)


def _numbers(name, entries):
    """An array of numbers or times; NaN = a missing number."""
    missing = [one is None or type(one).__name__ == "NAType" for one in entries]
    for place, one in enumerate(entries):
        if not (missing[place] or isinstance(one, numbers.Real | np.generic | datetime.date)):
            raise ValueError(f"{name} must hold strings, numbers or times, but {name}[{place}] is {one!r:.100}")
    whole = not any(missing) and not any(isinstance(one, float | np.floating) for one in entries)
    if whole or any(isinstance(one, datetime.date) for one in entries):
        return np.asarray(entries)
    known = [float("nan") if gone else one for gone, one in zip(missing, entries, strict=True)]
    if (place := first_inexact(known)) is not None:
        raise ValueError(f"{name}[{place}] is {known[place]}, {ROUNDED}")
    return np.asarray(known)


def _as_array(name, given):
    """The input as an array; an array of objects for a list, tuple or series of strings."""
    check_given(name, given)
    if isinstance(given, np.ndarray):
        return given
    if hasattr(given, "to_numpy") and not hasattr(given, "to_pylist"):
        return given.to_numpy()  # a series, whose __array__ may be of fixed-width strings
    if hasattr(given, "__array__") or isinstance(given, str | bytes | Mapping | AbstractSet):
        return np.asarray(given)
    return _objects(list(given)) if isinstance(given, Iterable) else np.asarray(given)


def _objects(entries):
    return np.fromiter(entries, "object", len(entries))


def _one_code_a_text(strings):
    """The same strings, with equal codes for equal strings."""
    _, first, places = np.unique(strings.ranks(), return_index=True, return_inverse=True)
    return Strings(strings.codes[first][places], strings.dictionary)


def _of_entries(name, entries):
    """Strings, or whole numbers."""
    kinds = set(map(type, entries))
    wrong = {kind for kind in kinds if not issubclass(kind, str | int | np.integer) or issubclass(kind, bool)}
    if wrong:
        raise _no_id(name, *_first(entries, lambda one: type(one) in wrong))
    texts = {kind for kind in kinds if issubclass(kind, str)}
    if texts == kinds:
        return Strings.of(entries, name)
    if texts:
        row, number = _first(entries, lambda one: type(one) not in texts)
        place, text = _first(entries, lambda one: type(one) in texts)
        raise ValueError(
            f"{name} must hold strings alone or whole numbers alone, but {name}[{row}] is {number!r} and "
            f"{name}[{place}] is {text!r}"
        )
    fits = min(entries) >= INT64.min and max(entries) <= INT64.max
    return np.array(entries, "int64" if fits else "object")


def _first(entries, is_meant):
    """(the place of the first matching entry, the entry)."""
    return next((place, one) for place, one in enumerate(entries) if is_meant(one))


def _no_id(name, row, one):
    return ValueError(f"{name} must hold strings or whole numbers, but {name}[{row}] is {one!r:.100}")
