"""Propensities that are given: one rule for training and for off-policy estimates."""

import re

import numpy as np
import pytest

from plackett.clicks import Propensities, off_policy
from plackett.clicks.training._train import make_plan
from plackett.data import RankingLists, Sessions

LOG = Sessions.from_arrays(
    query=list("qqqqrr"),
    session=[1, 1, 2, 2, 3, 3],
    document=list("abbaab"),
    position=[1, 2] * 3,
    click=[1, 0, 1, 1, 1, 1],
)
LISTS = RankingLists.from_arrays([[1.0], [2.0]] * 2, query=list("qqrr"), documents=list("abab"), feature_names=["x"])


def plan(propensities, log=LOG):
    return make_plan(LISTS[:1], log, "ipw", validation=LISTS[1:], propensities=propensities, clip=None, settings={})


def estimate(propensities):
    return off_policy.estimate(
        LOG, LISTS, {"new": "feature:x"}, estimators=["ips"], topn=2, propensities=propensities
    ).estimates


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("curve.csv", "but got the text 'curve.csv': read a file with read_propensities"),
        ("randomised", "but got the text 'randomised'"),
        ([1, -0.5], "must be above 0 and finite, but is -0.5 at position 2"),
        ([1, 0], "must be above 0 and finite, but is 0.0 at position 2"),
        ([1, np.nan], "must be above 0 and finite, but is nan at position 2"),
        ([[1, 0.5]], "one a position from 1, of the shape [positions], but got the shape (1, 2)"),
        ([[1], [1, 2]], "one a position from 1, but got [[1], [1, 2]]"),
        ([], "but got the shape (0,)"),
        (0.5, "but got the shape ()"),
        (["1", "0.5"], "one a position from 1, but got ['1', '0.5']"),
        ([1, None], "one a position from 1, but got [1, None]"),
        ({1: 0.5}, "one a position from 1, but got {1: 0.5}"),
    ],
)
@pytest.mark.parametrize("use", [plan, estimate])
def test_what_is_no_curve_is_refused_in_the_same_words(use, given, expected):
    with pytest.raises(ValueError, match=re.escape(expected)) as told:
        use(given)
    assert str(told.value).startswith("propensities must be ")


def test_a_curve_is_a_curve_or_its_numbers():
    numbers = [1.0, 0.5]
    assert estimate(Propensities(numbers)) == estimate(numbers) == estimate(np.array(numbers))
    assert plan(Propensities(numbers)).weights.of_rows.tolist() == plan(numbers).weights.of_rows.tolist()


def test_a_position_may_be_looked_at_more_often_than_the_first():
    assert plan([1.0, 2.0]).weights.of_rows.tolist() == [1, 0.5] * 3
    assert estimate([1.0, 2.0])[0].clicks == pytest.approx(estimate([0.5, 1.0])[0].clicks)


def test_the_name_of_an_estimator_is_for_training_alone():
    log = Sessions.from_arrays(
        query=list("qqqqrr") * 50,
        session=np.repeat(range(150), 2),
        document=list("abbaab") * 50,
        position=[1, 2] * 150,
        click=[1, 0, 1, 1, 1, 1] * 50,
    )
    found = plan("intervention_harvesting", log)
    assert found.record["weights"]["propensities"] == "intervention_harvesting"
    with pytest.raises(ValueError, match=r"is the name of an estimator, which only plackett\.clicks\.train takes"):
        estimate("intervention_harvesting")
