"""Logs that do not say how often users look at positions."""

import dataclasses

import numpy as np
import pytest
from exact_counts import CHAIN, DETERMINISTIC, EVERYWHERE, EXAMINATION, exact_counts

from plackett.clicks import UnidentifiedError, propensities

ALL = [getattr(propensities, name) for name in propensities.METHODS]


@pytest.mark.parametrize("estimator", ALL)
def test_one_ranker_that_never_varies_identifies_nothing(estimator):
    with pytest.raises(UnidentifiedError) as error:
        estimator(DETERMINISTIC)
    assert str(error.value) == (
        "the log does not identify the examination of positions 2 to 4, which nothing links to position 1: no document "
        "of a query was clicked at both, and a link needs 20 (min_clicks); show some results in random order, log more "
        "than one ranker, count only the first positions (positions), or give a curve that was measured elsewhere "
        "(read_propensities)"
    )


@pytest.mark.parametrize("estimator", ALL)
def test_positions_that_are_linked_among_themselves_alone_are_told(estimator):
    with pytest.raises(
        UnidentifiedError, match="positions 3 to 4, which nothing links to positions 1 to 2: no document"
    ):
        estimator(exact_counts([[1, 2], [1, 2], [3, 4], [3, 4]]))


@pytest.mark.parametrize("estimator", ALL)
def test_a_position_where_nothing_was_shown_is_told_with_what_helps(estimator):
    with pytest.raises(UnidentifiedError) as told:
        estimator(exact_counts([[1, 3, 4]] * 4))
    assert str(told.value) == (
        "no document of the log was ever shown at position 2, where perhaps advertisements are shown, so nothing "
        "tells how often users look there: number the documents of each session 1, 2, 3 and so on without anything "
        "else that is shown, or give a curve that was measured elsewhere (read_propensities)"
    )
    with pytest.raises(UnidentifiedError, match=r"shown at position 3, .*above by positions=2 \(--positions 2\), or"):
        estimator(exact_counts([[1, 2, 4]] * 4))


@pytest.mark.parametrize("estimator", ALL)
def test_a_position_so_deep_that_it_is_none_is_refused(estimator):
    deep = dataclasses.replace(
        EVERYWHERE, positions=np.where(EVERYWHERE.positions == 4, 2**31 - 1, EVERYWHERE.positions)
    )
    with pytest.raises(ValueError, match=r"has position 2147483647, but the deepest .* is 1,000: .* positions=10"):
        estimator(deep)
    assert len(estimator(deep, positions=3, resamples=0)) == 3
    with pytest.raises(ValueError, match="positions must be at most 1,000, but got 1001"):
        estimator(deep, positions=1001)


def test_features_that_are_no_lists_are_refused():
    with pytest.raises(ValueError, match=r"lists must be RankingLists, .* but got a ndarray"):
        propensities.regression_em(EVERYWHERE, np.ones((4, 2)))


def test_a_link_of_a_few_clicks_is_no_link_unless_one_says_so():
    counts = exact_counts([[1], [2, 1]], queries=1, shown=20)  # 8 clicks of the one document at 1, and 4 at 2
    with pytest.raises(UnidentifiedError, match="at most 4 clicks link two of them, and a link needs 20"):
        propensities.intervention_harvesting(counts)
    found = propensities.intervention_harvesting(counts, min_clicks=4).examination
    np.testing.assert_allclose(found, EXAMINATION[:2], rtol=1e-5)


def test_the_first_positions_alone_may_be_identified():
    counts = exact_counts([[1, 2], [1, 2], [3], [4]])
    curve = propensities.position_based(counts, positions=2)
    np.testing.assert_allclose(curve.examination, EXAMINATION[:2], rtol=1e-5)
    assert curve.notes == ("positions deeper than 2 were left out",)


def test_a_log_that_is_not_shuffled_is_not_taken_for_one_that_is():
    with pytest.raises(
        ValueError, match=r"not placed at random: their counts at each position vary [\d.]+ times as much"
    ):
        propensities.randomized(CHAIN)


def test_a_pivot_compares_only_what_was_swapped_with_it():
    with pytest.raises(UnidentifiedError, match="of positions 3 to 4, which nothing links to positions 1 to 2"):
        propensities.randomized(CHAIN, swaps=1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"positions": 1}, "positions must be None or a whole number of at least 2, but got 1"),
        ({"positions": 2.5}, "positions must be None or a whole number of at least 2, but got 2.5"),
        ({"positions": "all"}, "positions must be None or a whole number of at least 2, but got 'all'"),
        ({"positions": 100}, "positions must be at most 4, the deepest position of the log, but got 100: take fewer"),
        ({"min_clicks": 0}, "min_clicks must be at least 1, but got 0"),
        ({"min_clicks": np.nan}, "min_clicks must be at least 1, but got nan"),
        ({"resamples": -1}, "resamples must be 0, for no band, or a whole number of at least 2, but got -1"),
        ({"resamples": 1}, "resamples must be 0, for no band, or a whole number of at least 2, but got 1"),
        ({"resamples": 2.5}, "resamples must be 0, for no band, or a whole number of at least 2, but got 2.5"),
        ({"seed": "one", "resamples": 0}, "seed must be a whole number of at least 0, but got 'one'"),
    ],
)
@pytest.mark.parametrize("estimator", ALL)
def test_options_out_of_range_are_refused(estimator, options, expected):
    with pytest.raises(ValueError, match=expected):
        estimator(EVERYWHERE, **options)


@pytest.mark.parametrize("swaps", [5, np.nan, True, 1.5])
def test_a_swap_is_with_a_position_of_the_log(swaps):
    with pytest.raises(ValueError, match=f"swaps must be None or a position from 1 to 4, but got {swaps}"):
        propensities.randomized(EVERYWHERE, swaps=swaps)


def test_without_a_click_at_these_positions_nothing_is_estimated():
    silent = np.where(EVERYWHERE.positions <= 2, 0, EVERYWHERE.clicked)
    with pytest.raises(ValueError, match="no click at positions 1 to 2"):
        propensities.intervention_harvesting(dataclasses.replace(EVERYWHERE, clicked=silent), positions=2)


def test_a_table_is_no_log():
    with pytest.raises(TypeError, match="must be Sessions or ClickCounts, but got a dict"):
        propensities.intervention_harvesting({"query": ["a"]})
