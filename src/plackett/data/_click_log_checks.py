"""The values that are allowed in a click log."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plackett.data._arrays import numbers_of
from plackett.data._strings import Strings

if TYPE_CHECKING:
    from plackett.data._sessions import Sessions

Place = Callable[[int], str]  # (the number of a row, from 1) -> its name in errors
Wrong = Callable[[int, str], ValueError]  # (the place of a row, from 0; what is wrong with it) -> the error
MOST = 2**31 - 1


def numbers_or_none(name: str, given: npt.ArrayLike, count: int) -> np.ndarray:
    """[count] numbers; NaN where one is missing.

    Raises:
        ValueError: their number is wrong, or they are not numbers.
    """
    if isinstance(given, list | tuple) and any(one is None for one in given):
        given = [np.nan if one is None else one for one in given]
    numbers = numbers_of(name, given)
    if numbers.shape != (count,):
        raise ValueError(f"{name} must have {count} entries, but has the shape {numbers.shape}")
    return numbers


def positions_of(values: np.ndarray, wrong: Wrong) -> np.ndarray:
    """[rows] int32, whole numbers from 1."""
    return _whole("position", values, 1, MOST, "a whole number from 1", wrong).astype("int32")


def counts_of(name: str, values: np.ndarray, lowest: int, wrong: Wrong) -> np.ndarray:
    """[rows] int64, whole numbers."""
    return _whole(name, values, lowest, 2**53, f"a whole number from {lowest}", wrong).astype("int64")


def clicks_of(values: np.ndarray, wrong: Wrong) -> np.ndarray:
    """[rows] bool."""
    if values.dtype.kind == "b":
        return values
    bad = (values != 0) & (values != 1)
    if bad.any():
        row = int(bad.argmax())
        if np.isnan(values[row]):
            raise wrong(row, "click is missing")
        counted = values[row] > 1 and values[row] == np.trunc(values[row])
        hint = "; for counted clicks use ClickCounts, with columns shown and clicked" if counted else ""
        raise wrong(row, f"click must be 0 or 1, but got {values[row]:g}{hint}")
    return values != 0


def propensities_of(values: np.ndarray | None, wrong: Wrong) -> np.ndarray | None:
    """[rows] float32, above 0 and at most 1."""
    if values is None:
        return None
    numbers = values.astype("float32")
    bad = ~((numbers > 0) & (values <= 1))
    if bad.any():
        row = int(bad.argmax())
        if np.isnan(values[row]):
            raise wrong(row, "propensity is missing")
        raise wrong(row, f"propensity must be above 0 and at most 1, but got {values[row]:g}")
    return numbers


def check_a_click(clicks: np.ndarray, what: str) -> None:
    """Raises a ValueError if nothing was clicked, since no method can learn from that."""
    if not clicks.any():
        raise ValueError(f"{what}: nothing was clicked in any of its {len(clicks)} rows, so nothing can be learned")


def check_new_documents(documents: Strings, row_splits: np.ndarray, wrong: Wrong) -> None:
    """Checks that no session shows a document twice; equal documents have equal codes."""
    session_of = np.repeat(np.arange(len(row_splits) - 1), np.diff(row_splits))
    keys = session_of * max(len(documents.dictionary), 1) + documents.codes
    ordered = np.sort(keys)
    if (ordered[1:] == ordered[:-1]).any():
        row = int(np.setdiff1d(np.arange(len(keys)), np.unique(keys, return_index=True)[1])[0])
        raise wrong(row, f"document {documents[row]!r} occurs twice")


def check_gapless(log: "Sessions", what: str) -> None:
    """Checks that the positions of each session are 1, 2, 3 and so on, without gaps.

    Args:
        log: the sessions.
        what: what needs this, for the error.

    Raises:
        ValueError: a position is left out; the error gives the session and the row.
    """
    expected = np.arange(len(log.positions)) - np.repeat(log.row_splits[:-1], log.lengths) + 1
    if (bad := log.positions != expected).any():
        row = int(bad.argmax())
        session = log.sessions[int(np.searchsorted(log.row_splits, row, side="right")) - 1]
        raise ValueError(
            f"row {row + 1}, session {session!r}: position {expected[row]} is left out, but {what} goes through all "
            "positions of a session, from 1"
        )


def _whole(name, values, lowest, highest, words, wrong):
    """Whole numbers within these bounds."""
    bad = ~((values >= lowest) & (values <= highest))
    bad |= (values != np.trunc(values)) if values.dtype.kind == "f" else False
    if bad.any():
        row = int(bad.argmax())
        missing = np.isnan(values[row])
        hint = "; add 1 if they count from 0" if name == "position" and values[row] == 0 else ""
        raise wrong(row, f"{name} is missing" if missing else f"{name} must be {words}, but got {values[row]:g}{hint}")
    return values
