"""A teacher's scores reach the loss, whatever their sign and scale, on each backend."""

import numpy as np
import pytest
from conftest import made_lists
from keras import ops

import plackett
from plackett.distillation import train, with_teacher

LISTS, VALIDATION = made_lists(24, seed=0), made_lists(8, seed=1)
QUICK = {"epochs": 1, "batch_size": 8, "scorer_options": {"hidden": []}}


def by_sign_and_scale():
    """Name -> a teacher whose scores are of one sign and scale."""
    return {
        "below 0": lambda lists: lists.features[:, 0] - 100,
        "huge": lambda lists: -1e30 * lists.features[:, 0].astype("float64"),
        "tiny": lambda lists: -1e-30 * lists.features[:, 0].astype("float64"),
    }


def size_of_scores(labels, scores, *, mask):
    """What a list's scores are of the teacher, all of them; no score of the student changes it."""
    return ops.sum(ops.where(mask, ops.abs(labels), 0.0) + 0.0 * scores, axis=-1)


@pytest.mark.parametrize("name", by_sign_and_scale())
def test_every_score_of_a_teacher_reaches_the_loss(name):
    teacher = by_sign_and_scale()[name]
    for raw in (True, False):
        column = with_teacher(LISTS, teacher, standardize=not raw).columns["teacher"].astype("float64")
        student = train(LISTS, teacher, VALIDATION, loss=size_of_scores, standardize=not raw, **QUICK)
        assert student.best["loss"] == pytest.approx(np.abs(column).sum() / len(LISTS), rel=1e-5)


@pytest.mark.parametrize("name", by_sign_and_scale())
def test_a_student_follows_a_teacher_of_any_sign_and_scale(name):
    teacher = by_sign_and_scale()[name]
    options = {"epochs": 30, "patience": 30, "learning_rate": 0.05, "metric": "validation_loss"}
    student = train(LISTS, teacher, VALIDATION, loss_options={"topk": 5}, **QUICK | options)
    pair = (plackett.score(student.model, VALIDATION), teacher(VALIDATION))
    scores, wanted = (with_teacher(VALIDATION, what).columns["teacher"] for what in pair)
    assert np.corrcoef(scores, wanted)[0, 1] > 0.75
