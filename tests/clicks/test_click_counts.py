"""Clicks that are counted."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from small_logs import SHOWN

from plackett.data import ClickCounts, Sessions

COUNTS = {
    "query": ["q2", "q1", "q2"],
    "document": ["b", "a", "a"],
    "position": [2, 1, 1],
    "shown": [5, 3, 4],
    "clicked": [1, 0, 4],
}


def counted_by_loop(log):
    """{(query, document, position): [shown, clicked]}, one impression after another."""
    found = {}
    for row, session in enumerate(log.session_of_row):
        key = log.queries[int(session)], log.documents[row], int(log.positions[row])
        shown, clicked = found.get(key, (0, 0))
        found[key] = shown + 1, clicked + int(log.clicks[row])
    return found


def as_dict(counts):
    keys = zip(counts.queries, counts.documents, counts.positions.tolist(), strict=True)
    return dict(zip(keys, zip(counts.shown.tolist(), counts.clicked.tolist(), strict=True), strict=True))


def random_log(seed, positions=4, **more):
    rng = np.random.default_rng(seed)
    sessions, documents = 60, [f"d{i}" for i in range(6)]
    shown = np.concatenate([rng.permutation(documents)[:positions] for _ in range(sessions)])
    return Sessions.from_arrays(
        query=np.repeat(rng.integers(0, 5, sessions), positions),
        session=np.repeat(np.arange(sessions), positions),
        document=shown.tolist(),
        position=np.tile(np.arange(1, positions + 1), sessions),
        click=rng.random(sessions * positions) < 0.3,
        **more,
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_log_is_counted_as_a_loop_counts_it(seed):
    log = random_log(seed)
    assert as_dict(log.counts()) == counted_by_loop(log)


def test_counts_of_huge_positions_are_the_same():
    log = random_log(0)
    far = Sessions.from_arrays(
        query=log.queries[log.session_of_row],
        session=log.sessions[log.session_of_row],
        document=log.documents,
        position=log.positions * 500_000_000,
        click=log.clicks,
    )
    assert far.counts().shown.tolist() == log.counts().shown.tolist()
    assert (far.counts().positions == log.counts().positions.astype("int64") * 500_000_000).all()


def test_the_order_is_that_of_queries_as_they_came_then_documents_by_id_then_positions():
    counts = Sessions.from_arrays(**SHOWN).counts()
    assert counts.queries.tolist() == ["shoes"] * 4 + ["hats"]
    assert counts.documents.tolist() == ["a", "a", "b", "b", "c"]
    assert counts.positions.tolist() == [1, 2, 1, 2, 1]
    assert counts.clicked.tolist() == [0, 0, 1, 1, 0]


def test_propensities_are_averaged():
    log = Sessions.from_arrays(
        query=["q"] * 2, session=[1, 2], document=["a"] * 2, position=[1, 1], click=[0, 1], propensity=[0.5, 1]
    )
    assert log.counts().propensities.tolist() == [0.75]


def test_counts_of_arrays_stand_in_the_same_order():
    counts = ClickCounts.from_arrays(**COUNTS)
    assert counts.queries.tolist() == ["q2", "q2", "q1"]
    assert counts.documents.tolist() == ["a", "b", "a"]
    assert counts.row_splits.tolist() == [0, 2, 3]


def test_counts_of_a_log_that_come_back_from_a_table_are_the_same():
    counts = random_log(1).counts()
    rows = ClickCounts.from_arrays(
        query=counts.queries[::-1],
        document=counts.documents[::-1],
        position=counts.positions[::-1],
        shown=counts.shown[::-1],
        clicked=counts.clicked[::-1],
    )
    assert as_dict(rows) == as_dict(counts)


@pytest.mark.parametrize("of", [pl.DataFrame, pd.DataFrame])
def test_frames_are_counts(of):
    renamed = {{"shown": "impressions"}.get(name, name): column for name, column in COUNTS.items()}
    counts = ClickCounts.from_frame(of(renamed), shown="impressions")
    assert counts.fingerprint() == ClickCounts.from_arrays(**COUNTS).fingerprint()


def test_a_query_had_as_many_sessions_as_its_most_shown_position_was_shown():
    log = random_log(2)
    counts = log.counts()
    first = counts.queries[counts.row_splits[:-1]].tolist()
    assert counts.sessions.tolist() == [int((log.queries == query).sum()) for query in first]


def test_some_rows_are_counts():
    counts = ClickCounts.from_arrays(**COUNTS)
    assert counts[[0, 2]].documents.tolist() == counts[np.array([True, False, True])].documents.tolist() == ["a", "a"]
    assert len(counts[[]]) == 0
    with pytest.raises(IndexError, match="rows must be indexed by a slice, a mask or a list of places, but got 0"):
        counts[0]


def test_rows_of_a_query_that_were_torn_apart_are_told():
    with pytest.raises(ValueError, match="row 3: query 'q2' begins again"):
        _ = ClickCounts.from_arrays(**COUNTS)[[0, 2, 1]].row_splits


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"shown": [5, 3, 0]}, "row 3, query 'q2': shown must be a whole number from 1, but got 0"),
        ({"clicked": [1, -1, 4]}, "row 2, query 'q1': clicked must be a whole number from 0, but got -1"),
        (
            {"clicked": [1, 0, 5]},
            "row 3, query 'q2': clicked counts impressions with a click, so it must be at most shown, but ",
        ),
        ({"clicked": [0, 0, 0]}, "the counts: nothing was clicked"),
        ({"position": [0, 1, 1]}, "row 1, query 'q2': position must be a whole number from 1, but got 0"),
        ({"propensity": [1, 2, 1]}, "row 2, query 'q1': propensity must be above 0"),
        (
            {"query": ["q2"] * 3, "document": ["a"] * 3},
            "row 3, query 'q2': document 'a' at position 1 occurs twice; add up",
        ),
    ],
)
def test_bad_counts_are_told_with_the_row(columns, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        ClickCounts.from_arrays(**(COUNTS | columns))
