"""Fusion of systems against loops over dicts, a query at a time."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systems_data import lists_from

from plackett.evaluation._systems import open_system
from plackett.evaluation.systems.fusion import METHODS, fuse
from plackett.evaluation.systems.names import FUSIONS, parse_fusion
from plackett.evaluation.systems.runs import Run

IDS = st.sampled_from(["a", "b", "c", "d", "e"])
SCORES = st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.25, 1e6])
RUNS = st.lists(
    st.dictionaries(st.sampled_from("xyz"), st.dictionaries(IDS, SCORES, max_size=5), max_size=3),
    min_size=2,
    max_size=4,
)
LISTS = st.dictionaries(st.sampled_from("xyz"), st.lists(IDS, unique=True, max_size=4), min_size=1, max_size=3)


def run_of(queries):
    """A run of query -> document -> score."""
    lists = lists_from({query: list(scores) for query, scores in queries.items()})
    scores = [score for of_query in queries.values() for score in of_query.values()]
    return Run("a.run", lists.queries, lists.row_splits, lists.documents, np.array(scores, "float64"))


def rank(scores, document):
    """From 1; equal scores have the mean of their ranks."""
    higher = sum(score > scores[document] for score in scores.values())
    equal = sum(score == scores[document] for score in scores.values())
    return higher + (equal + 1) / 2


def rrf(scores, document, pool, k):
    return 1 / (k + rank(scores, document)) if document in scores else 0.0


def borda(scores, document, pool, k):
    if document in scores:
        return len(pool) - rank(scores, document) + 1
    left = [len(pool) - r + 1 for r in range(len(scores) + 1, len(pool) + 1)]
    return statistics.mean(left)


def min_max(scores, document, pool, k):
    if document not in scores:
        return 0.0
    low, high = min(scores.values()), max(scores.values())
    return 1.0 if low == high else (scores[document] - low) / (high - low)


def z_score(scores, document, pool, k):
    if not scores:
        return 0.0
    deviation = statistics.pstdev(scores.values())
    score = scores.get(document, min(scores.values()))
    return 0.0 if deviation == 0 else (score - statistics.mean(scores.values())) / deviation


def comb_sum(scores, document, pool, k):
    return scores.get(document, 0.0)


LOOPS = {"rrf": rrf, "borda": borda, "min_max": min_max, "z_score": z_score, "comb_sum": comb_sum}


def test_each_method_has_a_loop():
    assert set(LOOPS) == set(METHODS) == set(FUSIONS)


@pytest.mark.parametrize("method", LOOPS)
@settings(max_examples=60, deadline=None)
@given(runs=RUNS, queries=LISTS, data=st.data())
def test_a_fusion_is_what_its_loop_says(method, runs, queries, data):
    weights = data.draw(st.none() | st.lists(st.sampled_from([0.5, 1, 2]), min_size=len(runs), max_size=len(runs)))
    k = data.draw(st.sampled_from([None, 0, 7])) if method == "rrf" else None
    scored = fuse([run_of(run) for run in runs], method, weights=weights, k=k)(lists_from(queries))
    found = of_queries(scored, queries)
    for query, documents in queries.items():
        of_runs = [run.get(query, {}) for run in runs]
        pool = {document for run in of_runs for document in run}
        wanted = dict.fromkeys(documents, -math.inf) | {
            document: sum(
                weight * LOOPS[method](run, document, pool, 60 if k is None else k)
                for run, weight in zip(of_runs, weights or [1] * len(runs), strict=True)
            )
            for document in pool
        }
        assert found[query] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def of_queries(scored, queries):
    """Query -> document -> score, with those beyond."""
    beyond = scored.beyond
    found, start = {}, 0
    for place, (query, documents) in enumerate(queries.items()):
        scores = scored.scores[start : start + len(documents)].tolist()
        found[query] = dict(zip(documents, scores, strict=True))
        start += len(documents)
        if beyond is not None:
            a, b = beyond.row_splits[place : place + 2]
            found[query] |= dict(zip(beyond.documents[a:b].tolist(), beyond.scores[a:b].tolist(), strict=True))
    return found


def test_the_same_ranks_in_another_order_have_equal_sums():
    lists = lists_from({"x": list("abc")})
    orders = [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
    scores = fuse([np.array(order) for order in orders])(lists).scores
    assert scores[0] == scores[1] == scores[2]


def test_large_whole_numbers_lose_nothing_before_they_are_normalised():
    lists = lists_from({"x": list("abc")})
    nanoseconds = np.array([0, 1, 2]) + 2**60
    assert fuse([nanoseconds, nanoseconds], "min_max")(lists).scores.tolist() == [0, 1, 2]
    assert fuse([nanoseconds, nanoseconds])(lists).scores.tolist() == pytest.approx([2 / 63, 2 / 62, 2 / 61])


def test_a_fusion_has_the_notes_of_its_systems_and_begins_afresh():
    fused = fuse({"one": run_of({"x": {"a": 1.0}}), "two": np.array([2.0])})
    fused(lists_from({"y": ["a"]}))
    assert [note.split(",")[0] for note in fused.notes()] == [
        "a.run lacks 1 of 1 query",
        "a.run has 1 query that the data lacks",
    ]
    assert len(open_system(fused).notes()) == 1


def test_a_score_without_a_rank_names_the_system_within():
    with pytest.raises(ValueError, match="the system dense gives document 'a' of query 'x' the score nan"):
        fuse({"bm25": np.array([1.0]), "dense": np.array([np.nan])})(lists_from({"x": ["a"]}))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"method": "sum"}, "method must be one of rrf, borda, min_max, z_score, comb_sum, but got 'sum'"),
        ({"weights": [1]}, "weights must be 2 numbers above 0"),
        ({"weights": [1, 0]}, "weights must be 2 numbers above 0"),
        ({"weights": [1, math.nan]}, "weights must be 2 numbers above 0"),
        ({"k": -1}, "k must be a number of at least 0"),
        ({"method": "borda", "k": 3}, "k is an option of rrf alone, but the method is borda"),
        ({"systems": ["random"]}, "fusion needs at least 2 systems, but got 1"),
        ({"systems": "random"}, "systems must be a dict or a list of systems, but got 'random'"),
    ],
)
def test_what_cannot_be_fused_is_said(options, words):
    with pytest.raises(ValueError, match=words):
        fuse(**{"systems": ["random", "random:1"]} | options)


@pytest.mark.parametrize(
    "words, said",
    [
        ("rrf:a,b", "must be NAME=METHOD:SYSTEM,SYSTEM"),
        ("x=rrf", "must be NAME=METHOD:SYSTEM,SYSTEM"),
        ("x=rrf:a", "must be NAME=METHOD:SYSTEM,SYSTEM"),
        ("x=rrf:a,", "must be NAME=METHOD:SYSTEM,SYSTEM"),
        ("x=sum:a,b", "the method of a fusion must be one of"),
        ("x=rrf:a,a", "must name each system once"),
    ],
)
def test_words_of_a_fusion_that_are_wrong_are_said(words, said):
    with pytest.raises(ValueError, match=said):
        parse_fusion(words)


@pytest.mark.parametrize(
    "scores",
    [
        np.array([120, -120, 0, 3], "int8"),
        np.array([2_000_000_000, -2_000_000_000, 0, 3], "int32"),
        np.array([2**63 - 1, -(2**63), 0, 3], "int64"),
        np.array([255, 0, 120, 130], "uint8"),
        np.array([60000, -60000, 0, 3], "float16"),
        np.array([3e38, -3e38, 0, 3e37], "float32"),
    ],
    ids=lambda scores: str(scores.dtype),
)
@pytest.mark.parametrize("method", ["min_max", "z_score"])
def test_scores_of_any_type_keep_their_order(scores, method):
    """Differences are taken in a type that holds them."""
    fused = fuse([scores, scores], method)(lists_from({"x": ["a", "b", "c", "d"]})).scores
    assert np.argsort(fused).tolist() == np.argsort(scores).tolist()
    wide = scores.astype("float64")
    if method == "min_max":
        np.testing.assert_allclose(fused / 2, (wide - wide.min()) / (wide.max() - wide.min()), rtol=1e-6)
