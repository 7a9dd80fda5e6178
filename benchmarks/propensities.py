"""Examination by position as each estimator finds it in simulated logs, against the truth.

    KERAS_BACKEND=torch python benchmarks/propensities.py [SESSIONS]

The clicks are simulated by the position-based model: examination 1 / rank, attraction epsilon + (1 - epsilon) (2^g - 1)
/ (2^4 - 1) of grades g from 0 to 4, epsilon = 0.1. Lists of 10 are logged by three rankers of different quality, by one
whose order varies from session to session, and by chance. Each row says how far the curve is off at the worst of 10
positions, and at how many of them the 95 % band holds the truth.
"""

import sys
import time

import numpy as np

from plackett.clicks import propensities
from plackett.data import ClickCounts, RankingLists, Strings

QUERIES, CANDIDATES, POSITIONS, EPSILON = 2000, 20, 10, 0.1
TRUTH = 1 / np.arange(1, POSITIONS + 1)


def simulate(sessions, logger, seed):
    """(counts, features of all documents) of a log."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(QUERIES, CANDIDATES, 5))
    worth = features @ np.array([1.0, -0.7, 0.5, 0.0, 0.3]) + 0.5 * random.normal(size=(QUERIES, CANDIDATES))
    grades = np.digitize(worth, np.quantile(worth, [0.5, 0.7, 0.85, 0.95]))
    attraction = EPSILON + (1 - EPSILON) * (2.0**grades - 1) / 15
    if logger == "three rankers, attraction of features":
        attraction = 1 / (1 + np.exp(1.5 - features @ np.array([1.0, -0.7, 0.5, 0.0, 0.3])))
    query = random.integers(QUERIES, size=sessions)
    shown = np.zeros((QUERIES * CANDIDATES, POSITIONS), "int64")
    clicked = np.zeros_like(shown)
    noise = random.normal(size=(3, QUERIES, CANDIDATES)) * np.array([0.5, 1, 2])[:, None, None]
    for part in np.array_split(query, max(1, sessions // 100_000)):
        if logger == "chance":
            scores = random.random((len(part), CANDIDATES))
        elif logger == "one that varies":
            scores = worth[part] + random.gumbel(size=(len(part), CANDIDATES))
        else:
            scores = worth[part] + noise[random.integers(3, size=len(part)), part]
        order = np.argsort(-scores, axis=1)[:, :POSITIONS]
        clicks = random.random(order.shape) < attraction[part[:, None], order] * TRUTH
        cells = ((part[:, None] * CANDIDATES + order) * POSITIONS + np.arange(POSITIONS)).ravel()
        shown += np.bincount(cells, minlength=shown.size).reshape(shown.shape)
        clicked += np.bincount(cells, clicks.ravel(), minlength=shown.size).astype("int64").reshape(shown.shape)
    pair, position = np.nonzero(shown)
    ids = Strings.of([f"q{i:05}" for i in range(QUERIES)]), Strings.of([f"d{i:02}" for i in range(CANDIDATES)])
    counts = ClickCounts(
        ids[0][pair // CANDIDATES],
        ids[1][pair % CANDIDATES],
        (position + 1).astype("int32"),
        shown[pair, position],
        clicked[pair, position],
    )
    lists = RankingLists.from_arrays(
        features.reshape(-1, 5).astype("float32"),
        np.zeros(QUERIES * CANDIDATES),
        query=np.repeat(ids[0].tolist(), CANDIDATES),
        documents=[f"d{i:02}" for i in range(CANDIDATES)] * QUERIES,
    )
    return counts, lists


def main(sessions: int) -> None:
    """Prints the table of a number of sessions."""
    print(f"{sessions} sessions of {POSITIONS} documents of {QUERIES} queries\n")
    print("| log | estimator | worst of 10 positions | in the band | seconds |\n|---|---|---:|---:|---:|")
    harvesting = {
        "intervention_harvesting": propensities.intervention_harvesting,
        "position_based": propensities.position_based,
        "regression_em": propensities.regression_em,
    }
    logs = {
        "three rankers": harvesting,
        "one that varies": harvesting,
        "chance": {"randomized": propensities.randomized} | harvesting,
        "three rankers, attraction of features": {"regression_em of features": propensities.regression_em},
    }
    for log, estimators in logs.items():
        counts, lists = simulate(sessions, log, seed=7)
        for name, estimator in estimators.items():
            start = time.perf_counter()
            curve = estimator(counts, lists) if name.endswith("features") else estimator(counts)
            seconds = time.perf_counter() - start
            worst = np.abs(curve.examination / TRUTH - 1).max()
            held = int(((curve.low <= TRUTH) & (curve.high >= TRUTH)).sum())
            print(f"| {log} | {name} | {worst:.1%} | {held} of {POSITIONS} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
