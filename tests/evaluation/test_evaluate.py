"""Systems measured on lists, query by query."""

import dataclasses
import itertools

import numpy as np
import polars as pl
import pytest
import pytrec_eval
from conftest import made_lists

from plackett import evaluate_scores
from plackett.data import RankingLists, Strings, read_qrels, read_trec, stream
from plackett.evaluation import Beyond, Scored, _peers, compare, evaluate, open_systems, slices
from plackett.metrics import MRR, NDCG
from plackett.scorers import mlp

LISTS = made_lists(40, seed=3)
SYSTEMS = {"first": "feature:1", "second": "feature:2", "chance": "random:7"}


def means_of(results):
    """System -> metric -> mean."""
    means = results.means().tolist()
    return {
        name: dict(zip(results.metrics, row, strict=True)) for name, row in zip(results.systems, means, strict=True)
    }


def test_each_system_is_measured_as_alone():
    names = ["ndcg@5", "mrr", "map", "bpref", "arp", "opa", "err"]
    means = means_of(evaluate(SYSTEMS, LISTS, names))
    for name, system in SYSTEMS.items():
        assert means[name] == pytest.approx(evaluate(system, LISTS, names), rel=1e-9)
    assert means["first"] == pytest.approx(evaluate_scores(LISTS.features[:, 0], LISTS, names), rel=1e-9)


def test_the_value_of_a_query_is_that_of_its_list_alone():
    results = evaluate(SYSTEMS, LISTS, ["ndcg@5", "mrr"])
    assert results.queries.tolist() == LISTS.queries.tolist()
    for place in (0, 7, 39):
        alone = evaluate_scores(LISTS[place].features[:, 1], LISTS[place], ["ndcg@5", "mrr"])
        assert results.values[1, :, place].tolist() == pytest.approx(list(alone.values()), abs=1e-6)


def test_what_is_known_of_each_query():
    topics = ["sport" if place % 3 else "" for place in range(len(LISTS))]
    lists = dataclasses.replace(LISTS, query_columns={"topic": Strings.of(topics), "relevant": np.arange(len(LISTS))})
    facts = evaluate(SYSTEMS, lists, ["mrr"]).facts
    assert facts["list_size"].tolist() == LISTS.lengths.tolist()
    assert facts["relevant"].tolist() == [int((one.labels >= 1).sum()) for one in LISTS]
    assert facts["topic"].tolist() == topics
    assert facts["relevant (column)"].tolist() == list(range(len(LISTS)))


@pytest.mark.parametrize("documents", [1, 30, 10**6])
def test_lists_in_parts_give_the_numbers_of_all_at_once(documents, tmp_path):
    ends = np.searchsorted(LISTS.row_splits, np.arange(0, len(LISTS.labels), documents), side="right") - 1
    ends = [*np.unique(ends).tolist(), len(LISTS)]
    parts = (LISTS[start:stop] for start, stop in itertools.pairwise(ends))
    streamed, whole = (evaluate(SYSTEMS, lists, ["ndcg@5", "arp"]) for lists in (parts, LISTS))
    np.testing.assert_allclose(streamed.values, whole.values, atol=1e-6)
    assert streamed.queries.tolist() == whole.queries.tolist()
    assert streamed.facts["relevant"].tolist() == whole.facts["relevant"].tolist()


def test_queries_that_do_not_count_are_nan():
    results = evaluate({"a": "feature:1"}, LISTS, [NDCG(topn=5, empty="skip")])
    empty = np.array([one.labels.max() < 1 for one in LISTS])
    assert empty.any()
    assert (np.isnan(results.of("a", "ndcg@5")) == empty).all()
    assert results.to_frame()["ndcg@5[exp2, empty=skip, ties=position]"].null_count() == empty.sum()


def test_a_newest_first_order_by_epoch_seconds_is_exact():
    """Float32 knows epoch seconds to 128 seconds alone."""
    seconds = 1.7e9 + np.arange(200.0)
    lists = RankingLists.from_arrays(np.zeros((200, 0)), np.arange(200) == 199, group=[200], columns={"time": seconds})
    assert evaluate("column:time", lists, ["mrr"]) == {"mrr": 1}
    assert evaluate("column:-time", lists, ["mrr"])["mrr"] == pytest.approx(1 / 200)
    assert evaluate(lambda part: part.columns["time"], lists, ["mrr"]) == {"mrr": 1}


def test_the_input_is_never_changed():
    before = LISTS.fingerprint()

    def hostile(lists):
        lists.labels[:] = 1

    evaluate({**SYSTEMS, "net": mlp(LISTS, hidden=[4])}, LISTS, ["mrr"])
    with pytest.raises(ValueError, match="read-only"):
        evaluate({"hostile": hostile}, LISTS, ["mrr"])
    assert LISTS.fingerprint() == before


RUN = {"1": {"a": 3.0, "b": 2.0, "u": 2.5, "c": 2.0}, "2": {"d": 1.0, "v": 5.0}, "9": {"x": 1.0}}
JUDGED = {"1": {"a": 0, "b": 2, "c": 1, "e": 1}, "2": {"d": 1}, "3": {"f": 1}}


@pytest.fixture
def trec(tmp_path):
    """(the file of a run, that of the judgements)."""
    lines = [f"{q} Q0 {d} 1 {s} t\n" for q, of_query in RUN.items() for d, s in of_query.items()]
    (tmp_path / "a.run").write_text("".join(lines))
    lines = [f"{q} 0 {d} {g}\n" for q, of_query in JUDGED.items() for d, g in of_query.items()]
    (tmp_path / "judged.qrels").write_text("".join(lines))
    return tmp_path / "a.run", tmp_path / "judged.qrels"


def test_a_run_on_judgements_as_trec_eval_measures_it(trec):
    measures = {"ndcg": "ndcg", "ndcg@10": "ndcg_cut_10", "map": "map", "mrr": "recip_rank", "bpref": "bpref"}
    run, qrels = trec
    results = evaluate([run], read_qrels(qrels), list(measures), like="trec_eval")
    by_query = pytrec_eval.RelevanceEvaluator(JUDGED, set(measures.values())).evaluate(RUN)
    assert results.queries.tolist() == ["1", "2", "3"]
    assert np.isnan(results.values[0, :, 2]).all()
    for row, measure in zip(results.values[0], measures.values(), strict=True):
        assert row[:2].tolist() == pytest.approx([by_query[query][measure] for query in ("1", "2")], abs=1e-6)
    lacking = evaluate([run], read_qrels(qrels), list(measures), like="trec_eval", queries="judged")
    np.testing.assert_allclose(lacking.means(), results.means() * 2 / 3, rtol=1e-6)
    assert any("lacks 1 of 3 queries, such as '3'" in note for note in results.notes)


def test_a_run_as_data_and_as_a_system(trec):
    run, qrels = trec
    data = read_trec(run, qrels)
    names = ["ndcg", "map", "mrr"]
    as_system = evaluate([run], read_qrels(qrels), names, like="trec_eval").means()[0]
    assert evaluate("column:run_score", data, names, like="trec_eval") == pytest.approx(
        dict(zip(names, as_system, strict=True)), rel=1e-6
    )
    parts = stream(run, qrels=qrels, documents=2)
    assert evaluate("column:run_score", parts, names, like="trec_eval") == pytest.approx(
        dict(zip(names, as_system, strict=True)), rel=1e-6
    )


def test_documents_beyond_lists_that_do_not_know_what_they_miss(trec, tmp_path):
    data = read_trec(*trec)
    (tmp_path / "b.run").write_text("1 Q0 e 1 9 t\n")
    with pytest.raises(
        ValueError, match=r"documents of query '1' that these lists lack, .*: measure runs on the judge"
    ):
        evaluate([tmp_path / "b.run"], data, ["mrr"])


def test_documents_beyond_take_ranks_and_gain_nothing():
    lists = RankingLists.from_arrays(np.zeros((3, 0)), [1, 0, 1], group=[2, 1])
    beyond = Beyond(np.array([5.0, 4.0]), np.array([0, 2, 2]), Strings.of(["p", "q"]))

    def system(lists):
        return Scored(np.array([3.0, 2.0, 1.0]), beyond)

    assert evaluate({"it": system}, lists, ["mrr"]).values[0, 0].tolist() == pytest.approx([1 / 3, 1])


@pytest.mark.parametrize("ties", ["position", "expected", "trec"])
def test_equal_scores_of_documents_beyond(ties):
    """The id of the one beyond is higher than that of the first, and lower than that of the second."""
    lists = RankingLists.from_arrays(np.zeros((2, 0)), [1, 0], group=[2], documents=["a", "c"])

    def system(lists):
        return Scored(np.array([1.0, 0.0]), Beyond(np.array([1.0]), np.array([0, 1]), Strings.of(["b"])))

    expected = {"position": 1, "expected": 0.75, "trec": 0.5}[ties]
    assert evaluate(system, lists, [MRR(ties=ties)])["mrr"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("systems", "metrics", "options", "words"),
    [
        ({}, ["mrr"], {}, "systems must hold at least one system"),
        (SYSTEMS, [], {}, "metrics must name at least one metric"),
        (SYSTEMS, ["mrr", "mrr"], {}, "each metric must have a name of its own"),
        (SYSTEMS, ["nddcg"], {}, "unknown metric 'nddcg'; did you mean 'ndcg'"),
        (SYSTEMS, ["mrr"], {"like": "treceval"}, "unknown peer 'treceval'; did you mean 'trec_eval'"),
        (SYSTEMS, ["mrr"], {"like": "sklearn"}, "sklearn has no mrr; it has dcg"),
        (SYSTEMS, ["mrr"], {"queries": "all"}, "queries must be one of run, judged, answered, but got 'all'"),
        ({"a": lambda lists: lists.labels[:-1]}, ["mrr"], {}, "the system a must give one score each for"),
        (
            {"a": lambda lists: lists.labels * np.nan},
            ["mrr"],
            {},
            "the system a gives document 'd0' of query 'q0' the score nan",
        ),
        (
            {"a": lambda lists: lists.labels + np.inf},
            ["mrr"],
            {},
            "the system a gives document 'd0' of query 'q0' the score inf",
        ),
    ],
)
def test_what_is_refused(systems, metrics, options, words):
    with pytest.raises(ValueError, match=words):
        evaluate(systems, LISTS, metrics, **options)


def test_lists_that_nobody_judged_and_no_lists():
    lists = RankingLists.from_arrays(LISTS.features, None, group=LISTS.lengths)
    with pytest.raises(ValueError, match="nobody judged a document of these lists"):
        evaluate(SYSTEMS, lists)
    with pytest.raises(ValueError, match="there are no lists to measure"):
        evaluate(SYSTEMS, iter(()))
    with pytest.raises(ValueError, match="lists must be RankingLists"):
        evaluate(SYSTEMS, [LISTS.features])


def test_results_are_written_with_a_row_a_query_and_system(tmp_path):
    results = evaluate(SYSTEMS, LISTS, ["mrr"])
    results.write(tmp_path / "results.parquet")
    frame = pl.read_parquet(tmp_path / "results.parquet")
    assert frame.columns == ["query", "system", "list_size", "relevant", "mrr[empty=0, ties=position]"]
    assert len(frame) == 3 * len(LISTS)
    means = frame.group_by("system", maintain_order=True).agg(pl.col("mrr[empty=0, ties=position]").mean())
    assert dict(means.rows()) == pytest.approx({name: of["mrr"] for name, of in means_of(results).items()})
    with pytest.raises(ValueError, match=r"results are written to NAME\.parquet, but got"):
        results.write(tmp_path / "results.csv")


def test_systems_are_opened_once():
    opened = open_systems(SYSTEMS)
    first, second = (evaluate(opened, LISTS, ["mrr"]).values for _ in range(2))
    assert (first == second).all()


def test_columns_of_queries_never_clash_with_those_of_results():
    columns = {name: np.arange(len(LISTS)) for name in ("system", "judged", "list_size")}
    results = evaluate(SYSTEMS, dataclasses.replace(LISTS, query_columns=columns), ["mrr"])
    assert {f"{name} (column)" for name in columns} < set(results.to_frame().columns)


@pytest.mark.parametrize("peer", _peers.PEERS)
def test_the_default_metrics_are_those_that_a_peer_has(peer):
    assert evaluate(SYSTEMS, LISTS, like=peer).metrics[:2] == ("ndcg@5", "ndcg@10")


def test_metrics_of_subtopics_and_one_name_alone():
    with pytest.raises(ValueError, match="alpha_dcg@2 needs labels with an axis of subtopics, which lists do not have"):
        evaluate(SYSTEMS, LISTS, ["alpha_dcg@2"], like="tf-ranking")
    with pytest.raises(ValueError, match=r"metrics must be a list .* but got 'ndcg@10': write \['ndcg@10'\]"):
        evaluate(SYSTEMS, LISTS, "ndcg@10")


def test_negative_grades_and_documents_beyond(tmp_path):
    """As trec_eval has it, a document with a negative grade is one that nobody judged."""
    (tmp_path / "w.qrels").write_text("q1 0 a -2\nq1 0 b 1\nq1 0 c 0\n")
    (tmp_path / "w.run").write_text("q1 Q0 zz 1 3 W\nq1 Q0 b 2 2 W\nq1 Q0 a 3 1 W\n")
    found = evaluate(tmp_path / "w.run", read_qrels(tmp_path / "w.qrels"), ["ndcg", "bpref"], like="trec_eval")
    measures = pytrec_eval.RelevanceEvaluator({"q1": {"a": -2, "b": 1, "c": 0}}, {"ndcg", "bpref"})
    assert found == pytest.approx(measures.evaluate({"q1": {"zz": 3.0, "b": 2.0, "a": 1.0}})["q1"], abs=1e-6)


@pytest.mark.parametrize("name", ["a\nb", " a", "", "a\x00"])
def test_names_that_no_table_can_show(name):
    with pytest.raises(ValueError, match="the name of a system must be a string of printable characters"):
        evaluate({name: "feature:1"}, LISTS, ["mrr"])


def test_a_query_in_two_parts_and_a_metric_that_is_no_number():
    with pytest.raises(
        ValueError, match="query 'q0' is in several parts of the lists: a query must be in one part only"
    ):
        evaluate(SYSTEMS, [LISTS, LISTS], ["mrr"])
    with pytest.raises(ValueError, match="ndcg of query 'q0' is nan: a metric must be a finite number"):
        evaluate(SYSTEMS, LISTS, [NDCG(gain=lambda labels: labels * np.nan)])


def test_documents_beyond_that_are_there_already():
    for name in ("1", "z"):
        beyond = Beyond(np.array([3.0, 2.0]), np.array([0, 2]), Strings.of([name, "z"]))
        lists = RankingLists.from_arrays(np.zeros((2, 0)), [1, 0], group=[2])
        with pytest.raises(ValueError, match=f"but '{name}' of query '1' is there already"):
            evaluate(lambda lists, beyond=beyond: Scored(np.zeros(2), beyond), lists, ["mrr"])


def test_a_feature_that_float32_rounds_is_told():
    lists = RankingLists.from_arrays(1.7e9 + np.arange(8.0)[:, None], np.arange(8) == 7, group=[8])
    (note,) = evaluate({"newest": "feature:1"}, lists, ["mrr"]).notes
    assert note.startswith("feature:1 has numbers of 2^24 and more, which features round to float32")


def test_metrics_that_weigh_queries_do_so_in_each_slice():
    """The mean of ARP over some queries is what these lists alone measure."""
    results = evaluate(SYSTEMS, LISTS, ["arp"])
    assert results.of("first", "arp").tolist() == pytest.approx(
        [evaluate("feature:1", one, ["arp"])["arp"] if one.labels.any() else np.nan for one in LISTS], nan_ok=True
    )
    for part in slices(results, "relevant", bins=3):
        low, _, high = part.name.partition(" to ")
        inside = (results.facts["relevant"] >= int(low)) & (results.facts["relevant"] <= int(high or low))
        assert part.mean == pytest.approx(evaluate(SYSTEMS[part.system], LISTS[inside], ["arp"])["arp"], nan_ok=True)
    (second, _) = compare(results).pairs
    assert second.difference == pytest.approx(np.diff(results.means()[:2, 0])[0])


def test_documents_that_a_run_lacks_are_told(tmp_path):
    (tmp_path / "a.run").write_text("1 Q0 a 1 2 t\n2 Q0 c 1 2 t\n")
    (tmp_path / "j.qrels").write_text("1 0 a 1\n1 0 b 0\n2 0 c 1\n")
    (note,) = evaluate([tmp_path / "a.run"], read_qrels(tmp_path / "j.qrels"), ["mrr"]).notes
    assert "a.run lacks 1 document of the data in 1 query that it has, such as in query '1'" in note


def test_masked_scores_are_refused():
    scores = np.ma.masked_less(LISTS.features[:, 0].astype("float64"), 0)
    with pytest.raises(ValueError, match="the scores of the system a are masked in places"):
        evaluate({"a": lambda lists: scores}, LISTS, ["mrr"])
