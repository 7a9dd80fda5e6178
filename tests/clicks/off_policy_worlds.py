"""Logs of users whose mind is known, and what new rankers would truly be clicked."""

import dataclasses

import numpy as np

from plackett.data import RankingLists, Sessions


@dataclasses.dataclass(frozen=True)
class World:
    """Queries of as many documents each, ids "0", "1", ..., and sessions of them.

    Args:
        log: what the old ranker showed.
        lists: all documents, with the scores of the new ranker as the feature "new".
        truth: the clicks per session of the new ranker's first documents, over the queries of the log.
        truth_of_old: those of the first documents as they were shown.
    """

    log: Sessions
    lists: RankingLists
    truth: float
    truth_of_old: float


def make_world(seed, *, queries=20, documents=8, shown=8, sessions=400, topn=5, noise=0.5, user="position"):
    """A log of a ranker that adds Gumbel noise to its scores, so that it shows many rankings.

    Args:
        user: "position", who looks at position p with probability 1 / p; or "cascade", who goes down to the first
            click.
    """
    random = np.random.default_rng(seed)
    attraction = 0.1 + 0.6 * random.random((queries, documents)) ** 2
    old = random.normal(size=(queries, documents))
    new = old + random.normal(size=(queries, documents)) * (0.7 if user == "position" else 0.3)
    query = random.integers(queries, size=sessions)
    scores = old[query] + noise * random.gumbel(size=(sessions, documents))
    order = np.argsort(-scores, axis=1)[:, :shown]
    examination = 1 / np.arange(1, documents + 1)
    attraction_shown = np.take_along_axis(attraction[query], order, 1)
    liked = random.random(order.shape) < attraction_shown
    best = np.take_along_axis(attraction, np.argsort(-new, axis=1), 1)
    if user == "position":
        clicks = liked & (random.random(order.shape) < examination[:shown])
        truths = [(x[:, :topn] @ examination[:topn]) for x in (best[query], attraction_shown)]
    else:
        clicks = liked & (np.cumsum(liked, axis=1) == 1)
        truths = [1 - np.prod(1 - x[:, :topn], axis=1) for x in (best[query], attraction_shown)]
    log = Sessions.from_arrays(
        query=np.repeat(query, shown),
        session=np.repeat(np.arange(sessions), shown),
        document=order.ravel(),
        position=np.tile(np.arange(1, shown + 1), sessions),
        click=clicks.ravel(),
        propensity=np.tile(examination[:shown], sessions),
    )
    ids = np.tile(np.arange(documents), queries)
    of_row = np.repeat(np.arange(queries), documents)
    lists = RankingLists.from_arrays(new.reshape(-1, 1), query=of_row, documents=ids, feature_names=["new"])
    return World(log, lists, *(float(truth.mean()) for truth in truths))
