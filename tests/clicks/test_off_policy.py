"""What the log cannot tell is refused; what is estimated is said."""

import dataclasses

import numpy as np
import pytest
from off_policy_worlds import make_world

from plackett.clicks.off_policy import estimate
from plackett.clicks.propensities import Propensities
from plackett.data import RankingLists, Sessions, Strings
from plackett.evaluation import Beyond, Scored


def small_log(**changes):
    """Two queries, of which the first shows its documents in both orders."""
    columns = {
        "query": ["q"] * 4 + ["r"] * 2,
        "session": [1, 1, 2, 2, 3, 3],
        "document": ["a", "b", "b", "a", "a", "c"],
        "position": [1, 2] * 3,
        "click": [1, 0, 0, 1, 1, 1],
        "propensity": [1, 0.5] * 3,
    }
    return Sessions.from_arrays(**columns | changes)


def small_lists(scores=(1.0, 2.0, 2.0, 1.0)):
    return RankingLists.from_arrays(
        np.array(scores)[:, None], query=list("qqrr"), documents=["a", "b", "a", "c"], feature_names=["x"]
    )


def ask(log=None, lists=None, system="feature:x", **options):
    return estimate(
        small_log() if log is None else log,
        small_lists() if lists is None else lists,
        {"new": system},
        **{"estimators": ["ips"], "topn": 2} | options,
    )


def test_a_document_that_was_never_shown_for_its_query_is_refused():
    lists = RankingLists.from_arrays(
        [[1.0], [2.0], [1.0], [2.0]], query=list("qqrr"), documents=list("abab"), feature_names=["x"]
    )
    for name in ("ips", "snips", "dr"):
        with pytest.raises(ValueError, match="among its first 2 are documents that the log never showed") as told:
            ask(lists=lists, estimators=[name])
        assert f"the clicks of new by {name}" in str(told.value)
        assert "for 1 of 2 queries (1 of 3 sessions), such as document 'b' of query 'r' at rank 1" in str(told.value)
        assert "smaller topn (--topn), or leave these queries out by missing='leave_out' (--missing" in str(told.value)


def test_the_same_document_of_another_query_gives_no_support():
    log = small_log(document=["a", "b", "b", "a", "b", "c"])
    with pytest.raises(ValueError, match="such as document 'a' of query 'r'"):
        ask(log)


def test_a_rank_at_which_a_document_was_never_shown_is_refused_by_item_position():
    assert ask(estimators=["item_position"]).estimates[0].clicks == pytest.approx((0 + 2 * 1 + 2) / 3)
    with pytest.raises(ValueError, match=r"documents at ranks where the log never showed them .*document 'c' of .* 1;"):
        ask(lists=small_lists([1.0, 2.0, 1.0, 2.0]), estimators=["item_position"])


def test_documents_that_were_never_shown_in_this_order_are_refused_by_cascade():
    ranking = RankingLists.from_arrays([[2.0], [3.0]], query=["q", "q"], documents=["a", "b"], feature_names=["x"])
    log = Sessions.from_arrays(
        query=["q"] * 4, session=[1, 1, 2, 2], document=["a", "b", "b", "c"], position=[1, 2] * 2, click=[1, 0, 0, 1]
    )
    assert ask(log, ranking, estimators=["cascade"], topn=1).estimates[0].clicks == 0
    with pytest.raises(ValueError, match=r"never showed above them in that order.*document 'a' of query 'q' at rank 2"):
        ask(log, ranking, estimators=["cascade"])


def test_cascade_refuses_a_list_with_gaps():
    with pytest.raises(ValueError, match=r"session '1'.*cascade"):
        ask(small_log(position=[1, 3] * 3), estimators=["cascade"])


def test_a_position_whose_examination_is_not_known_gives_no_support():
    log = small_log(position=[1, 2, 1, 2, 1, 5])
    assert ask(log, propensities=[1, 0.5, 0.3, 0.2, 0.2]).estimates[0].clicks > 0
    with pytest.raises(ValueError, match=r"at positions whose examination is not known.*document 'c' of query 'r'"):
        ask(log, propensities=[1, 0.5])


def test_a_position_may_be_very_deep():
    log = small_log(position=[1, 2, 1, 2, 1, 2**31 - 1])
    for names in (["ips", "snips", "dr"], ["item_position"]):
        assert len(ask(log, estimators=names, missing="leave_out").estimates) == len(names)


def test_a_rank_whose_examination_is_not_known_is_refused():
    with pytest.raises(ValueError, match=r"the examination of rank 3 is not known, but topn is 3.*at most 2"):
        ask(topn=3)
    assert ask(topn=3, propensities=Propensities([1, 0.5, 0.25])).estimates[0].clicks > 0


def test_queries_are_left_out_for_all_systems_when_this_is_asked_for():
    lists = RankingLists.from_arrays(
        [[1.0, 2.0], [2.0, 1.0], [2.0, 1.0], [1.0, 2.0], [0.0, 3.0]],
        query=list("qqrrr"),
        documents=["a", "b", "a", "c", "d"],
        feature_names=["x", "y"],
    )
    systems = {"x": "feature:x", "y": "feature:y"}
    found = estimate(small_log(), lists, systems, topn=2, missing="leave_out")
    assert (found.left_out, found.sessions, found.queries) == ((1, 1), 2, 1)
    only = estimate(small_log()[:2], lists, systems, topn=2)
    assert [one[:9] for one in found.estimates] == [one[:9] for one in only.estimates]
    np.testing.assert_array_equal(found.logged, only.logged)
    assert "1 query with 1 session are left out" in str(found)


def test_nothing_is_left_where_no_query_has_support():
    lists = RankingLists.from_arrays([[1.0]] * 2, query=["q", "r"], documents=["x", "x"], feature_names=["x"])
    with pytest.raises(ValueError, match="no session is left"):
        ask(lists=lists, missing="leave_out")


def test_a_query_of_the_log_without_a_list_is_refused_or_left_out():
    lists = small_lists()[:1]
    with pytest.raises(ValueError, match=r"new ranks no document for 1 of 2 queries \(1 of 3 sessions\).* query 'r'"):
        ask(lists=lists)
    found = ask(lists=lists, missing="leave_out")
    assert found.left_out == (1, 1)
    assert "or ranks no document" in str(found)


def test_lists_of_other_queries_change_nothing():
    more = RankingLists.from_arrays(
        [[1.0], [2.0], [2.0], [1.0], [1.0]],
        query=list("qqrrz"),
        documents=["a", "b", "a", "c", "z"],
        feature_names=["x"],
    )
    assert ask(lists=more).estimates == ask().estimates


def test_lists_may_come_in_parts():
    world = make_world(0)
    whole = estimate(world.log, world.lists, {"new": "feature:new"}, topn=5)
    parts = estimate(
        world.log, (world.lists[[place]] for place in range(len(world.lists))), ["new=feature:new"], topn=5
    )
    assert parts.estimates == whole.estimates


def test_a_query_with_two_lists_is_refused():
    lists = small_lists()
    with pytest.raises(ValueError, match="query 'q' has two lists, so new ranks it twice"):
        ask(lists=[lists, lists])


def test_documents_that_are_not_retrieved_are_not_shown():
    one = ask(system=np.array([-np.inf, 1.0, 1.0, 0.0])).estimates[0]
    assert one.clicks == pytest.approx((0 + 1 + 1) / 3)


def test_equal_scores_rank_in_the_order_of_the_list():
    assert ask(system=np.zeros(4), topn=1).estimates == ask(system=np.array([2, 1, 2, 1]), topn=1).estimates


def test_the_propensities_of_the_log_count_unless_others_are_given():
    log = small_log()
    given = ask(propensities=[1, 0.25])
    assert given.estimates[0].clicks != ask().estimates[0].clicks
    assert given.estimates == ask(dataclasses.replace(log, propensities=None), propensities=[1, 0.25]).estimates
    assert "the propensities that were given" in str(given)
    with pytest.raises(ValueError, match="the log has no propensities: give propensities"):
        ask(dataclasses.replace(log, propensities=None))
    assert ask(dataclasses.replace(log, propensities=None), estimators=["item_position"]).estimates


def test_a_relative_curve_gives_the_same():
    curve = np.array([0.8, 0.4])
    names = ["ips", "snips"]
    one, other = (ask(propensities=x, estimators=names).estimates for x in (curve, curve / curve[1]))
    np.testing.assert_allclose([x[2:] for x in one], [x[2:] for x in other])


def test_propensities_that_differ_at_one_position_do_not_say_those_of_a_rank():
    log = small_log(propensity=[1, 0.5, 0.9, 0.5, 1, 0.5])
    with pytest.raises(ValueError, match=r"differ at position 1, from 0.9 to 1"):
        ask(log)


def test_clicks_below_topn_are_not_those_of_the_logged_ranker():
    assert ask(topn=2).logged.mean == pytest.approx(4 / 3)
    assert ask(topn=1).logged.mean == pytest.approx(2 / 3)


def test_systems_are_rows_below_the_log():
    text = str(ask(estimators=["ips", "snips"]))
    lines = [line.split() for line in text.splitlines()]
    assert lines[2][:3] == ["as", "logged", "1.3333"]
    assert [line[:2] for line in lines[3:5]] == [["new", "ips"], ["new", "snips"]]
    assert "over the 3 sessions of 2 queries of the log" in text
    found = ask()
    assert found.to_frame()["clicks"].to_list() == [found.estimates[0].clicks]
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"estimators": ["pis"]}, "unknown estimator 'pis'; did you mean 'ips'"),
        ({"estimators": "ips"}, "estimators must be a list of ips, snips, dr"),
        ({"estimators": ["ips", "ips"]}, "estimators must name each estimator once, but ips occurs twice"),
        ({"topn": 0}, "topn must be a whole number of at least 1, but got 0"),
        ({"missing": "drop"}, "missing must be one of refuse, leave_out, but got 'drop'"),
        ({"max_weight": 0, "estimators": ["dr"]}, "max_weight must be a number above 0, but got 0"),
        ({"shrinkage": -1.0}, "shrinkage must be a number above 0, but got -1.0"),
        ({"confidence": 95}, "confidence must be above 0 and below 1, but got 95"),
        ({"attraction": "feature:x"}, "attraction is an option of dr"),
        (
            {"max_weight": 2.0, "estimators": ["ips"]},
            "max_weight is an option of dr, but the estimators are ips: leave it out",
        ),
        (
            {"shrinkage": 2.0, "estimators": ["ips"]},
            "shrinkage is an option of dr, but the estimators are ips: leave it out",
        ),
        (
            {"shrinkage": 2.0, "estimators": ["dr"], "attraction": "feature:x"},
            "shrinkage is an option of the table of dr, but attraction replaces the table",
        ),
        (
            {"propensities": "randomized"},
            r"only plackett\.clicks\.train takes: give the curve, which .*propensities\.randomized\(log\) est",
        ),
        (
            {"propensities": [1, 0.5], "estimators": ["cascade"]},
            "propensities have an effect on ips, snips, dr only, but the estimators are cascade",
        ),
        ({"lists": []}, "lists must have at least one list"),
    ],
)
def test_options_out_of_range_are_refused(options, expected):
    with pytest.raises(ValueError, match=expected):
        ask(**options)


def test_counts_are_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"log must be Sessions, since the clicks of a session .*ClickCounts"):
        ask(small_log().counts())


def test_a_log_without_a_click_is_refused():
    log = dataclasses.replace(small_log(), clicks=np.zeros(6, bool))
    with pytest.raises(ValueError, match="the log must have a click to estimate from, but 3 sessions have none"):
        ask(log)


def with_a_document_beyond(lists):
    """A system that retrieves document c of query r, which the lists lack."""
    return Scored(np.ones(len(lists.labels)), Beyond(np.array([2.0]), np.array([0, 0, 1]), Strings.of(["c"])))


def test_a_document_that_the_lists_lack_counts_by_its_id():
    lists = RankingLists.from_arrays([[1.0]] * 3, query=list("qqr"), documents=list("aba"), feature_names=["x"])
    found = ask(lists=lists, system=with_a_document_beyond)
    assert found.estimates == ask(system=np.array([1, 1, 1, 2])).estimates
    with pytest.raises(ValueError, match="document 'c' of query 'r' is in no list, so its attraction"):
        ask(lists=lists, system=with_a_document_beyond, estimators=["dr"], attraction="feature:x")


def test_the_interval_of_dr_is_said_to_lack_the_bias_of_its_model():
    assert "whose bias is not in the interval" in str(ask(estimators=["dr"]))
    assert "whose bias" not in str(ask(estimators=["ips"]))
