"""What a click counts for: 1 / its propensity, cut off from below."""

import numpy as np
import pytest

from plackett.clicks.training._lists import lists_of_documents
from plackett.clicks.training._weights import propensities_of_log, weigh, weighted_counts
from plackett.data import RankingLists, Sessions


@pytest.fixture
def log():
    return Sessions.from_arrays(
        query=["q"] * 6,
        session=list("rrsstt"),
        document=list("ababba"),
        position=[1, 2] * 3,
        click=[1, 0, 0, 1, 1, 1],
        propensity=[1, 0.5, 1, 0.25, 1, 0.01],
    )


@pytest.fixture
def lists():
    return RankingLists.from_arrays([[0.5], [0.1]], query=["q", "q"], documents=["a", "b"])


def test_weights_are_one_over_the_propensity_and_at_most_one_over_clip(log):
    weights = weigh(log, 0.1)
    assert weights.of_rows.tolist() == pytest.approx([1, 2, 1, 4, 1, 10])
    assert weights.clipped == 0.25  # one of the four clicks
    assert weigh(log, np.float32(0.5)).of_rows.tolist() == [1, 2, 1, 2, 1, 2]


def test_a_document_is_worth_the_mean_over_its_impressions_of_its_weighted_clicks(lists, log):
    worth = lists_of_documents(lists, *weighted_counts(log, 0.1)).columns["click"]
    assert worth.tolist() == pytest.approx([(1 + 0 + 10) / 3, (0 + 4 + 1) / 3])
    naive = lists_of_documents(lists, log.counts()).columns["click"]
    assert naive.tolist() == pytest.approx([2 / 3, 2 / 3])


def test_the_propensity_is_that_of_each_impression_also_where_counts_have_their_mean(lists, log):
    same_place = Sessions.from_arrays(
        query=["q"] * 4,
        session=list("rrss"),
        document=list("abab"),
        position=[1, 2] * 2,
        click=[0, 1, 0, 1],
        propensity=[1, 0.5, 1, 0.25],
    )
    counts, weighted = weighted_counts(same_place, 0.1)
    assert weighted[counts.positions == 2].tolist() == pytest.approx([2 + 4])
    assert same_place.counts().propensities[1] == pytest.approx(0.375)


def test_propensities_are_numbers_a_curve_or_those_of_the_log(log):
    assert propensities_of_log(log, [1.0, 0.5]).tolist() == [1, 0.5] * 3
    assert propensities_of_log(log).tolist() == pytest.approx(log.propensities.tolist())


@pytest.mark.parametrize("clip", [0, -1, 1.5, True, None, "much", float("nan")])
def test_a_clip_out_of_range_is_refused(log, clip):
    with pytest.raises(ValueError, match="clip, the smallest propensity that divides, must be above 0 and at most 1"):
        weigh(log, clip)


def test_propensities_that_do_not_fit_are_refused(log):
    with pytest.raises(ValueError, match="the curve has positions 1 to 1, but position 2 is asked for"):
        propensities_of_log(log, [1.0])
    with pytest.raises(ValueError, match=r"propensities must be above 0 and finite, but is 0\.0 at position 2"):
        propensities_of_log(log, [1.0, 0.0])
    unknown = Sessions.from_arrays(query=["q"], document=["a"], position=[1], click=[1], session=["s"])
    with pytest.raises(ValueError, match="the log has no column of propensities: give propensities"):
        propensities_of_log(unknown)


def test_sessions_weigh_as_many_as_the_query_has(lists):
    both = RankingLists.from_arrays([[0.5], [0.1]], query=["q", "r"], documents=["a", "b"])
    log = Sessions.from_arrays(
        query=["q"] * 3 + ["r"], session=np.arange(4), document=list("aaab"), position=[1] * 4, click=[1, 0, 0, 1]
    )
    found = lists_of_documents(both, log.counts())
    assert found.columns["weight"].tolist() == [1.5, 0.5]


def test_a_clip_may_be_a_number_of_numpy(log):
    assert weigh(log, np.float32(0.5)).clip == 0.5
