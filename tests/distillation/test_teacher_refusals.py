"""What cannot teach is refused, and where its fault stands."""

import numpy as np
import pytest
from teachers_data import LISTS, QUICK, best, trees

from plackett.data import RankingLists
from plackett.distillation import Teacher, train, with_teacher

SMALL = RankingLists.from_arrays([[1.0], [2.0], [3.0]], query=["a", "b", "b"], documents=["x", "y", "z"])


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_told_of_with_its_document(score):
    with pytest.raises(ValueError, match=rf"mine.*document 'z' of query 'b' the score {score}"):
        with_teacher(SMALL, {"mine": lambda lists: np.array([0, 0, score])})


def test_a_document_that_a_run_does_not_retrieve_cannot_be_learnt_from(tmp_path):
    (tmp_path / "first.run").write_text("a Q0 x 1 2.0 tag\nb Q0 y 1 1.0 tag\n")
    with pytest.raises(
        ValueError, match=r"the teacher first gives document 'z' of query 'b' the score -inf.*every doc"
    ):
        with_teacher(SMALL, tmp_path / "first.run", cache=tmp_path / "kept")


def test_scores_that_float32_does_not_hold_are_refused_unless_they_are_standardised():
    def huge(lists):
        return 1e300 * lists.features[:, 0].astype("float64")

    with pytest.raises(ValueError, match=r"document 'x' of query 'a' the score 1e\+300.*standardise the scores"):
        with_teacher(SMALL, huge, standardize=False)
    assert with_teacher(SMALL, huge).columns["teacher"].tolist() == [0, -1, 1]
    with pytest.raises(ValueError, match="give a higher temperature"):
        with_teacher(SMALL, huge, temperature=1e-40)


def test_features_that_a_teacher_needs_must_be_there(tmp_path):
    trees().save_model(tmp_path / "trees.txt")
    with pytest.raises(ValueError, match=r"trees.txt has 5 features, but these lists have 1"):
        with_teacher(SMALL, tmp_path / "trees.txt", cache=tmp_path / "kept")


def test_an_array_of_other_lists_is_no_teacher():
    with pytest.raises(ValueError, match=r"an array of 2 scores.*these lists have 3"):
        with_teacher(SMALL, np.zeros(2))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (7, "a system must be a Keras model"),
        ([], "got an empty list"),
        ({}, "got an empty dict"),
        ("nowhere.txt", "there is no file nowhere.txt"),
        (["feature:1", "feature:1"], "two systems have the name"),
    ],
)
def test_what_is_no_teacher_is_refused(what, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        Teacher(what)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf, "warm", True])
def test_a_temperature_is_a_number_above_0(temperature):
    with pytest.raises(ValueError, match="the temperature of the teacher must be a number above 0"):
        with_teacher(SMALL, best, temperature=temperature)
    with pytest.raises(ValueError, match="the temperature of the teacher must be a number above 0"):
        train(LISTS, best, teacher_temperature=temperature, **QUICK)


def test_options_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="standardize must be True or False, but got 1"):
        with_teacher(SMALL, "feature:1", standardize=1)
    with pytest.raises(ValueError, match="cache must be a folder, None for the usual one, or False"):
        with_teacher(SMALL, "feature:1", cache=True)
    with pytest.raises(ValueError, match="lists must be RankingLists"):
        with_teacher([1, 2], "feature:1")


@pytest.mark.parametrize("loss", ["unique_softmax", "softmax", "approx_ndcg", "sigmoid_cross_entropy", "ordinal"])
def test_a_loss_that_reads_grades_is_refused(loss):
    options = {"ordinal_size": 3} if loss == "ordinal" else {}
    with pytest.raises(ValueError, match=rf"{loss} reads grades.*one of coupled_rank_distil, .*label_loss"):
        train(LISTS, best, loss=loss, loss_options=options, **QUICK)


@pytest.mark.parametrize("scale", [1e30, -1e30])
def test_scores_at_which_the_loss_is_not_finite_are_refused(scale):
    with pytest.raises(
        ValueError, match=r"score -?3.*e\+30 of document 'd\d+' of query 'q\d+' is too far from 0: mean"
    ):
        train(LISTS, lambda lists: scale * best(lists), loss="mean_squared", standardize=False, **QUICK)


def test_a_lambda_weight_that_reads_grades_is_refused():
    with pytest.raises(ValueError, match=r"NDCGLambdaWeight reads grades.*LabelDiffLambdaWeight"):
        train(LISTS, best, loss="pairwise_logistic", loss_options={"lambda_weight": "NDCGLambdaWeight"}, **QUICK)
    train(LISTS, best, loss="pairwise_logistic", loss_options={"lambda_weight": "LabelDiffLambdaWeight"}, **QUICK)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label_loss": "softmax"}, "label_loss has an effect only if label_weight is above 0"),
        ({"label_options": {"temperature": 2.0}}, "label_options has an effect only if label_weight is above 0"),
        ({"label_weight": 1.0}, "label_weight must be a number from 0"),
        ({"label_weight": -0.1}, "label_weight must be a number from 0"),
        ({"target": "click"}, "leave out target"),
        ({"tasks": {"a": {}}}, "leave out tasks"),
    ],
)
def test_options_that_would_not_act_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        train(LISTS, best, **options, **QUICK)


def test_a_student_is_not_written_over_its_teacher(tmp_path):
    train(LISTS, best, output=tmp_path / "run", **QUICK)
    for teacher in (tmp_path / "run", tmp_path / "run" / "model.keras", tmp_path / "run" / ".." / "run"):
        with pytest.raises(ValueError, match=r"is the run of the teacher .*: choose another output for the student"):
            train(LISTS, teacher, output=tmp_path / "run", overwrite=True, cache=tmp_path / "kept", **QUICK)


def test_what_is_wrong_is_told_before_the_teacher_is_asked():
    def never(lists):
        raise AssertionError("the teacher was asked")

    nobody = RankingLists.from_arrays(LISTS.features, group=LISTS.lengths)
    for lists, options in ((nobody, {}), (LISTS, {"loss": "softmax"}), (LISTS, {"metric": "ndgc@10"})):
        with pytest.raises(ValueError, match=r"are judged|reads grades|ndgc"):
            train(lists, never, **options, **QUICK)
