"""Students of a teacher: what they learn, and what is told of it."""

import dataclasses

import numpy as np
import pytest
import yaml
from conftest import plackett_warns
from teachers_data import LISTS, QUICK, VALIDATION, best, trees, with_column

import plackett
from plackett.data import RankingLists
from plackett.distillation import train, with_teacher
from plackett.distillation._options import Options
from plackett.distillation._train import make_plan

LONGER = {"epochs": 15, "patience": 15, "learning_rate": 0.02, "batch_size": 8, "scorer_options": {"hidden": []}}
WRONG = dataclasses.replace(LISTS, labels=np.ones_like(LISTS.labels))  # labels of which nothing can be learnt
LOSSES = [
    "coupled_rank_distil",
    "list_mle",
    "list_net",
    "margin_mse",
    "mean_squared",
    "pairwise_logistic",
    "pairwise_mse",
]


def plan_of(lists=LISTS, teacher=best, validation=VALIDATION, extra_lists=None, settings=(), **options):
    """The plan of a run, with no cache."""
    given = {"validation": validation, "extra_lists": extra_lists, "shared_queries": False, "output": None}
    return make_plan(lists, teacher, Options(**options), cache=False, settings=dict(settings), **given)


def agreement(model, lists, teacher=best):
    """The correlation of the scores of student and teacher, standardised in each list."""
    student, scores = (
        with_teacher(lists, what, cache=False).columns["teacher"] for what in (plackett.score(model, lists), teacher)
    )
    return float(np.corrcoef(student, scores)[0, 1])


@pytest.mark.parametrize("loss", LOSSES)
def test_a_student_learns_the_ranking_of_its_teacher_by_each_loss(loss):
    student = train(WRONG, best, VALIDATION, loss=loss, **LONGER)
    assert agreement(student.model, VALIDATION) > 0.9


def test_a_teacher_of_the_other_sign_makes_the_other_student():
    student = train(LISTS, lambda lists: -1e9 - 1e6 * best(lists), VALIDATION, **LONGER | {"metric": "validation_loss"})
    assert agreement(student.model, VALIDATION) < -0.95


def test_the_scores_are_a_target_as_any_column_is():
    by_hand = plackett.train(
        with_teacher(LISTS, best, temperature=2.0), VALIDATION, target="teacher", loss="coupled_rank_distil", **QUICK
    )
    student = train(LISTS, best, VALIDATION, teacher_temperature=2.0, **QUICK)
    assert student.history == by_hand.history


def test_labels_choose_the_epoch_of_lists_that_are_held_out_as_ever():
    plan = plan_of(validation=None)
    held_out = plackett.train(LISTS, **QUICK).validation
    assert plan.held_out.queries.tolist() == held_out.queries.tolist()
    assert len(plan.lists) + len(plan.held_out) == len(LISTS)


def test_only_judged_lists_are_held_out_to_choose_the_epoch_on():
    judged = np.repeat(np.arange(len(LISTS)) % 4 == 0, LISTS.lengths).astype("float32")
    lists = with_column(dataclasses.replace(LISTS, labels=LISTS.labels * judged), judged=judged)
    plan = plan_of(lists, validation=None)
    assert len(plan.held_out) == 2  # a fifth of ten
    assert plan.held_out.columns["judged"].all()
    assert sorted([*plan.lists.queries.tolist(), *plan.held_out.queries.tolist()]) == sorted(LISTS.queries.tolist())


def test_without_any_label_the_loss_chooses_the_epoch():
    nobody = RankingLists.from_arrays(LISTS.features, group=LISTS.lengths)
    with pytest.raises(ValueError, match=r"0 of 40 are judged: give judged lists.*metric='validation_loss'"):
        train(nobody, best, **QUICK)
    for validation in (None, RankingLists.from_arrays(VALIDATION.features, group=VALIDATION.lengths)):
        student = train(nobody, best, validation, metric="validation_loss", **QUICK)
        assert list(student.best) == ["epoch", "loss", "validation_loss"]


def test_a_run_says_who_taught_it_and_is_loaded_as_any_ranker(tmp_path):
    trees().save_model(tmp_path / "trees.txt")
    teacher = {"trees": tmp_path / "trees.txt", "best": best}
    student = train(LISTS, teacher, VALIDATION, output=tmp_path / "run", cache=tmp_path / "kept", **QUICK)
    told = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    first, second = told["teacher"].pop("rankers")
    assert (first["path"], second) == (str(tmp_path / "trees.txt"), {"name": "best"})
    assert told["teacher"] == {"standardize": True, "temperature": 1.0, "label_weight": 0.0}
    assert (told["target"], told["loss"]) == ("teacher", "coupled_rank_distil")
    loaded = plackett.load(tmp_path / "run")
    assert (plackett.score(loaded, VALIDATION) == plackett.score(student.model, VALIDATION)).all()


def test_a_run_is_resumed_with_the_same_scores_alone(tmp_path):
    options = {"output": tmp_path / "run", "cache": False} | QUICK
    student = train(LISTS, best, VALIDATION, **options)
    again = train(LISTS, best, VALIDATION, resume=True, **options)
    assert again.history == student.history
    with pytest.raises(ValueError, match="cannot be resumed"):
        train(LISTS, lambda lists: -best(lists), VALIDATION, resume=True, **options)
    with pytest.raises(ValueError, match=r"cannot be resumed.*temperature was 1.0 and is 2.0"):
        train(LISTS, best, VALIDATION, resume=True, teacher_temperature=2, **options)


def test_a_mixed_loss_is_the_weighted_sum_of_the_losses_of_one_head():
    mixed = {"loss": "pairwise_mse", "label_loss": "softmax", "label_weight": 0.25, "label_options": {"temperature": 2}}
    student = train(LISTS, best, VALIDATION, **mixed, **QUICK)
    tasks = {
        "label": {"loss": "softmax", "loss_options": {"temperature": 2}, "weight": 0.25},
        "teacher": {"target": "teacher", "loss": "pairwise_mse", "weight": 0.75},
    }
    by_hand = plackett.train(with_teacher(LISTS, best), VALIDATION, tasks=tasks, shared_head=True, **QUICK)
    assert student.history == by_hand.history
    assert (plackett.score(student.ranker, VALIDATION) == plackett.score(by_hand.ranker, VALIDATION)).all()


def test_the_labels_have_a_loss_of_their_own_where_none_is_given():
    assert plan_of(label_weight=0.5).settings["tasks"]["label"]["loss"] == "unique_softmax"


def test_it_is_said_how_the_student_learns():
    same = {"same": lambda lists: np.zeros(len(lists.labels)), "best": best}
    told = " ".join(plan_of(settings={"loss_options": {"topk": 5}}, temperature=2.0).remarks())
    assert "Its scores are standardised in each list, and divided by the temperature 2." in told
    assert "learns coupled_rank_distil (topk 5, sample_size 8, temperature 1) of the teacher's scores" in told
    assert "the teacher's scores are not kept" in told
    told = " ".join(plan_of(teacher=same["same"], standardize=False, label_weight=0.25).remarks())
    assert "used unchanged" in told
    assert "0.25 x unique_softmax (temperature 1) of the labels + 0.75 x coupled_rank_distil (topk all," in told
    assert "in 40 of 40 lists the teacher gives all documents the same score" in told
    assert "the teacher is same, best, whose scores are averaged" in plan_of(teacher=same).remarks()[0]


def test_it_is_said_of_which_training_lists_the_labels_teach_nothing():
    judged = np.repeat(np.arange(len(LISTS)) > 2, LISTS.lengths).astype("float32")
    lists = with_column(dataclasses.replace(LISTS, labels=LISTS.labels * judged), judged=judged)
    told = "nobody judged 3 of the 40 training lists: only the teacher teaches them."
    assert told in plan_of(lists, label_weight=0.5).remarks()
    assert told not in plan_of(lists).remarks()


def test_a_teacher_that_is_given_features_by_their_order_alone_is_told_of():
    named = trees(lists=dataclasses.replace(LISTS, feature_names=("a", "b", "c", "d", "e")))
    for student in (
        lambda: train(LISTS, named, VALIDATION, cache=False, **QUICK),
        lambda: with_teacher(LISTS, named, cache=False),
    ):
        with plackett_warns("was given those of the data in their order"):
            student()


def test_it_is_said_which_documents_long_lists_are_cut_to():
    told = plan_of(settings={"max_list_size": 5}).remarks()
    assert any(
        "more than 5 documents are cut to their documents with a label above 0 and a sample" in remark
        for remark in told
    )
    assert not any("are cut" in remark for remark in plan_of().remarks())


def test_it_is_said_where_scores_are_kept(tmp_path):
    given = {"validation": VALIDATION, "extra_lists": None, "shared_queries": False, "output": None, "settings": {}}
    told = make_plan(LISTS, [trees(), best], Options(), cache=tmp_path / "kept", **given).remarks()
    assert f"the scores of number 1, Booster are kept in {tmp_path / 'kept'}." in told
    assert "the scores of number 2, best are not kept, but computed in each run." in told
