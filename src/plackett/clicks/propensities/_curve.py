"""A curve of examination by position, with its band. It is read, written, drawn, and used as propensities."""

import csv
import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from plackett import _lazy
from plackett._files import check_file, write_whole
from plackett.clicks.propensities import METHODS
from plackett.clicks.propensities._bootstrap import LEVEL, bands
from plackett.clicks.propensities._clipping import CLIP, inverse
from plackett.clicks.propensities._pairs import Pairs
from plackett.data import ClickCounts, Sessions

if TYPE_CHECKING:
    from plackett.evaluation.report._registry import Section

COLUMNS = ("position", "examination", "low", "high")
GIVEN = "given"  # the method of a curve if no other is known
NUMBERS = "iuf"  # kinds of dtypes
OF_CURVES = "a curve (Propensities) or numbers above 0, one a position from 1"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Propensities:
    """How often documents at each position are looked at. Estimates are relative to the first position.

    >>> curve = Propensities([1.0, 0.5, 0.25], method="an eye tracker")
    >>> curve
    Propensities by an eye tracker, 3 positions
      position  examination
             1       1.0000
             2       0.5000
             3       0.2500
    >>> curve.of([3, 1]).tolist()
    [0.25, 1.0]

    Clicks determine examination and attraction only up to a factor, so an estimate has the examination 1 at the first
    position. If users look at another position more often than at the first, it is above 1 there.

    Args:
        examination: [positions] above 0, from the first position on.
        low: [positions], the lower end of the 95 % band. None = no band.
        high: [positions], the upper end of the band.
        method: how the curve was found.
        notes: what a reader needs to know about it, in sentences.

    Raises:
        ValueError: an examination is not a number above 0, or the band is not a band.
    """

    examination: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    method: str = GIVEN
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        for name in ("examination", "low", "high"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, _as_numbers(name, given))
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high must be given together, since a band has both ends, but only one is given")
        if self.low is not None and (self.low.shape, self.high.shape) != (self.examination.shape,) * 2:
            raise ValueError(f"low and high must have the shape {self.examination.shape} of examination")
        _check_above_0("examination", self.examination)
        if self.low is not None and not (self.low <= self.high).all():
            place = int((~(self.low <= self.high)).argmax())
            raise ValueError(f"low must not be above high, but is at position {place + 1}")

    def __len__(self) -> int:
        """The number of positions."""
        return len(self.examination)

    def of(self, positions: npt.ArrayLike) -> np.ndarray:
        """Returns the examination at some positions, from 1.

        Raises:
            ValueError: a position is not a whole number, below 1 or beyond the curve.
        """
        given = np.asarray(positions)
        if given.size and given.dtype.kind not in NUMBERS:
            raise ValueError(f"positions must be whole numbers of at least 1, but got {positions!r:.100}")
        wrong = ~((given >= 1) & (given <= len(self)) & (given == np.floor(given)))
        if wrong.any():
            raise ValueError(
                f"the curve has positions 1 to {len(self)}, but position {given[wrong].flat[0]} is asked for: estimate "
                "it from a log with that position, or leave out what was shown there"
            )
        return self.examination[given.astype("int64") - 1]

    def weights(self, log: Sessions | ClickCounts, clip: float = CLIP) -> np.ndarray:
        """Returns the weight of a click at each row of a log: 1 / max(examination, clip).

        >>> log = Sessions.from_arrays(query=["q"] * 2, session=[1, 1], document=["a", "b"], position=[1, 2],
        ...                            click=[1, 1])
        >>> Propensities([1.0, 0.05]).weights(log, clip=0.1).tolist()
        [1.0, 10.0]

        Args:
            log: sessions, or their counts.
            clip: the smallest examination that divides, above 0 and at most 1. No click counts more than 1 / `clip`: a
                little bias for much less variance. The default is that of `plackett.clicks.train`.

        Returns:
            [rows of the log], the weights.

        Raises:
            ValueError: `clip` is out of range, or a position is not on the curve.
        """
        return inverse(self.of(log.positions), clip)

    def write(self, path: str | os.PathLike) -> None:
        """Writes the curve as CSV with the columns position, examination, low, high and method.

        Raises:
            OSError: it could not be written.
        """
        lines = [",".join([*COLUMNS, "method"])]
        method = '"' + self.method.replace('"', '""') + '"' if set(self.method) & set(',"\r\n') else self.method
        for place, numbers in enumerate(self.rows()):
            lines.append(",".join([str(place + 1), *map(repr, numbers), *[""] * (3 - len(numbers)), method]))
        write_whole(pathlib.Path(path), "\n".join([*lines, ""]))

    def plot(self) -> Any:
        """Draws the curve with its band as an Altair chart, which shows itself in a notebook and has `save`.

        >>> Propensities([1.0, 0.5]).plot().to_dict()["layer"][-1]["mark"]["type"]
        'point'

        Raises:
            ImportError: altair is not installed.
        """
        return _lazy.load("plackett.clicks.propensities._plot", "report", needed_by="a plot").plot(self)

    def section(self) -> "Section":
        """Returns the curve as a section of a report, for `own_sections` of `plackett.evaluation.report.report`.

        Raises:
            ImportError: a package that reports need is not installed.
        """
        return _lazy.load("plackett.clicks.propensities._report", "report", needed_by="a report").section_of(self)

    def rows(self) -> list[list[float]]:
        """Returns examination and, if there is a band, its ends, [positions, 1 or 3]."""
        columns = [column for column in (self.examination, self.low, self.high) if column is not None]
        return np.stack(columns, axis=1).tolist()

    def __repr__(self):
        head = f"Propensities by {self.method}, {len(self)} positions"
        band = "" if self.low is None else f"  {LEVEL:.0%} band"
        lines = [head, f"  position  examination{band}"]
        for place, (value, *ends) in enumerate(self.rows()):
            line = f"  {place + 1:8}  {value:11.4f}"
            lines.append(f"{line}  [{ends[0]:.4f}, {ends[1]:.4f}]" if ends else line)
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def as_curve(given: Any) -> Propensities:
    """Returns the curve for an argument `propensities`.

    >>> as_curve([1.0, 1.5, 0.5]).of([2]).tolist()
    [1.5]

    Args:
        given: a curve; or numbers above 0, one for each position from 1. Numbers above 1 are allowed: curves are
            relative to position 1, and another position may be looked at more often.

    Raises:
        ValueError: `given` is neither, or a number is out of range.
    """
    if isinstance(given, Propensities):
        return given
    if isinstance(given, str) and given in METHODS:
        raise ValueError(
            f"propensities={given!r} is the name of an estimator, which only plackett.clicks.train takes: give the "
            f"curve, which plackett.clicks.propensities.{given}(log) estimates"
        )
    if isinstance(given, str | os.PathLike):
        raise ValueError(
            f"propensities must be {OF_CURVES}, but got the text {os.fspath(given)!r}: read a file with "
            f"read_propensities; the estimators are {', '.join(METHODS)}"
        )
    numbers = _as_numbers("propensities", given)
    _check_above_0("propensities", numbers)
    return Propensities(numbers)


def _as_numbers(name, given):
    """Returns [positions] float64, or raises an error that says what was given."""
    try:
        found = np.asarray(given)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {OF_CURVES}, but got {given!r:.100}") from None
    if found.size and found.dtype.kind not in NUMBERS:
        raise ValueError(f"{name} must be {OF_CURVES}, but got {given!r:.100}")
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} must be {OF_CURVES}, of the shape [positions], but got the shape {found.shape}")
    return found.astype("float64")


def _check_above_0(name, numbers):
    wrong = ~(np.isfinite(numbers) & (numbers > 0))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{name} must be above 0 and finite, but is {numbers[place]} at position {place + 1}: leave out the "
            "positions from there on, where the examination is not known"
        )


def read_propensities(path: str | os.PathLike) -> Propensities:
    """Reads a curve that `Propensities.write` wrote, or one of your own.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "curve.csv"
    >>> _ = path.write_text("position,examination\\n1,1.0\\n2,0.4\\n")
    >>> read_propensities(path).examination.tolist()
    [1.0, 0.4]

    Args:
        path: the path of a CSV file with the columns position, from 1 on without gaps, and examination. It may have
            low, high and method.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, positions do not count up from 1, or a value is not a number or out of range.
    """
    check_file(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]
        if missing:
            found = ", ".join(reader.fieldnames or ()) or "none"
            raise ValueError(
                f"{path} lacks the column {missing[0]}: a curve has position and examination; found {found}"
            )
        rows: list[dict] = []
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if _number(row, "position", where) != len(rows) + 1:
                raise ValueError(f"{where}: position must be {len(rows) + 1}, the next one, but got {row['position']}")
            rows.append(row | {"where": where})
    if not rows:
        raise ValueError(f"{path} has no position: a curve has one in each line")
    curve = {
        name: np.array([_number(row, name, row["where"]) for row in rows])
        for name in COLUMNS[1:]
        if name == "examination" or rows[0].get(name)
    }
    try:
        band = curve.get("low"), curve.get("high")
        return Propensities(curve["examination"], *band, method=rows[0].get("method") or GIVEN)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _number(row, name, where):
    """Reads a finite number of a row."""
    try:
        number = float(row[name])
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"{where}: {name} must be a number, but got {row[name]!r}")
    return number


def with_band(
    pairs: Pairs,
    curve: np.ndarray,
    estimate: Callable[[np.ndarray], np.ndarray],
    resamples: int,
    seed: int,
    *,
    method: str,
    notes: tuple[str, ...] = (),
) -> Propensities:
    """Makes an estimated curve with its band over queries.

    Args:
        pairs: the counts.
        curve: [positions], estimated with all weights 1.
        estimate: a function of weights, [queries], that returns the curve.
        resamples, seed: see `bands`.
        method: the name of the estimator.
        notes: what a reader needs to know about the estimate.
    """
    low, high, of_band = bands(curve, estimate, pairs.clicks_of_queries, resamples, seed)
    return Propensities(curve, low, high, method, (*pairs.notes, *notes, *of_band))
