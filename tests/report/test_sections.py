"""What the parts of a report are made of."""

import dataclasses
import re

import numpy as np
import pytest
from conftest import made_lists
from markupsafe import Markup
from pages import first_feature, last_feature, text_of

from plackett import metrics
from plackett.data import RankingLists, Strings
from plackett.evaluation import Beyond, Scored, compare, evaluate
from plackett.evaluation.report import Material, section
from plackett.evaluation.report import _registry as registry
from plackett.evaluation.report._charts import legend_of
from plackett.evaluation.report._lists import list_of, priority
from plackett.evaluation.report._material import metrics_of
from plackett.evaluation.report._sections.differences import histogram
from plackett.evaluation.report._sections.importance import changing, importances, permute, reads_features, sample
from plackett.evaluation.report._sections.slices import parts
from plackett.evaluation.report._sections.summary import facts, findings
from plackett.evaluation.report._sections.training import training


def material(systems, lists, measures=("ndcg@10",), **options):
    results = evaluate(systems, lists, list(measures))
    return Material(systems, lists, results, compare(results), metrics_of(results, measures), **options)


def test_another_package_adds_a_section_without_touching_the_rest(tmp_path):
    @section("Clicks", place=35)
    def clicks(material):
        column = material.lists.columns.get("click")
        return None if column is None else Markup("<p>{} clicks</p>").format(int(column.sum()))

    try:
        lists = made_lists(6, seed=0)
        clicked = dataclasses.replace(lists, columns={"click": np.ones(len(lists.labels), "float32")})
        page = text_of(tmp_path, clicked, {"first": first_feature})
        assert f"<p>{len(lists.labels)} clicks</p>" in page
        assert page.index('id="clicks"') < page.index('id="ndcg-by-cut-off"')
        assert 'id="clicks"' not in text_of(tmp_path, lists, {"first": first_feature})
        with pytest.raises(ValueError, match="choose another title than 'clicks'"):
            section("clicks", place=1)(clicks)
    finally:
        registry.remove("Clicks")


def test_a_list_holds_what_each_system_retrieved_in_its_order():
    lists = RankingLists.from_arrays(
        np.array([[1.0], [3.0], [2.0]]), [0, 1, 2], group=[3], documents=["a", "b", "c"], columns={"judged": [1, 1, 1]}
    )
    beyond = Beyond(np.array([2.5]), np.array([0, 1]), Strings.of(["stranger"]))

    def partial(lists):
        return Scored(np.array([-np.inf, 3.0, 2.0]), beyond)

    shown = list_of(material({"one": lambda lists: lists.features[:, 0], "two": partial}, lists), 0)
    assert shown.documents == ["a", "b", "c", "stranger"]
    assert shown.labels == [0.0, 1.0, 2.0, None]
    assert shown.ranks == [[[3, 1, 2, None], [None, 1, 3, 2]]]
    assert shown.scores[1] == [None, "3.000", "2.000", "2.500"]
    assert shown.rows == [0, 1, 2, -1]


def test_of_a_long_list_the_first_documents_and_the_relevant_ones_are_held():
    labels = np.zeros(1000)
    labels[[400, 999]] = 1
    lists = RankingLists.from_arrays(np.arange(1000.0)[:, None], labels, group=[1000])
    shown = list_of(material({"last first": lambda lists: lists.features[:, 0]}, lists), 0)
    assert shown.rows == [400, *range(900, 1000)]
    assert shown.total == 1000


def test_the_queries_that_differ_most_and_the_worst_come_first():
    lists = made_lists(50, seed=2)
    one = material({"good": first_feature, "chance": last_feature}, lists)
    values = one.results.values[:, 0]
    order = priority(one)
    assert sorted(order.tolist()) == list(range(50))
    spread = np.abs(values[0] - values[1])
    assert spread[order[0]] == spread.max()
    assert values.min(axis=0)[order[:3]].min() == values.min()


def test_a_query_that_does_not_count_comes_last():
    results = material({"a": first_feature, "b": last_feature}, made_lists(5, seed=0)).results
    values = np.array([[[0.1, np.nan, 0.9, 0.5, 0.5]], [[0.2, np.nan, 0.9, 0.5, 0.1]]])
    changed = dataclasses.replace(results, values=values)
    order = priority(Material({}, made_lists(5, seed=0), changed, compare(changed), []))
    assert order[-1] == 1


def test_the_feature_that_a_system_goes_by_matters_and_no_other():
    lists = made_lists(60, seed=1)
    one = material({"first": first_feature}, lists)
    found = importances(one, "first", lists, list(lists.feature_names))
    assert found[0].feature == "feature 1"
    assert min(found[0].drops) > 0.05
    assert all(drop == 0 for other in found[1:] for drop in other.drops)


def test_a_metric_of_which_less_is_better_drops_upwards():
    lists = made_lists(60, seed=1)
    one = material({"first": first_feature}, lists, [metrics.ARP(average="lists")])
    assert min(importances(one, "first", lists, ["1"])[0].drops) > 0


def test_a_system_that_reads_no_features_has_no_importance():
    lists = made_lists(20, seed=1)
    given = np.random.default_rng(0).random(len(lists.labels))
    one = material({"first": first_feature, "given": lambda lists: given}, lists)
    assert reads_features(one, "first")
    assert not reads_features(one, "given")


def test_features_are_permuted_within_lists_together_and_the_rest_stays():
    lists = dataclasses.replace(
        made_lists(30, seed=0), ids={"shop": Strings.of(made_lists(30, seed=0).documents.tolist())}
    )
    mixed = permute(lists, ["1", "2", "shop"], np.random.default_rng(0))
    for before, after in zip(lists, mixed, strict=True):
        rows = [before.documents.tolist().index(name) for name in after.ids["shop"].tolist()]
        assert sorted(rows) == list(range(len(rows)))
        assert (before.features[rows, :2] == after.features[:, :2]).all()
        assert (before.features[:, 2:] == after.features[:, 2:]).all()
    assert (mixed.ids["shop"].codes != lists.ids["shop"].codes).any()


def test_a_feature_that_is_the_same_in_each_list_is_left_out():
    x = np.array([[1.0, 7.0, np.nan], [2.0, 7.0, np.nan], [1.0, 8.0, np.nan], [1.0, 8.0, np.nan]])
    assert changing(RankingLists.from_arrays(x, [0, 1, 0, 1], group=[2, 2])) == ["1"]


def test_the_sample_of_queries_is_bounded_seeded_and_in_order():
    lists = made_lists(2000, seed=0)
    drawn = sample(lists, 0)
    assert 1_900 < len(drawn.labels) <= 2_000
    assert drawn.fingerprint() == sample(lists, 0).fingerprint() != sample(lists, 1).fingerprint()
    places = [int(name[1:]) for name in drawn.queries]
    assert places == sorted(places)
    assert len(sample(lists[:3], 0)) == 3


def test_the_histogram_holds_each_difference_once_under_its_outcome():
    found = np.array([0.5, 0.01, 0.0, 1e-12, -0.5, -0.2, np.nan])
    rows = histogram(found)
    counts = {
        name: sum(row["queries"] for row in rows if row["outcome"] == name) for name in ("better", "equal", "worse")
    }
    assert counts == {"better": 2, "equal": 2, "worse": 2}
    assert all(row["top"] - row["bottom"] == row["queries"] for row in rows)
    assert [row["low"] < 0 < row["high"] for row in rows if row["outcome"] == "equal"] == [True]
    turned = histogram(found, less_is_better=True)
    assert {row["outcome"] for row in turned if row["high"] < 0} == {"better"}


def test_histograms_side_by_side_have_one_scale(tmp_path):
    systems = {"chance": last_feature, "first": first_feature, "as good": lambda lists: lists.features[:, -1] * 2}
    page = text_of(tmp_path, made_lists(40, seed=1), systems, ["mrr"])
    section_of = page.partition('id="query-by-query"')[2].partition("</section>")[0]
    domains = re.findall(r'"scale":\{"domain":(\[-[^]]*\])', section_of)
    assert len(domains) == 2
    assert domains[0] == domains[1]


def test_24_systems_look_different_in_lines_and_in_points():
    keys = legend_of([str(place) for place in range(24)])
    assert len({(key.colour, key.mark) for key in keys}) == 24
    assert len({(key.colour, *key.dashes) for key in keys}) == 24


def test_a_part_without_a_query_is_no_row(tmp_path):
    lists = made_lists(40, seed=1)
    labels = np.where(np.repeat(np.arange(40), lists.lengths) < 20, 0, lists.labels)
    kinds = ["none relevant"] * 20 + ["some", "others"] * 10
    lists = dataclasses.replace(lists, labels=labels.astype("float32"), query_columns={"kind": kinds})
    page = text_of(tmp_path, lists, {"first": first_feature}, [metrics.MRR(empty="skip")])
    parts_of = page.partition('id="slices"')[2].partition("</section>")[0]
    assert "some" in parts_of
    assert "none relevant" not in parts_of


def test_of_a_metric_of_which_less_is_better_the_findings_say_which_is_better():
    systems = {"chance": last_feature, "good": first_feature}
    found = findings(material(systems, made_lists(60, seed=1), [metrics.ARP(average="lists")]))
    assert "below chance, which is better since lower is, more than chance explains" in found[1]


def test_the_median_of_two_sizes_is_between_them():
    lists = RankingLists.from_arrays(np.zeros((7, 1)), np.ones(7), group=[3, 4])
    assert facts(material({"first": first_feature}, lists))["documents a query"] == "3 to 4, median 3.5"


def test_all_differences_may_be_zero_or_none():
    assert [row["queries"] for row in histogram(np.zeros(3))] == [3]
    assert histogram(np.full(2, np.nan)) == []


def test_a_column_parts_the_queries_unless_each_is_a_part():
    assert parts(np.array([1, 2, 2]))
    assert not parts(np.array([2, 2, 2]))
    assert parts(Strings.of(["a", "b", "a", "b"]))
    assert not parts(Strings.of(["a", "b", "c", "d"]))


def test_the_findings_say_what_the_tests_show_in_few_sentences():
    lists = made_lists(40, seed=1)
    found = findings(material({"chance": last_feature, "good": first_feature, "as good": last_feature}, lists))
    assert found[0].endswith("ndcg@10, the best of 3 systems.")
    assert found[1].startswith("good is 0.")
    assert "above chance, more than chance explains (p\u00a0<\u00a00.001)" in found[1]
    assert found[2] == "as good is as good as chance."
    many = {f"system {place}": (last_feature if place < 6 else first_feature) for place in range(7)}
    assert findings(material(many, lists))[1] == (
        "In 1 of 6 comparisons the system is better, in 0 it is worse, and in 5 the difference is no more than chance "
        "explains."
    )


def test_each_loss_has_a_scale_of_its_own_and_a_metric_is_shared():
    lists = made_lists(6, seed=0)
    histories = {
        "good": [{"epoch": 1, "loss": 250.0, "ndcg@10": 0.5}, {"epoch": 2, "loss": 240.0, "ndcg@10": 0.6}],
        "chance": [{"epoch": 1, "loss": -0.5, "ndcg@10": 0.4}],
        "told nothing": [{"epoch": 1, "loss": float("nan")}],
    }
    systems = {"good": first_feature, "chance": last_feature, "told nothing": last_feature}
    titles = re.findall("<figcaption>(.*?)</figcaption>", training(material(systems, lists, histories=histories)))
    assert titles == [
        "good: training loss by epoch",
        "chance: training loss by epoch",
        "ndcg@10 of the validation lists by epoch",
    ]
