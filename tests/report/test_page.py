"""The page as a file: whole or not there, of one piece, small, and the same for the same input."""

import dataclasses
import re

import numpy as np
import pytest
from markupsafe import Markup
from pages import BREAKS_OUT, HISTORIES, HOSTILE, SYSTEMS, first_feature, last_feature, lists_with_texts, text_of, write

from plackett import metrics
from plackett.data import RankingLists
from plackett.evaluation import compare, evaluate
from plackett.evaluation.report import _registry as registry
from plackett.evaluation.report import report

HEADINGS = re.compile(r'<h2 id="[^"]+">([^<]+)</h2>')


def headings(page):
    return HEADINGS.findall(page)


def test_all_sections_stand_in_their_order(tmp_path):
    page = text_of(tmp_path, histories=HISTORIES, commands=["plackett report a b"])
    assert headings(page) == [
        "Summary",
        "Metrics",
        "Training",
        "NDCG by cut-off",
        "Query by query",
        "Slices",
        "Queries",
        "Feature importance",
        "How to make it anew",
    ]
    assert "plackett report a b" in page


def test_sections_are_there_where_their_data_is(tmp_path):
    one = RankingLists.from_arrays(np.zeros((2, 0)), [1, 0], group=[2])
    page = text_of(tmp_path, one, {"alone": lambda lists: np.array([1.0, 0.0])}, ["mrr"])
    assert headings(page) == ["Summary", "Metrics", "Queries", "How to make it anew"]


def test_names_and_texts_are_escaped_wherever_they_stand(tmp_path):
    lists = lists_with_texts()
    page = text_of(tmp_path, lists, title=HOSTILE, histories=HISTORIES, commands=[BREAKS_OUT])
    assert HOSTILE not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\\u003cscript\\u003ealert(1)" in page  # in the charts


def test_the_page_asks_no_network_and_runs_no_other_script(tmp_path):
    page = text_of(tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert len(re.findall(r"<script>", page)) == policy.count("sha256") - 1
    assert not re.search(r'(src|href)="(?!#)', page)


def test_the_same_input_gives_the_same_page(tmp_path):
    assert text_of(tmp_path, seed=5) == text_of(tmp_path, seed=5)


def test_the_input_is_not_changed(tmp_path):
    lists = lists_with_texts()
    before = lists.fingerprint()
    write(tmp_path, lists)
    assert lists.fingerprint() == before


def test_a_section_that_fails_leaves_no_file(tmp_path):
    lists = lists_with_texts()
    results = evaluate(SYSTEMS, lists, ["mrr"])
    with pytest.raises(ZeroDivisionError):
        report(tmp_path / "report.html", {name: lambda lists: 1 / 0 for name in SYSTEMS}, lists, results)
    assert not list(tmp_path.iterdir())


def test_a_wrong_name_or_a_missing_system_is_refused(tmp_path):
    lists = lists_with_texts()
    results = evaluate(SYSTEMS, lists, ["mrr"])
    with pytest.raises(ValueError, match=r"NAME\.html"):
        report(tmp_path / "report.txt", SYSTEMS, lists, results)
    with pytest.raises(ValueError, match="lacks 'chance'"):
        report(tmp_path / "report.html", {HOSTILE: first_feature}, lists, results)
    with pytest.raises(ValueError, match=r"those of the results, mrr\[empty=0, ties=position\], but are map"):
        report(tmp_path / "report.html", SYSTEMS, lists, results, metrics=["map"])
    of_ones_own = evaluate(SYSTEMS, lists, [metrics.MRR(empty=1)])
    with pytest.raises(ValueError, match="give the metrics that the results were measured by"):
        report(tmp_path / "report.html", SYSTEMS, lists, of_ones_own)


def test_conventions_of_ones_own_are_told_and_kept_at_each_cut_off(tmp_path):
    metric = metrics.NDCG(topn=3, empty="skip", ties="expected")
    page = text_of(tmp_path, metrics=[metric])
    assert "ndcg@3[exp2, empty=skip, ties=expected]" in page
    assert "is left out of the mean" in page
    lists = lists_with_texts()
    at_5 = metrics.NDCG(topn=5, empty="skip", ties="expected")
    (value,) = evaluate({"chance": last_feature}, lists, [at_5]).means().ravel()
    page = text_of(tmp_path, lists, {"chance": last_feature}, [metric])
    assert f'<th scope="row">5</th>\n<td class="number">{value:.4f}</td>' in page


def test_the_convention_of_a_peer_holds_at_each_cut_off(tmp_path):
    lists = lists_with_texts()

    def half(lists):  # which trec_eval leaves out of the mean where it retrieves nothing
        return np.where(np.repeat(np.arange(len(lists)) % 2, lists.lengths), lists.features[:, 0], -np.inf)

    (value,) = evaluate({"half": half}, lists, ["ndcg@5"], like="trec_eval").means().ravel()
    page = text_of(tmp_path, lists, {"half": half}, ["ndcg@10"], like="trec_eval")
    assert f'<th scope="row">5</th>\n<td class="number">{value:.4f}</td>' in page
    assert "by falling document id" in page


def test_a_comparison_of_ones_own_names_the_baseline_and_the_metric(tmp_path):
    lists = lists_with_texts()
    results = evaluate({"bad": last_feature, "good": first_feature}, lists, ["ndcg@10", "mrr"])
    comparison = compare(results, "good", metrics=["mrr"])
    path = report(
        tmp_path / "report.html", {"bad": last_feature, "good": first_feature}, lists, results, comparison=comparison
    )
    page = path.read_text(encoding="utf-8")
    assert "The differences from good and their tests" in page
    assert "\u25bc worse" in page
    assert "drop of mrr" in page


def test_the_page_of_10000_queries_is_below_5_mb_and_says_what_it_left_out(tmp_path):
    lists = made_large(10_000)
    systems = {name: (lambda lists, column=place: lists.features[:, column]) for place, name in enumerate("abc")}
    page = write(tmp_path, lists, systems, ["ndcg@10", "ndcg@5", "mrr"]).read_text(encoding="utf-8")
    assert 3_000_000 < len(page.encode()) < 5_000_000
    kept, features = re.search(
        r"it holds the lists of ([\d,]+) of 10,000 queries: .*?Features are there for ([\d,]+)", page, re.S
    ).groups()
    assert 300 < int(features.replace(",", "")) < int(kept.replace(",", "")) < 10_000


def test_the_browser_of_queries_takes_what_the_other_sections_leave(tmp_path):
    @registry.section("Large", place=95)
    def large(material):
        return Markup("<p>{}</p>").format("x" * 2_500_000)

    try:
        systems = {name: (lambda lists, column=place: lists.features[:, column]) for place, name in enumerate("abc")}
        page = write(tmp_path, made_large(4_000), systems, ["mrr"]).read_text(encoding="utf-8")
        assert 4_500_000 < len(page.encode()) < 5_000_000
    finally:
        registry.remove("Large")


def test_systems_are_given_as_to_evaluate(tmp_path):
    lists = lists_with_texts()
    systems = ["feature:1", "last=feature:-1"]
    assert "feature:1 measures" in text_of(tmp_path, lists, systems)


def test_sources_and_remarks_stand_in_the_summary(tmp_path):
    page = text_of(tmp_path, sources=["a & b.txt", "c.txt"], remarks=["These are the validation lists."])
    assert "<dt>data</dt><dd>a &amp; b.txt, c.txt</dd>" in page
    assert "<li>These are the validation lists.</li>" in page


def test_what_the_summary_says_is_not_said_again_beside_the_tests(tmp_path):
    lists = lists_with_texts()
    results = dataclasses.replace(evaluate(SYSTEMS, lists, ["mrr"]), notes=("A run lacks queries.",))
    report(tmp_path / "report.html", SYSTEMS, lists, results)
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("A run lacks queries.") == 1


def made_large(queries):
    random = np.random.default_rng(0)
    x = random.normal(size=(queries * 30, 40)).astype("float32")
    labels = random.integers(0, 3, len(x))
    documents = [f"clueweb-{number:012x}" for number in random.integers(0, 2**48, len(x))]
    return RankingLists.from_arrays(
        x,
        labels,
        group=[30] * queries,
        documents=documents,
        query_columns={"text": [f"words {number:x} of a query" for number in random.integers(0, 2**60, queries)]},
    )
