"""Systems that need no file: functions, arrays, columns of the data, and chance."""

import dataclasses
import difflib
from collections.abc import Callable, Iterable

import numpy as np

from plackett.data import RankingLists
from plackett.data._words import some
from plackett.evaluation._scored import Scored
from plackett.evaluation.systems.base import OpenSystem, check_once, read_only

WHOLE = 2**24  # from here on, float32 does not hold every whole number
WORDS = "column:NAME, feature:NAME_OR_NUMBER (column:-NAME and feature:-NAME rank the lowest first), random:SEED"


@dataclasses.dataclass(frozen=True)
class Function(OpenSystem):
    """A function of lists. It cannot change them."""

    function: Callable[[RankingLists], Scored | np.ndarray]
    reads_columns = True

    def reads(self) -> None:
        """Any."""

    def __call__(self, lists: RankingLists) -> Scored | np.ndarray:
        """Returns what the function returns."""
        given = self.function(read_only(lists))
        if isinstance(given, Scored) and given.beyond is not None:
            check_once(lists, given.beyond)
        return given


@dataclasses.dataclass(frozen=True, eq=False)
class Scores(OpenSystem):
    """Scores of all documents, in their order and precision."""

    scores: np.ndarray

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """The scores."""
        if len(self.scores) != len(lists.labels):
            raise ValueError(
                f"an array of {len(self.scores)} scores ranks as many documents, but these lists have "
                f"{len(lists.labels)}: if the lists come in parts, give a file, as plackett.data.write_scores writes it"
            )
        return self.scores


@dataclasses.dataclass
class Column(OpenSystem):
    """A column or a dense feature as scores.

    Args:
        kind: column or feature.
        name: the name of the column, or of the feature, which may be its number, from 1.
        lowest_first: whether low values rank first.
    """

    kind: str
    name: str
    lowest_first: bool

    remembers = ("_rounded",)

    def __post_init__(self):
        self.reads_columns = self.kind == "column"
        self._rounded = False

    def afresh(self) -> "Column":
        """Returns the same column as if it had not been called yet."""
        return Column(self.kind, self.name, self.lowest_first)

    def notes(self) -> list[str]:
        """Says if large numbers may have become equal."""
        rounded = (
            f"feature:{self.name} has numbers of 2^24 and more, which features round to float32: read it as a "
            f"column, column:{self.name}, if they must differ"
        )
        return [rounded] if self._rounded else []

    def reads(self) -> int | None:
        """None, that is any: a feature may be named by its number."""
        return 0 if self.kind == "column" else None

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Returns the values, negated if the lowest ranks first."""
        values = lists.columns if self.kind == "column" else _Features(lists)
        if self.name not in values:
            raise ValueError(f"these lists have no {self.kind} {self.name!r}: {_there_are(self.name, values)}")
        column = values[self.name]
        if self.kind == "feature" and len(column) and np.abs(column).max() >= WHOLE:
            self._rounded = True
        return -column if self.lowest_first else column


class _Features:
    """The dense features of lists, by name or number."""

    def __init__(self, lists):
        numbers = map(str, range(1, lists.features.shape[1] + 1))
        self.lists, self.names = lists, lists.feature_names
        self.places = {number: place for place, number in enumerate(numbers)}
        self.places |= {name: place for place, name in enumerate(lists.feature_names)}

    def __contains__(self, name):
        return name in self.places

    def __iter__(self):
        return iter(self.names)

    def __getitem__(self, name):
        return self.lists.features[:, self.places[name]]


def _there_are(name, known: Iterable[str]):
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"they have {some(known) or 'none'}"


@dataclasses.dataclass(frozen=True)
class Chance(OpenSystem):
    """Random scores, uniform on [0, 1). A query has the same scores at each call, whichever part it comes in."""

    seed: int

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Returns a score for each place of each query."""
        lengths = lists.lengths
        place = np.arange(len(lists.labels)) - np.repeat(lists.row_splits[:-1], lengths)
        seed = _mix(np.full(1, self.seed, "uint64"))
        of_query = _mix(lists.queries.hashes().view("uint64") ^ seed)
        return (_mix(np.repeat(of_query, lengths) ^ _mix(place.astype("uint64"))) >> np.uint64(11)) * 2.0**-53


def _mix(x):
    """SplitMix64: each bit of the result depends on each bit of x."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def system_of_words(words: str) -> OpenSystem | None:
    """Returns the system that words such as "column:-price" or "random:7" name; None = they name no system.

    >>> system_of_words("feature:-3")
    Column(kind='feature', name='3', lowest_first=True)

    Raises:
        ValueError: a name or a seed is missing, or the seed is not a whole number of at least 0.
    """
    kind, colon, name = words.partition(":")
    if kind in ("column", "feature") and colon:
        if not name.removeprefix("-"):
            raise ValueError(f"{words!r} lacks a name: give {words}NAME")
        return Column(kind, name.removeprefix("-"), name.startswith("-"))
    if words == "random" or words.startswith("random:"):
        if colon and not (name.isascii() and name.isdigit() and int(name) < 2**64):
            raise ValueError(f"the seed of random:SEED must be a whole number from 0 to 2^64 - 1, but got {words!r}")
        return Chance(int(name or 0))
    return None
