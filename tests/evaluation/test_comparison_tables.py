"""A comparison as text, as HTML and as frames."""

import html.parser

import numpy as np
import polars as pl
import pytest
from small_results import small_results

from plackett.evaluation._comparison import compare

RANDOM = np.random.default_rng(0)
BASE = RANDOM.random(50)
NAMES = ("bm25", "<script>alert(1)</script>", "worse & worse")
VALUES = [[BASE], [BASE + 0.1 + 0.05 * RANDOM.normal(size=50)], [BASE - 0.1 + 0.05 * RANDOM.normal(size=50)]]
RESULTS = small_results(VALUES, NAMES, ["ndcg@10"], notes=["Two queries <b>lack</b> documents."])


class Cells(html.parser.HTMLParser):
    """The tags of a page, and the text of each of its cells."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.cells = set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def test_html_escapes_the_names_of_systems_and_the_notes():
    page = Cells(compare(RESULTS)._repr_html_())
    assert not {"script", "b"} & page.tags
    assert page.open == []
    assert page.cells.count("<script>alert(1)</script>") == 2


def test_text_and_html_show_the_same_cells():
    comparison = compare(RESULTS)
    for cell in Cells(comparison._repr_html_()).cells:
        assert cell in repr(comparison)


def test_means_are_marked_where_they_differ_from_the_baseline():
    lines = repr(compare(RESULTS)).splitlines()
    means = {name: line for name in NAMES for line in lines[2:5] if line.startswith(name)}
    assert "better" not in means["bm25"]
    assert " better 0." in means[NAMES[1]]
    assert " worse 0." in means[NAMES[2]]


def test_the_captions_say_how_and_what_could_be_shown():
    comparison = compare(RESULTS, level=0.01, seed=3, resamples=1500, permutations=2000, confidence=0.9)
    told = " ".join(comparison.captions)
    assert "90% intervals by the percentile bootstrap over queries, 1,500 resamples, seed 3" in told
    assert "paired randomisation test (two-sided, 2,000 permutations or all where there are fewer, seed 3)" in told
    assert "Holm's correction over the 2 comparisons of each metric, is at most 0.01" in told
    low, high = sorted(pair.detectable for pair in comparison.pairs)
    assert f"the smallest difference that 50 queries could show with power 0.8: {low:.4f} to {high:.4f}" in told
    assert "Two queries <b>lack</b> documents." in comparison.captions


def test_two_systems_need_no_correction():
    told = " ".join(compare(small_results(VALUES[:2])).captions)
    assert "Holm" not in told
    assert "before correction" not in told


def test_the_captions_say_where_less_is_better_and_which_queries_count():
    values = np.array(VALUES)
    values[:, :, :3] = np.nan
    told = compare(small_results(values, NAMES, ["ndcg@10"], [True])).captions
    assert "ndcg@10[stated]: less is better." in told
    assert "ndcg@10[stated]: of 50 queries 47 count." in told


def test_what_is_not_known_stands_as_a_dash():
    text = repr(compare(small_results([[[0.2]], [[0.4]]])))
    assert "nan" not in text
    assert "0.4000 [-]" in text


def test_a_frame_has_a_row_a_pair_and_null_for_what_is_not_known():
    comparison = compare(small_results([[[0.2]], [[0.4]]]))
    frame = comparison.to_frame()
    assert frame.select("system", "baseline", "queries", "wins").rows() == [("ours", "bm25", 1, 1)]
    assert frame["effect"].to_list() == [None]
    assert comparison.means_to_frame().select("system", "mean", "low").rows() == [
        ("bm25", 0.2, None),
        ("ours", 0.4, None),
    ]


def test_a_frame_without_pairs_has_its_columns():
    frame = compare(small_results([[[0.2, 0.3]]], ["bm25"])).to_frame()
    assert frame.is_empty()
    assert frame.schema["p_holm"] == pl.Float64
    assert frame.schema["better"] == pl.Boolean


def test_the_frame_of_pairs_goes_to_parquet(tmp_path):
    compare(RESULTS).to_frame().write_parquet(tmp_path / "pairs.parquet")
    assert pl.read_parquet(tmp_path / "pairs.parquet")["losses"].to_list() == pytest.approx([0, 50], abs=5)


def test_the_captions_name_only_metrics_that_are_compared():
    notes = ["arp weighs queries by their relevance: so", "arp lacks a document"]
    results = small_results(RANDOM.random((2, 2, 9)), metrics=["arp", "mrr"], notes=notes)
    assert compare(results, metrics=["mrr"]).captions[-1:] == ("arp lacks a document",)
    assert not any("arp weighs" in sentence for sentence in compare(results, metrics=["mrr"]).captions)
    assert compare(results).captions[-2:] == tuple(notes)
