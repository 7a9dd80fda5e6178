"""Writes tests/golden/tf_ranking_metrics_like.json: what TensorFlow Ranking measures on small lists with ties.

It runs where TensorFlow Ranking does, in `environments.made("tensorflow-ranking")`:
`PYTHON benchmarks/tf_ranking_metrics.py tests/golden/tf_ranking_metrics_like.json`.

TensorFlow Ranking breaks ties by chance. `value` is its mean over all orders of tied documents, each measured without
ties; `drawn` is its mean over many draws of its own, which shows that it draws all orders alike.
"""

import itertools
import json
import sys

import numpy as np
import tensorflow as tf
import tensorflow_ranking as tfr

LENGTHS = (7, 1, 5, 2, 1, 6, 3, 7, 4, 2)
SIZE, SUBTOPICS, ORDERS, DRAWS = 7, 3, 24, 20_000
METRICS = {
    "alpha_dcg": tfr.keras.metrics.AlphaDCGMetric,
    "arp": tfr.keras.metrics.ARPMetric,
    "dcg": tfr.keras.metrics.DCGMetric,
    "hits": tfr.keras.metrics.HitsMetric,
    "map": tfr.keras.metrics.MeanAveragePrecisionMetric,
    "mrr": tfr.keras.metrics.MRRMetric,
    "ndcg": tfr.keras.metrics.NDCGMetric,
    "opa": tfr.keras.metrics.OPAMetric,
    "precision": tfr.keras.metrics.PrecisionMetric,
    "precision_ia": tfr.keras.metrics.PrecisionIAMetric,
    "recall": tfr.keras.metrics.RecallMetric,
}
OF_SUBTOPICS = ("alpha_dcg", "precision_ia")


def main(path: str) -> None:
    """Writes the file."""
    tf.random.set_seed(1)
    random = np.random.default_rng(14)
    real = np.arange(SIZE) < np.array(LENGTHS)[:, None]
    labels = np.where(real, random.choice([0, 0, 0, 0.5, 1, 2, 3, 4], real.shape), -1)
    labels[[0, 4]] = np.where(real[[0, 4]], 0, -1)
    subtopics = random.integers(0, 2, (*real.shape, SUBTOPICS)) * (labels >= 1)[..., None]
    subtopics = np.where(real[..., None], subtopics, -1)
    scores = np.array([with_few_ties(random) for _ in LENGTHS])
    given = {"labels": labels.tolist(), "subtopics": subtopics.tolist(), "scores": scores.tolist()}
    cases = []
    for name in METRICS:
        y = subtopics if name in OF_SUBTOPICS else labels
        for topn in (None,) if name in ("arp", "opa") else (None, 1, 3, 10):
            value = measure(name, topn, y, scores, expand=name != "opa")
            cases.append({"metric": name, "topn": topn, "value": value, "drawn": draw(name, topn, y, scores)})
    with open(path, "w") as file:
        json.dump(given | {"cases": cases}, file)


def with_few_ties(random):
    """Scores of a list whose tied documents have a number of orders that divides `ORDERS`."""
    while True:
        scores = 16 + random.integers(0, 5, SIZE) / 4 + random.integers(0, 2, SIZE) * 1e-9
        if ORDERS % len(orders(scores)) == 0:
            return scores


def orders(scores):
    """[orders, list_size], different scores for each order of the documents that are tied in float32."""
    scores = scores.astype("float32")
    groups = [np.flatnonzero(scores == score).tolist() for score in sorted(set(scores), reverse=True)]
    found = []
    for order in itertools.product(*map(itertools.permutations, groups)):
        places = np.empty(len(scores))
        places[list(itertools.chain(*order))] = -np.arange(len(scores))
        found.append(places)
    return np.array(found)


def measure(name, topn, labels, scores, *, expand):
    """The result over the lists, or over all orders of their tied documents."""
    if expand:
        scores = np.concatenate([np.resize(orders(row), (ORDERS, SIZE)) for row in scores])
        labels = np.repeat(labels, ORDERS, axis=0)
    metric = METRICS[name](**({} if topn is None else {"topn": topn}))
    metric.update_state(tf.constant(labels, tf.float32), tf.constant(scores))
    return float(metric.result())


def draw(name, topn, labels, scores):
    """The result over many copies of each list, whose ties TensorFlow Ranking breaks by chance."""
    return measure(name, topn, np.repeat(labels, DRAWS, axis=0), np.repeat(scores, DRAWS, axis=0), expand=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
