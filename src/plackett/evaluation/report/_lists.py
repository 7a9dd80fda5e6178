"""The lists that the query browser shows."""

import math
from typing import NamedTuple

import numpy as np

from plackett.data import Strings
from plackett.evaluation.report._material import Material

DEEPEST = 100
LONGEST = 100  # characters of a text


class Shown(NamedTuple):
    """The documents of one query that the page shows.

    Args:
        rows: [documents], their places in the lists; -1 for those that the lists lack.
        documents: their ids.
        labels: None = nobody judged it.
        scores: of each system, [documents]; None = not retrieved.
        ranks: likewise, from 1.
        total: how many documents the query has.
    """

    rows: list[int]
    documents: list[str]
    labels: list[float | None]
    scores: list[list[float | None]]
    ranks: list[list[int | None]]
    total: int

    def to_page(self) -> list:
        """What the page needs to know."""
        return [self.documents, self.labels, self.scores, self.ranks, self.total]


def priority(material: Material) -> np.ndarray:
    """[queries of the results], their places; those worth a look first.

    The queries on which systems differ most and those with the worst values take turns.
    """
    values = material.results.values[:, material.place]
    counts = ~np.isnan(values)
    any_counts = counts.any(axis=0)
    filled = np.where(counts, values, np.nan)
    highest = np.max(np.where(counts, filled, -np.inf), axis=0)
    lowest = np.min(np.where(counts, filled, np.inf), axis=0)
    spread = np.where(any_counts, highest - lowest, -1.0)
    worst = np.where(any_counts, -highest if material.less_is_better else lowest, np.inf)
    turns = np.stack([np.argsort(-spread, kind="stable"), np.argsort(worst, kind="stable")], axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    return turns[np.sort(first)]


def list_of(material: Material, place: int) -> Shown:
    """The list of one query of the results: the first documents under each system, and the first relevant ones."""
    lists = material.lists
    query = int(material.places[place])
    start, stop = (int(x) for x in lists.row_splits[query : query + 2])
    documents = lists.documents[start:stop].tolist()
    labels = lists.labels[start:stop].tolist()
    if "judged" in lists.columns:
        judged = lists.columns["judged"][start:stop] > 0
        labels = [label if known else None for label, known in zip(labels, judged.tolist(), strict=True)]
    rows = list(range(start, stop))
    scores = [scored.scores[start:stop] for scored in material.scored.values()]
    beyond = [_beyond(scored.beyond, query) for scored in material.scored.values()]
    strangers = list(dict.fromkeys(document for of_system in beyond for document in of_system))
    columns = [
        np.append(known, [of_system.get(document, -np.inf) for document in strangers])
        for known, of_system in zip(scores, beyond, strict=True)
    ]
    rows, documents = rows + [-1] * len(strangers), documents + strangers
    labels = labels + [None] * len(strangers)
    ranks = [_ranks(column) for column in columns]
    kept = _worth_showing(ranks, labels)
    return Shown(
        [rows[i] for i in kept],
        [documents[i] for i in kept],
        [labels[i] for i in kept],
        [[_short(float(column[i])) for i in kept] for column in columns],
        [[of_system[i] for i in kept] for of_system in ranks],
        len(rows),
    )


def features_of(material: Material, shown: Shown) -> list:
    """[documents, features], what is known of each document that is shown; [] for those that the lists lack."""
    lists = material.lists
    columns = [*lists.ids.values(), *lists.columns.values()]

    def entries(row):
        return [*(_short(x, 4) for x in lists.features[row].tolist()), *(_entry(column, row) for column in columns)]

    return [entries(row) if row >= 0 else [] for row in shown.rows]


def _beyond(beyond, query):
    """Document -> score of those that a system retrieved and the lists lack."""
    if beyond is None:
        return {}
    start, stop = (int(x) for x in beyond.row_splits[query : query + 2])
    return dict(zip(beyond.documents[start:stop].tolist(), beyond.scores[start:stop].tolist(), strict=True))


def _ranks(scores):
    """The rank of each document by falling score, those of equal score as they stand; None where not retrieved."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), "int64")
    ranks[order] = np.arange(1, len(scores) + 1)
    return [rank if score > -np.inf else None for rank, score in zip(ranks.tolist(), scores.tolist(), strict=True)]


def _worth_showing(ranks, labels):
    best = [min((x for x in of_document if x is not None), default=None) for of_document in zip(*ranks, strict=True)]
    relevant = [i for i, label in enumerate(labels) if label][:DEEPEST]
    first = [i for i, rank in enumerate(best) if rank is not None and rank <= DEEPEST]
    rest = [i for i, rank in enumerate(best) if rank is None][:DEEPEST]
    return sorted({*relevant, *first, *rest})


def _short(value, digits=6):
    """A number in few digits for JSON; None where it is none."""
    if not math.isfinite(value):
        return None
    if value == int(value):
        return int(value)
    return float(f"{value:.{10 if abs(value) >= 1e6 else digits}g}")


def _entry(column, row):
    entry = column[row]
    return entry[:LONGEST] if isinstance(column, Strings) else _short(float(entry))
