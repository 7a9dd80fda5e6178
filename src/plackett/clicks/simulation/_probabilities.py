"""The parameters of a click model by grade and position, and the clicks that are drawn from them."""

from typing import Any

import numpy as np
from keras import ops

from plackett.clicks import MODELS
from plackett.clicks._names import OPTIONS_OF_MODELS
from plackett.clicks.simulation._users import EPSILON, ETA, USER, Grades, Users, check_probabilities
from plackett.registry import check_known

CERTAIN = 1e4  # the logit of a certain event
FAINT = -40.0  # an attraction logit for which the probability of a click, and so of a look, stays above 0
CONTINUATION = 0.9  # of the dynamic Bayesian model
# How the stop probabilities of a user set the parameters of each model.
STOPS = {
    "dcm": {"continuation"},
    "dbn": {"satisfaction"},
    "sdbn": {"satisfaction"},
    "ccm": {"continuation_irrelevant", "continuation_relevant"},
}


class Probabilities:
    """The probabilities of a click model, by grade and position.

    Args:
        name: the name of the model.
        users: the options of the users.
        grades: the grades of the documents.
        positions: the number of positions of a session.

    Raises:
        ValueError: an option has no effect on this model, or a parameter is unknown or out of range.
    """

    def __init__(self, name: str, users: Users, grades: Grades, positions: int):
        check_known("click model", name, MODELS)
        self.name, self.grades = name, grades
        self.model = MODELS[name](positions=positions) if name == "ubm" else MODELS[name]()
        self.options = options_that_act(name, users)
        found = default_parameters(name, users, grades, positions)
        for parameter, given in users.parameters.items():
            check_known(f"parameter of {name}:", parameter, found)
            found[parameter] = self._given(parameter, given, found[parameter])
        self.parameters = found
        self.logits = np.stack([logit(column) for column in self._columns(found, positions)], axis=-1)

    def _columns(self, parameters, positions):
        """Returns [levels, positions] for each column of the parameters of the model."""
        columns = dict(parameters)
        if self.name == "ubm":
            columns |= dict(zip(self.model.of_positions, columns.pop("examination"), strict=True))
        return [np.broadcast_to(columns[one], (len(self.grades.levels), positions)) for one in self.model.columns]

    def _given(self, parameter, given, default):
        """Returns the user's value in the shape of the default: [levels, 1], [positions], or one number."""
        given = check_probabilities(parameter, given)
        if default.ndim == 2 and default.shape[1] == 1:
            return self.grades.in_list(parameter, given)[:, None]
        if given.ndim and given.shape != default.shape:
            raise ValueError(
                f"{parameter} must be a number or have the shape {list(default.shape)}, but has {list(given.shape)}"
            )
        return np.broadcast_to(given, default.shape)

    @property
    def meaning(self) -> str:
        """Describes the propensities of the log."""
        if self.name == "ctr":
            return "1: all that is shown is seen"
        if "examination" in self.parameters and self.name != "ubm":
            return "P(seen | position), the examination of the click model"
        return "P(seen) of the document in this list, whatever is clicked; at least 1e-6"

    def draw(self, levels: np.ndarray, noise: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draws the clicks of some sessions.

        Args:
            levels: [sessions, positions], the index of each document's grade.
            noise: [sessions, positions] float32, uniform on (0, 1).
            shown: [sessions, positions] bool, whether there is a document.

        Returns:
            [sessions, positions], the clicks as bool; and the probabilities that the documents are seen, in the same
            shape.
        """
        parameters = self.logits[levels, np.arange(levels.shape[1])]
        clicks = self.model.sample(ops.convert_to_tensor(parameters), noise=ops.convert_to_tensor(noise), mask=shown)
        return ops.convert_to_numpy(clicks) > 0.5, self._propensities(parameters, shown)

    def _propensities(self, parameters, shown):
        if self.name == "ctr":
            return np.ones(shown.shape)
        if "examination" in self.parameters and self.name != "ubm":
            return np.broadcast_to(self.parameters["examination"], shown.shape)
        place = self.model.columns.index("attraction")
        parameters[..., place] = np.maximum(parameters[..., place], FAINT)
        clicked = self.model.click_probability(ops.convert_to_tensor(parameters), mask=shown)
        return ops.convert_to_numpy(clicked) * (1 + np.exp(-parameters[..., place].astype("float64")))

    def in_words(self) -> dict[str, Any]:
        """Returns the parameters as plain numbers, lists by position, and dicts by grade."""
        return {name: self._in_words(values) for name, values in self.parameters.items()}

    def _in_words(self, values):
        rounded = np.round(values.astype("float64"), 9)
        if values.ndim == 2 and values.shape[1] == 1:
            return {f"{grade:.10g}": one for grade, one in zip(self.grades.levels, rounded[:, 0].tolist(), strict=True)}
        return rounded.tolist()


def options_that_act(name: str, users: Users) -> dict[str, Any]:
    """Returns those of eta, epsilon and user that have an effect on the model.

    Raises:
        ValueError: a given option has no effect.
    """
    given = {"eta": users.eta, "epsilon": users.epsilon, "user": users.user}
    acts, own = OPTIONS_OF_MODELS[name], set(users.parameters)
    by_user = STOPS.get(name, set()) | ({"attraction"} if users.epsilon is None else set())
    driven = {"eta": {"examination"}, "epsilon": {"attraction"}, "user": by_user}
    for option, value in given.items():
        if value is not None and option not in acts:
            raise ValueError(f"{option} has no effect on {name}; {' and '.join(acts)} do: leave it out")
        if value is not None and not driven[option]:
            raise ValueError("user and epsilon both set the attraction of cascade: leave out one of the two")
        if value is not None and driven[option] <= own:
            names = " and ".join(sorted(driven[option]))
            raise ValueError(f"{option} has no effect if {names} is given: leave out one of the two")
    found: dict[str, Any] = {}
    if "eta" in acts and "examination" not in own:
        found["eta"] = ETA if users.eta is None else float(users.eta)
    if "epsilon" in acts and "attraction" not in own and (users.user is None or users.epsilon is not None):
        found["epsilon"] = EPSILON if users.epsilon is None else float(users.epsilon)
    if "user" in acts and (users.user is not None or not STOPS.get(name, set()) <= own):
        found["user"] = users.user or USER
    return found


def default_parameters(name: str, users: Users, grades: Grades, positions: int) -> dict[str, np.ndarray]:
    """Returns the default parameters of a model by name: [levels, 1] by grade, [positions] by position, or a number."""
    attraction, stop = users.attraction(grades)[:, None], users.stop(grades)[:, None]
    ranks = np.arange(1, positions + 1)
    match name:
        case "pbm":
            return {"examination": users.examination(ranks), "attraction": attraction}
        case "ubm":
            # A row for each place of the last click, from 0 = none. Entries not after that place have no meaning.
            behind = np.maximum(ranks - np.arange(positions)[:, None], 1)
            return {"examination": users.examination(behind), "attraction": attraction}
        case "dcm":
            return {"continuation": np.full(positions, 1 - users.stop(grades.middle())[0]), "attraction": attraction}
        case "dbn":
            return {"continuation": np.array(CONTINUATION), "satisfaction": stop, "attraction": attraction}
        case "sdbn":
            return {"satisfaction": stop, "attraction": attraction}
        case "ccm":
            irrelevant, relevant = 1 - users.stop(grades.ends())
            return {
                "continuation_skip": np.array(1.0),
                "continuation_irrelevant": irrelevant,
                "continuation_relevant": relevant,
                "attraction": attraction,
            }
        case "trust":
            return {
                "examination": users.examination(ranks),
                "trust_relevant": 1 - (np.minimum(ranks, 20) + 1) / 100,
                "trust_irrelevant": 0.65 / np.minimum(ranks, 10),
                "attraction": grades.relevance()[:, None],
            }
    return {"attraction": attraction}


def logit(probabilities: np.ndarray) -> np.ndarray:
    """Returns float32 logits, within the logits of certain events."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log(probabilities) - np.log1p(-probabilities), -CERTAIN, CERTAIN).astype("float32")
