"""Lists of documents in flat arrays: what every reader returns and every batch is cut from."""

import dataclasses
from collections.abc import Iterable

import numpy as np


@dataclasses.dataclass(frozen=True)
class RankingLists:
    """Queries and their documents, one document behind the other.

    Args:
        labels: [documents] float32, grades >= 0.
        row_splits: [queries + 1] int64; the documents of query q are row_splits[q]:row_splits[q + 1].
        queries: [queries] str, the ids of the queries.
        documents: [documents] str, the ids of the documents.
        features: [documents, features] float32, dense features.
        ids: name -> [documents] int32, id features, each from 0 to below its size in `vocabularies`.
        vocabularies: name -> how many ids there are.
    """

    labels: np.ndarray
    row_splits: np.ndarray
    queries: np.ndarray
    documents: np.ndarray
    features: np.ndarray
    ids: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    vocabularies: dict[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        total = int(self.row_splits[-1])
        columns = {"labels": self.labels, "documents": self.documents, "features": self.features, **self.ids}
        for name, column in columns.items():
            if len(column) != total:
                raise ValueError(f"{name} must have {total} rows, as row_splits says, but got {len(column)}")
        if len(self.queries) != len(self.row_splits) - 1:
            raise ValueError(f"queries must have {len(self.row_splits) - 1} entries, but got {len(self.queries)}")

    def __len__(self) -> int:
        """How many queries there are."""
        return len(self.queries)

    @property
    def lengths(self) -> np.ndarray:
        """[queries], how many documents each query has."""
        return np.diff(self.row_splits)

    def select(self, queries: np.ndarray) -> "RankingLists":
        """The lists of some queries, given by their positions."""
        rows = [np.arange(self.row_splits[q], self.row_splits[q + 1]) for q in queries]
        return self.take(np.concatenate(rows) if rows else np.zeros(0, "int64"), self.lengths[queries], queries)

    def with_ids(self, names: Iterable[str]) -> "RankingLists":
        """The same lists with these id features alone."""
        kept = {name: self.ids[name] for name in self.ids if name in set(names)}
        return dataclasses.replace(self, ids=kept, vocabularies={name: self.vocabularies[name] for name in kept})

    def take(self, rows: np.ndarray, lengths: np.ndarray, queries: np.ndarray) -> "RankingLists":
        """The documents in `rows`, cut into lists of `lengths`, which belong to `queries` (all by position)."""
        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            row_splits=np.concatenate([[0], np.cumsum(lengths)]),
            queries=self.queries[queries],
            documents=self.documents[rows],
            features=self.features[rows],
            ids={name: column[rows] for name, column in self.ids.items()},
        )


def concatenate(parts: list[RankingLists]) -> RankingLists:
    """The lists of several parts behind each other; their features must agree."""
    first = parts[0]
    for part in parts[1:]:
        if part.features.shape[1] != first.features.shape[1] or part.vocabularies != first.vocabularies:
            raise ValueError(
                f"the parts differ in their features: {first.features.shape[1]} and {part.features.shape[1]} dense "
                f"ones, ids {first.vocabularies} and {part.vocabularies}"
            )
    lengths = np.concatenate([part.lengths for part in parts])
    return RankingLists(
        labels=np.concatenate([part.labels for part in parts]),
        row_splits=np.concatenate([[0], np.cumsum(lengths)]),
        queries=np.concatenate([part.queries for part in parts]),
        documents=np.concatenate([part.documents for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        ids={name: np.concatenate([part.ids[name] for part in parts]) for name in first.ids},
        vocabularies=first.vocabularies,
    )


def split_queries(lists: RankingLists, share: float, seed: int) -> tuple[RankingLists, RankingLists]:
    """Two parts by query, drawn at random: the second has `share` of the queries, at least one."""
    if len(lists) < 2:
        raise ValueError(f"a split needs at least 2 queries, but there is {len(lists)}")
    order = np.random.default_rng(seed).permutation(len(lists))
    held_out = min(max(1, round(share * len(lists))), len(lists) - 1)
    return lists.select(np.sort(order[held_out:])), lists.select(np.sort(order[:held_out]))
