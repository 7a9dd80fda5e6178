"""Lists of documents in flat arrays: what every reader returns and every batch is cut from."""

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

COLUMNS = ("click", "propensity", "position", "teacher", "weight", "judged", "run_score")


class Missed(NamedTuple):
    """What the judgements say of each query beyond its list.

    Args:
        grades: [missed documents] float32, the grades of judged documents that the list lacks. One below 0 is no
            verdict: it says that the query was judged, and no more.
        row_splits: [queries + 1] int64; the grades of query q are row_splits[q]:row_splits[q + 1].
    """

    grades: np.ndarray
    row_splits: np.ndarray


@dataclasses.dataclass(frozen=True)
class RankingLists:
    """Queries and their documents, one document behind the other. The arrays may be memory-mapped.

    Args:
        labels: [documents] float32, grades >= 0.
        row_splits: [queries + 1] int64; the documents of query q are row_splits[q]:row_splits[q + 1].
        queries: [queries] str, the ids of the queries.
        documents: [documents] str, the ids of the documents.
        features: [documents, features] float32, dense features; NaN = missing.
        feature_names: the name of each dense feature. () = they have numbers alone, from 1.
        ids: name -> [documents] int32, id features: any numbers, which stand for things and are never added up.
        columns: name -> [documents] float32, what else is known of documents: some of `click`, `propensity`, the
            divisor of a click's weight, in (0, 1], `position`, the rank at which it was shown, from 1, `teacher`, the
            score of a teacher, `weight`, `judged`, 0 for a document that nobody judged, whose label is 0, else 1, and
            `run_score`, float64, the score in a run.
        query_columns: name -> [queries], what else is known of queries.
        missed: what the judgements hold beyond the lists. None = nothing is known of it.
    """

    labels: np.ndarray
    row_splits: np.ndarray
    queries: np.ndarray
    documents: np.ndarray
    features: np.ndarray
    feature_names: tuple[str, ...] = ()
    ids: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    columns: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    query_columns: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    missed: Missed | None = None

    def __post_init__(self):
        total = int(self.row_splits[-1])
        for name, column in self.of_documents().items():
            if len(column) != total:
                raise ValueError(f"{name} must have {total} rows, as row_splits says, but got {len(column)}")
        for name, column in {"queries": self.queries, **self.query_columns}.items():
            if len(column) != len(self.row_splits) - 1:
                raise ValueError(f"{name} must have {len(self.row_splits) - 1} entries, but got {len(column)}")
        if self.feature_names and len(self.feature_names) != self.features.shape[1]:
            raise ValueError(
                f"feature_names must name {self.features.shape[1]} features, but got {len(self.feature_names)}"
            )
        if taken := sorted(set(self.ids) & {"features", "mask", *self.feature_names}):
            raise ValueError(f"an id feature must have a name of its own, but got {', '.join(taken)}")
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"columns must be among {', '.join(COLUMNS)}, but got {', '.join(unknown)}")
        if self.missed is not None and len(self.missed.row_splits) != len(self.row_splits):
            raise ValueError(
                f"missed must have {len(self.row_splits) - 1} lists, but got {len(self.missed.row_splits) - 1}"
            )
        if self.missed is not None and len(self.missed.grades) != int(self.missed.row_splits[-1]):
            raise ValueError(
                f"missed must have {self.missed.row_splits[-1]} grades, as its row_splits says, but got "
                f"{len(self.missed.grades)}"
            )

    def __len__(self) -> int:
        """How many queries there are."""
        return len(self.queries)

    @property
    def lengths(self) -> np.ndarray:
        """[queries], how many documents each query has."""
        return np.diff(self.row_splits)

    def of_documents(self) -> dict[str, np.ndarray]:
        """All columns with a row a document, by name."""
        fixed = {"labels": self.labels, "documents": self.documents, "features": self.features}
        return fixed | self.ids | self.columns

    def select(self, queries: np.ndarray) -> "RankingLists":
        """The lists of some queries, given by their positions."""
        return self.take(_rows(self.row_splits, queries), self.lengths[queries], queries)

    def with_ids(self, names: Iterable[str]) -> "RankingLists":
        """The same lists with these id features alone."""
        return dataclasses.replace(self, ids={name: self.ids[name] for name in self.ids if name in set(names)})

    def take(self, rows: np.ndarray, lengths: np.ndarray, queries: np.ndarray) -> "RankingLists":
        """The documents in `rows`, cut into lists of `lengths`, which belong to `queries` (all by position)."""
        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            row_splits=_splits(lengths),
            queries=self.queries[queries],
            documents=self.documents[rows],
            features=self.features[rows],
            ids={name: column[rows] for name, column in self.ids.items()},
            columns={name: column[rows] for name, column in self.columns.items()},
            query_columns={name: column[queries] for name, column in self.query_columns.items()},
            missed=None if self.missed is None else _selected(self.missed, queries),
        )

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any number or id of these lists.

        Cost: about a second for 1 GB.
        """
        seen = hashlib.blake2b(digest_size=8)
        named = self.of_documents() | {"queries": self.queries, "row_splits": self.row_splits} | self.query_columns
        if self.missed is not None:
            named |= {f"missed {name}": column for name, column in self.missed._asdict().items()}
        for name, column in named.items():
            if column.dtype.kind == "U":  # however wide the array is
                column = column.astype(f"<U{max(1, np.char.str_len(column).max(initial=0))}")
            seen.update(f"{name} {column.dtype} {column.shape} ".encode())
            seen.update(np.ascontiguousarray(column))
        seen.update(repr(self.feature_names).encode())
        return seen.hexdigest()


def _rows(row_splits, queries):
    """The rows of some queries behind each other."""
    rows = [np.arange(row_splits[q], row_splits[q + 1]) for q in queries]
    return np.concatenate(rows) if rows else np.zeros(0, "int64")


def _selected(missed, queries):
    lengths = np.diff(missed.row_splits)[queries]
    return Missed(missed.grades[_rows(missed.row_splits, queries)], _splits(lengths))


def _splits(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype("int64")


def concatenate(parts: list[RankingLists]) -> RankingLists:
    """The lists of several parts behind each other; their columns must agree."""
    first = parts[0]
    for part in parts[1:]:
        if _kind(part) != _kind(first):
            raise ValueError(f"the parts differ in their columns: {_kind(first)} and {_kind(part)}")
    joined = {
        field: {name: np.concatenate([getattr(part, field)[name] for part in parts]) for name in getattr(first, field)}
        for field in ("ids", "columns", "query_columns")
    }
    lengths = np.concatenate([part.lengths for part in parts])
    return RankingLists(
        labels=np.concatenate([part.labels for part in parts]),
        row_splits=_splits(lengths),
        queries=np.concatenate([part.queries for part in parts]),
        documents=np.concatenate([part.documents for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        feature_names=first.feature_names,
        missed=None if first.missed is None else _joined([part.missed for part in parts]),
        **joined,
    )


def _joined(parts):
    lengths = np.concatenate([np.diff(part.row_splits) for part in parts])
    return Missed(np.concatenate([part.grades for part in parts]), _splits(lengths))


def _kind(lists):
    """What the columns of some lists are, in words."""
    words = [f"{lists.features.shape[1]} dense features"]
    if lists.feature_names:
        words[0] += f" ({', '.join(lists.feature_names)})"
    for names in (lists.ids, lists.columns, lists.query_columns):
        words += sorted(names)
    words += ["missed"] * (lists.missed is not None)
    return ", ".join(words)


def split_queries(lists: RankingLists, share: float, seed: int) -> tuple[RankingLists, RankingLists]:
    """Two parts by query, drawn at random: the second has `share` of the queries, at least one."""
    if len(lists) < 2:
        raise ValueError(f"a split needs at least 2 queries, but there is {len(lists)}")
    order = np.random.default_rng(seed).permutation(len(lists))
    held_out = min(max(1, round(share * len(lists))), len(lists) - 1)
    return lists.select(np.sort(order[held_out:])), lists.select(np.sort(order[:held_out]))
