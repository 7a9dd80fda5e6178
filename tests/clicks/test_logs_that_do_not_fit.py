"""Logs from which a ranker cannot be learnt: the errors say the row and session of the whole log."""

import numpy as np
import pytest

from plackett.clicks import train
from plackett.clicks.training._lists import distinct
from plackett.clicks.training._train import make_plan
from plackett.data import RankingLists, Sessions

METHODS = ("naive", "pbm", "dbn")


def some_lists(queries=4):
    names = np.repeat([f"q{number}" for number in range(queries)], 2)
    return RankingLists.from_arrays(np.zeros((2 * queries, 1)), query=names, documents=["a", "b"] * queries)


def some_log(queries=4, **changed):
    names = [f"{what}{number}" for what in "qs" for number in range(queries)]
    columns = {
        "query": np.repeat(names[:queries], 2).tolist(),
        "session": np.repeat(names[queries:], 2).tolist(),
        "document": ["a", "b"] * queries,
        "position": [1, 2] * queries,
        "click": [1, 0] * queries,
    }
    return Sessions.from_arrays(**columns | changed)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", range(4))
def test_a_document_without_features_is_named_by_its_row_in_the_whole_log(method, place):
    documents = ["a", "b"] * 4
    documents[2 * place + 1] = "z"
    with pytest.raises(ValueError, match=rf"^row {2 * place + 2}, session 's{place}': document 'z' has no features"):
        train(some_lists(), some_log(document=documents), method)


@pytest.mark.parametrize("method", METHODS)
def test_a_query_without_features_is_named_by_its_row(method):
    with pytest.raises(ValueError, match=r"^row 7, session 's3': the lists have no query 'q3'"):
        train(some_lists(3), some_log(), method)


def test_a_document_without_features_is_named_by_its_row_of_counts():
    counts = some_log(document=["a", "b", "a", "z"] * 2).counts()
    with pytest.raises(ValueError, match=r"^row 4 of the counts: document 'z' has no features"):
        train(some_lists(), counts, "naive")


def test_a_document_of_a_query_that_is_held_out_is_looked_for_in_the_validation_lists():
    lists, log = some_lists(), some_log(document=["a", "b"] * 3 + ["a", "z"])
    with pytest.raises(ValueError, match=r"^row 8, session 's3': document 'z' has no features"):
        train(lists[:3], log, "pbm", validation=lists[3:])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("clicked", "part"), [("q3", "learnt from"), ("q0", "held out to choose the epoch")])
def test_a_part_of_the_log_without_a_click_is_refused(method, clicked, part):
    lists, click = some_lists(), np.zeros(8, int)
    click[2 * int(clicked[1])] = 1
    with pytest.raises(ValueError, match=f"the part of the log that is {part} has no click at all: give validation"):
        train(lists[:3], some_log(click=click), method, validation=lists[3:])


def test_validation_lists_of_all_queries_leave_nothing_to_learn_from():
    lists = some_lists()
    with pytest.raises(ValueError, match="no session of a query outside the validation lists: give validation of"):
        train(lists, some_log(), "pbm", validation=lists)


def test_one_long_session_does_not_widen_all_others():
    number, long = 100_000, 200_000
    log = Sessions.from_arrays(
        query=["q"] * (2 * number + long),
        session=np.append(np.repeat(np.arange(number), 2), np.full(long, number)),
        document=np.append(np.tile([0, 1], number), np.arange(long)),
        position=np.append(np.tile([1, 2], number), np.arange(1, long + 1)),
        click=np.append(np.tile([1, 0], number), np.zeros(long, int)),
    )
    once, often = distinct(log)  # a table of all sessions with the width of the longest would take 320 GB
    assert once.sessions.tolist() == ["0", str(number)]
    assert often.tolist() == [number, 1]


@pytest.mark.parametrize("deep", [1_000_001, 1_700_000_000])
def test_a_position_that_is_an_id_or_a_time_is_refused_where_each_has_a_number(deep):
    log = some_log(position=[1, 2, 1, deep] + [1, 2] * 2)
    with pytest.raises(ValueError, match=rf"^row 4, session 's1': position is {deep}, but pbm has a number for each"):
        train(some_lists(), log, "pbm")
    with pytest.raises(ValueError, match=rf"^row 4 of the counts: position is {deep}, but click_em has a number"):
        train(some_lists(), log.counts(), "click_em")


def test_lists_of_one_document_tell_a_loss_of_comparisons_nothing():
    lists = some_lists()[:2]
    log = Sessions.from_arrays(query=["q0", "q1"], document=["a", "b"], position=[1, 1], click=[1, 1])
    with pytest.warns(UserWarning, match="each query of the log showed a single document, so a loss that compares"):
        make_plan(lists, log, "naive", validation=None, propensities=None, clip=None, settings={})


@pytest.mark.parametrize("method", ["naive", "ipw", "ctr", "dbn", "sdbn", "ccm"])
def test_a_method_without_examination_takes_no_context(method):
    with pytest.raises(
        ValueError,
        match=f"context has an effect on the examination of positions, which the method {method} does not have",
    ):
        train(some_lists(), some_log(context={"device": ["phone"] * 8}), method, scorer_options={"context": ["device"]})


@pytest.mark.parametrize("given", [["a", "b"], {1: 1.0}, [[1.0], [1.0, 0.5]]])
def test_propensities_that_are_no_numbers_are_refused(given):
    with pytest.raises(ValueError, match="or numbers above 0, one a position from 1, but got"):
        train(some_lists(), some_log(), "ipw", propensities=given)


@pytest.mark.parametrize("method", ["pbm", "click_em", "two_tower", "dbn", "mixture_em"])
def test_what_was_shown_is_not_cut_to_a_size(method):
    with pytest.raises(ValueError, match=f"max_list_size cuts what was shown, but the method {method} needs all of it"):
        train(some_lists(), some_log(), method, max_list_size=2)
