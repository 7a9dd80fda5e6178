"""The numbers of other libraries, which run here on lists with ties, without relevant documents, and of any length."""

import functools
import json
import math
import pathlib
import re

import lightgbm
import numpy as np
import pytest
import pytrec_eval
import sklearn.metrics
import xgboost

from plackett.data import RankingLists
from plackett.evaluation import evaluate_scores
from plackett.evaluation._conventions import state
from plackett.evaluation._peers import PEERS, check_like, metrics_like, scores_like
from plackett.metrics import NDCG

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests/golden/tf_ranking_metrics_like.json").read_text())
LENGTHS = np.array([1, 1, 2, 3, 4, 7, 9, 10, 11, 20, 1, 5, 30, 12, 6, 2, 1, 8])
CUT_OFFS = (1, 3, 5, 10, 50)


@functools.cache
def lists_and_scores(highest=4, shortest=1):
    """Lists, some without relevant documents, and scores of three levels, which only float64 tells further apart."""
    random = np.random.default_rng(3)
    lengths = np.maximum(LENGTHS, shortest)
    total = int(lengths.sum())
    labels = np.minimum(random.choice([0, 0, 0, 1, 2, 3, 4], total), highest)
    row_splits = np.concatenate([[0], np.cumsum(lengths)])
    for q in (0, 5, 9):
        labels[row_splits[q] : row_splits[q + 1]] = 0
    lists = RankingLists(
        labels=labels.astype("float32"),
        row_splits=row_splits,
        queries=np.array([f"q{q}" for q in range(len(lengths))]),
        documents=np.array([f"d{k}" for k in random.permutation(total)]),
        features=np.zeros((total, 1), "float32"),
    )
    return lists, 16 + random.integers(0, 3, total) / 4 + random.integers(0, 2, total) * 1e-9


def rows(lists, scores):
    """(labels, scores, documents) of each query."""
    for start, stop in zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True):
        yield lists.labels[start:stop], scores[start:stop], lists.documents[start:stop]


def by_query(peer, name, lists, scores):
    """[queries], ours."""
    check_like(peer, lists, [name])
    scores = scores_like(peer, scores)
    values = [
        evaluate_scores(scores[start:stop], lists.select([q]), metrics_like(peer, [name]))[name]
        for q, (start, stop) in enumerate(zip(lists.row_splits[:-1], lists.row_splits[1:], strict=True))
    ]
    mean = evaluate_scores(scores, lists, metrics_like(peer, [name]))[name]
    np.testing.assert_allclose(mean, np.mean(values), rtol=1e-6)
    return values


def agree(peer, name, expected, given):
    expected = list(expected)
    assert len({round(float(value), 6) for value in expected}) > 1
    np.testing.assert_allclose(by_query(peer, name, *given), expected, rtol=2e-6, atol=1e-7)


# trec_eval

OF_TREC_EVAL = {
    "bpref": "bpref",
    "map": "map",
    "mrr": "recip_rank",
    "ndcg": "ndcg",
    "precision": "set_P",
    "recall": "set_recall",
    "hits@k": "success",
    "map@k": "map_cut",
    "ndcg@k": "ndcg_cut",
    "precision@k": "P",
    "recall@k": "recall",
}


def named(names, cut_offs=CUT_OFFS):
    """(our name, the peer's name, cut-off or None)."""
    for ours, theirs in names.items():
        for k in cut_offs if ours.endswith("@k") else (None,):
            yield ours.replace("@k", f"@{k}"), theirs, k


def over(names, cut_offs=CUT_OFFS):
    return pytest.mark.parametrize("name, theirs, k", list(named(names, cut_offs)), ids=lambda x: str(x))


@over(OF_TREC_EVAL)
def test_like_trec_eval(name, theirs, k):
    lists, scores = lists_and_scores()
    judged, retrieved = {}, {}
    for query, (labels, of_query, documents) in zip(lists.queries, rows(lists, scores), strict=True):
        names = [str(document) for document in documents]
        judged[str(query)] = dict(zip(names, map(int, labels), strict=True))
        retrieved[str(query)] = dict(zip(names, map(float, of_query), strict=True))
    measure = theirs if k is None else f"{theirs}.{k}"
    found = pytrec_eval.RelevanceEvaluator(judged, {measure}).evaluate(retrieved)
    agree("trec_eval", name, [next(iter(found[str(query)].values())) for query in lists.queries], (lists, scores))


# LETOR 4.0: its formula


def of_letor(metric, k, labels, scores):
    """The loop of LETOR's evaluation script: documents by falling score, equal ones as they stand in the file."""
    falling = [labels[i] for i in sorted(range(len(labels)), key=lambda i: -scores[i])]

    def dcg(grades):
        discounts = [1.0 if rank <= 2 else math.log(2) / math.log(rank) for rank in range(1, k + 1)]
        return sum((2**grade - 1) * discount for grade, discount in zip(grades, discounts, strict=False))

    if metric == "precision":
        return sum(label >= 1 for label in falling[:k]) / k
    if metric == "ndcg":
        best = dcg(sorted(labels, reverse=True))
        return dcg(falling) / best if best and len(labels) >= k else 0.0
    precisions = [np.mean([x >= 1 for x in falling[: rank + 1]]) for rank, y in enumerate(falling) if y >= 1]
    return np.mean(precisions) if precisions else 0.0


OF_LETOR = {"map": "map", "ndcg@k": "ndcg", "precision@k": "precision"}


@over(OF_LETOR, (1, 2, 3, 5, 10))
def test_like_letor(name, theirs, k):
    lists, scores = lists_and_scores(highest=2)
    agree("letor", name, [of_letor(theirs, k, *row[:2]) for row in rows(lists, scores)], (lists, scores))


# LightGBM and XGBoost


def of_lightgbm(labels, scores, metric, k):
    """What LightGBM says of one list, whose scores it starts from."""
    quiet = {"verbose": -1}
    start = lightgbm.Dataset(np.zeros((len(labels), 1)), labels, group=[len(labels)], init_score=scores, params=quiet)
    booster = lightgbm.Booster({"objective": "none", "metric": metric, "eval_at": [k], **quiet}, start)
    return booster.eval_train()[0][2]


OF_LIGHTGBM = {"map@k": "map", "ndcg@k": "ndcg"}


@pytest.mark.filterwarnings("ignore::UserWarning")
@over(OF_LIGHTGBM)
def test_like_lightgbm(name, theirs, k):
    lists, scores = lists_and_scores()
    expected = [of_lightgbm(labels, of_query, theirs, k) for labels, of_query, _ in rows(lists, scores)]
    agree("lightgbm", name, expected, (lists, scores))


def of_xgboost(labels, scores, metric):
    """What XGBoost says of one list, whose scores it starts from."""
    start = xgboost.DMatrix(np.zeros((len(labels), 1)), labels, base_margin=scores)
    start.set_group([len(labels)])
    booster = xgboost.Booster({"objective": "rank:ndcg", "eval_metric": metric}, [start])
    return float(re.search(r":([\d.]+)$", booster.eval(start))[1])


OF_XGBOOST = {"map": "map", "map@k": "map", "ndcg": "ndcg", "ndcg@k": "ndcg", "precision": "pre", "precision@k": "pre"}


@over(OF_XGBOOST)
def test_like_xgboost(name, theirs, k):
    lists, scores = lists_and_scores(highest=4 if theirs == "ndcg" else 1)
    metric = theirs if k is None else f"{theirs}@{k}"
    expected = [of_xgboost(labels, of_query, metric) for labels, of_query, _ in rows(lists, scores)]
    agree("xgboost", name, expected, (lists, scores))


def test_a_minus_in_xgboost_is_our_empty_0():
    lists, scores = lists_and_scores()
    expected = [of_xgboost(labels, of_query, "ndcg@5-") for labels, of_query, _ in rows(lists, scores)]
    (like,) = metrics_like("xgboost", ["ndcg@5"])
    ours = evaluate_scores(scores_like("xgboost", scores), lists, [NDCG(topn=5, ties=like.ties, empty=0)])
    np.testing.assert_allclose(ours["ndcg@5"], np.mean(expected), rtol=2e-6)


# scikit-learn


OF_SKLEARN = {"dcg": "dcg_score", "dcg@k": "dcg_score", "ndcg": "ndcg_score", "ndcg@k": "ndcg_score"}


@over(OF_SKLEARN)
def test_like_sklearn(name, theirs, k):
    lists, scores = lists_and_scores(shortest=2)
    fn = getattr(sklearn.metrics, theirs)
    agree("sklearn", name, [fn(row[0][None], row[1][None], k=k) for row in rows(lists, scores)], (lists, scores))


# TensorFlow Ranking: benchmarks/tf_ranking_metrics.py writes its numbers.


@functools.cache
def golden_lists_and_scores():
    labels, scores = np.array(GOLDEN["labels"]), np.array(GOLDEN["scores"])
    real = labels >= 0
    lists = RankingLists.from_arrays(np.zeros((real.sum(), 1)), labels[real], group=real.sum(axis=1))
    return lists, scores_like("tf-ranking", scores[real])


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['metric']}@{case['topn']}")
def test_like_tf_ranking(case):
    at = "" if case["topn"] is None else f"@{case['topn']}"
    (metric,) = metrics_like("tf-ranking", [case["metric"] + at])
    if metric.subtopics:
        metric.update_state(np.array(GOLDEN["subtopics"], "float32"), np.array(GOLDEN["scores"], "float32"))
        value = float(metric.result())
    else:
        lists, scores = golden_lists_and_scores()
        value = evaluate_scores(scores, lists, [metric])[metric.name]
    np.testing.assert_allclose(value, case["value"], rtol=2e-6)
    np.testing.assert_allclose(value, case["drawn"], rtol=2e-3)


def test_the_golden_lists_of_tf_ranking_have_ties_that_tell_conventions_apart():
    labels, scores = np.array(GOLDEN["labels"], "float32"), np.array(GOLDEN["scores"], "float32")
    by_position = NDCG(ties="position")
    by_position.update_state(labels, scores)
    value = next(case["value"] for case in GOLDEN["cases"] if case["metric"] == "ndcg" and case["topn"] is None)
    assert abs(float(by_position.result()) - value) > 1e-2


# All


TESTED = {
    "trec_eval": set(OF_TREC_EVAL),
    "letor": set(OF_LETOR),
    "lightgbm": set(OF_LIGHTGBM),
    "xgboost": set(OF_XGBOOST),
    "tf-ranking": {case["metric"] + "@k" * (case["topn"] is not None) for case in GOLDEN["cases"]},
    "sklearn": set(OF_SKLEARN),
}


def test_every_metric_of_every_peer_is_compared_with_the_peer():
    assert {peer: set(like.metrics) for peer, like in PEERS.items()} == TESTED


def test_each_peer_says_something_else_of_the_same_lists():
    lists, scores = lists_and_scores()
    found = {
        peer: evaluate_scores(scores_like(peer, scores), lists, metrics_like(peer, ["ndcg@5"]))["ndcg@5"]
        for peer in PEERS
    }
    assert len({round(value, 4) for value in found.values()}) == len(PEERS)


def test_the_table_of_the_docs_is_that_of_the_code():
    page = (ROOT / "docs/evaluation.md").read_text()
    for peer, like in PEERS.items():
        names = [name.replace("@k", "@10") for name in sorted(like.metrics)]
        for metric in metrics_like(peer, names):
            stated = state(metric).replace("@10", "@k")
            assert any(f"`{peer}`" in line and f"`{stated}`" in line for line in page.splitlines()), (peer, stated)


def test_a_metric_that_a_peer_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(ValueError, match=r"^sklearn has no mrr; it has dcg, dcg@k, ndcg, ndcg@k$"):
        metrics_like("sklearn", ["ndcg", "mrr"])
    with pytest.raises(ValueError, match=r"^trec_eval has no mrr@10; it has bpref, hits@k, map, map@k, mrr, ndcg, "):
        metrics_like("trec_eval", ["mrr@10"])
    with pytest.raises(ValueError, match=r"^letor has no ndcg; it has map, ndcg@k, precision@k$"):
        metrics_like("letor", ["ndcg"])


def test_what_is_no_peer_or_no_name_is_refused():
    for call in (lambda name: metrics_like(name, ["map"]), lambda name: scores_like(name, np.zeros(1))):
        with pytest.raises(ValueError, match="unknown peer 'treceval'; did you mean 'trec_eval'"):
            call("treceval")
    with pytest.raises(ValueError, match=r"like='lightgbm' sets the convention of each metric: give its name, but got"):
        metrics_like("lightgbm", [NDCG(topn=10)])
    with pytest.raises(ValueError, match="a whole number, as in ndcg@10, but got 'ndcg@ten'"):
        metrics_like("lightgbm", ["ndcg@ten"])


def one_list(labels):
    return RankingLists.from_arrays(np.zeros((len(labels), 1)), labels, group=[len(labels)])


REFUSALS = [
    ("lightgbm", "ndcg@3", [0, 0.5, 1], "takes only whole numbers as labels, but a label of query '1' is 0.5"),
    ("lightgbm", "ndcg@3", [0, 31, 1], "measures ndcg only for labels from 0 to 30, but a label of query '1' is 31"),
    ("xgboost", "ndcg@3", [0, 0.5, 1], "takes only whole numbers as labels, but a label of query '1' is 0.5"),
    ("xgboost", "ndcg@3", [0, 32, 1], "measures ndcg only for labels from 0 to 31, but a label of query '1' is 32"),
    ("xgboost", "map@3", [0, 2, 1], "measures map only for labels from 0 to 1, but a label of query '1' is 2"),
    ("xgboost", "precision@3", [0, 2, 1], "measures precision only for labels from 0 to 1, but a label of"),
    (
        "sklearn",
        "ndcg@3",
        [1],
        "measures only lists of at least 2 documents, but query '1' has 1, one of 1 such queries: leave",
    ),
    (
        "sklearn",
        "dcg@3",
        [1],
        "measures only lists of at least 2 documents, but query '1' has 1, one of 1 such queries: leave",
    ),
]
ALLOWED = [("lightgbm", "ndcg@3", [0, 30, 1]), ("xgboost", "ndcg@3", [0, 31, 1]), ("xgboost", "map@3", [0, 1, 1])]


def call_peer(peer, name, labels):
    labels, scores = np.array(labels, "float64"), np.arange(len(labels)) + 0.5
    base, _, k = name.partition("@")
    if peer == "lightgbm":
        return of_lightgbm(labels, scores, base, int(k))
    if peer == "xgboost":
        return of_xgboost(labels, scores, name.replace("precision", "pre"))
    return getattr(sklearn.metrics, f"{base}_score")([labels], [scores], k=int(k))


@pytest.mark.parametrize("peer, name, labels, message", REFUSALS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_peer_refuses_is_refused_with_the_query(peer, name, labels, message):
    with pytest.raises((ValueError, lightgbm.basic.LightGBMError, xgboost.core.XGBoostError)):
        call_peer(peer, name, labels)
    with pytest.raises(ValueError, match=re.escape(f"{peer} {message}")):
        check_like(peer, one_list(labels), [name])


@pytest.mark.parametrize("peer, name, labels", ALLOWED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_peer_measures_is_not_refused(peer, name, labels):
    check_like(peer, one_list(labels), [name])
    expected = call_peer(peer, name, labels)
    ours = evaluate_scores(np.arange(len(labels)) + 0.5, one_list(labels), metrics_like(peer, [name]))[name]
    np.testing.assert_allclose(ours, expected, rtol=2e-6)


def test_trec_eval_and_xgboost_rank_float32():
    scores = np.array([1e9 + 1, 1e9, 0.1, 1e300, 2e300, -1e300, -np.inf, np.inf])
    for peer in ("trec_eval", "xgboost", "tf-ranking"):
        tied = scores_like(peer, scores)
        assert tied[0] == tied[1]
        assert tied[2] == np.float32(0.1)
        assert tied[3] == tied[4] < np.inf
        assert -np.inf < tied[5] < np.finfo("float32").min
        assert (tied[6], tied[7]) == (-np.inf, np.inf)
    for peer in ("letor", "lightgbm", "sklearn"):
        assert (scores_like(peer, scores) == scores).all()


def test_whole_numbers_are_ranked_as_the_peer_ranks_them():
    """2^53 + 1 is 2^53 in float64."""
    scores = np.array([2**53, 2**53 + 1, 5])
    assert scores_like("lightgbm", scores).tolist() == [2.0**53, 2.0**53, 5.0]
    assert scores_like("sklearn", scores).tolist() == scores.tolist()
