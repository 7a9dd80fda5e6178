"""Intervals hold what would truly be clicked as often as they say."""

import numpy as np
import pytest
from off_policy_worlds import make_world
from scipy import stats

from plackett.clicks.off_policy import estimate
from plackett.data import RankingLists, Sessions

WORLDS = 200
# Of so many intervals that hold the truth with probability 0.95, 0.90 to 0.995 hold it (3 standard deviations).
BOUNDS = (0.9, 0.995)


@pytest.mark.parametrize(
    ("estimators", "options"),
    [
        (["ips", "snips", "dr"], {}),
        (["ips", "snips", "dr"], {"documents": 10, "shown": 6, "sessions": 800, "noise": 1.0, "topn": 4}),
        (["ips", "snips", "dr"], {"queries": 300, "sessions": 300}),
        (["item_position"], {"queries": 4, "documents": 4, "shown": 4, "topn": 2, "noise": 1.0}),
        (["cascade"], {"queries": 4, "documents": 4, "shown": 4, "topn": 2, "noise": 1.0, "user": "cascade"}),
    ],
)
def test_19_of_20_intervals_hold_the_truth(estimators, options):
    topn = options.get("topn", 5)
    held, wrong = [], []
    for seed in range(WORLDS):
        world = make_world(seed, **options)
        found = estimate(
            world.log, world.lists, {"new": "feature:new"}, estimators=estimators, topn=topn, missing="leave_out"
        )
        assert found.left_out == (0, 0)
        for one in found.estimates:
            difference = world.truth - world.truth_of_old
            held.append((one.low <= world.truth <= one.high, one.difference_low <= difference <= one.difference_high))
            wrong.append(one.clicks - world.truth)
    of_each = np.mean(np.reshape(held, (WORLDS, len(estimators), 2)), axis=0)
    assert (of_each > BOUNDS[0]).all(), of_each
    assert (of_each < BOUNDS[1]).all(), of_each
    wrong = np.reshape(wrong, (WORLDS, -1))
    assert (np.abs(wrong.mean(axis=0)) < 3.5 * wrong.std(axis=0) / np.sqrt(WORLDS)).all()


def test_clicks_of_one_session_may_depend_on_each_other():
    """Users who click on all or on nothing: as if each session were one click of as many times the weight."""
    random = np.random.default_rng(0)
    click = np.repeat(random.random(1000) < 0.3, 4)
    log = Sessions.from_arrays(
        query=["q"] * 4000,
        session=np.repeat(np.arange(1000), 4),
        document=list("abcd") * 1000,
        position=[1, 2, 3, 4] * 1000,
        click=click,
        propensity=np.ones(4000),
    )
    lists = RankingLists.from_arrays([[4.0], [3.0], [2.0], [1.0]], query=["q"] * 4, documents=list("abcd"))
    one = estimate(log, lists, {"new": "feature:1"}, estimators=["ips"], topn=4).estimates[0]
    expected = 4 * click.reshape(-1, 4)[:, 0].std() / np.sqrt(1000)
    assert (one.high - one.low) / 2 / 1.962 == pytest.approx(expected, rel=0.01)


def test_of_one_document_it_is_the_interval_of_a_mean():
    """The standard error of a sample, s / sqrt(n), and Student's t of as many degrees as residuals are large."""
    click = np.array([1, 0, 0, 1])
    log = Sessions.from_arrays(
        query=["q"] * 4, session=[1, 2, 3, 4], document=["a"] * 4, position=[1] * 4, click=click, propensity=[1] * 4
    )
    lists = RankingLists.from_arrays([[0.0]], query=["q"], documents=["a"])
    for name in ("ips", "snips", "dr", "item_position", "cascade"):
        one = estimate(log, lists, {"new": "feature:1"}, estimators=[name], topn=1).estimates[0]
        expected = stats.t.ppf(0.975, 4) * click.std(ddof=1) / np.sqrt(4)
        assert (one.clicks, one.high - one.clicks) == pytest.approx((0.5, expected))
        assert one[5:8] == pytest.approx((0, 0, 0), abs=1e-9)


def test_a_document_that_was_shown_once_is_compared_with_others_of_its_position():
    """Alone, it would seem to have no chance in it."""
    log = Sessions.from_arrays(
        query=list("abcd"), document=list("wxyz"), position=[1] * 4, click=[1, 0, 0, 1], propensity=[1] * 4
    )
    lists = RankingLists.from_arrays([[0.0]] * 4, query=list("abcd"), documents=list("wxyz"))
    one = estimate(log, lists, {"new": "feature:1"}, estimators=["ips"], topn=1).estimates[0]
    assert one.high - one.clicks == pytest.approx(stats.t.ppf(0.975, 4) * 0.5 / np.sqrt(4))


def test_a_higher_confidence_widens_intervals():
    world = make_world(0)
    sizes = []
    for confidence in (0.5, 0.95):
        one = estimate(world.log, world.lists, {"a": "feature:new"}, topn=5, confidence=confidence).estimates[0]
        sizes.append(one.high - one.low)
    assert sizes[1] / sizes[0] == pytest.approx(1.96 / 0.674, rel=0.02)


def test_without_a_click_that_counts_there_is_no_interval():
    log = Sessions.from_arrays(
        query=["q"] * 4, document=list("abab"), position=[1, 2] * 2, click=[1, 0] * 2, propensity=[1, 0.5] * 2
    )
    lists = RankingLists.from_arrays([[0.0], [1.0]], query=["q"] * 2, documents=["a", "b"])
    one = estimate(log, lists, {"new": "feature:1"}, estimators=["ips"], topn=1).estimates[0]
    assert one.clicks == 0
    assert np.isnan([one.low, one.high]).all()
    assert "0.0000 [-]" in str(estimate(log, lists, {"new": "feature:1"}, estimators=["ips"], topn=1))
