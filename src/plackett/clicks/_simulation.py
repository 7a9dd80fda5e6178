"""Click logs from graded judgements: a logging ranker shows lists, and users that follow a click model click."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import plackett
from plackett.clicks._logging_ranker import RANDOMISE, LoggingRanker
from plackett.clicks._probabilities import Probabilities, probabilities_of
from plackett.clicks._users import Grades, Users, check_users
from plackett.data import RankingLists, Sessions, Strings
from plackett.data._ranking_lists import splits
from plackett.data._strings import Dictionary, concatenate_strings
from plackett.evaluation import open_system
from plackett.evaluation.systems.base import check_scores
from plackett.registry import check_known

CHUNK = 2**20  # impressions that are drawn together
NOISE = 2**23  # steps of the noise, between which it lies, so that 0 is never and 1 is always clicked
LEAST = 1e-6  # the least propensity that is written; what is seen less often is never clicked


class Simulation:
    """A click log that can be drawn, in parts: its documents, its logging ranker and its users.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[3.0], [2.0], [1.0]], [0, 1, 2], group=[3], feature_names=["price"])
    >>> simulation = Simulation(lists, "feature:price", sessions=1000)
    >>> sum(len(part) for part in simulation.parts())
    1000
    >>> simulation.truth()["probabilities"]["attraction"]
    {'0': 0.1, '1': 0.4, '2': 1.0}

    The arguments are those of `simulate`.
    """

    def __init__(
        self,
        lists: RankingLists,
        ranker: Any,
        *,
        sessions: int,
        model: str = "pbm",
        positions: int = 10,
        eta: float | None = None,
        epsilon: float | None = None,
        user: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        highest_grade: float | None = None,
        temperature: float = 0.0,
        randomise: str = "none",
        weights: str | Sequence[float] | np.ndarray | None = None,
        seed: int = 0,
    ):
        for name, number, least in (("sessions", sessions, 1), ("positions", positions, 1), ("seed", seed, 0)):
            if not isinstance(number, int | np.integer) or number < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, but got {number!r}")
        if not 0 <= temperature < np.inf:
            raise ValueError(f"temperature must be a number of at least 0, but got {temperature}")
        check_known("randomise", randomise, RANDOMISE)
        users = Users(eta, epsilon, user, dict(parameters or {}))
        check_users(users)
        grades, self.levels = find_grades(lists, highest_grade)
        self.probabilities: Probabilities = probabilities_of(model, users, grades, positions)
        self.lists, self.model, self.users, self.grades = lists, model, users, grades
        self.sessions, self.positions, self.seed = int(sessions), int(positions), int(seed)
        self.words = os.fspath(ranker) if isinstance(ranker, str | os.PathLike) else f"a {type(ranker).__name__}"
        self.weights = weights if isinstance(weights, str) or weights is None else "as given"
        scores = scores_of(lists, ranker, self.words)
        self.ranker = LoggingRanker(
            lists, scores, self.positions, temperature, randomise, find_weights(lists, weights)
        )

    def parts(self) -> Iterator[Sessions]:
        """The log in parts, of about a million impressions each; the same ones each time."""
        size = max(1, CHUNK // self.positions)
        for number, start in enumerate(range(0, self.sessions, size)):
            yield self._part(number, start, min(size, self.sessions - start))

    def _part(self, number, start, sessions):
        seeds = np.random.SeedSequence([self.seed, number]).spawn(4)
        *of_ranker, of_clicks = map(np.random.default_rng, seeds)
        queries, rows = self.ranker.show(sessions, of_ranker)
        shown = rows >= 0
        noise = (of_clicks.integers(0, NOISE, rows.shape, "uint32") + np.float32(0.5)) / np.float32(NOISE)
        levels = np.where(shown, self.levels[rows], 0)
        clicks, propensities = self.probabilities.draw(levels, noise.astype("float32"), shown)
        return Sessions(
            sessions=numbers_as_text(start + 1, sessions, self.sessions),
            queries=self.lists.queries[queries],
            row_splits=splits(shown.sum(axis=1)),
            documents=self.lists.documents[rows[shown]],
            positions=np.broadcast_to(np.arange(1, self.positions + 1, dtype="int32"), rows.shape)[shown],
            clicks=clicks[shown],
            propensities=np.maximum(propensities[shown], LEAST).astype("float32"),
        )

    def truth(self) -> dict[str, Any]:
        """What the log was drawn by, as plain numbers, strings, lists and dicts."""
        ranker, lists = self.ranker, self.lists
        unjudged = 0 if "judged" not in lists.columns else int((lists.columns["judged"] == 0).sum())
        return {
            "simulated": "these clicks are drawn by a click model from graded judgements; nobody clicked",
            "model": self.model,
            "propensity": self.probabilities.meaning,
            **self.probabilities.options,
            "highest_grade": self.grades.highest,
            "probabilities": self.probabilities.in_words(self.grades),
            "sessions": self.sessions,
            "positions": self.positions,
            "seed": self.seed,
            "ranker": self.words,
            "temperature": float(ranker.temperature),
            "randomise": ranker.randomise,
            "weights": self.weights,
            "data": {
                "fingerprint": lists.fingerprint(),
                "queries": len(lists),
                "queries_that_may_come": len(ranker.come),
                "documents": len(lists.labels),
                "documents_without_judgement": unjudged,
            },
            "plackett": plackett.__version__,
        }


def simulate(lists: RankingLists, ranker: Any, **options: Any) -> Sessions:
    """A click log from graded judgements.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[3.0], [2.0], [1.0]], [0, 1, 2], group=[3], feature_names=["price"])
    >>> log = simulate(lists, "feature:price", sessions=1000, model="pbm", eta=1.0, epsilon=0.1)
    >>> len(log), log.propensities[:3].round(3).tolist()
    (1000, [1.0, 0.5, 0.333])
    """
    return join(list(Simulation(lists, ranker, **options).parts()))


def join(parts: Sequence[Sessions]) -> Sessions:
    """Parts of a log of simulated sessions behind each other."""
    return Sessions(
        sessions=concatenate_strings([part.sessions for part in parts]),
        queries=concatenate_strings([part.queries for part in parts]),
        row_splits=splits(np.concatenate([part.lengths for part in parts])),
        documents=concatenate_strings([part.documents for part in parts]),
        positions=np.concatenate([part.positions for part in parts]),
        clicks=np.concatenate([part.clicks for part in parts]),
        propensities=np.concatenate([part.propensities for part in parts]),  # type: ignore[arg-type]
    )


def find_grades(lists: RankingLists, highest: float | None) -> tuple[Grades, np.ndarray]:
    """The grades of lists, and [documents] the place of each one's among them.

    Raises:
        ValueError: nobody judged these documents, none is relevant, or a grade is above the highest.
    """
    if "judged" in lists.columns and not lists.columns["judged"].any():
        raise ValueError("these lists have no judgements, from which clicks are simulated: their labels are all unknown")
    levels, of_row = np.unique(lists.labels, return_inverse=True)
    top = float(levels.max(initial=0.0))
    if highest is None and top == 0:
        raise ValueError(
            "no document of these lists has a grade above 0: say by highest_grade (--highest-grade) which grade is the "
            "highest"
        )
    if highest is not None and not max(top, 1e-9) <= highest < np.inf:
        raise ValueError(f"highest_grade must be at least the highest grade there is, {top:g}, but got {highest}")
    return Grades(levels.astype("float64"), top if highest is None else float(highest)), of_row


def find_weights(lists: RankingLists, weights: str | Sequence[float] | np.ndarray | None) -> np.ndarray | None:
    """[queries], in proportion to which queries come.

    Raises:
        ValueError: there is no such column, it holds no numbers, or one is below 0 or not finite.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        check_known("column of queries", weights, lists.query_columns)
        weights = lists.query_columns[weights]  # type: ignore[assignment]
    if isinstance(weights, Strings):
        raise ValueError(f"weights must be numbers, but the column of queries holds text, such as {weights[0]!r}")
    found = np.asarray(weights, "float64")
    if found.shape != (len(lists),):
        raise ValueError(f"weights must have one entry a query, {len(lists)}, but got the shape {found.shape}")
    wrong = ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"weights must be at least 0, but that of query {lists.queries[place]!r} is {found[place]}")
    return found


def scores_of(lists: RankingLists, ranker: Any, words: str) -> np.ndarray:
    """[documents], by which the logging ranker orders them.

    Raises:
        ValueError: it is no system, or it retrieves a document that the lists lack.
    """
    scored = check_scores(words, lists, open_system(ranker)(lists))
    if scored.beyond is not None and len(scored.beyond.scores):
        raise ValueError(
            f"the logging ranker {words} retrieves document {scored.beyond.documents[0]!r}, which these lists lack, and "
            f"{len(scored.beyond.scores) - 1} more: nobody judged them, so that nobody can be simulated to click them"
        )
    return scored.scores


def numbers_as_text(first: int, count: int, highest: int) -> Strings:
    """Numbers with as many digits as the highest: "001", "002", ...

    >>> numbers_as_text(9, 2, 100).tolist()
    ['009', '010']
    """
    digits = len(str(highest))
    numbers = np.arange(first, first + count)
    text = (numbers[:, None] // 10 ** np.arange(digits - 1, -1, -1) % 10 + ord("0")).astype("uint8")
    return Strings(np.arange(count, dtype="int32"), Dictionary(text.reshape(-1), digits * np.arange(count + 1, dtype="int32")))
