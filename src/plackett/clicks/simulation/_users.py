"""How simulated users click: the probabilities of a click model by grade and position, in their usual parameters."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plackett.registry import check_known
from plackett.registry.options import is_number

EPSILON, ETA, USER = 0.1, 1.0, "informational"
# P(click | seen) and P(stop | click) from the lowest grade to the highest, evenly spaced: for two, three and five
# grades as in the studies.
CLICK = {
    "perfect": {2: [0.0, 1.0], 3: [0.0, 0.5, 1.0], 5: [0.0, 0.2, 0.4, 0.8, 1.0]},
    "navigational": {5: [0.05, 0.3, 0.5, 0.7, 0.95]},
    "informational": {5: [0.4, 0.6, 0.7, 0.8, 0.9]},
}
STOP = {
    "perfect": [0.0, 0.0, 0.0, 0.0, 0.0],
    "navigational": [0.2, 0.3, 0.5, 0.7, 0.9],
    "informational": [0.1, 0.2, 0.3, 0.4, 0.5],
}
USERS = tuple(CLICK)


@dataclasses.dataclass(frozen=True)
class Grades:
    """The grades that documents may have.

    Args:
        levels: [levels], the grades that occur, rising.
        highest: the grade of full relevance.
    """

    levels: np.ndarray
    highest: float

    def relevance(self) -> np.ndarray:
        """Returns (2^grade - 1) / (2^highest - 1), [levels], without overflow.

        >>> Grades(np.array([0.0, 1.0, 2.0]), 2.0).relevance().round(3).tolist()
        [0.0, 0.333, 1.0]
        """
        lowest = 2.0**-self.highest
        return (2.0 ** (self.levels - self.highest) - lowest) / (1.0 - lowest)

    def middle(self) -> "Grades":
        """The grade in the middle between the lowest and the highest."""
        return Grades(np.array([self.highest / 2]), self.highest)

    def ends(self) -> "Grades":
        """The lowest and the highest grade."""
        return Grades(np.array([0.0, self.highest]), self.highest)

    def between(self, table: Sequence[float]) -> np.ndarray:
        """Interpolates a table that runs evenly from grade 0 to the highest, [levels]."""
        return np.interp(self.levels / self.highest, np.linspace(0, 1, len(table)), table)

    def in_list(self, name: str, given: Any) -> np.ndarray:
        """Reads a number, or a list with one for each grade from 0, [levels]."""
        number = int(self.highest) + 1
        if np.ndim(given) == 0:
            return np.full(len(self.levels), given, "float64")
        if not (self.levels == self.levels.round()).all() or self.highest != int(self.highest):
            raise ValueError(f"{name} by grade needs whole grades, but these lists have {self.levels.tolist()}")
        if np.shape(given) != (number,):
            raise ValueError(
                f"{name} must be a number or have one for each of the {number} grades 0 to {number - 1}, but got "
                f"{given!r}"
            )
        return np.asarray(given, "float64")[self.levels.astype(int)]


@dataclasses.dataclass(frozen=True)
class Users:
    """The options of simulated users. None = the default, if the option has an effect.

    Args:
        eta: examination is (1 / position)^eta.
        epsilon: P(click | seen) of a document of grade 0.
        user: the name of a kind of user.
        parameters: name -> probabilities, which take precedence.
    """

    eta: float | None = None
    epsilon: float | None = None
    user: str | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def attraction(self, grades: Grades) -> np.ndarray:
        """P(click | seen), [levels]."""
        if self.user is not None and self.epsilon is None:
            tables = CLICK[self.user]
            return grades.between(tables.get(int(grades.highest) + 1, tables[5]))
        epsilon = EPSILON if self.epsilon is None else self.epsilon
        return epsilon + (1 - epsilon) * grades.relevance()

    def stop(self, grades: Grades) -> np.ndarray:
        """P(stop | click), [levels]."""
        return grades.between(STOP[self.user or USER])

    def examination(self, distances: np.ndarray) -> np.ndarray:
        """(1 / position)^eta."""
        return (1.0 / distances) ** (ETA if self.eta is None else self.eta)


def check_users(users: Users) -> None:
    """Raises a ValueError if an option is out of range, whatever the model."""
    if users.eta is not None and not (is_number(users.eta) and 0 <= users.eta < np.inf):
        raise ValueError(f"eta must be a number of at least 0, but got {users.eta!r}")
    if users.epsilon is not None and not (is_number(users.epsilon) and 0 <= users.epsilon <= 1):
        raise ValueError(f"epsilon must be from 0 to 1, but got {users.epsilon!r}")
    if users.user is not None:
        check_known("user", users.user, USERS)


def check_probabilities(name: str, given: Any) -> np.ndarray:
    """Returns probabilities as an array.

    Raises:
        ValueError: a value is not a number from 0 to 1.
    """
    try:
        found = np.asarray(given, "float64")
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if not ((found >= 0) & (found <= 1)).all() or found.dtype.kind != "f":
        raise ValueError(f"{name} must be probabilities, from 0 to 1, but got {given!r}")
    return found
