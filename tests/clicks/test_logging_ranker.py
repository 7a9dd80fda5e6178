"""What simulated sessions show: which queries, and their documents in which order."""

import numpy as np
import pytest

from plackett.clicks.simulation._logging_ranker import LoggingRanker, swap_pairs
from plackett.data import RankingLists

SCORES = np.array([0.0, 2.0, 1.0, -np.inf, 5.0])
MANY = 40_000


def lists(group=(4, 1)):
    """Queries with so many documents."""
    return RankingLists.from_arrays(np.zeros((sum(group), 0)), np.ones(sum(group)), group=list(group))


def show(ranker, sessions=MANY, seed=0):
    """(queries, rows) of some sessions."""
    return ranker.show(sessions, [np.random.default_rng([seed, stream]) for stream in range(3)])


def test_the_best_come_first_and_those_not_retrieved_never():
    queries, rows = show(LoggingRanker(lists(), SCORES, positions=4))
    assert np.unique(rows[queries == 0], axis=0).tolist() == [[1, 2, 0, -1]]
    assert np.unique(rows[queries == 1], axis=0).tolist() == [[4, -1, -1, -1]]


def test_no_more_are_shown_than_there_are_positions():
    queries, rows = show(LoggingRanker(lists(), SCORES, positions=2))
    assert np.unique(rows[queries == 0], axis=0).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("weights", "share"),
    [(None, 0.5), (np.array([3.0, 1.0]), 0.75), (np.array([0.0, 2.0]), 0), (np.array([1e308, 1e308]), 0.5)],
)
def test_queries_come_as_often_as_their_weights_say(weights, share):
    queries, _ = show(LoggingRanker(lists(), SCORES, positions=2, weights=weights))
    assert abs((queries == 0).mean() - share) <= 4 * np.sqrt(share * (1 - share) / MANY)


def test_a_query_without_documents_to_show_never_comes():
    ranker = LoggingRanker(lists((2, 1)), np.array([-np.inf, -np.inf, 1.0]), positions=2)
    assert set(show(ranker)[0].tolist()) == {1}
    with pytest.raises(ValueError, match="the logging ranker shows nothing"):
        LoggingRanker(lists((2, 1)), np.full(3, -np.inf), positions=2)


def test_noise_on_scores_gives_the_orders_of_plackett_and_luce():
    temperature = 2.0
    queries, rows = show(LoggingRanker(lists(), SCORES, positions=4, temperature=temperature))
    shown = rows[queries == 0]
    assert (shown[:, 3] == -1).all()
    odds = np.exp(SCORES[:3] / temperature)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        expected = odds[first] / odds.sum() * odds[second] / (odds.sum() - odds[first])
        found = ((shown[:, 0] == first) & (shown[:, 1] == second)).mean()
        assert abs(found - expected) <= 4 * np.sqrt(expected * (1 - expected) / len(shown))


def test_scores_far_apart_keep_their_order_in_spite_of_noise():
    _, rows = show(LoggingRanker(lists((3,)), np.array([1e8, 1e8 + 100, -1e30]), positions=3, temperature=1.0))
    assert np.unique(rows, axis=0).tolist() == [[1, 0, 2]]


def test_a_random_top_has_each_order_of_the_shown_alike():
    queries, rows = show(LoggingRanker(lists(), SCORES, positions=3, randomise="top"))
    orders, counts = np.unique(rows[queries == 0], axis=0, return_counts=True)
    assert len(orders) == 6
    assert (np.abs(counts / counts.sum() - 1 / 6) <= 4 * np.sqrt(5 / 36 / counts.sum())).all()
    assert np.unique(rows[queries == 1], axis=0).tolist() == [[4, -1, -1]]


def test_a_swap_exchanges_one_pair_each_alike():
    rows = np.tile(np.arange(3), (MANY, 1))
    orders, counts = np.unique(swap_pairs(rows, np.random.default_rng(0).random((MANY, 2))), axis=0, return_counts=True)
    assert orders.tolist() == [[0, 2, 1], [1, 0, 2], [2, 1, 0]]
    assert (np.abs(counts / MANY - 1 / 3) <= 4 * np.sqrt(2 / 9 / MANY)).all()


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "randomise": "swap"}])
def test_a_longer_log_begins_with_the_shorter_one(options):
    ranker = LoggingRanker(lists(), SCORES, positions=3, **options)
    for few, many in zip(show(ranker, 50), show(ranker, 100), strict=True):
        assert np.array_equal(few, many[:50])


def test_the_documents_of_a_temperature_do_not_depend_on_how_many_are_drawn_together(monkeypatch):
    ranker = LoggingRanker(lists((30, 2)), np.arange(32.0), positions=3, temperature=3.0)
    whole = show(ranker, 500)[1]
    monkeypatch.setattr("plackett.clicks.simulation._logging_ranker.BLOCK", 64)
    assert np.array_equal(show(ranker, 500)[1], whole)
