"""Means that are taken part by part are those of all queries at once."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from conftest import made_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from plackett import evaluation, metrics
from plackett.data import Missed
from plackett.evaluation._aggregate import exact_sum

QUERIES = 30
SYSTEMS = {"first": "feature:1", "last": "feature:-2", "chance": "random:3"}


def lists_of(missed):
    """Lists of which some have no relevant document, one has no document, and some nobody judged."""
    lists = made_lists(QUERIES, seed=5)
    labels = lists.labels.copy()
    labels[: lists.row_splits[6]] = 0
    judged = np.ones(len(labels))
    judged[lists.row_splits[3] : lists.row_splits[5]] = 0
    lists = dataclasses.replace(lists, labels=labels, columns={"judged": judged})
    grades = np.arange(QUERIES, dtype="float32") % 3
    return dataclasses.replace(lists, missed=Missed(grades, np.arange(QUERIES + 1))) if missed else lists


def split(lists, cuts):
    """The parts between the cuts."""
    ends = [0, *sorted({cut for cut in cuts if 0 < cut < len(lists)}), len(lists)]
    return [lists[a:b] for a, b in itertools.pairwise(ends)]


def measures(empty):
    names = ("ndcg@5", "mrr", "map", "precision@3")
    return [metrics.get(name, empty=empty) for name in names]


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(0, QUERIES), max_size=8),
    empty=st.sampled_from([0, 1, "skip"]),
    queries=st.sampled_from(["run", "judged", "answered"]),
    missed=st.booleans(),
    random=st.randoms(use_true_random=False),
)
def test_the_parts_add_up_to_the_whole_in_any_order(cuts, empty, queries, missed, random):
    lists, opened = lists_of(missed), evaluation.open_systems(SYSTEMS)
    parts = [evaluation.aggregate(opened, part, measures(empty), queries=queries) for part in split(lists, cuts)]
    random.shuffle(parts)
    together = functools.reduce(evaluation.Aggregate.__add__, parts)
    whole = evaluation.evaluate(SYSTEMS, lists, measures(empty), queries=queries)
    np.testing.assert_allclose(together.means(), whole.means(), rtol=0, atol=1e-9)
    assert (together.queries, together.documents) == (QUERIES, len(lists.labels))
    assert (
        together.means().tolist()
        == evaluation.aggregate(opened, lists, measures(empty), queries=queries).means().tolist()
    )


@pytest.mark.parametrize("name", ["ndcg@5", "precision@3", "bpref", "opa"])
def test_metrics_that_weigh_queries_add_up_too(name):
    lists, opened = lists_of(missed=False), evaluation.open_systems(SYSTEMS)
    parts = [evaluation.aggregate(opened, part, [name]) for part in split(lists, [7, 20])]
    whole = evaluation.evaluate(SYSTEMS, lists, [name]).means()
    np.testing.assert_allclose(functools.reduce(evaluation.Aggregate.__add__, parts).means(), whole, atol=1e-9)


def test_the_convention_of_another_library_is_kept():
    lists, opened = made_lists(QUERIES, seed=5), evaluation.open_systems(SYSTEMS)
    parts = [evaluation.aggregate(opened, part, ["ndcg@5"], like="trec_eval") for part in split(lists, [11])]
    whole = evaluation.evaluate(SYSTEMS, lists, ["ndcg@5"], like="trec_eval").means()
    np.testing.assert_allclose((parts[0] + parts[1]).means(), whole, atol=1e-9)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=50), st.randoms(use_true_random=False))
def test_a_sum_is_exact_whatever_the_order(values, random):
    total = exact_sum(np.array(values, "float64"))
    random.shuffle(values)
    assert total == sum(exact_sum(np.array([value])) for value in values)


def test_no_query_that_counts_is_no_number():
    lists = dataclasses.replace(made_lists(4, seed=0), labels=np.zeros_like(made_lists(4, seed=0).labels))
    opened = evaluation.open_systems(SYSTEMS)
    assert np.isnan(evaluation.aggregate(opened, lists, measures("skip")).means()).all()


def test_lists_that_nobody_judged_have_no_means():
    lists = made_lists(4, seed=0)
    lists = dataclasses.replace(lists, labels=lists.labels * 0, columns={"judged": np.zeros(len(lists.labels))})
    found = evaluation.aggregate(evaluation.open_systems(SYSTEMS), lists)
    with pytest.raises(ValueError, match="nobody judged a document"):
        found.means()


def test_other_metrics_do_not_add_up():
    lists, opened = made_lists(4, seed=0), evaluation.open_systems(SYSTEMS)
    parts = [evaluation.aggregate(opened, lists, [metrics.get("mrr", empty=empty)]) for empty in (0, 1)]
    with pytest.raises(ValueError, match="only aggregates of the same systems and metrics can be added"):
        parts[0] + parts[1]
