"""Teachers: anything that gives scores, one ranker or several."""

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from plackett.data import RankingLists
from plackett.distillation import _fingerprints
from plackett.distillation._fingerprints import OfLists
from plackett.distillation._scales import all_equal, as_float64, standardize
from plackett.distillation._score_cache import Source, TeacherScores, default_folder, keep
from plackett.evaluation import open_system
from plackett.evaluation._scored import System
from plackett.evaluation._scoring import check_lists
from plackett.evaluation.systems.base import OpenSystem, check_scores, features_of
from plackett.evaluation.systems.models import KerasModel
from plackett.evaluation.systems.names import name_systems
from plackett.evaluation.systems.simple import Column, Scores
from plackett.registry.options import is_number

PART = 2**20  # the number of documents that are scored together
COLUMN = "teacher"  # the column of lists that holds the scores

Cache = str | os.PathLike | Literal[False] | None


@dataclasses.dataclass(frozen=True)
class Member:
    """One of the rankers of a teacher.

    Args:
        name: the name of the ranker in errors.
        system: its function of lists.
        fingerprint: changes with the ranker. None = it cannot be told whether it changed.
        path: the path of its file. None = it has none.
    """

    name: str
    system: System
    fingerprint: str | None
    path: str | None

    def scores(self, lists: RankingLists, of_lists: Callable[[], OfLists], cache: Cache) -> TeacherScores:
        """Returns the scores of all documents, from those that are kept if there are any; see `with_teacher`."""
        fresh = self.afresh()
        if self.fingerprint is None or cache is False:
            return fresh.compute(lists)
        source = Source(self.name, self.fingerprint, self.path)
        return keep(default_folder() if cache is None else cache, source, of_lists(), lambda: fresh.compute(lists))

    def afresh(self) -> "Member":
        """Returns the same ranker as if it had not been called yet."""
        return dataclasses.replace(self, system=open_system(self.system))

    def compute(self, lists: RankingLists) -> TeacherScores:
        """Computes the scores of all documents, part by part."""
        # An array holds the scores of all lists, so it cannot be asked for a part of them.
        parts = [lists] if isinstance(self.system, Scores) else _parts(lists)
        scores = [self._of_part(part) for part in parts]
        return TeacherScores(np.concatenate([np.zeros(0), *scores]), self.notes())

    def notes(self) -> list[str]:
        """What a reader needs to know about how it scored."""
        return self.system.notes() if isinstance(self.system, OpenSystem) else []

    def _of_part(self, lists):
        scores = check_scores(self.name, lists, self.system(lists)).scores
        try:
            scores = as_float64(scores)
        except ValueError as error:
            raise ValueError(f"the teacher {self.name}: {error}") from None
        if len(wrong := np.flatnonzero(~np.isfinite(scores))):
            query = lists.queries[int(np.searchsorted(lists.row_splits, wrong[0], side="right")) - 1]
            raise ValueError(
                f"the teacher {self.name} gives document {lists.documents[wrong[0]]!r} of query {query!r} the score "
                f"{scores[wrong[0]]}, but a teacher must give every document a finite score: leave out those "
                "that it does not retrieve, or give a function of lists that scores them"
            )
        return scores


class Teacher(OpenSystem):
    """A teacher: anything that gives scores, as a function of lists.

    >>> lists = RankingLists.from_arrays([[3.0, 0.1], [1.0, 0.2]], [1, 0], group=[2])
    >>> Teacher("feature:1")(lists).tolist()
    [3.0, 1.0]

    Several rankers form one teacher. Its scores are the mean of their scores, each standardised in every list, so that
    no ranker counts more because its scores are larger:

    >>> Teacher(["feature:1", "feature:2"])(lists).tolist()
    [0.0, 0.0]

    Args:
        what: a ranker, as in `plackett.evaluation.open_system`: a Keras model, a model of LightGBM, XGBoost, CatBoost
            or scikit-learn, a function of lists, an array of scores, "column:NAME", "feature:NAME", or the path of a
            run, a model file, an ONNX file or scores. Or a list of several, or a dict of them by name.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a library that the teacher needs is not installed.
        ValueError: it is none of these, a file is malformed, two rankers have the same name, or there is none.
    """

    def __init__(self, what: Any):
        if isinstance(what, Teacher):
            self.members: tuple[Member, ...] = what.members
            return
        self.members = tuple(
            Member(name, open_system(one), _fingerprints.of_teacher(one), _path_of(one))
            for name, one in _by_name(what).items()
        )

    @property
    def name(self) -> str:
        """The names of its rankers."""
        return ", ".join(member.name for member in self.members)

    @property
    def is_several(self) -> bool:
        """Whether its scores are the mean of those of several rankers."""
        return len(self.members) > 1

    def reads(self) -> Sequence[str] | int | None:
        """The features that its rankers read."""
        return features_of(member.system for member in self.members)

    def __call__(self, lists: RankingLists) -> np.ndarray:
        """Computes its scores anew, [documents] float64."""
        return self._join([member.compute(lists).scores for member in self.members], lists)

    def scores(self, lists: RankingLists, cache: Cache = None) -> TeacherScores:
        """Returns its scores, and what a reader needs to know about them.

        Args:
            lists: the lists to score.
            cache: see `with_teacher`.

        Raises:
            OSError: the scores could not be kept.
            ValueError: it cannot score these lists, or gives a score that is not finite; the message names the
                document.
        """
        of_lists = functools.cache(lambda: _fingerprints.of_lists(lists))  # at most once for all rankers
        kept = [member.scores(lists, of_lists, cache) for member in self.members]
        notes = dict.fromkeys(note for one in kept for note in one.notes)
        return TeacherScores(self._join([one.scores for one in kept], lists), list(notes))

    def _join(self, scores, lists):
        """The scores of one ranker, or the mean of the standardised scores of several."""
        return np.mean([standardize(one, lists.row_splits) for one in scores], axis=0) if self.is_several else scores[0]

    def notes(self) -> list[str]:
        """The notes of its rankers on the lists that it was called with."""
        return list(dict.fromkeys(note for member in self.members for note in member.notes()))

    def afresh(self) -> "Teacher":
        """Returns the same teacher as if it had not been called yet."""
        other = Teacher(self)
        other.members = tuple(member.afresh() for member in self.members)
        return other

    def record(self) -> list[dict[str, str]]:
        """The description of its rankers in `config.yaml`."""
        return [
            {"name": member.name}
            | ({} if member.path is None else {"path": member.path})
            | ({} if member.fingerprint is None else {"fingerprint": member.fingerprint})
            for member in self.members
        ]


@dataclasses.dataclass(frozen=True)
class ScoredLists:
    """Lists with the scores of a teacher.

    Args:
        lists: the lists with the column `teacher`.
        equal: the number of lists with several documents that all have the same score.
        notes: what a reader needs to know about how the teacher scored, in whole sentences.
    """

    lists: RankingLists
    equal: int
    notes: list[str]


def with_teacher(
    lists: RankingLists, teacher: Any, *, standardize: bool = True, temperature: float = 1.0, cache: Cache = None
) -> RankingLists:
    """Adds the scores of a teacher to lists as the column `teacher`, from which `target="teacher"` learns.

    >>> lists = RankingLists.from_arrays([[900.0], [500.0], [100.0]], group=[3])
    >>> with_teacher(lists, "feature:1", temperature=0.5).columns["teacher"].round(3).tolist()
    [2.4489998817443848, 0.0, -2.4489998817443848]

    Scores are computed once. Those of a model or a file are kept in a folder, and read from there when the same teacher
    scores the same lists again. Both are recognised by fingerprints: of the model, and of the features, ids and columns
    of the lists in their order. If one of them has changed, a warning says which, and the scores are computed anew.
    Labels are not part of the fingerprint, so new judgements do not cause new scores: no model reads them. A function
    could read them, so its scores are not kept. Neither are those of scikit-learn models, which may call functions, or
    of columns, arrays and chance. The fingerprint covers the config and weights of your own layers, but not their code:
    remove the folder if the code has changed. You may remove it at any time.

    Args:
        lists: the lists to score.
        teacher: a `Teacher`, or anything that makes one.
        standardize: whether the scores of each list are shifted and scaled to mean 0 and standard deviation 1, so that
            teachers of any scale are alike. If all are equal, they become 0. False = scores as the teacher gives them;
            for several rankers, the mean of their standardised scores.
        temperature: a number above 0 that the scores are then divided by. The higher it is, the less sure the teacher
            is.
        cache: the folder in which scores are kept. None = `$PLACKETT_CACHE/teachers`, by default
            ~/.cache/plackett/teachers. False = they are not kept.

    Returns:
        The lists with the column, float32, which replaces an earlier one. A warning says what to know about how the
        teacher scored, such as that it was given features by their order alone.

    Raises:
        OSError: the scores could not be kept.
        ValueError: `teacher` is not a teacher, it cannot score these lists, or gives a score that is not finite or
            overflows float32; the message names the document.
    """
    taught = teach(lists, Teacher(teacher), standardized=standardize, temperature=temperature, cache=cache)
    for note in taught.notes:
        warnings.warn(note, stacklevel=2)
    return taught.lists


def teach(
    lists: RankingLists, teacher: Teacher, *, standardized: bool, temperature: float, cache: Cache
) -> ScoredLists:
    """Does what `with_teacher` does, and returns its notes too."""
    check_lists("lists", lists)
    check_scale(standardized, temperature)
    check_cache(cache)
    scores, notes = teacher.scores(lists, cache)
    equal = int(all_equal(scores, lists.row_splits).sum())
    if standardized:
        scores = standardize(scores, lists.row_splits)
    with np.errstate(over="ignore"):
        column = (scores / temperature).astype("float32")
    if len(wrong := np.flatnonzero(~np.isfinite(column))):
        query = lists.queries[int(np.searchsorted(lists.row_splits, wrong[0], side="right")) - 1]
        way_out = "give a higher temperature" if standardized else "standardise the scores, or raise the temperature"
        raise ValueError(
            f"the teacher {teacher.name} gives document {lists.documents[wrong[0]]!r} of query {query!r} the score "
            f"{scores[wrong[0]]:g}, which overflows float32 when divided by the temperature {temperature:g}: "
            f"{way_out} (teacher_temperature, --teacher-temperature)"
        )
    return ScoredLists(dataclasses.replace(lists, columns=lists.columns | {COLUMN: column}), equal, notes)


def check_scale(standardized: object, temperature: object) -> None:
    """Raises a ValueError unless these say how scores are scaled."""
    if not isinstance(standardized, bool):
        raise ValueError(f"standardize must be True or False, but got {standardized!r}")
    if not (is_number(temperature) and temperature > 0):
        raise ValueError(f"the temperature of the teacher must be a number above 0, but got {temperature!r}")


def check_cache(cache: object) -> None:
    """Raises a ValueError unless this says where scores are kept."""
    if cache is not None and cache is not False and not isinstance(cache, str | os.PathLike):
        raise ValueError(f"cache must be a folder, None for the usual one, or False for none, but got {cache!r}")


def _by_name(what):
    """Returns the rankers of a teacher by their names."""
    if isinstance(what, Mapping):
        if not what:
            raise ValueError("a teacher of several rankers must name at least one, but got an empty dict")
        return {str(name): one for name, one in what.items()}
    if isinstance(what, str | os.PathLike):
        return name_systems([what])
    if not isinstance(what, list | tuple):
        return {_name_of(what): what}
    if not what:
        raise ValueError("a teacher must be a ranker or a list of several, but got an empty list")
    if all(isinstance(one, str | os.PathLike) for one in what):
        return name_systems(what)
    return {
        one if isinstance(one, str) else f"number {number}, {_name_of(one)}": one for number, one in enumerate(what, 1)
    }


def _name_of(what):
    if isinstance(what, KerasModel | Column):
        return what.name
    return getattr(what, "__name__", None) or type(what).__name__


def _path_of(what):
    return os.path.abspath(what) if isinstance(what, str | os.PathLike) and os.path.exists(what) else None


def _parts(lists) -> Iterator[RankingLists]:
    """Yields the lists in parts with at most this many documents, or with a single list."""
    start = 0
    while start < len(lists):
        most = lists.row_splits[start] + PART
        stop = max(start + 1, int(np.searchsorted(lists.row_splits, most, side="right")) - 1)
        yield lists[start:stop]
        start = stop
