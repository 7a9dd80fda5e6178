"""Click logs joined with the features of documents."""

import numpy as np
import pytest
from small_logs import SHOWN, changed

from plackett.data import ClickCounts, RankingLists, Sessions, lists_of_counts, lists_of_sessions

LISTS = RankingLists.from_arrays(
    [[3.0], [1.0], [2.0], [9.0]],
    [0, 1, 2, 0],
    query=["hats", "shoes", "shoes", "socks"],
    documents=["c", "a", "b", "a"],
    ids={"shop": [30, 10, 20, 90]},
    query_columns={"language": ["en", "de", "fr"]},
)
LOG = Sessions.from_arrays(**SHOWN, propensity=[1, 0.5, 1, 0.5, 1], context={"device": ["x", "x", "y", "y", "z"]})


def test_each_session_is_a_list_of_what_it_showed():
    lists = lists_of_sessions(LISTS, LOG)
    assert lists.queries.tolist() == ["s1", "s2", "s3"]
    assert lists.documents.tolist() == ["a", "b", "b", "a", "c"]
    assert lists.features[:, 0].tolist() == [1, 2, 2, 1, 3]
    assert lists.ids["shop"].tolist() == [10, 20, 20, 10, 30]
    assert lists.labels.tolist() == [1, 2, 2, 1, 0]
    assert lists.columns["click"].tolist() == [0, 1, 1, 0, 0]
    assert lists.columns["position"].tolist() == [1, 2, 1, 2, 1]
    assert lists.columns["propensity"].tolist() == [1, 0.5, 1, 0.5, 1]


def test_the_query_and_the_context_of_a_session_are_columns_of_its_list():
    columns = lists_of_sessions(LISTS, LOG).query_columns
    assert columns["query_of_session"].tolist() == ["shoes", "shoes", "hats"]
    assert columns["device"].tolist() == ["x", "y", "z"]
    assert columns["language"].tolist() == ["de", "de", "en"]


def test_counts_are_a_list_a_query_with_and_without_clicks():
    lists = lists_of_counts(LISTS, LOG.counts())
    assert lists.queries.tolist() == ["shoes", "hats"]
    assert lists.documents.tolist() == ["a@1#0", "a@2#0", "b@1#1", "b@2#1", "c@1#0"]
    assert lists.features[:, 0].tolist() == [1, 1, 2, 2, 3]
    assert lists.columns["position"].tolist() == [1, 2, 1, 2, 1]


def test_a_row_with_and_without_clicks_is_two_entries():
    counts = ClickCounts.from_arrays(query=["hats"], document=["c"], position=[1], shown=[4], clicked=[1])
    lists = lists_of_counts(LISTS, counts)
    assert lists.documents.tolist() == ["c@1#1", "c@1#0"]
    assert lists.columns["weight"].tolist() == [0.25, 0.75]


def test_the_mean_of_weighted_sums_over_counts_is_the_mean_of_sums_over_sessions():
    rng = np.random.default_rng(0)
    log = Sessions.from_arrays(
        query=np.repeat(["shoes"] * 70 + ["hats"] * 30, [2] * 70 + [1] * 30).tolist(),
        session=np.repeat(np.arange(100), [2] * 70 + [1] * 30),
        document=[d for _ in range(70) for d in rng.permutation(["a", "b"])] + ["c"] * 30,
        position=[1, 2] * 70 + [1] * 30,
        click=rng.random(170) < 0.4,
    )

    def mean_of_sums(lists, weights):
        each = (lists.features[:, 0] + 1) * (lists.columns["click"] + 0.1) / lists.columns["position"] * weights
        return np.add.reduceat(each, lists.row_splits[:-1]).mean()

    of_counts = lists_of_counts(LISTS, log.counts())
    of_sessions = lists_of_sessions(LISTS, log)
    assert mean_of_sums(of_counts, of_counts.columns["weight"]) == pytest.approx(mean_of_sums(of_sessions, 1), rel=1e-5)


def test_a_document_without_features_is_told_with_session_and_row():
    log = Sessions.from_arrays(**changed(document=["a", "b", "b", "d", "c"]))
    with pytest.raises(ValueError, match=r"row 4, session 's2': document 'd' has no features: query 'shoes' of the"):
        lists_of_sessions(LISTS, log)
    with pytest.raises(ValueError, match=r"row 4 of the counts: document 'd' has no features: query 'shoes' of the"):
        lists_of_counts(LISTS, log.counts())


def test_a_document_of_another_query_has_no_features_in_this_one():
    with pytest.raises(ValueError, match=r"row 5, session 's3': document 'a' has no features"):
        lists_of_sessions(LISTS, Sessions.from_arrays(**changed(document=["a", "b", "b", "a", "a"])))


def test_a_query_without_lists_is_told_with_session_and_row():
    log = Sessions.from_arrays(**changed(query=["shoes"] * 4 + ["caps"]))
    with pytest.raises(ValueError, match=r"row 5, session 's3': the lists have no query 'caps'"):
        lists_of_sessions(LISTS, log)


def test_a_context_that_the_lists_have_too_is_told():
    log = Sessions.from_arrays(**SHOWN, context={"language": ["en"] * 5})
    with pytest.raises(ValueError, match="the lists and the log both have a column of queries 'language'"):
        lists_of_sessions(LISTS, log)


def test_old_clicks_of_the_lists_give_way_to_those_of_the_log():
    columns = {"click": [1, 1, 1, 1], "price": [5, 6, 7, 8]}
    lists = RankingLists.from_arrays(
        LISTS.features,
        LISTS.labels,
        query=["hats", "shoes", "shoes", "socks"],
        documents=LISTS.documents,
        columns=columns,
    )
    found = lists_of_sessions(lists, LOG)
    assert found.columns["click"].tolist() == [0, 1, 1, 0, 0]
    assert found.columns["price"].tolist() == [6, 7, 7, 6, 5]


def test_a_log_of_a_part_of_a_dictionary_is_joined_too():
    assert lists_of_sessions(LISTS, LOG[2:]).features[:, 0].tolist() == [3]
