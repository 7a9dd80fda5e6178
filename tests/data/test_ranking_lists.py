"""Lists in memory: how they fit together, how queries are taken out of them, and what they say of themselves."""

import dataclasses

import numpy as np
import pytest
from conftest import made_lists

from plackett.data import Missed, RankingLists, concatenate, split_queries


def test_lists():
    lists = made_lists(10, seed=0)
    some = lists.select(np.array([3, 1]))
    assert some.queries.tolist() == ["q3", "q1"]
    assert np.array_equal(some.features[: some.lengths[0]], lists.features[lists.row_splits[3] : lists.row_splits[4]])
    train, held_out = split_queries(lists, 0.3, seed=0)
    assert sorted([*train.queries, *held_out.queries]) == sorted(lists.queries)
    assert len(held_out) == 3
    both = concatenate([train, held_out])
    assert both.lengths.sum() == lists.lengths.sum()
    with pytest.raises(ValueError, match="the parts differ in their columns: 5 dense features and 4 dense features"):
        concatenate([lists, made_lists(2, seed=0, features=4)])
    for field, given, wrong in (
        ("ids", {"mask": lists.labels}, "an id feature cannot be called 'mask', a name with a meaning of its own"),
        ("ids", {"labels": lists.labels}, "an id feature cannot be called 'labels', a name with a meaning"),
        ("ids", {"5": lists.labels}, "names must differ, but there is a feature and an id feature called '5'"),
        ("columns", {"query": lists.labels}, "a column cannot be called 'query', a name with a meaning of its own"),
        ("columns", {7: lists.labels}, "the name of a column must be a string, but got 7"),
        ("columns", {"click": lists.labels[1:]}, "click must have .* rows, as row_splits says, but got"),
        ("query_columns", {"market": lists.queries[1:]}, "market must have 10 entries, but got 9"),
        ("query_columns", {"queries": lists.queries}, "a column of queries cannot be called 'queries'"),
        ("feature_names", ("a", "b"), "feature_names must name 5 features, but got 2"),
        ("feature_names", ("a", "b", "c", "d", "label"), "a feature cannot be called 'label', a name with a meaning"),
        ("feature_names", ("a", "b", "c", "d", "a"), "there is a feature and a feature called 'a'"),
        ("missed", Missed(np.zeros(1), np.array([0, 1])), "missed must have 10 lists, but got 1"),
        ("missed", Missed(np.zeros(1), np.arange(11)), "missed must have 10 grades, as its row_splits says, but got 1"),
    ):
        with pytest.raises(ValueError, match=wrong):
            dataclasses.replace(lists, **{field: given})
    with pytest.raises(ValueError, match="a split needs at least 2 queries"):
        split_queries(lists.select(np.array([0])), 0.5, seed=0)


def test_judged_documents_beyond_the_lists_go_with_their_queries():
    lists = made_lists(10, seed=0)
    splits = np.array([0, 2, 2, 3, 6, 6, 6, 7, 8, 9, 12])
    with_missed = dataclasses.replace(lists, missed=Missed(np.arange(12, dtype="float32"), splits))
    some = with_missed.select(np.array([3, 1, 0]))
    assert some.missed.grades.tolist() == [3, 4, 5, 0, 1]
    assert some.missed.row_splits.tolist() == [0, 3, 3, 5]
    both = concatenate([some, with_missed.select(np.array([9]))])
    assert both.missed.grades.tolist() == [3, 4, 5, 0, 1, 9, 10, 11]
    assert both.missed.row_splits.tolist() == [0, 3, 3, 5, 8]
    train, held_out = split_queries(with_missed, 0.3, seed=0)
    assert sorted([*train.missed.grades, *held_out.missed.grades]) == list(range(12))
    other = dataclasses.replace(lists, missed=Missed(np.arange(12, dtype="float32"), np.where(splits == 2, 1, splits)))
    assert len({x.fingerprint() for x in (lists, with_missed, other)}) == 3
    with pytest.raises(ValueError, match=r"the parts differ in their columns: 5 dense features and .*, missed"):
        concatenate([lists, with_missed])


def test_one_part_is_not_copied():
    lists = made_lists(3, seed=0)
    assert concatenate([lists]) is lists


def test_features_without_names_have_numbers():
    lists = made_lists(3, seed=0)
    assert lists.feature_names == ("1", "2", "3", "4", "5")
    assert not lists.has_feature_names
    assert dataclasses.replace(lists, features=lists.features[:, :2]).feature_names == ("1", "2")
    named = dataclasses.replace(lists, feature_names=list("abcde"))
    assert named.feature_names == tuple("abcde")
    assert named.has_feature_names
    assert named.fingerprint() != lists.fingerprint()
    numbered = dataclasses.replace(lists, feature_names=("1", "2", "3", "4", "5"))
    assert numbered.fingerprint() == lists.fingerprint()
    concatenate([lists, numbered])
    with pytest.raises(ValueError, match=r"the parts differ in their columns: 5 dense features and 5 dense .* \(a, b"):
        concatenate([lists, named])


def some_lists(**fields):
    return RankingLists(
        labels=np.array([2, 0, 1], "float32"),
        row_splits=np.array([0, 2, 3]),
        queries=np.array(["a", "b"]),
        documents=np.array(["x", "y", "x"]),
        features=np.array([[0.5, np.nan], [1, 2], [3, 4]], "float32"),
        **fields,
    )


def full_fields():
    return {
        "feature_names": ("price", "stars"),
        "ids": {"shop": np.array([7, -9, 7], "int32")},
        "columns": {"click": np.array([1, 0, 1], "float32"), "run_score": np.array([1.5, 2, 3])},
        "query_columns": {"market": np.array(["de", "fr"])},
        "missed": Missed(np.array([3], "float32"), np.array([0, 0, 1])),
    }


def test_fingerprints_stay():
    """Runs of earlier versions are resumed by them."""
    assert some_lists().fingerprint() == "6a1a0178cf9f0970"
    assert some_lists(**full_fields()).fingerprint() == "e6fc709607d2acb9"


def test_a_query_is_taken_out():
    lists = some_lists(**full_fields())
    for which in (1, -1, np.int64(1), "b", np.str_("b"), slice(1, None), [1], np.array([False, True]), range(1, 2)):
        one = lists[which]
        assert one.queries.tolist() == ["b"]
        assert one.labels.tolist() == [1]
        assert one.row_splits.tolist() == [0, 1]
        assert one.features.tolist() == [[3, 4]]
        assert one.ids["shop"].tolist() == [7]
        assert one.columns["run_score"].tolist() == [3]
        assert one.query_columns["market"].tolist() == ["fr"]
        assert (one.missed.grades.tolist(), one.missed.row_splits.tolist()) == ([3], [0, 1])
        assert one.feature_names == ("price", "stars")


def test_queries_are_taken_out():
    lists = made_lists(10, seed=0)
    for which in (slice(2, 7), slice(None, -3), slice(0, 0), slice(7, 2), slice(8, 1, -3), slice(None, None, 4)):
        assert lists[which].fingerprint() == lists.select(np.arange(10)[which]).fingerprint()
    assert lists[[3, 1]].queries.tolist() == ["q3", "q1"]
    assert lists[lists.lengths > 9].queries.tolist() == lists.queries[lists.lengths > 9].tolist()
    assert len(lists[[]]) == len(lists[np.zeros(10, bool)]) == 0
    assert lists[["q3", "q1"]].queries.tolist() == lists[np.array(["q3", "q1"])].queries.tolist() == ["q3", "q1"]
    assert lists[["q3"]].queries.tolist() == lists[np.array(["q3"], object)].queries.tolist() == ["q3"]
    assert lists[[-1, 3]].queries.tolist() == ["q9", "q3"]
    assert lists[[True] + [False] * 9].queries.tolist() == ["q0"]
    assert np.shares_memory(lists[2:7].features, lists.features)
    assert np.shares_memory(lists[2].features, lists.features)
    assert [one.queries.tolist() for one in lists] == [[f"q{i}"] for i in range(10)]
    assert concatenate(list(lists)).fingerprint() == lists.fingerprint()
    for which, error, wrong in (
        (10, IndexError, "there are 10 queries, numbered from 0, but got 10"),
        (-11, IndexError, "there are 10 queries, numbered from 0, but got -11"),
        ("q10", KeyError, "there is no query 'q10'"),
        (["q1", "q10"], KeyError, "there is no query 'q10'"),
        ([3, 10], IndexError, "there are 10 queries, numbered from 0, but got 10"),
        (np.array([3, -11]), IndexError, "there are 10 queries, numbered from 0, but got -11"),
        (np.zeros(9, bool), IndexError, "a mask must have 10 entries, one per query, but has 9"),
        ([[1, 2]], IndexError, r"an index must have one axis, that of the queries, but has the shape \(1, 2\)"),
        ([[1], [2, 3]], IndexError, "lists must be indexed by .*, but got lists of several lengths"),
        (
            (1, 2),
            TypeError,
            r"lists must be indexed by a position, .*, as lists\[\[0, 2\]\], but got the tuple \(1, 2\)",
        ),
        (1.5, TypeError, "lists must be indexed by a position, a slice, a mask, the id of a query, .*, but got 1.5"),
        (True, TypeError, "lists must be indexed by .*, but got True"),
        (np.True_, TypeError, "lists must be indexed by .*, but got .*True"),
        (None, TypeError, "lists must be indexed by .*, but got None"),
        ({"q1": 1}, TypeError, "lists must be indexed by .*, but got {'q1': 1}"),
        ([1.5], TypeError, r"lists must be indexed by .*, but got \[1.5\]"),
        ([1, "q1"], TypeError, r"lists must be indexed by .*, but got \[1, 'q1'\]"),
        ([1, True], TypeError, r"lists must be indexed by .*, but got \[1, True\]"),
    ):
        with pytest.raises(error, match=wrong):
            lists[which]


def test_queries_are_known_by_their_ids():
    lists = made_lists(10, seed=0)
    assert "q3" in lists
    assert "q10" not in lists
    assert 3 not in lists
    assert "q3" not in lists[[]]


def test_what_lists_say_of_themselves():
    assert repr(some_lists(**full_fields())) == (
        "RankingLists: 2 queries, 3 documents\n"
        "  list size: 1 to 2, median 2\n"
        "  labels: 0: 1, 1: 1, 2: 1\n"
        "  features: 2: price, stars\n"
        "  ids: shop\n"
        "  columns: click, run_score\n"
        "  columns of queries: market\n"
        "  missed: 1 grades"
    )
    wide = dataclasses.replace(made_lists(3, seed=0, features=9), feature_names=tuple("abcdefghi"))
    assert "  features: 9: a, b, c, d, e, f, g, h, ..." in repr(wide)
    assert "  labels: none\n" in repr(made_lists(3, seed=0)[[]])
    assert repr(made_lists(3, seed=0)[[]]).startswith(
        "RankingLists: 0 queries, 0 documents\n  list size: 0 to 0, median 0"
    )
    for labels, words in (([0.5, 0, 1], "0 to 1"), ([40, 0, 2], "0 to 40"), ([-1, 0, 2], "-1 to 2")):
        assert f"  labels: {words}\n" in repr(dataclasses.replace(some_lists(), labels=np.array(labels, "float32")))


def test_labels_are_counted_in_chunks(monkeypatch):
    monkeypatch.setattr("plackett.data._words.CHUNK", 4)
    lists = made_lists(10, seed=0)
    counts = np.bincount(lists.labels.astype(int))
    assert f"labels: 0: {counts[0]}, 1: {counts[1]}, 2: {counts[2]}\n" in repr(lists)
    lists.labels[-1] = 0.5
    assert "labels: 0 to 2\n" in repr(lists)
