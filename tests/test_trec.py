"""The numbers of trec_eval itself, query by query."""

import functools

import numpy as np
import pytest
import pytrec_eval
from keras import ops

from plackett import evaluate_scores, gains, metrics
from plackett.data import RankingLists, convert, read_parquet, read_trec

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
CLASSES = {
    metrics.ndcg: metrics.NDCG,
    metrics.average_precision: metrics.MAP,
    metrics.reciprocal_rank: metrics.MRR,
    metrics.precision: metrics.Precision,
    metrics.recall: metrics.Recall,
    metrics.bpref: metrics.BPref,
    metrics.hits: metrics.Hits,
}


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


# Runs that lack judged documents and judged queries, and hold others that nobody judged.


def written(folder, run, qrels):
    """The files of `query -> document -> score` and of `query -> document -> grade`."""
    (folder / "a.run").write_text("".join(f"{q} Q0 {d} 0 {x!r} t\n" for q, row in run.items() for d, x in row.items()))
    (folder / "qrels").write_text("".join(f"{q} 0 {d} {y}\n" for q, row in qrels.items() for d, y in row.items()))
    return folder / "a.run", folder / "qrels"


def evaluated(lists, queries, measures=MEASURES):
    """Measure -> what `evaluate_scores` says of a run."""
    own = [CLASSES[MEASURES[name][0]](ties="trec", name=name, **MEASURES[name][1]) for name in measures]
    return evaluate_scores(lists.columns["run_score"], lists, own, queries=queries, batch_size=8)


def means(run, qrels):
    """(query -> measure -> value, measure -> the mean over judged queries of the run, over all judged queries)."""
    by_query = pytrec_eval.RelevanceEvaluator(qrels, pytrec_eval.supported_measures).evaluate(run)
    sums = {name: sum(values[name] for values in by_query.values()) for name in MEASURES}
    return by_query, *({name: x / len(over) for name, x in sums.items()} for over in (by_query, qrels))


def cut_run(levels):
    """(run, qrels): 10 documents a query at most, with `levels` scores; each fifth query is in the run or qrels alone.

    Of the judgements some have no relevant document, some none at all of grade 0 or more, though not the first ones: on
    those pytrec_eval does not end.
    """
    random, run, qrels = np.random.default_rng(levels), {}, {}
    for q in range(30):
        pool = random.permutation(40)
        judged = pool[: random.integers(1, 25)]
        grades = (-1,) if q % 10 == 7 else (0, -1) if q % 10 == 8 else (-2, 0, 0, 1, 1, 2, 3)
        if q % 5 != 0:
            qrels[f"q{q}"] = {f"d{d}": int(random.choice(grades)) for d in judged}
        if q % 5 != 1 and q != 17:
            of_run = random.permutation(pool[: 30 if q % 3 else 40])[: random.integers(1, 11)]
            run[f"q{q}"] = {f"d{d}": float(random.integers(0, levels)) / 4 for d in of_run}
    return run, qrels


@pytest.mark.parametrize("levels", [1000, 3], ids=["distinct", "tied"])
def test_a_run_that_lacks_judged_documents_and_queries(levels, tmp_path):
    run, qrels = cut_run(levels)
    assert set(run) - set(qrels)
    assert set(qrels) - set(run)
    files = written(tmp_path, run, qrels)
    lists = read_trec(*files)
    by_query, of_run, of_all = means(run, qrels)
    assert evaluated(lists, "run") == pytest.approx(of_run, abs=1e-6)
    assert evaluated(lists, "judged") == pytest.approx(of_all, abs=1e-6)
    assert all(abs(of_run[name] - of_all[name]) > 1e-3 for name in MEASURES)
    for place, query in enumerate(lists.queries.tolist()):
        if query in by_query:
            expected = {name: by_query[query][name] for name in MEASURES}
            assert evaluated(lists.select(np.array([place])), "run") == pytest.approx(expected, abs=1e-6)
    convert([files[0]], tmp_path / "a.parquet", qrels=files[1])
    kept = read_parquet(tmp_path / "a.parquet", cache=tmp_path / "cache")
    assert evaluated(kept, "judged", ["map", "bpref"]) == evaluated(lists, "judged", ["map", "bpref"])


def test_a_run_by_hand(tmp_path):
    """Query 1 finds one of two relevant documents, query 2 none; query 3 is not in the run, query 9 not judged."""
    run = {"1": {"a": 0.9, "b": 0.8}, "2": {"c": 0.5}, "9": {"a": 0.5}}
    qrels = {"1": {"a": 1, "b": 0, "z": 2}, "2": {"a": 1}, "3": {"q": 1}}
    lists = read_trec(*written(tmp_path, run, qrels))
    ndcg = 1 / (2 + 1 / np.log2(3))
    expected = {"map": 1 / 4, "recip_rank": 1 / 2, "recall_10": 1 / 4, "ndcg": ndcg / 2}
    assert evaluated(lists, "run", expected) == pytest.approx(expected, rel=1e-6)
    of_all = {name: value * 2 / 3 for name, value in expected.items()}
    assert evaluated(lists, "judged", expected) == pytest.approx(of_all, rel=1e-6)
    with pytest.raises(ValueError, match="queries must be one of run, judged, answered, but got 'all'"):
        evaluated(lists, "all")


@pytest.mark.parametrize("a, b", [(20.123456789, 20.123456788), (1700000002.0, 1700000001.0)])
def test_scores_of_float64_are_ranked_as_such(a, b, tmp_path):
    """trec_eval has them as float32, where they are tied."""
    run, qrels = {"1": {"a": a, "b": b}, "2": {"a": b, "b": a}}, {"1": {"a": 1}, "2": {"a": 1}}
    lists = read_trec(*written(tmp_path, run, qrels))
    assert [evaluated(lists.select(np.array([q])), "run", ["recip_rank"])["recip_rank"] for q in (0, 1)] == [1, 0.5]
    assert means(run, qrels)[1]["recip_rank"] == 0.5


@pytest.mark.parametrize(
    "text, kind",
    [
        ("1_0", "a number"),
        ("\u0663", "a number"),
        ("\uff11", "a number"),
        ("0x1", "a number"),
        ("1\u00a0", "a number"),
        ("nan", "finite"),
        ("-Infinity", "finite"),
        ("1e39", "finite"),
    ],
)
def test_a_number_is_what_it_is_in_letor(text, kind, tmp_path):
    run, qrels = tmp_path / "a.run", tmp_path / "qrels"
    run.write_text("1 Q0 a 1 .5 t\n", encoding="utf-8")
    qrels.write_text(f"1 0 b 1\n1 0 a {text}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"qrels, line 2: the grade must be {kind}, but got '"):
        read_trec(run, qrels)
    qrels.write_text("1 0 a 1\n")
    run.write_text(f"1 Q0 a 1 .5 t\n1 Q0 b 2 {text} t\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"a\.run, line 2: the score must be {kind}, but got '"):
        read_trec(run, qrels)


def test_scores_have_signs_and_exponents(tmp_path):
    files = tmp_path / "a.run", tmp_path / "qrels"
    files[0].write_text("1 Q0 a 1 +2.5E+1 t\n1 Q0 b 2 -.5e-1 t\n")
    files[1].write_text("1 0 a 2.\n1 0 b +1e0\n")
    lists = read_trec(*files)
    assert lists.columns["run_score"].tolist() == [25, -0.05]
    assert lists.labels.tolist() == [2, 1]


def test_a_grade_that_float32_would_round_is_refused(tmp_path):
    files = tmp_path / "a.run", tmp_path / "qrels"
    files[0].write_text("1 Q0 a 1 1 t\n")
    files[1].write_text("1 0 z 16777217\n")
    with pytest.raises(ValueError, match=r"qrels, line 1: the grade must be at most 2\^24 - 1, but got 16777217"):
        read_trec(*files)


def test_lines_that_begin_with_a_hash_are_comments(tmp_path):
    files = tmp_path / "a.run", tmp_path / "qrels"
    files[0].write_text("# made by me\n1 Q0 #a 1 1 t\n  # six words are a comment too\n#1 Q0 b 2 1 t\n")
    files[1].write_text("# pool of 2019\n\t# made by me\n1 0 #a 2\n#\n")
    lists = read_trec(*files)
    assert lists.documents.tolist() == ["#a"]
    assert lists.labels.tolist() == [2]
    assert len(lists.missed.grades) == 0


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\x1f", "\x85"])
def test_only_ascii_white_space_parts_fields(space, tmp_path):
    files = tmp_path / "a.run", tmp_path / "qrels"
    files[0].write_text(f"1 Q0\ta{space}b 1\v1\ft\r\n", encoding="utf-8", newline="")
    files[1].write_text(f"1 0 a{space}b 2\n", encoding="utf-8")
    lists = read_trec(*files)
    assert lists.documents.tolist() == [f"a{space}b"]
    assert lists.labels.tolist() == [2]


def test_lists_that_nobody_judged_are_not_measured():
    lists = RankingLists.from_arrays([[0.5], [0.1]], group=[2])
    with pytest.raises(ValueError, match="nobody judged a document of these lists, so there is nothing to measure"):
        evaluate_scores(lists.features[:, 0], lists)
    judged = RankingLists.from_arrays([[0.5], [0.1], [0.2]], [1, 0, 0], group=[2, 1], columns={"judged": [1, 0, 0]})
    assert evaluate_scores(judged.features[:, 0], judged, ["mrr"]) == {"mrr": 1.0}
