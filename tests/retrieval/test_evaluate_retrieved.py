"""What was retrieved is measured with what was not."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import pytrec_eval

from plackett import evaluation
from plackett.data import Missed, RankingLists, Strings, read_qrels
from plackett.retrieval import evaluate


class Found(NamedTuple):
    """What a retriever gives."""

    queries: list
    ids: list | np.ndarray
    scores: list | np.ndarray


FOUND = Found(["ann", "bob"], [["heat", "big"], ["big", "heat"]], [[0.9, 0.1], [0.8, 0.3]])
JUDGED = {"ann": {"heat": 2, "alien": 1}, "bob": {"heat": 1, "big": 0}}


BY_POSITION = RankingLists.from_arrays(np.zeros((3, 0)), [2, 1, 1], query=["ann", "ann", "bob"])
TWICE = dataclasses.replace(BY_POSITION, documents=Strings.of(["big", "big", "heat"]))


def random_run(queries=30, k=20, documents=50):
    """(what was retrieved, judgements, among them negative ones and documents that were not retrieved)."""
    random = np.random.default_rng(0)
    ids = np.array([[f"d{i}" for i in random.permutation(documents)[:k]] for _ in range(queries)])
    scores = -np.sort(-random.normal(size=(queries, k)).astype("float32"), axis=1)
    judged = {
        f"q{q}": {f"d{i}": int(random.integers(-1, 4)) for i in random.permutation(documents)[:12]}
        for q in range(queries)
    }
    return Found([f"q{q}" for q in range(queries)], ids, scores), judged


def test_a_relevant_document_that_was_not_retrieved_is_missed():
    assert evaluate(FOUND, JUDGED, ["recall@100"]) == {"recall@100": 0.75}


def test_it_agrees_with_pytrec_eval_query_by_query():
    found, judged = random_run()
    results = evaluate({"run": found}, judged, ["recall@10", "mrr", "map", "ndcg@10"], like="trec_eval")
    run = {
        query: {name: float(score) for name, score in zip(ids, scores, strict=True)}
        for query, ids, scores in zip(found.queries, found.ids.tolist(), found.scores, strict=True)
    }
    theirs = pytrec_eval.RelevanceEvaluator(judged, {"recall.10", "recip_rank", "map", "ndcg_cut.10"}).evaluate(run)
    names = {"recall@10": "recall_10", "mrr": "recip_rank", "map": "map", "ndcg@10": "ndcg_cut_10"}
    for metric, name in names.items():
        wanted = [theirs[query][name] for query in results.queries.tolist()]
        np.testing.assert_allclose(results.of("run", metric), wanted, atol=1e-6)


def test_it_says_what_the_same_run_on_qrels_says(tmp_path):
    found, judged = random_run()
    lines = [
        f"{query} Q0 {document} 1 {score!r} run\n"
        for query, ids, scores in zip(found.queries, found.ids.tolist(), found.scores.tolist(), strict=True)
        for document, score in zip(ids, scores, strict=True)
    ]
    (tmp_path / "a.run").write_text("".join(lines))
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {d} {g}\n" for q, one in judged.items() for d, g in one.items()))
    wanted = evaluation.evaluate(str(tmp_path / "a.run"), read_qrels(tmp_path / "qrels"), ["recall@10", "ndcg@10"])
    assert evaluate(found, judged, ["recall@10", "ndcg@10"]) == wanted
    assert evaluate(found, read_qrels(tmp_path / "qrels"), ["recall@10", "ndcg@10"]) == wanted


def test_pairs_sets_and_grades_say_the_same():
    by_query = evaluate(FOUND, {"ann": {"heat", "alien"}, "bob": ["heat"]})
    pairs = (["ann", "bob", "ann", "ann"], ["alien", "heat", "heat", "heat"])
    assert evaluate(FOUND, pairs) == by_query == evaluate(FOUND, (*pairs, np.ones(4)))


def test_whole_numbers_are_ids_too():
    found = Found(np.array([3, 4]), np.array([[7, 9], [9, 7]]), np.array([[2.0, 1.0], [2.0, 1.0]]))
    assert evaluate(found, {3: [9], 4: [9]}, ["mrr"]) == {"mrr": 0.75}


def test_equal_scores_keep_the_order_that_was_retrieved():
    tied = FOUND._replace(scores=np.ones((2, 2)))
    assert evaluate(tied, JUDGED, ["mrr"]) == evaluate(FOUND, JUDGED, ["mrr"])


def test_a_place_without_a_document_holds_none():
    short = FOUND._replace(ids=[["heat", ""], ["big", "heat"]], scores=[[0.9, -np.inf], [0.8, 0.3]])
    assert evaluate(short, {"ann": ["heat"]}, ["precision@2"]) == {"precision@2": 1.0}  # of a list of one document
    assert evaluate(FOUND, {"ann": ["heat"]}, ["precision@2"]) == {"precision@2": 0.5}


def test_a_judged_query_for_which_nothing_was_retrieved_counts_0_unless_the_answered_are_asked_for():
    judged = JUDGED | {"eve": {"heat": 1}}
    assert evaluate(FOUND, judged, ["recall@2"]) == {"recall@2": 0.5}
    assert evaluate(FOUND, judged, ["recall@2"], queries="answered") == {"recall@2": 0.75}


def test_two_stages_are_compared():
    ranked = FOUND._replace(ids=[["heat", "big"], ["heat", "big"]])
    results = evaluate({"first": FOUND, "ranked": ranked}, JUDGED, ["mrr"])
    assert evaluation.compare(results).pairs[0].wins == 1


def test_several_results_note_a_cut_off_that_was_not_reached():
    results = evaluate({"first": FOUND}, JUDGED, ["recall@100", "mrr"])
    assert "first has 2 documents a query at most: recall@100" in " ".join(results.notes)


@pytest.mark.parametrize(
    ("found", "judged", "words"),
    [
        (FOUND, {"eve": ["heat"]}, "no query of what was retrieved is judged.*'ann'.*'eve'"),
        (FOUND._replace(ids=[["big", "big"], ["big", "heat"]]), JUDGED, "'big' occurs twice for query 'ann'"),
        (FOUND._replace(queries=["ann", "ann"]), JUDGED, "query 'ann' occurs twice"),
        (FOUND._replace(scores=[[1.0], [2.0]]), JUDGED, r"\(2, 2\) and \(2, 1\) for 2 queries"),
        (FOUND, (["ann", "ann"], ["heat", "heat"], [1, 2]), "'heat' of query 'ann' has two grades, 1 and 2"),
        (FOUND, (["ann"], ["heat", "big"]), "1 queries, 2 documents"),
        (FOUND, {"ann": {"heat": float("nan")}}, "'heat' of query 'ann' is nan"),
        (FOUND, {"ann": "heat"}, r"judged\['ann'\] is 'heat'"),
        (FOUND, [1, 2], "but got a list"),
        ([1], JUDGED, "must have queries, ids and scores.*is a list without ids"),
        (FOUND._replace(queries=None), JUDGED, "for a Table with ids, but is a Found without queries"),
        (FOUND._replace(scores=[[0.9, 0.1], [np.nan, 0.3]]), JUDGED, "query 'bob' is nan"),
        (
            FOUND._replace(scores=[[0.9, 0.1], [0.3, 0.8]]),
            JUDGED,
            "must fall.*'bob' is above the one before; negate distances",
        ),
        (FOUND._replace(scores=[["a", "b"]] * 2), JUDGED, "scores of what was retrieved must be numbers"),
        (FOUND, {"ann": pd.Series([2, 1], ["heat", "alien"])}, r"judged\['ann'\] is a Series.*\.to_dict\(\)"),
        (FOUND, {"ann": b"heat"}, r"judged\['ann'\] is b'heat'"),
        (FOUND, BY_POSITION, "lists of judged have no ids of documents except their positions"),
        (FOUND, TWICE, "lists of judged have document 'big' twice for query 'ann'"),
    ],
)
def test_what_does_not_fit_is_said(found, judged, words):
    with pytest.raises(ValueError, match=words):
        evaluate(found, judged)


def test_lists_are_judgements_too():
    lists = RankingLists.from_arrays(
        np.zeros((3, 0)), [2, 1, 1], query=["ann", "ann", "bob"], documents=["heat", "alien", "heat"]
    )
    assert evaluate(FOUND._replace(queries=Strings.of(["ann", "bob"])), lists, ["recall@2"]) == {"recall@2": 0.75}


def test_lists_that_miss_judged_documents_are_no_judgements():
    lists = RankingLists.from_arrays(np.zeros((1, 0)), [1], query=["ann"], documents=["heat"])
    lists = dataclasses.replace(lists, missed=Missed(np.ones(1, "float32"), np.array([0, 1])))
    with pytest.raises(ValueError, match=r"lists of judged miss judged documents.*read_qrels"):
        evaluate(FOUND, lists)
