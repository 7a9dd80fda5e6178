"""Lists and files that tests of systems share."""

import numpy as np

from plackett.data import RankingLists

NAMES = ("price", "stars", "age")


def lists_of(queries=6, seed=0, names=NAMES):
    """Lists of 1 to 6 documents with ids of their own, and a grade that the first feature sets."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 7, queries)
    total = int(lengths.sum())
    x = random.normal(size=(total, 3)).astype("float32")
    return RankingLists.from_arrays(
        x,
        np.digitize(x[:, 0], [0.0, 1.0]),
        query=np.repeat([f"q{i}" for i in range(queries)], lengths),
        documents=[f"d{i}" for i in range(total)],
        feature_names=names,
    )


def lists_from(queries):
    """Lists of documents by query, some of which may be empty."""
    lengths = [len(documents) for documents in queries.values()]
    total = sum(lengths)
    return RankingLists(
        labels=np.zeros(total, "float32"),
        row_splits=np.append(0, np.cumsum(lengths)).astype("int64"),
        queries=list(queries),
        documents=[document for documents in queries.values() for document in documents],
        features=np.zeros((total, 0), "float32"),
    )


def write_run(path, rows):
    """A run of (query, document, score)."""
    path.write_text("".join(f"{query} Q0 {document} 1 {score!r} tag\n" for query, document, score in rows))
    return path
