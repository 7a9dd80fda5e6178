"""The base of every system that plackett opens."""

import copy
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from plackett.data import RankingLists, Strings
from plackett.evaluation._scored import Beyond, Scored, System


class OpenSystem:
    """A function of lists that can say what a reader needs to know about how it ranked them."""

    by_ids = False  # whether it knows a document only by its id and that of its query
    reads_columns = False  # whether it may read other columns of documents than features and ids
    made_of: Sequence[System] = ()  # the systems that it joins
    remembers: tuple[str, ...] = ()  # the attributes that its notes are made from

    def __call__(self, lists: RankingLists) -> Scored | np.ndarray:
        """Returns the scores of the documents."""
        raise NotImplementedError

    def reads(self) -> Sequence[str] | int | None:
        """The dense features that it reads: their names, or their number; 0 = none. None = it may read any."""
        return 0

    def notes(self) -> list[str]:
        """What a reader needs to know about the lists that it was called with, in whole sentences."""
        return []

    def afresh(self) -> Self:
        """Returns the same system as if it had not been called yet."""
        return copy.copy(self)

    def memory(self) -> Any:
        """Returns the state that its notes are made from, which another copy of it can `recall`."""
        return {name: getattr(self, name) for name in self.remembers}

    def recall(self, memory: Any) -> None:
        """Adds the state of another copy of this system, which was called with other lists."""
        for name, other in memory.items():
            own = getattr(self, name)
            setattr(self, name, own | other if isinstance(own, dict) else own or other)


def features_of(systems: Iterable[System]) -> Sequence[str] | int | None:
    """The dense features that some systems read, see `OpenSystem.reads`."""
    read = [system.reads() if isinstance(system, OpenSystem) else None for system in systems]
    read = [features for features in read if features != 0]
    numbers = [features for features in read if isinstance(features, int)]
    if None in read or 0 < len(numbers) < len(read):
        return None
    if numbers or not read:
        return max(numbers, default=0)
    return tuple(dict.fromkeys(name for names in read for name in names))  # type: ignore[union-attr]


def labels_to_rank(systems: Iterable[System]) -> bool | None:
    """Whether labels and columns of documents are read to rank them, as in `read_acting`: None = as far as they exist.

    A model reads none of them; a function and a column of the data may read all.
    """
    known = (one for one in parts_of_systems(systems) if isinstance(one, OpenSystem))
    return None if any(one.reads_columns for one in known) else False


def parts_of_systems(systems: Iterable[System]) -> Iterator[System]:
    """Yields the systems, and those that they are made of."""
    for system in systems:
        yield system
        yield from parts_of_systems(getattr(system, "made_of", ()))


def read_only(lists: RankingLists) -> RankingLists:
    """Returns the same lists with read-only arrays. Nothing is copied.

    >>> lists = RankingLists.from_arrays([[1], [2]], [1, 0], group=[2])
    >>> read_only(lists).labels[0] = 7
    Traceback (most recent call last):
        ...
    ValueError: assignment destination is read-only
    """
    fields = {field.name: getattr(lists, field.name) for field in dataclasses.fields(lists)}
    views = {name: _view(value) for name, value in fields.items() if isinstance(value, np.ndarray | Strings)}
    views |= {name: {key: _view(x) for key, x in fields[name].items()} for name in ("ids", "columns", "query_columns")}
    if lists.missed is not None:
        views["missed"] = type(lists.missed)(*map(_view, lists.missed))
    return dataclasses.replace(lists, **views)


def count(number: int, one: str, more: str | None = None) -> str:
    """Shows a number with its noun.

    >>> count(1, "document"), count(1200, "query", "queries")
    ('1 document', '1,200 queries')
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _view(column):
    if isinstance(column, Strings):
        return Strings(_view(column.codes), column.dictionary)
    view = column.view()
    view.flags.writeable = False
    return view


def check_scores(name: str, lists: RankingLists, given: object) -> Scored:
    """Checks the scores of a system, and returns them as `Scored`.

    >>> lists = RankingLists.from_arrays([[1], [2]], [1, 0], query=["7", "7"])
    >>> check_scores("bm25", lists, np.array([0.5, np.nan]))
    Traceback (most recent call last):
        ...
    ValueError: the system bm25 gives document '2' of query '7' the score nan, which has no rank: scores must be finite, or -inf for a document that is not retrieved

    Args:
        name: the name of the system.
        lists: the lists that it was called with.
        given: what it returned.

    Raises:
        ValueError: these are not numbers, not one a document, or one of them is NaN or inf; the message names the
            system and the document.
    """  # noqa: E501
    scored = given if isinstance(given, Scored) else Scored(given)  # type: ignore[arg-type]
    scores = _numbers(name, scored.scores, len(lists.labels), "documents")
    if len(wrong := np.flatnonzero(np.isnan(scores) | (scores == np.inf))):
        place = wrong[0]
        query = lists.queries[int(np.searchsorted(lists.row_splits, place, side="right")) - 1]
        raise _no_rank(name, lists.documents[place], query, scores[place])
    beyond = None if scored.beyond is None else _check_beyond(name, lists, scored.beyond)
    return Scored(scores, beyond)


def _check_beyond(name, lists, beyond):
    splits = np.asarray(beyond.row_splits)
    if splits.shape != (len(lists) + 1,) or splits[0] != 0 or (np.diff(splits) < 0).any():
        raise ValueError(
            f"the system {name} must say for each of {len(lists)} queries where its documents beyond the lists begin "
            f"and end: row_splits must rise from 0 and have {len(lists) + 1} entries, but got shape {splits.shape}"
        )
    documents = Strings.of(beyond.documents, "documents")
    scores = _numbers(name, beyond.scores, int(splits[-1]), "documents beyond")
    if len(documents) != len(scores):
        raise ValueError(f"the system {name} must name {len(scores)} documents beyond, but names {len(documents)}")
    if len(wrong := np.flatnonzero(~np.isfinite(scores))):
        query = lists.queries[int(np.searchsorted(splits, wrong[0], side="right")) - 1]
        raise _no_rank(name, documents[wrong[0]], query, scores[wrong[0]])
    return Beyond(scores, splits, documents)


def check_once(lists: RankingLists, beyond: Beyond) -> None:
    """Raises a ValueError if a document beyond the lists is one of the lists, or occurs twice."""
    for place, (start, stop) in enumerate(itertools.pairwise(beyond.row_splits)):
        known = set(lists[place].documents.tolist()) if stop > start else set()
        for name in Strings.of(beyond.documents)[int(start) : int(stop)].tolist():
            if name in known:
                raise ValueError(
                    f"a document beyond the lists must not be in the lists, and must occur once, but {name!r} of query "
                    f"{lists.queries[place]!r} is there already"
                )
            known.add(name)


def _numbers(name, given, number, what):
    if np.ma.is_masked(given):
        raise ValueError(
            f"the scores of the system {name} are masked in places: use -inf for documents that are not retrieved"
        )
    scores = np.asarray(given)
    if scores.dtype.kind not in "biuf":
        raise ValueError(f"the scores of the system {name} must be numbers, but got an array of {scores.dtype}")
    if scores.shape == (number, 1):
        scores = scores[:, 0]
    if scores.shape != (number,):
        raise ValueError(f"the system {name} must give one score each for {number} {what}, but gives {scores.shape}")
    return scores.astype("int8") if scores.dtype.kind == "b" else scores


def _no_rank(name, document, query, score):
    return ValueError(
        f"the system {name} gives document {document!r} of query {query!r} the score {score}, which has no rank: "
        "scores must be finite, or -inf for a document that is not retrieved"
    )
