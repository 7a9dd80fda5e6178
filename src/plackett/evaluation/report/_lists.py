"""The lists that the query browser shows."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plackett.data import Strings
from plackett.evaluation.report._material import Material

DEPTH = 100  # the number of first documents under each system, and of relevant ones
LONGEST = 100  # characters of a document's text
MOST_DECIMALS = 12
SHARED = ("expected", "incorrect")  # orders of equal scores in which documents share their ranks


class Shown(NamedTuple):
    """The documents of one query that the page shows.

    Args:
        rows: [documents], their positions in the lists; -1 for those that the lists lack.
        documents: the ids of the documents.
        labels: the label of each document. None = nobody judged it.
        scores: for each system, [documents], in enough digits to distinguish neighbours; None = not retrieved.
        ranks: for each order of equal scores in `ties_of` and each system, [documents]: the rank from 1; [the first,
            the last] if documents share their ranks; None if not retrieved.
        total: the number of documents of the query.
    """

    rows: list[int]
    documents: list[str]
    labels: list[float | None]
    scores: list[list[str | None]]
    ranks: list[list[list]]
    total: int

    def to_page(self) -> list:
        """Returns the data that the page needs."""
        return [self.documents, self.labels, self.scores, self.ranks, self.total]


def ties_of(material: Material) -> list[str]:
    """The orders of documents of equal score that the metrics use, each once."""
    return list(dict.fromkeys(metric.ties for metric in material.metrics))


def priority(material: Material) -> np.ndarray:
    """Returns the positions of the queries of the results, [queries], the most interesting first.

    The queries on which systems differ most alternate with those with the worst values.
    """
    values = material.results.values[:, material.place]
    counts = ~np.isnan(values)
    any_counts = counts.any(axis=0)
    highest = np.max(np.where(counts, values, -np.inf), axis=0)
    lowest = np.min(np.where(counts, values, np.inf), axis=0)
    spread = np.where(any_counts, highest - lowest, -1.0)
    worst = np.where(any_counts, -highest if material.less_is_better else lowest, np.inf)
    turns = np.stack([np.argsort(-spread, kind="stable"), np.argsort(worst, kind="stable")], axis=1).ravel()
    _, first = np.unique(turns, return_index=True)
    return turns[np.sort(first)]


def list_of(material: Material, place: int) -> Shown:
    """Returns the list of one query: the first documents under each system, and the first relevant ones."""
    lists = material.lists
    query = int(material.places[place])
    start, stop = (int(x) for x in lists.row_splits[query : query + 2])
    documents = lists.documents[start:stop].tolist()
    labels: list = [_label(label) for label in lists.labels[start:stop]]
    if "judged" in lists.columns:
        judged = lists.columns["judged"][start:stop] > 0
        labels = [label if known else None for label, known in zip(labels, judged.tolist(), strict=True)]
    # Documents that the lists lack come after those of the lists, as they do when they are measured.
    beyond = [_beyond(scored, query) for scored in material.scored.values()]
    known = len(documents)
    documents += dict.fromkeys(document for _, ids in beyond for document in ids)
    at = {document: known + place for place, document in enumerate(documents[known:])}
    labels += [None] * len(at)
    scores: list[list] = [[None] * len(documents) for _ in beyond]
    ranks: list[list] = [[[None] * len(documents) for _ in beyond] for _ in ties_of(material)]
    for system, (scored, (values, ids)) in enumerate(zip(material.scored.values(), beyond, strict=True)):
        own = np.concatenate([scored.scores[start:stop], values])
        places = [*range(known), *(at[document] for document in ids)]
        _put(scores[system], places, [x if x > -np.inf else None for x in own.tolist()])
        names = [documents[i] for i in places]
        for of_ties, ties in zip(ranks, ties_of(material), strict=True):
            _put(of_ties[system], places, ranks_of(material.as_ranked(own), ties, names))
    kept = _worth_showing([of_system for of_ties in ranks for of_system in of_ties], labels)
    return Shown(
        [start + i if i < known else -1 for i in kept],
        [documents[i] for i in kept],
        [labels[i] for i in kept],
        [in_digits([of_system[i] for i in kept]) for of_system in scores],
        [[[of_system[i] for i in kept] for of_system in of_ties] for of_ties in ranks],
        len(documents),
    )


def _put(column, places, entries):
    for place, entry in zip(places, entries, strict=True):
        column[place] = entry


def _label(label):
    """Shows a label in enough digits to distinguish it from all others of its type."""
    return int(label) if label == int(label) else float(str(label))


def ranks_of(scores: np.ndarray, ties: str, ids: Sequence[str]) -> list:
    """Returns the rank of each document by falling score. `ties` orders documents of equal score, as in metrics.

    >>> ranks_of(np.array([1.0, 2.0, 1.0, -np.inf]), "trec", ["a", "b", "c", "d"])
    [3, 1, 2, None]
    >>> ranks_of(np.array([1.0, 2.0, 1.0, -np.inf]), "expected", ["a", "b", "c", "d"])
    [[2, 3], 1, [2, 3], None]

    Args:
        scores: [documents] of any type of numbers. -inf = not retrieved.
        ties: "position", in their order; "trec", by falling id; or "expected" and "incorrect", where they share their
            ranks.
        ids: the ids of the documents.

    Returns:
        [documents], see `Shown`.
    """
    levels = np.unique(scores, return_inverse=True)[1].ravel()
    order = np.arange(len(levels))
    if ties == "trec":
        order = np.array(sorted(range(len(ids)), key=ids.__getitem__, reverse=True), "int64")
    order = order[np.argsort(-levels[order], kind="stable")]
    rank = np.empty(len(levels), "int64")
    rank[order] = np.arange(1, len(levels) + 1)
    found: list = rank.tolist()
    if ties in SHARED:
        rising = -levels[order]
        first = np.searchsorted(rising, -levels, side="left") + 1
        last = np.searchsorted(rising, -levels, side="right")
        found = [low if low == high else [low, high] for low, high in zip(first.tolist(), last.tolist(), strict=True)]
    return [one if score > -np.inf else None for one, score in zip(found, scores.tolist(), strict=True)]


def in_digits(scores: Sequence[float | None]) -> list[str | None]:
    """Shows the scores of one list with the same number of decimals, enough to distinguish different scores.

    >>> in_digits([0.5, 0.25, None]), in_digits([1e9, 1e9 + 0.001]), in_digits([2, 10])
    (['0.5000', '0.2500', None], ['1000000000.000', '1000000000.001'], ['2', '10'])
    >>> in_digits([1e-15, 1.5e-15])
    ['1.000e-15', '1.500e-15']
    """
    known = [x for x in scores if x is not None]
    if all(isinstance(x, int) or (x == int(x) and abs(x) < 1e15) for x in known):
        return [None if x is None else str(int(x)) for x in scores]
    largest = max(map(abs, known))
    decimals = max(0, 4 - max(0, math.ceil(math.log10(largest))))
    if 1e-4 <= largest < 1e15:
        forms = [f".{digits}f" for digits in range(decimals, MOST_DECIMALS + 1)]
    else:
        forms = []
    forms += [f".{digits}e" for digits in range(3, 17)]
    form = next(form for form in forms if len({format(x, form) for x in known}) == len(set(known)) or form == forms[-1])
    return [None if x is None else format(x, form) for x in scores]


def features_of(material: Material, shown: Shown) -> list:
    """Returns the features of each document that is shown, [documents, features]; [] for those that the lists lack."""
    lists = material.lists
    columns = [*lists.ids.values(), *lists.columns.values()]

    def entries(row):
        return [*(_short(x) for x in lists.features[row].tolist()), *(_entry(column, row) for column in columns)]

    return [entries(row) if row >= 0 else [] for row in shown.rows]


def _beyond(scored, query):
    """The (scores, ids) of the documents of a query that a system retrieved and the lists lack."""
    if scored.beyond is None:
        return np.zeros(0, scored.scores.dtype), []
    start, stop = (int(x) for x in scored.beyond.row_splits[query : query + 2])
    return scored.beyond.scores[start:stop], scored.beyond.documents[start:stop].tolist()


def _worth_showing(ranks, labels):
    best = [
        min((_first(x) for x in of_document if x is not None), default=None) for of_document in zip(*ranks, strict=True)
    ]
    relevant = [i for i, label in enumerate(labels) if label][:DEPTH]
    first = [i for i, rank in enumerate(best) if rank is not None and rank <= DEPTH]
    rest = [i for i, rank in enumerate(best) if rank is None][:DEPTH]
    return sorted({*relevant, *first, *rest})


def _first(rank):
    return rank if isinstance(rank, int) else rank[0]


def _short(value, digits=4):
    """Shows a number in few digits for JSON; None if it is not finite."""
    if not math.isfinite(value):
        return None
    if value == int(value):
        return int(value)
    return float(f"{value:.{10 if abs(value) >= 1e6 else digits}g}")


def _entry(column, row):
    entry = column[row]
    return entry[:LONGEST] if isinstance(column, Strings) else _short(float(entry))
