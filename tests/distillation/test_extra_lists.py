"""Lists that nobody judged teach too."""

import dataclasses

import numpy as np
import pytest
from conftest import plackett_warns
from teachers_data import EXTRA, LISTS, QUICK, VALIDATION, best, with_column
from test_students import plan_of

import plackett
from plackett.data import RankingLists, Strings, write_scores
from plackett.data._parts import concatenate
from plackett.distillation import train, with_teacher


def test_extra_lists_are_behind_the_training_lists_and_nobody_judged_them():
    plan = plan_of(extra_lists=EXTRA)
    assert plan.lists.queries.tolist() == [*LISTS.queries.tolist(), *EXTRA.queries.tolist()]
    assert plan.lists.columns["judged"].tolist() == [1] * len(LISTS.labels) + [0] * len(EXTRA.labels)
    assert plan.lists.labels.tolist() == [*LISTS.labels.tolist(), *[0] * len(EXTRA.labels)]
    np.testing.assert_array_equal(
        plan.lists.columns["teacher"][-len(EXTRA.labels) :], with_teacher(EXTRA, best).columns["teacher"]
    )
    assert plan.held_out is VALIDATION


def test_the_labels_of_extra_lists_are_not_looked_at():
    other = dataclasses.replace(EXTRA, labels=EXTRA.labels[::-1] + 3)
    students = [
        train(LISTS, best, VALIDATION, extra_lists=lists, label_weight=0.5, **QUICK) for lists in (EXTRA, other)
    ]
    assert students[0].history == students[1].history
    assert "the labels of the extra lists are not used." in plan_of(extra_lists=other).remarks()
    hidden = dataclasses.replace(EXTRA, labels=np.zeros_like(EXTRA.labels))
    assert not any("have labels" in remark for remark in plan_of(extra_lists=hidden).remarks())


def test_extra_lists_teach_by_the_teacher_alone():
    mixed = plan_of(extra_lists=EXTRA, label_weight=0.5)
    by_hand = plackett.train(mixed.lists, VALIDATION, **mixed.settings, **QUICK)
    more = train(LISTS, best, VALIDATION, extra_lists=EXTRA, label_weight=0.5, **QUICK)
    assert more.history == by_hand.history != train(LISTS, best, VALIDATION, label_weight=0.5, **QUICK).history


def test_it_is_said_how_many_extra_lists_there_are():
    told = plan_of(extra_lists=EXTRA).remarks()
    assert any(f"learns from 30 extra lists with {len(EXTRA.labels)} documents, beside 40" in one for one in told)
    assert plan_of(extra_lists=EXTRA).record["extra_lists"] == 30


def test_extra_lists_are_not_held_out():
    plan = plan_of(validation=None, extra_lists=EXTRA)
    assert set(plan.held_out.queries.tolist()) < set(LISTS.queries.tolist())
    plan = plan_of(validation=None, extra_lists=EXTRA, settings={"metric": "validation_loss"})
    assert set(plan.held_out.queries.tolist()) < set(LISTS.queries.tolist())


def test_features_go_by_their_names():
    names = ("a", "b", "c", "d", "e")
    named = dataclasses.replace(LISTS, feature_names=names)
    turned = dataclasses.replace(EXTRA, features=EXTRA.features[:, ::-1].copy(), feature_names=names[::-1])
    plan = plan_of(named, extra_lists=turned)
    assert plan.lists.features[-len(EXTRA.labels) :].tolist() == EXTRA.features.tolist()
    with pytest.raises(ValueError, match="the training data has features that these lists lack"):
        plan_of(named, extra_lists=dataclasses.replace(EXTRA, feature_names=("x", *names[1:])))
    wider = RankingLists.from_arrays(
        np.column_stack([EXTRA.features, EXTRA.labels]),
        query=np.repeat(EXTRA.queries.tolist(), EXTRA.lengths),
        feature_names=(*names, "f"),
    )
    with plackett_warns("does not know these features, which are left out: f"):
        plan_of(named, extra_lists=wider)


def test_a_query_is_not_in_the_extra_lists_and_elsewhere():
    for twice, where in ((LISTS[:2], "the training lists"), (VALIDATION[:2], "the validation lists")):
        with pytest.raises(
            ValueError, match=f"2 queries, such as '.*0', are both in the extra lists and in {where}.*--shared-queries"
        ):
            plan_of(extra_lists=twice)
    train(LISTS, best, VALIDATION, extra_lists=LISTS[:2], shared_queries=True, **QUICK)


def test_scores_by_ids_are_not_taken_for_those_of_other_documents(tmp_path):
    others = dataclasses.replace(LISTS, features=-LISTS.features)  # of the same ids, as numbers that begin anew
    write_scores(LISTS, best(LISTS), tmp_path / "scores.csv")
    options = {"cache": False, "shared_queries": True} | QUICK
    with pytest.raises(ValueError, match=r"scores knows documents by their ids, but document .* is both in the extra"):
        train(LISTS, tmp_path / "scores.csv", VALIDATION, extra_lists=others, **options)
    train(LISTS, best, VALIDATION, extra_lists=others, **options)


def test_columns_that_one_part_has_alone_are_left_out_and_that_is_said():
    lists = dataclasses.replace(with_column(LISTS, price=best(LISTS)), query_columns={"text": LISTS.queries})
    plan = plan_of(lists, extra_lists=with_column(EXTRA, stock=best(EXTRA)))
    assert set(plan.lists.columns) == {"judged", "teacher"}
    assert any(remark.endswith("have it: price, stock, text.") for remark in plan.remarks())
    both = plan_of(with_column(LISTS, price=best(LISTS)), extra_lists=with_column(EXTRA, price=best(EXTRA)))
    assert "price" in both.lists.columns


def test_a_column_that_is_text_in_one_part_and_numbers_in_the_other_is_left_out_and_that_is_said():
    lists = dataclasses.replace(LISTS, query_columns={"shop": Strings.of(LISTS.queries.tolist())})
    extra = dataclasses.replace(EXTRA, query_columns={"shop": np.arange(len(EXTRA))})
    plan = plan_of(lists, extra_lists=extra)
    assert not plan.lists.query_columns
    assert plan.remarks()[-1].endswith("have it: shop.")
    with plackett_warns("have it: shop."):
        train(lists, best, VALIDATION, extra_lists=extra, cache=False, **QUICK)


def test_it_is_said_what_the_teacher_says_of_the_extra_lists_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scores(LISTS, best(LISTS), "scores.csv")
    both = concatenate([LISTS, EXTRA])
    write_scores(both, best(both), "all.csv")
    told = plan_of(teacher="all.csv", extra_lists=EXTRA).notes
    assert [note.partition(": all.csv has ")[::2] for note in told] == [
        ("of the training lists", "30 queries that the data lacks, such as 'extra0', left out."),
        ("of the extra lists", f"40 queries that the data lacks, such as {str(LISTS.queries[0])!r}, left out."),
    ]
    assert plan_of(teacher="scores.csv").notes == []


def test_weights_are_not_left_out():
    weighed = with_column(LISTS, weight=np.ones_like(LISTS.labels))
    with pytest.raises(ValueError, match=r"the training lists have the column weight, .* and the extra lists lack it"):
        plan_of(weighed, extra_lists=EXTRA)
    both = plan_of(weighed, extra_lists=with_column(EXTRA, weight=np.ones_like(EXTRA.labels)))
    assert "weight" in both.lists.columns


def test_id_features_are_in_both():
    shops = {
        name: {"shop": np.arange(len(x.labels), dtype="int32")} for name, x in (("lists", LISTS), ("extra", EXTRA))
    }
    lists, extra = dataclasses.replace(LISTS, ids=shops["lists"]), dataclasses.replace(EXTRA, ids=shops["extra"])
    assert plan_of(lists, extra_lists=extra).lists.ids["shop"].tolist() == [
        *range(len(LISTS.labels)),
        *range(len(EXTRA.labels)),
    ]
    with pytest.raises(ValueError, match="the extra lists lack the id feature shop"):
        plan_of(lists, extra_lists=EXTRA)
    text = dataclasses.replace(EXTRA, ids={"shop": EXTRA.documents})
    with pytest.raises(ValueError, match="the id feature shop is numbers in the training lists and text in the extra"):
        plan_of(lists, extra_lists=text)
    assert any("have it: shop." in remark for remark in plan_of(LISTS, extra_lists=extra).remarks())


def test_the_lists_that_were_given_stay_as_they_are():
    before = [lists.fingerprint() for lists in (LISTS, EXTRA, VALIDATION)]
    plan_of(extra_lists=EXTRA)
    assert [lists.fingerprint() for lists in (LISTS, EXTRA, VALIDATION)] == before
