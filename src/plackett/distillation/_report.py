"""Teacher and student as a section of a report: what was learnt, how similarly they rank, and how fast each is."""

import math
import os
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from scipy import stats

from plackett.data import RankingLists
from plackett.evaluation.report import Material, Section, table
from plackett.evaluation.report._html import decimals, isolate
from plackett.training._config_file import read_yaml

TITLE, PLACE = "Teacher and student", 35
FIRST = 10  # the first documents of a list, which a reader looks at
DOCUMENTS = 2**17  # in the sample for timing
HEADS = ("student", "teacher", "loss", "scores", "temperature", "labels", "extra lists")


class Student(NamedTuple):
    """A run that learnt from a teacher.

    Args:
        record: the section `teacher` of its `config.yaml`.
        loss: the loss of the teacher's scores, with its options.
        label_loss: the loss of the labels, with its options and weight; "none" if it learnt nothing from labels.
        teachers: those systems of the report that were its teachers.
    """

    record: Mapping[str, Any]
    loss: str
    label_loss: str
    teachers: list[str]


class Likeness(NamedTuple):
    """How similarly two systems rank.

    Args:
        tau: the mean of Kendall's tau-b over queries; NaN if no query has one.
        queries: the number of queries whose scores are not all equal, by either system.
        shared: the mean share of the first documents that both have in common; NaN if no list is longer.
        longer: the number of lists with more documents than that.
    """

    tau: float
    queries: int
    shared: float
    longer: int


def section_of(systems: Mapping[str, str | os.PathLike]) -> Section | None:
    """Makes the section; None if no system is a run that learnt from a teacher.

    Args:
        systems: name -> path or words, as in `plackett.evaluation.open_systems`.

    Raises:
        ValueError: a `config.yaml` is malformed.
    """
    students = dict(find_students(systems))
    return Section(TITLE, PLACE, lambda material: _build(material, students)) if students else None


def find_students(systems: Mapping[str, str | os.PathLike]) -> Iterator[tuple[str, Student]]:
    """Yields (name, what its run says) for each system that learnt from a teacher."""
    known = {_real(what): name for name, what in systems.items()}
    for name, what in systems.items():
        config = pathlib.Path(what) / "config.yaml"
        of_run = read_yaml(config) if config.is_file() else {}
        if record := of_run.get("teacher"):
            rankers = [_real(one.get("path", one["name"])) for one in record["rankers"]]
            tasks = of_run.get("tasks") or {}
            loss, of_labels = _in_words(tasks.get("teacher", of_run)), "none"
            if "label" in tasks:
                of_labels = f"{record['label_weight']:g} x {_in_words(tasks['label'])}"
            yield name, Student(record, loss, of_labels, [known[one] for one in rankers if one in known])


def likeness(lists: RankingLists, one: np.ndarray, other: np.ndarray) -> Likeness:
    """Measures how similarly two systems rank lists, from the scores of their documents."""
    taus, shares = [], []
    for start, stop in zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True):
        pair = one[start:stop], other[start:stop]
        if all(len(scores) and scores.min() < scores.max() for scores in pair):
            taus.append(stats.kendalltau(*pair).statistic)
        if stop - start > FIRST:
            first, second = (set(np.argsort(-scores, kind="stable")[:FIRST].tolist()) for scores in pair)
            shares.append(len(first & second) / FIRST)
    return Likeness(_mean(taus), len(taus), _mean(shares), len(shares))


def speeds(material: Material) -> dict[str, float]:
    """System -> documents a second, for each that computes its scores: one measurement, after a pass to warm up."""
    stop = int(np.searchsorted(material.lists.row_splits, DOCUMENTS, side="right")) - 1
    part = material.lists[: max(stop, 1)]
    found = {}
    for name, system in material.systems.items():
        if name in material.names and (not hasattr(system, "reads") or system.reads() != 0):
            material.score(name, part)
            start = time.perf_counter()
            material.score(name, part)
            found[name] = len(part.labels) / (time.perf_counter() - start)
    return found


def _build(material: Material, students: Mapping[str, Student]) -> Markup:
    learnt = table("What the students learnt", HEADS, [_row(name, one) for name, one in students.items()])
    return Markup("\n").join([learnt, *_alike(material, students), *_fast(material, students)])


def _row(name, student):
    record = student.record
    extra = record.get("extra_lists", 0)
    return [
        name,
        ", ".join(one["name"] for one in record["rankers"]),
        student.loss,
        "standardised in each list" if record["standardize"] else "as they are",
        f"{record['temperature']:g}",
        student.label_loss,
        ", ".join(extra) if isinstance(extra, list) else str(extra),
    ]


def _alike(material, students):
    """A table of how similarly each student ranks to those teachers of it that are among the systems."""
    rows = []
    for name, student in students.items():
        for teacher in student.teachers:
            pair = (material.as_ranked(material.scored[one].scores) for one in (name, teacher))
            found = likeness(material.lists, *pair)
            rows.append([name, teacher, decimals(found.tau), found.queries, decimals(found.shared), found.longer])
    if not rows:
        return []
    heads = (
        "student",
        "teacher",
        "Kendall's tau",
        "queries",
        f"first {FIRST} in common",
        f"lists of more than {FIRST}",
    )
    words = Markup(
        "<p>Kendall's tau-b is 1 if two systems order all documents of a query alike, and 0 if they agree as much as "
        "chance explains. It is the mean over queries to which both give different scores. The first {} in common are "
        "the mean share of documents that both rank this high.</p>"
    ).format(FIRST)
    return [words, table("How far a student ranks as its teacher", heads, rows, numbers=range(2, 6))]


def _fast(material, students):
    """A table of documents a second."""
    found = speeds(material)
    if not found:
        return []
    ratios = [
        Markup("<p>{} scores {} times as many documents a second as {}.</p>").format(
            isolate(name), f"{found[name] / found[teacher]:.2g}", isolate(teacher)
        )
        for name, student in students.items()
        for teacher in student.teachers
        if name in found and teacher in found
    ]
    words = Markup(
        "<p>This is one measurement on this machine. Each system in turn scored up to {} documents that it had scored "
        "once before. Its start and the reading of files are left out.</p>"
    ).format(f"{DOCUMENTS:,}")
    rows = [[name, f"{float(f'{value:.3g}'):,.0f}"] for name, value in found.items()]
    return [*ratios, table("Documents a second", ("system", "documents a second"), rows, numbers=[1]), words]


def _in_words(task):
    """A loss with its options."""
    name, options = task["loss"], task.get("loss_options") or {}
    name = name if isinstance(name, str) else name.get("class_name", "a loss of your own")
    return f"{name} ({', '.join(f'{key}={value}' for key, value in options.items())})" if options else name


def _real(what):
    return os.path.realpath(what) if os.path.exists(what) else os.fspath(what)


def _mean(values):
    return float(np.mean(values)) if values else math.nan
