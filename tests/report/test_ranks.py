"""The ranks on the page are those that were measured: what is recomputed from them is the value that is shown."""

import base64
import dataclasses
import json
import math
import re
import zlib

import numpy as np
import pytest
from conftest import made_lists
from pages import write

from plackett import evaluation, gains, metrics
from plackett.data import RankingLists, Strings, read_qrels
from plackett.evaluation.report._lists import in_digits, ranks_of


def blob_of(page, name):
    text = re.search(rf'data-blob="{name}">([^<]*)<', page)[1]
    return zlib.decompress(base64.b64decode(text), 31).decode()


def ndcg_of(ranks, labels, topn=10):
    """NDCG with linear gains; documents that share ranks have the mean of their discounts."""

    def discount(rank):
        low, high = rank if isinstance(rank, list) else (rank, rank)
        return sum(1 / math.log2(1 + x) for x in range(low, high + 1) if x <= topn) / (high - low + 1)

    gain = sum((label or 0) * discount(rank) for rank, label in zip(ranks, labels, strict=True) if rank is not None)
    ideal = sum(
        x / math.log2(place + 2) for place, x in enumerate(sorted((y or 0 for y in labels), reverse=True)[:topn])
    )
    return gain / ideal if ideal else 0.0


def check_ranks(page):
    """Recomputes all values from what is shown of the lists; gives how many there are."""
    table, documents = json.loads(blob_of(page, "queries")), blob_of(page, "documents").splitlines()
    shown = json.loads(re.search(r'class="shown">(.*?)</script>', page)[1])
    values = [
        (ndcg_of(of_system, labels), table["values"][system][metric][query])
        for query, line in zip(shown["lists"], documents, strict=True)
        for _, labels, _, ranks, _ in [json.loads(line)]
        for metric, order in enumerate(shown["ties"])
        for system, of_system in enumerate(ranks[order])
    ]
    for recomputed, told in values:
        assert recomputed == pytest.approx(told or 0, abs=1e-3)
    return len(values)


@pytest.fixture
def runs(tmp_path):
    """Judgements and two runs of many equal scores, some in float64 alone, that retrieve what nobody judged."""
    random = np.random.default_rng(1)
    lines = [
        f"q{q} 0 d{d:02d} {int(random.random() < 0.3) * random.integers(1, 3)}" for q in range(30) for d in range(15)
    ]
    (tmp_path / "q.qrels").write_text("\n".join(lines))
    for name in "ab":
        lines = [
            f"q{q} Q0 d{d:02d} {rank} {random.integers(1, 4) + rank * random.choice([0, 1e-9])} {name}"
            for q in range(30)
            for rank, d in enumerate(random.choice(40, 12, replace=False), 1)
        ]
        (tmp_path / f"{name}.run").write_text("\n".join(lines))
    systems = {name: str(tmp_path / f"{name}.run") for name in "ab"}
    return read_qrels(tmp_path / "q.qrels"), systems | {"both": evaluation.fuse(systems)}


def test_ties_of_runs_stand_as_trec_eval_has_them(tmp_path, runs):
    lists, systems = runs
    page = write(tmp_path, lists, systems, ["ndcg@10"], like="trec_eval").read_text(encoding="utf-8")
    assert check_ranks(page) == 90
    assert "by falling document id, as in trec_eval. Scores are ranked in float32, as in trec_eval." in page


def test_each_metric_has_ranks_of_its_own_convention(tmp_path):
    lists = made_lists(30, seed=0)
    lists = dataclasses.replace(lists, features=np.round(lists.features))
    measures = [
        metrics.NDCG(topn=10, gain=gains.identity, ties=ties, name=ties) for ties in ("position", "trec", "expected")
    ]
    systems = {"one": lambda lists: lists.features[:, 0], "two": lambda lists: lists.features[:, 1]}
    assert check_ranks(write(tmp_path, lists, systems, measures).read_text(encoding="utf-8")) == 180


def test_documents_beyond_the_lists_stand_in_the_order_of_their_system(tmp_path):
    lists = RankingLists.from_arrays([[1.0]], [1], group=[1], documents=["known"], columns={"judged": [1]})
    ids = (evaluation.Beyond(np.ones(2), np.array([0, 2]), Strings.of(names)) for names in (["x", "y"], ["y", "x"]))
    systems = {
        name: (lambda lists, beyond=beyond: evaluation.Scored(np.array([0.0]), beyond))
        for name, beyond in zip("ab", ids, strict=True)
    }
    page = write(tmp_path, lists, systems, ["ndcg@10"]).read_text(encoding="utf-8")
    documents, _, _, ranks, _ = json.loads(blob_of(page, "documents"))
    assert documents == ["known", "x", "y"]
    assert ranks == [[[3, 1, 2], [3, 2, 1]]]


def test_whole_numbers_that_floats_round_keep_their_order():
    assert ranks_of(np.array([2**60, 2**60 + 1]), "position", ["a", "b"]) == [2, 1]


def test_labels_of_float32_are_short(tmp_path):
    lists = RankingLists.from_arrays(np.arange(3.0)[:, None], [0.3, 1.1, 2], group=[3])
    page = write(tmp_path, lists, {"one": lambda lists: lists.features[:, 0]}, ["ndcg@10"]).read_text(encoding="utf-8")
    assert json.loads(blob_of(page, "documents"))[1] == [0.3, 1.1, 2]


@pytest.mark.parametrize("scores", [[1e9, 1e9 + 1e-3], [1e-15, 2e-15, 2.01e-15], [0.1, 0.1 + 1e-16], [1e300, 1.0]])
def test_scores_that_differ_look_different(scores):
    assert len(set(in_digits(scores))) == len(set(scores))


def test_scores_of_one_list_have_one_count_of_decimals():
    texts = in_digits([0.25, -11.5, 3.0000001])
    assert {len(text.partition(".")[2]) for text in texts} == {2}
