"""Examination by position, estimated from clicks."""

import numpy as np
import pytest
from exact_counts import CHAIN, DETERMINISTIC, EVERYWHERE, EXAMINATION, exact_counts

from plackett.clicks import propensities
from plackett.data import ClickCounts, RankingLists, Sessions

OF_PAIRS = [propensities.intervention_harvesting, propensities.position_based, propensities.regression_em]


@pytest.mark.parametrize("estimator", [*OF_PAIRS, propensities.randomized])
def test_clicks_without_noise_give_the_curve_back(estimator):
    curve = estimator(EVERYWHERE)
    np.testing.assert_allclose(curve.examination, EXAMINATION, rtol=1e-5)
    np.testing.assert_allclose(curve.low, EXAMINATION, rtol=1e-4)
    np.testing.assert_allclose(curve.high, EXAMINATION, rtol=1e-4)


@pytest.mark.parametrize("estimator", OF_PAIRS)
def test_a_chain_of_documents_links_positions_that_no_document_shares(estimator):
    np.testing.assert_allclose(estimator(CHAIN).examination, EXAMINATION, rtol=1e-4)


def test_shuffled_lists_of_different_lengths_compare_positions_within_queries():
    # Queries with longer lists have documents that are clicked far less: of no matter for the examination.
    random = np.random.default_rng(5)
    query = random.integers(60, size=40_000)
    length = np.where(query % 2 == 0, 2, 4)
    rows = np.repeat(np.arange(40_000), length)
    position = np.concatenate([np.arange(1, n + 1) for n in length])
    attraction = np.where(length == 2, 0.9, 0.2)[rows]
    log = Sessions.from_arrays(
        query=query[rows],
        session=rows,
        document=np.concatenate([random.permutation(n) for n in length]),
        position=position,
        click=random.random(len(rows)) < attraction * EXAMINATION[position - 1],
    )
    curve = propensities.randomized(log)
    np.testing.assert_allclose(curve.examination, EXAMINATION, rtol=0.06)
    assert ((curve.low <= EXAMINATION) & (curve.high >= EXAMINATION)).all()


def test_swaps_with_the_first_position_compare_the_same_documents():
    counts = exact_counts([[1], [1, 2], [1, 3], [1, 4]])
    np.testing.assert_allclose(propensities.randomized(counts, swaps=1).examination, EXAMINATION, rtol=1e-9)


def test_swaps_with_another_position_are_relative_to_the_first_too():
    counts = exact_counts([[1, 2], [2, 3], [2, 4]])
    np.testing.assert_allclose(propensities.randomized(counts, swaps=2).examination, EXAMINATION, rtol=1e-9)


def test_an_examination_may_be_higher_than_that_of_the_first_position():
    examination = np.array([0.5, 1.0, 0.25, 0.2])
    counts = exact_counts([[1, 2, 3, 4]] * 4, examination=examination)
    for estimator in [*OF_PAIRS, propensities.randomized]:
        np.testing.assert_allclose(estimator(counts, resamples=0).examination, examination / 0.5, rtol=1e-4)


def simulated(sessions, queries, seed):
    """Sessions of 4 of 8 documents by two rankers, whose clicks are position-based; the better are higher up."""
    random = np.random.default_rng(seed)
    attraction = random.random((queries, 8)) ** 2
    ranked = np.stack([attraction + 0.3 * random.random((queries, 8)) for _ in range(2)])
    query = random.integers(queries, size=sessions)
    order = np.argsort(-ranked[random.integers(2, size=sessions), query], axis=1)[:, :4]
    clicks = random.random(order.shape) < attraction[query[:, None], order] * EXAMINATION
    rows = {"query": np.repeat(query, 4), "session": np.repeat(np.arange(sessions), 4)}
    return Sessions.from_arrays(
        **rows, document=order.ravel(), position=np.tile(np.arange(1, 5), sessions), click=clicks.ravel()
    )


@pytest.mark.parametrize("estimator", OF_PAIRS)
def test_a_simulated_curve_is_found_and_lies_in_its_band(estimator):
    curve = estimator(simulated(40_000, 200, seed=1), resamples=100)
    np.testing.assert_allclose(curve.examination, EXAMINATION, rtol=0.05)
    assert (curve.low <= EXAMINATION).all()
    assert (curve.high >= EXAMINATION).all()
    assert (curve.high[1:] - curve.low[1:] > 0.005).all()


def test_more_queries_make_the_band_narrower_and_a_seed_repeats_it():
    few, many = simulated(2000, 100, seed=2), simulated(32_000, 1600, seed=2)
    wide, again, narrow = map(propensities.intervention_harvesting, (few, few, many))
    ratio = (wide.high - wide.low)[1:] / (narrow.high - narrow.low)[1:]
    assert (ratio > 2.5).all()
    assert (ratio < 6.5).all()
    np.testing.assert_array_equal(wide.low, again.low)


def test_harvesting_is_right_where_documents_are_shown_twice_and_position_based_says_that_it_is_not():
    # Each of 60,000 documents was shown once at either position; four of five are clicked whenever they are seen.
    random = np.random.default_rng(0)
    seen = random.random((60_000, 2)) < [1, 0.5]
    clicked = (random.random((60_000, 2)) < 0.8) & seen
    counts = ClickCounts.from_arrays(
        query=np.repeat(np.arange(60_000) % 500, 2), document=np.repeat(np.arange(60_000), 2),
        position=np.tile([1, 2], 60_000), shown=np.ones(120_000), clicked=clicked.ravel(),
    )  # fmt: skip
    harvested = propensities.intervention_harvesting(counts, resamples=0)
    thin = propensities.position_based(counts, resamples=0)
    assert abs(harvested.examination[1] - 0.5) < 0.01
    assert abs(thin.examination[1] - 0.5) > 0.03
    assert "the curve is biased" in thin.notes[0]
    assert harvested.notes == propensities.position_based(EVERYWHERE, resamples=0).notes == ()


def test_sessions_and_their_counts_give_the_same():
    log = simulated(3000, 20, seed=3)
    for estimator in OF_PAIRS:
        of_log, of_counts = estimator(log, resamples=5), estimator(log.counts(), resamples=5)
        np.testing.assert_array_equal(of_log.rows(), of_counts.rows())


def test_few_queries_have_no_band_and_the_curve_says_so():
    curve = propensities.intervention_harvesting(exact_counts([[1, 2]] * 3, queries=4))
    assert curve.low is None
    assert curve.notes == ("no band: the clicks are of 4 queries in effect, and a band over queries needs 5",)


def lists_of(features, counts):
    """Lists of all documents of the counts, each with the feature of its number."""
    queries = sorted(set(counts.queries.tolist()))
    number = len(features)
    return RankingLists.from_arrays(
        np.tile(features, (len(queries), 1)),
        query=np.repeat(queries, number),
        documents=[f"d{place}" for place in range(number)] * len(queries),
    )


def test_regression_em_finds_the_curve_by_features_where_hardly_a_document_is_seen_twice():
    random = np.random.default_rng(4)
    features = random.normal(size=(20_000, 3))
    features[random.random(20_000) < 0.1, 2] = np.nan
    attraction = 1 / (1 + np.exp(1 - features[:, :2] @ [1.5, -1]))
    worth = features[:, 0] + random.normal(size=20_000)  # the ranker knows a part of it
    order = np.argsort(-worth.reshape(5000, 4), axis=1)
    places = (np.arange(5000)[:, None] * 4 + order).ravel()
    clicks = random.random(20_000) < attraction[places] * np.tile(EXAMINATION, 5000)
    query = np.repeat([f"q{i:04}" for i in range(5000)], 4)
    log = Sessions.from_arrays(
        query=query, session=query, document=[f"d{i}" for i in places], position=[1, 2, 3, 4] * 5000, click=clicks
    )
    lists = RankingLists.from_arrays(features, query=query, documents=[f"d{i}" for i in range(20_000)])
    curve = propensities.regression_em(log, lists, resamples=20)
    np.testing.assert_allclose(curve.examination, EXAMINATION, rtol=0.12)
    assert "depends on the regression alone" in curve.notes[0]
    # Clicks alone, without the features, take the ranker's choice for examination.
    naive = clicks.reshape(5000, 4).mean(axis=0)
    assert naive[3] / naive[0] < 0.8 * EXAMINATION[3]
    with pytest.raises(propensities.UnidentifiedError):
        propensities.regression_em(log)


def test_regression_em_says_that_it_got_no_features():
    curve = propensities.regression_em(EVERYWHERE, resamples=0)
    assert curve.notes[0].startswith("no features were given (lists, --data)")
    expected = propensities.position_based(EVERYWHERE, resamples=0).examination
    np.testing.assert_array_equal(curve.examination, expected)


def test_a_document_without_features_is_named():
    lists = lists_of(np.arange(3.0)[:, None], EVERYWHERE)
    with pytest.raises(
        ValueError, match="document 'd3' of query 'q00' was shown but has no features in the lists, and so have 11"
    ):
        propensities.regression_em(EVERYWHERE, lists)


def test_features_that_say_the_position_identify_nothing():
    lists = lists_of(np.eye(4), DETERMINISTIC)
    with pytest.raises(propensities.UnidentifiedError, match="no document with such features was clicked at both"):
        propensities.regression_em(DETERMINISTIC, lists)


def test_features_that_are_all_the_same_tell_nothing_of_attraction():
    lists = lists_of(np.ones((4, 1)), DETERMINISTIC)
    with pytest.raises(ValueError, match="no feature varies among the documents that were shown"):
        propensities.regression_em(DETERMINISTIC, lists)
