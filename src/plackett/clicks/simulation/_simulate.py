"""Click logs from graded judgements: a logging ranker shows lists, and users who follow a click model click."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import plackett
from plackett.clicks.simulation._logging_ranker import RANDOMISE, LoggingRanker
from plackett.clicks.simulation._probabilities import Probabilities
from plackett.clicks.simulation._users import Grades, Users, check_users
from plackett.data import RankingLists, Sessions, Strings
from plackett.data._row_splits import splits
from plackett.data._strings import Dictionary, concatenate_strings
from plackett.evaluation import System, open_system
from plackett.evaluation.systems.base import check_scores, count
from plackett.registry import check_known
from plackett.registry.options import is_number

CHUNK = 2**20  # the number of impressions that are drawn together
NOISE = 2**23  # the noise lies between this many steps, so that probability 0 never clicks and 1 always does
LEAST = 1e-6  # the smallest propensity that is written; what is seen less often is never clicked


class Simulation:
    """A click log that can be drawn in parts: its documents, its logging ranker and its users.

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
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, but got {number!r}")
        if not is_number(temperature) or not 0 <= temperature < np.inf:
            raise ValueError(f"temperature must be a number of at least 0, but got {temperature!r}")
        check_known("randomise", randomise, RANDOMISE)
        users = Users(eta, epsilon, user, dict(parameters or {}))
        check_users(users)
        grades, self.levels = find_grades(lists, highest_grade)
        self.probabilities = Probabilities(model, users, grades, positions)
        self.lists, self.model, self.grades = lists, model, grades
        self.sessions, self.positions, self.seed = int(sessions), int(positions), int(seed)
        self.words = os.fspath(ranker) if isinstance(ranker, str | os.PathLike) else f"a {type(ranker).__name__}"
        self.weights = weights if isinstance(weights, str) or weights is None else "as given"
        self.system = open_system(ranker)
        scores = scores_of(lists, self.system, self.words)
        self.ranker = LoggingRanker(lists, scores, self.positions, temperature, randomise, find_weights(lists, weights))

    def parts(self) -> Iterator[Sessions]:
        """Yields the log in parts of about a million impressions each. They are the same each time."""
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

    def notes(self) -> list[str]:
        """What a reader needs to know about the log, in whole sentences."""
        notes = list(self.system.notes()) if hasattr(self.system, "notes") else []
        absent, unjudged = len(self.lists) - len(self.ranker.come), count_unjudged(self.lists)
        if absent:
            comes = "never comes: it has" if absent == 1 else "never come: they have"
            notes.append(f"{count(absent, 'query', 'queries')} {comes} no weight or nothing to show.")
        if unjudged:
            counts = "counts" if unjudged == 1 else "count"
            notes.append(f"{count(unjudged, 'document')} that nobody judged {counts} as grade 0.")
        return notes

    def truth(self) -> dict[str, Any]:
        """Returns what the log was drawn from, as plain numbers, strings, lists and dicts."""
        ranker, lists = self.ranker, self.lists
        return {
            "simulated": "these clicks are drawn by a click model from graded judgements; nobody clicked",
            "model": self.model,
            "propensity": self.probabilities.meaning,
            **self.probabilities.options,
            "highest_grade": self.grades.highest,
            "probabilities": self.probabilities.in_words(),
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
                "documents_without_judgement": count_unjudged(lists),
            },
            "plackett": plackett.__version__,
        }


def simulate(
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
) -> Sessions:
    """Simulates a click log from graded judgements: a logging ranker shows lists, and users of a click model click.

    >>> from plackett.data import RankingLists
    >>> lists = RankingLists.from_arrays([[3.0], [2.0], [1.0]], [0, 1, 2], group=[3], feature_names=["price"])
    >>> log = simulate(lists, "feature:price", sessions=1000, model="pbm", eta=1.0, epsilon=0.1)
    >>> len(log), log.propensities[:3].round(3).tolist()
    (1000, [1.0, 0.5, 0.3330000042915344])

    The relevance of a document of grade g is (2^g - 1) / (2^highest - 1). It attracts a user who sees it with
    probability epsilon + (1 - epsilon) x relevance. `Simulation` gives the log in parts, and the truth behind it.

    Args:
        lists: documents and their grades. Documents that nobody judged count as grade 0.
        ranker: the ranker of the lists that are shown: scores of all documents, or anything else that
            `plackett.evaluation.open_system` takes. Equal scores keep the order of the lists, and a document with -inf
            is never shown.
        sessions: the number of lists that are shown.
        model: the name of a click model, one of `plackett.clicks.MODELS`. Under "trust", P(relevant) is the relevance
            itself; a document that is seen and relevant is clicked with 1 - (k + 1) / 100 at position k, up to 20, and
            one that is seen and irrelevant with 0.65 / k, up to 10.
        positions: the largest number of documents that a session shows.
        eta: for pbm and trust: position k is seen with (1 / k)^eta. For ubm: so is the position k places after the last
            click, or after the top. None = 1.
        epsilon: for all models except trust: P(click | seen) of grade 0. None = 0.1, or the value of `user`.
        user: for cascade, dcm, dbn, sdbn and ccm: "perfect", "navigational" or "informational" users, who click and
            then stop with the probabilities of Hofmann et al. and Guo et al. by grade. These are spread evenly between
            the lowest and the highest grade. None = attraction by epsilon, and the stops of an informational user. dcm
            takes the stop of the middle grade, ccm those of the lowest and the highest grade. Where no stop applies,
            dbn goes on with 0.9, and ccm always goes on after a skip.
        parameters: name -> probabilities of the model, in place of all above: a number, or one for each position, or
            one for each grade from 0, such as {"examination": [1.0, 0.6, 0.4]}.
        highest_grade: the grade of full relevance. None = the highest of `lists`.
        temperature: each session has its own order, by scores / temperature with Gumbel noise, as in the Plackett-Luce
            model. 0 = all sessions of a query have the same order.
        randomise: how the order of the shown documents is changed. "top": it is random, and all orders are equally
            likely; "swap": the documents of a random pair of positions are swapped; "none".
        weights: [queries], or the name of a column of queries: queries are asked in proportion to these. None = all the
            same.
        seed: the seed of queries, orders and clicks. The same seed gives the same log on every backend, except for
            clicks whose noise equals the probability to the last digit of float32, less than one in a million. A longer
            log begins with the shorter one.

    Returns:
        The sessions. Their propensities are the true ones: P(seen | position) for pbm and trust, 1 for ctr, and for the
        other models P(seen) of this document in this list, whatever is clicked, at least 1e-6.

    Raises:
        ValueError: the lists have no judgements, or an option is out of range or has no effect on the model.

    Cost: about a second for a million impressions, and 30 bytes an impression.

    Reference: Joachims et al., "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017; Hofmann et al., "Fidelity,
    Soundness, and Efficiency of Interleaved Comparison Methods", TOIS 2013; Vardasbi et al., "When Inverse Propensity
    Scoring Does Not Work", CIKM 2020.
    """
    simulation = Simulation(
        lists,
        ranker,
        sessions=sessions,
        model=model,
        positions=positions,
        eta=eta,
        epsilon=epsilon,
        user=user,
        parameters=parameters,
        highest_grade=highest_grade,
        temperature=temperature,
        randomise=randomise,
        weights=weights,
        seed=seed,
    )
    return join(list(simulation.parts()))


def join(parts: Sequence[Sessions]) -> Sessions:
    """Joins parts of a log of simulated sessions."""
    return Sessions(
        sessions=concatenate_strings([part.sessions for part in parts]),
        queries=concatenate_strings([part.queries for part in parts]),
        row_splits=splits(np.concatenate([part.lengths for part in parts])),
        documents=concatenate_strings([part.documents for part in parts]),
        positions=np.concatenate([part.positions for part in parts]),
        clicks=np.concatenate([part.clicks for part in parts]),
        propensities=np.concatenate([part.propensities for part in parts]),
    )


def find_grades(lists: RankingLists, highest: float | None) -> tuple[Grades, np.ndarray]:
    """Returns the grades of lists, and [documents] the index of each document's grade among them.

    Raises:
        ValueError: nobody judged these documents, none is relevant, or a grade is above the highest.
    """
    if "judged" in lists.columns and not lists.columns["judged"].any():
        raise ValueError(
            "clicks are simulated from judgements, but these lists have none: their labels are all unknown"
        )
    levels, of_row = np.unique(lists.labels, return_inverse=True)
    top = float(levels.max(initial=0.0))
    if highest is None and top == 0:
        raise ValueError(
            "at least one document must have a grade above 0, but none has: say by highest_grade (--highest-grade) "
            "which grade is the highest"
        )
    if highest is not None and not (is_number(highest) and max(top, 1e-9) <= highest < np.inf):
        raise ValueError(f"highest_grade must be at least {top:g}, the highest grade of the lists, but got {highest!r}")
    return Grades(levels.astype("float64"), top if highest is None else float(highest)), of_row


def count_unjudged(lists: RankingLists) -> int:
    """The number of documents that nobody judged."""
    return int((lists.columns["judged"] == 0).sum()) if "judged" in lists.columns else 0


def find_weights(lists: RankingLists, weights: str | Sequence[float] | np.ndarray | None) -> np.ndarray | None:
    """The weights by which queries are asked, [queries].

    Raises:
        ValueError: there is no such column, it does not hold numbers, or one is below 0 or not finite.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        if not lists.query_columns:
            raise ValueError(f"weights must name a column of queries, but these lists have none: got {weights!r}")
        check_known("column of queries", weights, lists.query_columns)
        weights = lists.query_columns[weights]
    if isinstance(weights, Strings):
        raise ValueError(f"weights must be numbers, but the column of queries holds text, such as {weights[0]!r}")
    found = np.asarray(weights, "float64")
    if found.shape != (len(lists),):
        raise ValueError(f"weights must have one entry per query, {len(lists)}, but got the shape {found.shape}")
    wrong = ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"weights must be at least 0, but that of query {lists.queries[place]!r} is {found[place]}")
    return found


def scores_of(lists: RankingLists, system: System, words: str) -> np.ndarray:
    """The scores by which the logging ranker orders documents, [documents].

    Raises:
        ValueError: the ranker retrieves a document that the lists lack, or a score is not a number.
    """
    scored = check_scores(words, lists, system(lists))
    if scored.beyond is not None and len(scored.beyond.scores):
        raise ValueError(
            f"the logging ranker {words} retrieves document {scored.beyond.documents[0]!r}, which these lists lack, "
            f"and {len(scored.beyond.scores) - 1} more: nobody judged them, so no click can be simulated"
        )
    return scored.scores


def numbers_as_text(first: int, count: int, highest: int) -> Strings:
    """Writes numbers with as many digits as the highest: "001", "002", ...

    >>> numbers_as_text(9, 2, 100).tolist()
    ['009', '010']
    """
    digits = len(str(highest))
    numbers = np.arange(first, first + count)
    text = (numbers[:, None] // 10 ** np.arange(digits - 1, -1, -1) % 10 + ord("0")).astype("uint8")
    return Strings(
        np.arange(count, dtype="int32"), Dictionary(text.reshape(-1), digits * np.arange(count + 1, dtype="int32"))
    )
