"""The numbers of trec_eval itself, query by query."""

import functools

import numpy as np
import pytest
import pytrec_eval
from keras import ops

from plackett import gains, metrics

pytestmark = pytest.mark.usefixtures("quick_compile")

QUERIES, SIZE = 60, 30

MEASURES = {
    "ndcg": (metrics.ndcg, {"gain": gains.identity}),
    "ndcg_cut_5": (metrics.ndcg, {"gain": gains.identity, "topn": 5}),
    "ndcg_cut_10": (metrics.ndcg, {"gain": gains.identity, "topn": 10}),
    "map": (metrics.average_precision, {}),
    "map_cut_5": (metrics.average_precision, {"topn": 5}),
    "map_cut_10": (metrics.average_precision, {"topn": 10}),
    "recip_rank": (metrics.reciprocal_rank, {}),
    "P_5": (metrics.precision, {"topn": 5, "divide_by": "topn"}),
    "P_10": (metrics.precision, {"topn": 10, "divide_by": "topn"}),
    "recall_5": (metrics.recall, {"topn": 5}),
    "recall_10": (metrics.recall, {"topn": 10}),
    "bpref": (metrics.bpref, {}),
    "Rprec": (metrics.precision, {"topn": "relevant"}),
    "success_1": (metrics.hits, {"topn": 1}),
    "success_5": (metrics.hits, {"topn": 5}),
    "set_P": (metrics.precision, {}),
}
KINDS = {"ndcg": metrics.NDCG, "map": metrics.MAP, "P_5": metrics.Precision, "bpref": metrics.BPref}


@functools.cache
def run(levels):
    """(labels, scores, mask, ids) of queries of 1 to 30 documents with `levels` scores; None = all are different."""
    random = np.random.default_rng(7)
    lengths = random.permutation(np.resize(np.arange(1, SIZE + 1), QUERIES))
    mask = np.arange(SIZE) < lengths[:, None]
    labels = random.choice([0, 0, 0, 1, 2, 3], (QUERIES, SIZE)).astype("float32")
    distinct = random.permuted(np.tile(np.arange(SIZE), (QUERIES, 1)), axis=1)
    scores = (distinct if levels is None else random.integers(0, levels, distinct.shape)) / 4 - 2
    ids = random.permuted(np.tile([f"d{k}" for k in range(SIZE)], (QUERIES, 1)), axis=1)
    return labels, scores.astype("float32"), mask, ids


@functools.cache
def of_trec_eval(levels):
    """Measure -> [queries], what trec_eval says."""
    labels, scores, mask, ids = run(levels)
    judged, retrieved = {}, {}
    for q, real in enumerate(mask):
        names = ids[q][real].tolist()
        judged[f"q{q}"] = dict(zip(names, labels[q][real].astype(int).tolist(), strict=True))
        retrieved[f"q{q}"] = dict(zip(names, scores[q][real].tolist(), strict=True))
    by_query = pytrec_eval.RelevanceEvaluator(judged, pytrec_eval.supported_measures).evaluate(retrieved)
    assert len(by_query) == QUERIES
    return {measure: np.array([by_query[f"q{q}"][measure] for q in range(QUERIES)]) for measure in MEASURES}


def ours(measure, levels, **ties):
    labels, scores, mask, _ = run(levels)
    fn, options = MEASURES[measure]
    return ops.convert_to_numpy(fn(labels, scores, mask=mask, **options, **ties))


def of_trec(measure, levels):
    return ours(measure, levels, ties="trec", documents=run(levels)[-1])


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("levels", [None, 3, 1], ids=["distinct", "tied", "all tied"])
def test_every_query_is_that_of_trec_eval(measure, levels):
    expected = of_trec_eval(levels)[measure]
    assert len(set(expected)) > 1
    np.testing.assert_allclose(of_trec(measure, levels), expected, atol=1e-6)


@pytest.mark.parametrize("measure", [measure for measure in MEASURES if measure != "set_P"])
def test_a_tied_run_by_position_has_other_numbers(measure):
    assert np.abs(ours(measure, 3, ties="position") - of_trec_eval(3)[measure]).max() > 1e-2
    np.testing.assert_allclose(ours(measure, None, ties="position"), of_trec_eval(None)[measure], atol=1e-6)


@pytest.mark.parametrize("measure", KINDS)
def test_the_mean_of_a_keras_metric_counts_queries_without_a_relevant_document_as_0(measure):
    labels, scores, mask, ids = run(3)
    assert (np.where(mask, labels, 0).max(axis=1) == 0).any()
    metric = KINDS[measure](ties="trec", **MEASURES[measure][1])
    metric.update_state(np.where(mask, labels, -1), scores, documents=ids)
    np.testing.assert_allclose(float(metric.result()), of_trec_eval(3)[measure].mean(), rtol=1e-6)
